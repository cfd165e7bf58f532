"""Reading data of any known format into a Dataset. A new format is one module with `claims` and `read`, named here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from recexplainer.data.dataset import Dataset
from recexplainer.data.readers import amazon, movielens, recbole, steam, table
from recexplainer.data.readers.table import ColumnMapping
from recexplainer.errors import DataError

__all__ = ["FORMATS", "ColumnMapping", "Format", "read_folder"]


@dataclass(frozen=True, slots=True)
class Format:
    """A format of data.

    Attributes:
        key: What to call it in settings and on the command line.
        name: What to call it in messages.
        claims: Whether a file or folder looks like it, judged by names alone.
        read: Reads it.
    """

    key: str
    name: str
    claims: Callable[[Path], bool]
    read: Callable[[Path], Dataset]


FORMATS: tuple[Format, ...] = (
    Format("recbole", "RecBole atomic files (.inter, .item)", recbole.claims, recbole.read),
    Format("amazon", "Amazon reviews (NAME.json and meta_NAME.json)", amazon.claims, amazon.read),
    Format("movielens", "MovieLens (u.data, ratings.dat or ratings.csv)", movielens.claims, movielens.read),
    Format("steam", "Steam (steam_reviews.json, steam-play.csv)", steam.claims, steam.read),
    Format("table", "a table (.csv, .tsv, .parquet, .jsonl)", table.claims, table.read),
)


def read_folder(path: Path, columns: ColumnMapping | None = None, format: str | None = None) -> Dataset:
    """Reads a data set, whatever known format it is in.

    Args:
        path: A folder, or the file of interactions.
        columns: What the files and columns are called; with it the data is read as plain tables.
        format: Key of the format that it is in; None: the only one that its names fit.

    Raises:
        DataError: There is no such path or format, no known format or more than one in it, or the data cannot be used.
    """
    if not path.exists():
        raise DataError("there is no such file or folder", location=str(path), hint="check the path given as data")
    try:
        if columns is not None and format in (None, "table"):
            return table.read(path, columns)
        if columns is not None:
            raise DataError(
                f"a column mapping is for tables, not for the format {format}",
                location="data.columns",
                hint="leave out one of the two",
            )
        return (_only_format(path) if format is None else _format(format)).read(path)
    except DataError as error:
        if str(path) in error.location:
            raise
        raise DataError(error.what, location=f"{path}, {error.location}", hint=error.hint) from error


def _format(key: str) -> Format:
    for known in FORMATS:
        if known.key == key:
            return known
    raise DataError(
        f"there is no format '{key}'",
        location="data.format",
        hint=f"known are {', '.join(known.key for known in FORMATS)}",
    )


def _only_format(path: Path) -> Format:
    fitting = [known for known in FORMATS if known.claims(path)]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise DataError(
            "no data of a known format is there",
            location=str(path),
            hint=f"known are: {'; '.join(known.name for known in FORMATS)}",
        )
    raise DataError(
        f"more than one format is there: {' and '.join(known.name for known in fitting)}",
        location=str(path),
        hint=f"name one file, or set data.format (--format) to one of {', '.join(known.key for known in fitting)}",
    )
