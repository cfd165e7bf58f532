"""Steam: reviews and games as Python dictionaries, one a line (UCSD), or played hours as CSV (Kaggle).

It knows the keys and columns of these files; of a review only who, what and when is kept.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from recexplainer.data.cleaning import require_columns
from recexplainer.data.dataset import Dataset
from recexplainer.data.readers.files import kind_of, read_separated
from recexplainer.data.readers.lines import read_literal_lines, require_keys
from recexplainer.data.readers.names import claimed, plain_name, steam_files
from recexplainer.data.readers.times import dates
from recexplainer.errors import DataError

_TEXTS = ("id", "title", "app_name", "developer", "publisher", "release_date")
_LISTS = ("genres", "tags", "specs")
_HEADING = {"user-id": "user_id", "game-title": "item_id"}
_DEEDS = ("play", "purchase")


def claims(path: Path) -> bool:
    """Whether a path is, or a folder holds, a file with the name of reviews, games or played hours of Steam."""
    return claimed(path, steam_files)


def read(path: Path) -> Dataset:
    """Reads reviews and games, or played hours.

    The title of a game that has none is its `app_name`; its brand is the developer, else the publisher. Of played
    hours the title is the game, and a player's rows stay in the order of the file, since there is no time.

    Args:
        path: The folder, or the file of reviews or of played hours.

    Raises:
        DataError: A file, a key or a column is missing, there are several files, or a file cannot be read.
    """
    name = path.name if path.is_dir() else plain_name(path).partition(".")[0]
    folder = path if path.is_dir() else path.parent
    there = steam_files(folder)
    events = there if path.is_dir() else [path]
    events = [file for file in events if not plain_name(file).startswith("steam_games")]
    games = [file for file in there if plain_name(file).startswith("steam_games")]
    if len(events) == 1 and kind_of(events[0]) == ".csv":
        plays = _plays(events[0])
        titles = plays.select("item_id", pl.col("item_id").alias("title")).unique("item_id", maintain_order=True)
        return Dataset.from_frames(plays, titles, name=name)
    if len(events) == 1 and len(games) == 1:
        return Dataset.from_frames(_reviews(events[0]), _games(games[0]), name=name)
    raise DataError(
        f"there must be one file of reviews and one of games, or one of played hours; there: "
        f"{', '.join(file.name for file in there) or 'none'}",
        location=str(path),
        hint="put steam_reviews.json.gz and steam_games.json.gz in one folder, or name the file of interactions",
    )


def _reviews(path: Path) -> pl.DataFrame:
    kinds: dict[str, pl.DataType] = dict.fromkeys(("username", "product_id"), pl.Categorical())
    reviews = read_literal_lines(path, kinds | {"date": pl.String()})
    require_keys(reviews, ("username", "product_id", "date"), path)
    return pl.DataFrame(
        [
            reviews["username"].alias("user_id"),
            reviews["product_id"].alias("item_id"),
            dates(reviews["date"], path).alias("timestamp"),
        ]
    )


def _games(path: Path) -> pl.DataFrame:
    kinds: dict[str, pl.DataType] = dict.fromkeys(_TEXTS, pl.String())
    games = read_literal_lines(path, kinds | dict.fromkeys(_LISTS, pl.List(pl.String())))
    games = games.with_columns(pl.coalesce("title", "app_name").alias("title"))
    require_keys(games, ("id", "title"), path)
    return games.select(
        pl.col("id").alias("item_id"),
        "title",
        pl.coalesce("developer", "publisher").alias("brand"),
        pl.coalesce("genres", "tags").alias("genres"),
        pl.col("specs").alias("features"),
        pl.col("release_date").str.extract(r"(\d{4})").alias("release_year"),
    )


def _plays(path: Path) -> pl.DataFrame:
    """Who played what. Without a heading there is a third column that tells purchases, which go, from playing."""
    table = read_separated(path, ",", has_header=False, ragged_lines=True)
    if table.width > 2 and table.to_series(2).is_in(_DEEDS).fill_null(value=False).all():
        return table.filter(pl.nth(2) == _DEEDS[0]).select(pl.nth(0).alias("user_id"), pl.nth(1).alias("item_id"))
    heading = [field or f"column_{place}" for place, field in enumerate(table.row(0), 1)]
    columns = {theirs: table.to_series(heading.index(theirs))[1:] for theirs in _HEADING if theirs in heading}
    require_columns(pl.DataFrame(columns), tuple(_HEADING), str(path))
    return pl.DataFrame({ours: columns[theirs] for theirs, ours in _HEADING.items()})
