"""MovieLens of any size: 100K (`u.data`), 1M and 10M (`ratings.dat`), 20M and later (`ratings.csv`).

It knows where each edition puts its columns; a rating counts as an interaction, whatever its stars.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from recexplainer.data.cleaning import require_columns
from recexplainer.data.dataset import Dataset
from recexplainer.data.readers.files import read_separated
from recexplainer.data.readers.names import MOVIELENS, claimed, movielens_files, plain_name
from recexplainer.data.readers.times import unix_times
from recexplainer.errors import DataError

_SEPARATORS = {"u.data": "\t", "u.item": "|", "ratings.dat": "::", "movies.dat": "::"}
_RATINGS = {"userId": "user_id", "movieId": "item_id", "timestamp": "timestamp"}
_MOVIES = {"movieId": "item_id", "title": "title", "genres": "genres"}
# The genres of u.item, each a column of 0 and 1 after the first five; the first stands for none.
_FIRST_FLAG = 5
# fmt: off
_FLAGS = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)
# fmt: on
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
    ratings = _columns(ratings_file, _RATINGS, {"userId": 0, "movieId": 1, "timestamp": 3})
    ratings = ratings.with_columns(unix_times(ratings["timestamp"], ratings_file).alias("timestamp"))
    movies = _columns(movies_file, _MOVIES, {"movieId": 0, "title": 1, "genres": 2})
    year = pl.col("title").str.extract(r"\((\d{4})\)\s*$").alias("release_year")
    name = path.name if path.is_dir() else path.parent.name
    return Dataset.from_frames(ratings, movies.with_columns(year), name=name)


def _pair(path: Path) -> tuple[Path, Path]:
    folder = path if path.is_dir() else path.parent
    there = {plain_name(file): file for file in movielens_files(folder)}
    wanted = set(there) if path.is_dir() else {plain_name(path)}
    pairs = [pair for pair in MOVIELENS if wanted.intersection(pair)]
    if len(pairs) == 1 and there.keys() >= set(pairs[0]):
        return there[pairs[0][0]], there[pairs[0][1]]
    raise DataError(
        f"there must be the ratings and the films of one edition; there: {', '.join(there) or 'none'}",
        where=str(path),
        mend=f"put one of these pairs in the folder: {'; '.join(' and '.join(pair) for pair in MOVIELENS)}",
    )


def _columns(path: Path, wanted: dict[str, str], places: dict[str, int]) -> pl.DataFrame:
    """The columns wanted as text (genres as lists) under our names, by heading or, where there is none, by place."""
    separator = _SEPARATORS.get(plain_name(path))
    table = read_separated(
        path, separator or ",", has_header=separator is None, quoted=separator is None, latin=separator is not None
    )
    if separator is None:
        require_columns(table, tuple(wanted), str(path))
        named = table
    else:
        if plain_name(path) == "u.item":
            table = _genres_of_flags(table, path)
        _require_width(table, max(places[column] for column in wanted) + 1, path)
        named = table.select(pl.col(table.columns[places[column]]).alias(column) for column in wanted)
    renamed = named.select(pl.col(theirs).alias(ours) for theirs, ours in wanted.items())
    if "genres" not in renamed.columns:
        return renamed
    genres = pl.when(pl.col("genres") != _NO_GENRES).then(pl.col("genres").str.split("|"))
    return renamed.with_columns(genres.alias("genres"))


def _genres_of_flags(table: pl.DataFrame, path: Path) -> pl.DataFrame:
    """Id, title and genres of u.item, the genres separated by `|`."""
    _require_width(table, _FIRST_FLAG + len(_FLAGS), path)
    flags = zip(table.columns[_FIRST_FLAG + 1 :], _FLAGS[1:], strict=False)
    chosen = [pl.when(pl.col(column) == "1").then(pl.lit(genre)) for column, genre in flags]
    genres = pl.concat_str(chosen, separator="|", ignore_nulls=True).alias("genres")
    return table.select(table.columns[0], table.columns[1], genres)


def _require_width(table: pl.DataFrame, width: int, path: Path) -> None:
    if table.width < width:
        raise DataError(
            f"missing columns: a line has {table.width} fields, not {width}",
            where=f"{path}, line 1",
            mend="copy the file again as it came from MovieLens",
        )
