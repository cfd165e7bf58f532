"""Tables from files: plain or gzip, text checked to be UTF-8. It knows formats of files, not what columns mean."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from pathlib import Path

import polars as pl

from recexplainer.errors import DataError


def kind_of(path: Path) -> str:
    """The suffix that says what a file holds, lower-cased and without `.gz`: ".csv" for "events.csv.gz"."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


def read_text_bytes(path: Path) -> bytes:
    """The bytes of a UTF-8 text file, unpacked where its name ends in .gz, without a byte order mark.

    Raises:
        DataError: The file is missing, is not whole gzip, is not UTF-8, or is empty.
    """
    data = _unpacked(path).removeprefix(b"\xef\xbb\xbf")
    if not data.strip():
        raise DataError("the file is empty", where=str(path), mend="name a file that holds a table")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"the file is not UTF-8: byte 0x{data[error.start]:02x} stands for no character",
            where=f"{path}, line {line}",
            mend="save it as UTF-8, for example with: iconv -f latin1 -t utf-8",
        ) from error
    return data


def parse_table(path: Path, parse: Callable[[], pl.DataFrame]) -> pl.DataFrame:
    """Runs a parser of polars on a file; what it cannot read, or a table without rows, is a DataError."""
    try:
        table = parse()
    except (pl.exceptions.PolarsError, OSError) as error:
        first_line = str(error).strip().split("\n")[0]
        raise DataError(
            f"the table cannot be read: {first_line}",
            where=str(path),
            mend="check separator and quotes; lines with too many fields pass with ragged_lines",
        ) from error
    if table.is_empty():
        raise DataError("the table has a header but no rows", where=str(path), mend="name a file that holds rows")
    return table


def _unpacked(path: Path) -> bytes:
    if not path.is_file():
        raise DataError("there is no such file", where=str(path), mend="check the path")
    data = path.read_bytes()
    if path.suffix.lower() != ".gz":
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"the gzip file is cut off or damaged: {error}", where=str(path), mend="copy or download it again"
        ) from error
