"""What readers share: how a format is recognised by the names of its files, and the text of a file.

It knows kinds of files, not what the columns of a data set mean.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from gzip import BadGzipFile
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from isal import igzip, isal_zlib

from recexplainer.errors import DataError

if TYPE_CHECKING:
    from recexplainer.data.dataset import Dataset

DAMAGED: tuple[type[Exception], ...] = (EOFError, BadGzipFile, isal_zlib.error)  # pyright: ignore[reportAssignmentType]
_LATEST = 4_102_444_800  # the first second of 2100


@dataclass(frozen=True, slots=True)
class Reader:
    """Recognises one format of data and reads it."""

    key: str  # what to call it in settings (`data.format`) and on the command line
    name: str  # what to call it in messages, with the names of its files
    files: Callable[[Path], list[Path]]  # those of a folder that belong to the format, judged by names alone
    read: Callable[[Path], Dataset]  # reads a folder, or the file of interactions; raises DataError if it cannot

    def claims(self, path: Path) -> bool:
        """Whether a folder holds such a file, or a file is one."""
        return bool(self.files(path)) if path.is_dir() else path in self.files(path.parent)


def plain_name(path: Path) -> str:
    """The name of a file, lower-cased and without `.gz`."""
    return path.name.lower().removesuffix(".gz")


def kind_of(path: Path) -> str:
    """The suffix that names the kind of a file, lower-cased and without `.gz`: ".csv" for "events.csv.gz"."""
    return Path(plain_name(path)).suffix


def stem_of(path: Path) -> str:
    """The name of a file without that suffix: "events" for "events.csv.gz"."""
    return Path(plain_name(path)).stem


def dataset_name(path: Path) -> str:
    """What to call the data in a folder, or in a file of interactions."""
    return path.name if path.is_dir() else stem_of(path)


def files_named(folder: Path, pattern: str) -> list[Path]:
    """The files of a folder whose plain name matches a regular expression, sorted."""
    return sorted(file for file in folder.iterdir() if file.is_file() and re.fullmatch(pattern, plain_name(file)))


def require_pair(path: Path, events: list[Path], items: list[Path], wanted: str, hint: str) -> tuple[Path, Path]:
    """The file of interactions and the file of items. Raises DataError, with those there, unless it is one of each."""
    if len(events) == len(items) == 1:
        return events[0], items[0]
    there = ", ".join(file.name for file in (*events, *items)) or "none"
    raise DataError(f"there must be {wanted}; there: {there}", location=str(path), hint=hint)


def read_text_bytes(path: Path, *, latin: bool = False) -> bytes:
    """The bytes of a UTF-8 text file, unpacked where its name ends in .gz, without a byte order mark.

    Raises DataError where it is missing, not complete gzip, empty, or not UTF-8; if `latin`, it then is in Latin-1.
    """
    require_file(path)
    data = path.read_bytes()
    if path.suffix.lower() == ".gz":
        try:
            data = igzip.decompress(data)
        except DAMAGED as error:
            raise damaged_gzip(path, error) from error
    data = data.removeprefix(b"\xef\xbb\xbf")
    if not data.strip():
        raise empty_file(path)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        if latin:
            return data.decode("latin-1").encode()
        line = data.count(b"\n", 0, error.start) + 1
        raise not_utf8(data, error.start, f"{path}, line {line}") from error
    return data


def require_file(path: Path) -> None:
    """Raises DataError where there is no such file."""
    if not path.is_file():
        raise DataError("there is no such file", location=str(path), hint="check the path")


def damaged_gzip(path: Path, error: Exception) -> DataError:
    """The error of a gzip file that cannot be unpacked."""
    what = f"the gzip file is cut off or damaged: {error}"
    return DataError(what, location=str(path), hint="copy or download it again")


def not_utf8(text: bytes, index: int, location: str) -> DataError:
    """The error of text that is not UTF-8 at a byte."""
    encoding = "utf-16" if text.startswith((b"\xff\xfe", b"\xfe\xff")) else "latin1"
    what = f"the file is not UTF-8: byte 0x{text[index]:02x} stands for no character"
    hint = f"save it as UTF-8, for example with: iconv -f {encoding} -t utf-8"
    return DataError(what, location=location, hint=hint)


def unix_times(times: pl.Series, path: Path, *, per_second: int = 1, dated: bool = False) -> pl.Series:
    """Times as whole numbers since 1970, `Int64[interactions]`; null where there is none.

    They are seconds (1000 `per_second`: milliseconds) or text of such, or dates written as 2020-01-31 (`dated`). Raises
    DataError where one is no such time, or is not between 1970 and 2100.
    """
    text = times.str.strip_chars().replace("", None) if times.dtype == pl.String else times
    number = text.str.to_date("%Y-%m-%d", strict=False).dt.epoch("s") if dated else text.cast(pl.Int64, strict=False)
    possible = number.is_between(0, _LATEST * per_second, closed="left").fill_null(value=False)
    wrong = (text.is_not_null() & ~possible).arg_true()
    if len(wrong):
        what = f"'{text[int(wrong[0])]}' is no time between 1970 and 2100; such times: {len(wrong):,}"
        hint = "correct or remove these rows, or read a table without times: data.columns.timestamp: null"
        raise DataError(what, location=f"{path}, data row {int(wrong[0]) + 1}", hint=hint)
    return number


def empty_file(path: Path) -> DataError:
    """The error of a file without content."""
    return DataError("the file is empty", location=str(path), hint="name a file that holds data")
