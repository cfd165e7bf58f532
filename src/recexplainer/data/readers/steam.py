"""Steam: reviews and games as Python dictionaries, one a line (UCSD), or hours played as CSV (Kaggle).

It knows the keys and columns of these files; of a review only who, what and when is kept.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from recexplainer.data.cleaning import require_columns
from recexplainer.data.dataset import Dataset
from recexplainer.data.readers import files
from recexplainer.data.readers.files import Reader

_TEXTS = ("id", "title", "app_name", "developer", "publisher", "release_date")
_LISTS = ("genres", "tags", "specs")
_HEADING = {"user-id": "user_id", "game-title": "item_id"}
_ACTIONS = ("play", "purchase")


def _read(path: Path) -> Dataset:
    there = _files(path if path.is_dir() else path.parent)
    games = [file for file in there if files.stem_of(file).startswith("steam_games")]
    events = [file for file in (there if path.is_dir() else [path]) if file not in games]
    name = path.name if path.is_dir() else files.stem_of(path)
    if len(events) == 1 and files.kind_of(events[0]) == ".csv":
        plays = _plays(events[0])
        titles = plays.select("item_id", pl.col("item_id").alias("title")).unique("item_id", maintain_order=True)
        return Dataset.from_frames(plays, titles, name=name)
    hint = "put steam_reviews.json.gz and steam_games.json.gz in one folder, or name the file of interactions"
    wanted = "one file of reviews and one of games, or one of hours played"
    reviews_file, games_file = files.require_pair(path, events, games, wanted, hint)
    return Dataset.from_frames(_reviews(reviews_file), _games(games_file), name=name)


def _files(folder: Path) -> list[Path]:
    return files.files_named(folder, r"steam_(reviews|games).*\.json|steam[-_](200k|play).*\.csv")


def _reviews(path: Path) -> pl.DataFrame:
    names = {"username": "user_id", "product_id": "item_id", "date": "timestamp"}
    reviews = files.read_literal_lines(path, {key: pl.String() if key == "date" else pl.Categorical() for key in names})
    files.require_keys(reviews, tuple(names), path)
    return reviews.with_columns(files.unix_times(reviews["date"], path, dated=True)).rename(names)


def _games(path: Path) -> pl.DataFrame:
    """The title of a game that has none is its `app_name`; its brand is the developer, else the publisher."""
    kinds: dict[str, pl.DataType] = dict.fromkeys(_TEXTS, pl.String())
    games = files.read_literal_lines(path, kinds | dict.fromkeys(_LISTS, pl.List(pl.String())))
    games = games.with_columns(pl.coalesce("title", "app_name").alias("title"))
    files.require_keys(games, ("id", "title"), path)
    return games.select(
        pl.col("id").alias("item_id"),
        "title",
        pl.coalesce("developer", "publisher").alias("brand"),
        pl.coalesce("genres", "tags").alias("genres"),
        pl.col("specs").alias("features"),
        pl.col("release_date").str.extract(r"(\d{4})").alias("release_year"),
    )


def _plays(path: Path) -> pl.DataFrame:
    """Who played what, in the order of rows. Without a heading a third column separates playing from purchases."""
    table = files.read_separated(path, ",", has_header=False, ragged_lines=True)
    if table.width > 2 and table.to_series(2).is_in(_ACTIONS).fill_null(value=False).all():
        return table.filter(pl.nth(2) == _ACTIONS[0]).select(pl.nth(0).alias("user_id"), pl.nth(1).alias("item_id"))
    heading = [field or f"column_{number}" for number, field in enumerate(table.row(0), 1)]
    columns = {theirs: table.to_series(heading.index(theirs))[1:] for theirs in _HEADING if theirs in heading}
    require_columns(pl.DataFrame(columns), tuple(_HEADING), str(path))
    return pl.DataFrame(columns).rename(_HEADING)


STEAM = Reader("steam", "Steam (steam_reviews.json, steam-play.csv)", _files, _read)
"""Reads reviews and games, or hours played, where the title of a game is its id."""
