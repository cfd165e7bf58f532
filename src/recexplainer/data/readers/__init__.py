"""Reads data of any known format into a Dataset: formats of this package, and those that other packages register."""

from __future__ import annotations

from pathlib import Path

from recexplainer.data.dataset import Dataset
from recexplainer.data.readers.amazon import AMAZON
from recexplainer.data.readers.columns import ColumnMapping
from recexplainer.data.readers.files import Reader, files_named, kind_of
from recexplainer.data.readers.movielens import MOVIELENS
from recexplainer.data.readers.recbole import RECBOLE
from recexplainer.data.readers.sources import not_read
from recexplainer.data.readers.steam import STEAM
from recexplainer.data.readers.table import TABLE
from recexplainer.errors import DataError, SettingsError
from recexplainer.registry import load_registered, registered

__all__ = ["READERS", "ColumnMapping", "Reader", "all_readers", "files_named", "read_folder"]

READERS: tuple[Reader, ...] = (RECBOLE, AMAZON, MOVIELENS, STEAM, TABLE)
"""The readers of this package."""


def all_readers() -> tuple[Reader, ...]:
    """The readers of this package, then those registered under the entry point group `recexplainer.readers`.

    Raises SettingsError where one that is registered cannot be imported, is no `Reader`, or has a key that is taken.
    """
    readers = READERS
    for name in registered("readers"):
        reader = load_registered("readers", name)
        if not isinstance(reader, Reader) or reader.key in {known.key for known in readers}:
            what = f"What is registered as the reader {name!r} is no Reader with a key of its own."
            hint = "Register a recexplainer.data.readers.Reader, or uninstall the package that registers it."
            raise SettingsError(what, location=f"entry point {name} of recexplainer.readers", hint=hint)
        readers = (*readers, reader)
    return readers


def read_folder(path: Path, columns: ColumnMapping | None = None, format: str | None = None) -> Dataset:
    """Reads a data set, whatever known format it is in.

    Args:
        path: A folder, or the file of interactions.
        columns: What the files and columns are called; with it the data is read as plain tables.
        format: Key of the format that it is in; None: the only one that its names fit.

    Raises:
        DataError: There is no such path or format, no known format or more than one in it, or the data cannot be used.
        SettingsError: A registered reader cannot be used.
    """
    if not path.exists():
        raise DataError("there is no such file or folder", location=str(path), hint="check the path given as data")
    try:
        if columns is None:
            return _find_reader(path, format).read(path)
        reader = _find_mapped_reader(path, columns, format)
        if reader.read_mapped is not None:
            return reader.read_mapped(path, columns)
        what = f"a column mapping is for tables, not for the format {reader.key}"
        raise DataError(what, location="data.columns", hint="leave out one of the two")
    except DataError as error:
        if str(path) in error.location:
            raise
        raise DataError(error.what, location=f"{path}, {error.location}", hint=error.hint) from error


def _find_mapped_reader(path: Path, columns: ColumnMapping, key: str | None) -> Reader:
    """The reader that the key names; None: RecBole's for its files, else that of tables, which reads any format's."""
    if key is not None:
        return _find_reader(path, key)
    named = columns.interactions_file
    atomic = RECBOLE.claims(path) and not TABLE.claims(path) if named is None else kind_of(Path(named)) == ".inter"
    return RECBOLE if atomic else TABLE


def _find_reader(path: Path, key: str | None) -> Reader:
    readers = all_readers()
    fitting = [reader for reader in readers if (reader.claims(path) if key is None else reader.key == key)]
    if len(fitting) == 1:
        return fitting[0]
    if key is not None:
        what, location = f"there is no format '{key}'", "data.format"
        hint = f"known are {', '.join(reader.key for reader in readers)}"
    elif not fitting:
        what, location = "no data of a known format is there", str(path)
        inner = [folder for folder in path.glob("*/") if any(reader.claims(folder) for reader in readers)]
        hint = f"known are: {'; '.join(reader.name for reader in readers)}"
        hint = not_read(path) or (f"name the folder within: {min(inner)}" if inner else hint)
    else:
        what, location = f"more than one format is there: {' and '.join(one.name for one in fitting)}", str(path)
        hint = f"name one file, or set data.format (--format) to one of {', '.join(one.key for one in fitting)}"
    raise DataError(what, location=location, hint=hint)
