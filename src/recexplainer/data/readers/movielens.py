"""MovieLens of any size: 100K (`u.data`), 1M and 10M (`ratings.dat`), 20M and later (`ratings.csv`).

It knows where each edition puts its columns; a rating counts as an interaction, whatever its stars.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from recexplainer.data.cleaning import require_columns
from recexplainer.data.dataset import Dataset
from recexplainer.data.readers import files
from recexplainer.data.readers.files import Reader
from recexplainer.errors import DataError

# Ratings and films by edition: 100K; 1M and 10M; 20M and later.
_EDITIONS = (("u.data", "u.item"), ("ratings.dat", "movies.dat"), ("ratings.csv", "movies.csv"))
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


def _read(path: Path) -> Dataset:
    """Films keep the year in their titles; it also distinguishes titles that were shortened before it."""
    ratings_file, movies_file = _pair(path)
    ratings = _read_columns(ratings_file, _RATINGS)
    times = files.unix_times(ratings["timestamp"], ratings_file)
    events = ratings.select(pl.col("userId").alias("user_id"), pl.col("movieId").alias("item_id"), times)
    name = path.name if path.is_dir() else path.parent.name
    return Dataset.from_frames(events, _films(movies_file), name=name)


def _files(folder: Path) -> list[Path]:
    """The files of MovieLens; `ratings.csv` and `movies.csv`, which anybody may have, only where both are there."""
    csv = files.files_named(folder, r"(ratings|movies|links|tags)\.csv")
    both = {"ratings.csv", "movies.csv"} <= {files.plain_name(file) for file in csv}
    return [*files.files_named(folder, r"u\.(data|item)|(ratings|movies)\.dat"), *(csv if both else ())]


def _pair(path: Path) -> tuple[Path, Path]:
    there = {files.plain_name(file): file for file in _files(path if path.is_dir() else path.parent)}
    wanted = set(there) if path.is_dir() else {files.plain_name(path)}
    editions = [pair for pair in _EDITIONS if wanted.intersection(pair)]
    ratings, movies = ([there[pair[side]] for pair in editions if pair[side] in there] for side in (0, 1))
    hint = f"put one of these pairs in the folder: {'; '.join(' and '.join(pair) for pair in _EDITIONS)}"
    return files.require_pair(path, ratings, movies, "the ratings and the films of one edition", hint)


def _read_columns(path: Path, columns: Sequence[str]) -> pl.DataFrame:
    """These columns as text; a file without a heading has them in this order."""
    separator = _SEPARATORS.get(files.plain_name(path))
    if separator is None:
        table = files.read_separated(path, ",")
        require_columns(table, columns, str(path))
        return table.select(columns)
    table = files.read_separated(path, separator, has_header=False, quoted=False, latin=True)
    if table.width < len(columns):
        what = f"missing columns: a line has {table.width} fields, not {len(columns)}"
        hint = "copy the file again as it came from MovieLens"
        raise DataError(what, location=f"{path}, line 1", hint=hint)
    return table.select(pl.col(there).alias(column) for there, column in zip(table.columns, columns, strict=False))


def _films(path: Path) -> pl.DataFrame:
    """The catalogue, with the year that stands in parentheses at the end of a title."""
    if files.plain_name(path) == "u.item":
        films = _read_columns(path, _ITEM)
        genres = pl.concat_list(pl.when(pl.col(flag) == "1").then(pl.lit(flag)) for flag in _FLAGS[1:])
    else:
        films = _read_columns(path, _MOVIES)
        genres = pl.when(pl.col("genres") != _NO_GENRES).then(pl.col("genres").str.split("|"))
    year = pl.col("title").str.extract(r"\((\d{4})\)\s*$").alias("release_year")
    return films.select(pl.col("movieId").alias("item_id"), "title", genres.alias("genres"), year)


MOVIELENS = Reader("movielens", "MovieLens (u.data, ratings.dat or ratings.csv)", _files, _read)
"""Reads the ratings and the films of one edition."""
