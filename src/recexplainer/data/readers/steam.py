"""Steam: reviews and games as Python dictionaries (UCSD), or hours played as CSV (Kaggle)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import polars as pl

from recexplainer.data.cleaning import require_columns
from recexplainer.data.dataset import Dataset
from recexplainer.data.readers import files
from recexplainer.data.readers.files import Reader, files_named, stem_of
from recexplainer.data.readers.json_lines import read_json, require_keys
from recexplainer.data.readers.separated import read_separated

_steam_files = partial(files_named, pattern=r"steam_(reviews|games).*\.json|steam[-_](200k|play).*\.csv")


def _read_steam(path: Path) -> Dataset:
    """Reviews and games as Python dictionaries (UCSD), or hours played as CSV (Kaggle)."""
    there = _steam_files(path if path.is_dir() else path.parent)
    games = [file for file in there if stem_of(file).startswith("steam_games")]
    events = [file for file in (there if path.is_dir() else [path]) if file not in games]
    name = files.dataset_name(path)
    if len(events) == 1 and files.kind_of(events[0]) == ".csv":
        plays = _steam_plays(events[0])
        titles = plays.select("item_id", pl.col("item_id").alias("title")).unique("item_id", maintain_order=True)
        return Dataset.from_frames(plays, titles, name=name)
    hint = "put steam_reviews.json.gz and steam_games.json.gz in one folder, or name the file of interactions"
    wanted = "one file of reviews and one of games, or one of hours played"
    reviews_file, games_file = files.require_pair(path, events, games, wanted, hint)
    names = {"username": "user_id", "product_id": "item_id", "date": "timestamp"}
    kinds = {key: pl.String() if key == "date" else pl.Categorical() for key in names}
    reviews = read_json(reviews_file, kinds)
    require_keys(reviews, tuple(names), reviews_file)
    reviews = reviews.rename(names)
    return Dataset.from_frames(reviews, _steam_games(games_file), name=name)


def _steam_games(path: Path) -> pl.DataFrame:
    """The title of a game that has none is its `app_name`; its brand is the developer, else the publisher."""
    texts = ("id", "title", "app_name", "developer", "publisher", "release_date")
    kinds: dict[str, pl.DataType] = dict.fromkeys(texts, pl.String())
    games = read_json(path, kinds | dict.fromkeys(("genres", "tags", "specs"), pl.List(pl.String())))
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


def _steam_plays(path: Path) -> pl.DataFrame:
    """Who played what, in the order of rows. Without a heading a third column separates playing from purchases."""
    table = read_separated(path, ",", has_header=False, ragged=True)
    if table.width > 2 and table.to_series(2).is_in(("play", "purchase")).fill_null(value=False).all():
        return table.filter(pl.nth(2) == "play").select(pl.nth(0).alias("user_id"), pl.nth(1).alias("item_id"))
    table = read_separated(path, ",", ragged=True)
    require_columns(table, ("user-id", "game-title"), str(path))
    return table.select(user_id="user-id", item_id="game-title")


STEAM = Reader("steam", "Steam (steam_reviews.json, steam-play.csv)", _steam_files, _read_steam)
