"""What readers share: how a format is recognised, and tables, text and times out of files.

It knows kinds of files, not what the columns of a data set mean.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
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
"""What unpacking raises where a gzip file is not complete."""

_LATEST = 4_102_444_800  # the first second of 2100


@dataclass(frozen=True, slots=True)
class Reader:
    """Recognises one format of data and reads it.

    Attributes:
        key: What to call it in settings (`data.format`) and on the command line.
        name: What to call it in messages, with the names of its files.
        files: The files of a folder that belong to the format, judged by names alone.
        read: Reads a folder, or the file of interactions; raises DataError where that cannot be done.
    """

    key: str
    name: str
    files: Callable[[Path], list[Path]]
    read: Callable[[Path], Dataset]

    def claims(self, path: Path) -> bool:
        """Whether a folder holds such a file, or a file is one."""
        return bool(self.files(path)) if path.is_dir() else path in self.files(path.parent)


def plain_name(path: Path) -> str:
    """The name of a file, lower-cased and without `.gz`."""
    return path.name.lower().removesuffix(".gz")


def kind_of(path: Path) -> str:
    """The suffix that says what a file holds, lower-cased and without `.gz`: ".csv" for "events.csv.gz"."""
    return Path(plain_name(path)).suffix


def files_named(folder: Path, pattern: str) -> list[Path]:
    """The files of a folder whose plain name matches a regular expression, sorted."""
    return sorted(file for file in folder.iterdir() if file.is_file() and re.fullmatch(pattern, plain_name(file)))


def dataset_name(path: Path) -> str:
    """What to call a data set: its folder, or the name of its file up to the first dot."""
    return path.name if path.is_dir() else plain_name(path).partition(".")[0]


def require_pair(
    path: Path, events: Sequence[Path], items: Sequence[Path], wanted: str, hint: str
) -> tuple[Path, Path]:
    """The file of interactions and the file of items. Raises DataError, with those there, unless it is one of each."""
    if len(events) == len(items) == 1:
        return events[0], items[0]
    there = ", ".join(file.name for file in (*events, *items)) or "none"
    raise DataError(f"there must be {wanted}; there: {there}", location=str(path), hint=hint)


def read_text_bytes(path: Path, *, latin: bool = False) -> bytes:
    """The bytes of a UTF-8 text file, unpacked where its name ends in .gz, without a byte order mark.

    Args:
        path: The file.
        latin: Whether a file that is not UTF-8 is in Latin-1 instead.

    Raises:
        DataError: The file is missing, is not complete gzip, is not UTF-8, or is empty.
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
        raise DataError("the file is empty", location=str(path), hint="name a file that holds data")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        if latin:
            return data.decode("latin-1").encode()
        encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "latin1"
        line = data.count(b"\n", 0, error.start) + 1
        raise not_utf8(data[error.start], f"{path}, line {line}", encoding) from error
    return data


def require_file(path: Path) -> None:
    """Raises DataError where there is no such file."""
    if not path.is_file():
        raise DataError("there is no such file", location=str(path), hint="check the path")


def damaged_gzip(path: Path, error: Exception) -> DataError:
    """The error of a gzip file that cannot be unpacked to its end."""
    return DataError(
        f"the gzip file is cut off or damaged: {error}", location=str(path), hint="copy or download it again"
    )


def not_utf8(byte: int, location: str, encoding: str = "latin1") -> DataError:
    """The error of a text file with a byte that is no character; `encoding` is what the file probably is in."""
    return DataError(
        f"the file is not UTF-8: byte 0x{byte:02x} stands for no character",
        location=location,
        hint=f"save it as UTF-8, for example with: iconv -f {encoding} -t utf-8",
    )


def read_separated(
    path: Path,
    separator: str,
    *,
    has_header: bool = True,
    ragged_lines: bool = False,
    quoted: bool = True,
    latin: bool = False,
) -> pl.DataFrame:
    """Reads separated text; every column is text.

    Args:
        path: The file.
        separator: What separates the fields, one character or more.
        has_header: Whether the first line names the columns; else they are column_1, column_2, ….
        ragged_lines: Accept lines with more fields than the first; the surplus fields are dropped.
        quoted: Whether a field may stand in double quotes.
        latin: As in `read_text_bytes`.

    Raises:
        DataError: The file cannot be read, or holds no rows.
    """
    data = read_text_bytes(path, latin=latin)
    if len(separator.encode()) > 1:  # the parser takes one byte; this one is in no text
        data, separator = data.replace(separator.encode(), b"\x1f"), "\x1f"
    table = parse_table(
        path,
        lambda: pl.read_csv(
            data,
            separator=separator,
            quote_char='"' if quoted else None,
            has_header=has_header,
            truncate_ragged_lines=ragged_lines,
            infer_schema=False,
        ),
    )
    if not has_header:
        table.columns = [f"column_{number}" for number in range(1, table.width + 1)]
    return table


def parse_table(path: Path, parse: Callable[[], pl.DataFrame]) -> pl.DataFrame:
    """Runs a parser of polars on a file; what it cannot read, or a table without rows, is a DataError."""
    try:
        table = parse()
    except (pl.exceptions.PolarsError, OSError) as error:
        first_line = str(error).strip().split("\n")[0]
        raise DataError(
            f"the table cannot be read: {first_line}",
            location=str(path),
            hint="check separator and quotes; lines with too many fields pass with ragged_lines",
        ) from error
    if table.is_empty():
        raise DataError("the table has a header but no rows", location=str(path), hint="name a file that holds rows")
    return table


def unix_times(times: pl.Series, path: Path, *, per_second: int = 1, dated: bool = False) -> pl.Series:
    """Times as whole numbers since 1970, `Int64[interactions]`.

    Args:
        times: `[interactions]`, numbers or text; null where there is none.
        path: The file they are from, for the error.
        per_second: 1 for seconds, 1000 for milliseconds.
        dated: Whether they are dates written as 2020-01-31.

    Raises:
        DataError: One is no whole number or date, or is not between 1970 and 2100; names the first.
    """
    text = times.str.strip_chars().replace("", None) if times.dtype == pl.String else times
    number = text.str.to_date("%Y-%m-%d", strict=False).dt.epoch("s") if dated else text.cast(pl.Int64, strict=False)
    possible = number.is_between(0, _LATEST * per_second, closed="left").fill_null(value=False)
    wrong = (text.is_not_null() & ~possible).arg_true()
    if len(wrong):
        row = int(wrong[0])
        raise DataError(
            f"'{text[row]}' is no time between 1970 and 2100; such times: {len(wrong):,}",
            location=f"{path}, data row {row + 1}",
            hint="correct or remove these rows, or read a table without times: data.columns.timestamp: null",
        )
    return number
