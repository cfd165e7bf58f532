"""MovieLens of 100K, 1M, 10M, 20M and later. A rating counts as an interaction, whatever its stars."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from recexplainer.data.cleaning import require_columns
from recexplainer.data.dataset import Dataset
from recexplainer.data.readers import files
from recexplainer.data.readers.files import Reader, files_named, plain_name
from recexplainer.data.readers.separated import read_separated
from recexplainer.errors import DataError

# MovieLens: ratings and films of 100K, of 1M and 10M, of 20M and later.
_MOVIELENS_EDITIONS = (("u.data", "u.item"), ("ratings.dat", "movies.dat"), ("ratings.csv", "movies.csv"))
_MOVIELENS_SEPARATORS = {"u.data": "\t", "u.item": "|", "ratings.dat": "::", "movies.dat": "::"}
# The genres of u.item, each a column of 0 and 1; the first stands for none.
# fmt: off
_MOVIELENS_FLAGS = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)
# fmt: on


def _movielens_files(folder: Path) -> list[Path]:
    """The files of MovieLens; `ratings.csv` and `movies.csv`, which anybody may have, only where both are there."""
    csv = files_named(folder, r"(ratings|movies|links|tags|genome-(scores|tags))\.csv")
    both = {"ratings.csv", "movies.csv"} <= {plain_name(file) for file in csv}
    return [*files_named(folder, r"u\.(data|item)|(ratings|movies)\.dat"), *(csv if both else ())]


def _read_movielens(path: Path) -> Dataset:
    """Films keep the year in their titles; it also distinguishes titles that were shortened before it."""
    folder = path if path.is_dir() else path.parent
    there = {plain_name(file): file for file in _movielens_files(folder)}
    wanted = set(there) if path.is_dir() else {plain_name(path)}
    editions = [pair for pair in _MOVIELENS_EDITIONS if wanted.intersection(pair)]
    found = [[there[pair[side]] for pair in editions if pair[side] in there] for side in (0, 1)]
    hint = f"put one of these pairs in the folder: {'; '.join(' and '.join(pair) for pair in _MOVIELENS_EDITIONS)}"
    pair = files.require_pair(path, found[0], found[1], "the ratings and the films of one edition", hint)
    ratings = _movielens_columns(pair[0], ("userId", "movieId", "rating", "timestamp"))
    events = ratings.select(pl.col("userId").alias("user_id"), pl.col("movieId").alias("item_id"), "timestamp")
    return Dataset.from_frames(events, _movielens_films(pair[1]), name=folder.name)


def _movielens_columns(path: Path, columns: Sequence[str]) -> pl.DataFrame:
    """These columns as text; a file without a heading has them in this order."""
    separator = _MOVIELENS_SEPARATORS.get(plain_name(path))
    if separator is None:
        table = read_separated(path, ",")
        require_columns(table, columns, str(path))
        return table.select(columns)
    table = read_separated(path, separator, has_header=False, quoted=False, latin=True)
    if table.width < len(columns):
        what = f"missing columns: a line has {table.width} fields, not {len(columns)}"
        hint = "copy the file again as it came from MovieLens"
        raise DataError(what, location=f"{path}, line 1", hint=hint)
    return table.select(pl.col(there).alias(column) for there, column in zip(table.columns, columns, strict=False))


def _movielens_films(path: Path) -> pl.DataFrame:
    """The catalogue, with the year that stands in parentheses at the end of a title."""
    if plain_name(path) == "u.item":
        films = _movielens_columns(path, ("movieId", "title", "released", "video", "url", *_MOVIELENS_FLAGS))
        genres = pl.concat_list(pl.when(pl.col(flag) == "1").then(pl.lit(flag)) for flag in _MOVIELENS_FLAGS[1:])
    else:
        films = _movielens_columns(path, ("movieId", "title", "genres"))
        genres = pl.when(pl.col("genres") != "(no genres listed)").then(pl.col("genres").str.split("|"))
    year = pl.col("title").str.extract(r"\((\d{4})\)\s*$").alias("release_year")
    return films.select(pl.col("movieId").alias("item_id"), "title", genres.alias("genres"), year)


MOVIELENS = Reader("movielens", "MovieLens (u.data, ratings.dat or ratings.csv)", _movielens_files, _read_movielens)
