"""Reading data of any known format into a Dataset. A new format is one module with `claims` and `read`, named here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from recexplainer.data.dataset import Dataset
from recexplainer.data.readers import recbole, table
from recexplainer.data.readers.table import ColumnMapping
from recexplainer.errors import DataError

__all__ = ["FORMATS", "ColumnMapping", "Format", "read_folder"]


@dataclass(frozen=True, slots=True)
class Format:
    """A format of data.

    Attributes:
        name: What to call it in messages.
        claims: Whether a file or folder looks like it, judged by names alone.
        read: Reads it.
    """

    name: str
    claims: Callable[[Path], bool]
    read: Callable[[Path], Dataset]


FORMATS: tuple[Format, ...] = (
    Format("RecBole atomic files (.inter, .item)", recbole.claims, recbole.read),
    Format("a table (.csv, .tsv, .parquet, .jsonl)", table.claims, table.read),
)


def read_folder(path: Path, columns: ColumnMapping | None = None) -> Dataset:
    """Reads a data set, whatever known format it is in.

    Args:
        path: A folder, or the file of interactions.
        columns: What the files and columns are called; with it the data is read as plain tables.

    Raises:
        DataError: There is no such path, no known format or more than one in it, or the data cannot be used.
    """
    if not path.exists():
        raise DataError("there is no such file or folder", where=str(path), mend="check the path given as data")
    try:
        return _only_format(path).read(path) if columns is None else table.read(path, columns)
    except DataError as error:
        if str(path) in error.where:
            raise
        raise DataError(error.what, where=f"{path}, {error.where}", mend=error.mend) from error


def _only_format(path: Path) -> Format:
    fitting = [known for known in FORMATS if known.claims(path)]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise DataError(
            "no data of a known format is there: no .inter file and no table",
            where=str(path),
            mend=f"known are {' and '.join(known.name for known in FORMATS)}",
        )
    raise DataError(
        f"more than one format is there: {' and '.join(known.name for known in fitting)}",
        where=str(path),
        mend="name one file, or say with a column mapping which tables to read",
    )
