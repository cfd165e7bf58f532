"""MovieLens of any size: 100K (`u.data`), 1M and 10M (`ratings.dat`), 20M and later (`ratings.csv`).

It knows where each edition puts its columns; a rating counts as an interaction, whatever its stars.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from recexplainer.data.cleaning import require_columns
from recexplainer.data.dataset import Dataset
from recexplainer.data.readers.files import read_separated
from recexplainer.data.readers.names import MOVIELENS, claimed, movielens_files, plain_name
from recexplainer.data.readers.times import unix_times
from recexplainer.errors import DataError

_SEPARATORS = {"u.data": "\t", "u.item": "|", "ratings.dat": "::", "movies.dat": "::"}
_RATINGS = ("userId", "movieId", "rating", "timestamp")
_MOVIES = ("movieId", "title", "genres")
# The genres of u.item, each a column of 0 and 1; the first stands for none.
# fmt: off
_FLAGS = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)
# fmt: on
_ITEM = ("movieId", "title", "released", "video", "url", *_FLAGS)
_NO_GENRES = "(no genres listed)"


def claims(path: Path) -> bool:
    """Whether a path is, or a folder holds, a file of MovieLens; `ratings.csv` counts beside `movies.csv` only."""
    return claimed(path, movielens_files)


def read(path: Path) -> Dataset:
    """Reads ratings and films of one edition.

    Films keep the year in their titles; it also tells apart titles that were cut before it.

    Args:
        path: The folder, or the file of ratings.

    Raises:
        DataError: A file or a column is missing, there are several editions, or a file cannot be read.
    """
    ratings_file, movies_file = _pair(path)
    ratings = _read(ratings_file, _RATINGS)
    times = unix_times(ratings["timestamp"], ratings_file)
    events = ratings.select(pl.col("userId").alias("user_id"), pl.col("movieId").alias("item_id"), times)
    name = path.name if path.is_dir() else path.parent.name
    return Dataset.from_frames(events, _films(movies_file), name=name)


def _pair(path: Path) -> tuple[Path, Path]:
    folder = path if path.is_dir() else path.parent
    there = {plain_name(file): file for file in movielens_files(folder)}
    wanted = set(there) if path.is_dir() else {plain_name(path)}
    pairs = [pair for pair in MOVIELENS if wanted.intersection(pair)]
    if len(pairs) == 1 and there.keys() >= set(pairs[0]):
        return there[pairs[0][0]], there[pairs[0][1]]
    raise DataError(
        f"there must be the ratings and the films of one edition; there: {', '.join(there) or 'none'}",
        location=str(path),
        hint=f"put one of these pairs in the folder: {'; '.join(' and '.join(pair) for pair in MOVIELENS)}",
    )


def _read(path: Path, columns: Sequence[str]) -> pl.DataFrame:
    """These columns as text; a file without a heading has them in this order."""
    separator = _SEPARATORS.get(plain_name(path))
    if separator is None:
        table = read_separated(path, ",")
        require_columns(table, columns, str(path))
        return table.select(columns)
    table = read_separated(path, separator, has_header=False, quoted=False, latin=True)
    if table.width < len(columns):
        raise DataError(
            f"missing columns: a line has {table.width} fields, not {len(columns)}",
            location=f"{path}, line 1",
            hint="copy the file again as it came from MovieLens",
        )
    return table.select(pl.col(there).alias(column) for there, column in zip(table.columns, columns, strict=False))


def _films(path: Path) -> pl.DataFrame:
    """The catalogue, with the year that stands in parentheses at the end of a title."""
    if plain_name(path) == "u.item":
        films = _read(path, _ITEM)
        genres = pl.concat_list(pl.when(pl.col(flag) == "1").then(pl.lit(flag)) for flag in _FLAGS[1:])
    else:
        films = _read(path, _MOVIES)
        genres = pl.when(pl.col("genres") != _NO_GENRES).then(pl.col("genres").str.split("|"))
    return films.select(
        pl.col("movieId").alias("item_id"),
        "title",
        genres.alias("genres"),
        pl.col("title").str.extract(r"\((\d{4})\)\s*$").alias("release_year"),
    )
