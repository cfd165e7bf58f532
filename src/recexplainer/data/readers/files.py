"""Tables from files: plain or gzip, text checked to be UTF-8. It knows formats of files, not what columns mean."""

from __future__ import annotations

from collections.abc import Callable
from gzip import BadGzipFile
from pathlib import Path

import polars as pl
from isal import igzip, isal_zlib

from recexplainer.errors import DataError

DAMAGED: tuple[type[Exception], ...] = (EOFError, BadGzipFile, isal_zlib.error)  # pyright: ignore[reportAssignmentType]
"""What unpacking raises where a gzip file is not whole."""


def kind_of(path: Path) -> str:
    """The suffix that says what a file holds, lower-cased and without `.gz`: ".csv" for "events.csv.gz"."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


def read_text_bytes(path: Path, *, latin: bool = False) -> bytes:
    """The bytes of a UTF-8 text file, unpacked where its name ends in .gz, without a byte order mark.

    Args:
        path: The file.
        latin: Whether a file that is not UTF-8 is in Latin-1 instead.

    Raises:
        DataError: The file is missing, is not whole gzip, is not UTF-8, or is empty.
    """
    data = _unpacked(path).removeprefix(b"\xef\xbb\xbf")
    if not data.strip():
        raise DataError("the file is empty", location=str(path), hint="name a file that holds a table")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        if latin:
            return data.decode("latin-1").encode()
        line = data.count(b"\n", 0, error.start) + 1
        probably = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "latin1"
        raise DataError(
            f"the file is not UTF-8: byte 0x{data[error.start]:02x} stands for no character",
            location=f"{path}, line {line}",
            hint=f"save it as UTF-8, for example with: iconv -f {probably} -t utf-8",
        ) from error
    return data


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
        ragged_lines: Pass lines with more fields than the first, without what is too much.
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


def damaged_gzip(path: Path, error: Exception) -> DataError:
    """The DataError of a gzip file that cannot be unpacked to its end."""
    return DataError(
        f"the gzip file is cut off or damaged: {error}", location=str(path), hint="copy or download it again"
    )


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


def _unpacked(path: Path) -> bytes:
    if not path.is_file():
        raise DataError("there is no such file", location=str(path), hint="check the path")
    data = path.read_bytes()
    if path.suffix.lower() != ".gz":
        return data
    try:
        return igzip.decompress(data)
    except DAMAGED as error:
        raise damaged_gzip(path, error) from error
