"""The text of a file, unpacked and known to be UTF-8. It does not know how the text is laid out."""

from __future__ import annotations

import bz2
import lzma
import re
import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from typing import IO, cast

import polars as pl
from isal import igzip, isal_zlib

from recexplainer.errors import DataError

DAMAGED: tuple[type[Exception], ...] = (
    *(EOFError, isal_zlib.error, zlib.error, lzma.LZMAError),  # pyright: ignore[reportAssignmentType]
    *(zipfile.BadZipFile, pl.exceptions.PolarsError, OSError),
)
"""What unpacking raises where a file is cut off or damaged."""

_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"(\xb5/\xfd": "zstd", b"PK\x03\x04": "zip"}
PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")
"""The suffixes of packed text, lower-cased."""

_MARKS = {b"\xff\xfe\x00\x00": "utf-32", b"\x00\x00\xfe\xff": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_HIGH_RUN = re.compile(rb"[\x80-\xff]{2,}")
_PAGE = ("the file is a web page, not data", "download it again: what came may be a message of the server")
_NO_TABLES = {
    b"<!doctype": _PAGE,
    b"<html": _PAGE,
    b"version https://git-lfs": ("the file is a pointer of Git LFS, not the data", "fetch the data: git lfs pull"),
    b"par1": ("the file is Parquet, not text", "let its name end in .parquet"),
    b"\x1f\x8b": ("the file was packed twice", "unpack it once"),
    b"%pdf": ("the file is a PDF, not data", "export the table as CSV"),
    b"\xd0\xcf\x11\xe0": ("this is a workbook of Excel", "save the sheet as CSV UTF-8"),
    b"sqlite format": ("the file is a database of SQLite", "export each table as CSV or Parquet"),
    b"arrow1": ("the file is Arrow, not text", "let its name end in .arrow"),
}
_WIDE_LETTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}")
_SAMPLE = 1 << 14


class NoRowsError(DataError):
    """A file is empty, or a table has no rows; among other parts of a table it is passed over."""


def packing_of(path: Path) -> str | None:
    """How a file is packed, by its first bytes; None: it is not. Raises DataError where there is no such file."""
    require_file(path)
    with path.open("rb") as file:
        start = file.read(6)
    return next((packing for magic, packing in _MAGIC.items() if start.startswith(magic)), None)


def open_binary(path: Path) -> IO[bytes]:
    """A file opened to read its bytes, unpacked. Raises DataError where there is none; reading may raise `DAMAGED`."""
    packing = packing_of(path)
    if packing == "gzip":
        return cast(IO[bytes], igzip.IGzipFile(path))
    if packing == "bzip2":
        return bz2.open(path)
    if packing == "xz":
        return lzma.open(path)
    if packing == "zstd":
        return BytesIO("\n".join(pl.read_lines(path).to_series()).encode())
    return _only_member(path) if packing == "zip" else path.open("rb")


def read_text_bytes(path: Path, *, latin: bool = False) -> bytes:
    """The bytes of a UTF-8 text file, unpacked, without a byte order mark.

    Raises DataError where it is missing, not completely packed, empty, or not UTF-8; if `latin`, it then is in Latin-1.
    """
    try:
        with open_binary(path) as file:
            data = file.read()
    except DAMAGED as error:
        raise damaged_file(path, error) from error
    data = data.removeprefix(b"\xef\xbb\xbf")
    if not data or data.isspace():
        raise empty_file(path)
    require_text(data, path)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        if latin and not _WIDE_LETTER.search(data):  # with such letters it is UTF-8 that was damaged
            return data.decode("latin-1").encode()
        line = data.count(b"\n", 0, error.start) + 1
        raise not_utf8(data, error.start, f"{path}, line {line}") from error
    return data


def require_file(path: Path) -> None:
    """Raises DataError where there is no such file."""
    if not path.is_file():
        raise DataError("there is no such file", location=str(path), hint="check the path")


def require_text(start: bytes, path: Path) -> None:
    """Raises DataError where a file begins as no table does, or as text in UTF-16 or UTF-32, with or without mark."""
    for beginning, (what, hint) in _NO_TABLES.items():
        if start[:64].lstrip().lower().startswith(beginning):
            raise DataError(what, location=f"{path}, line 1", hint=hint)
    encoding = _wide_encoding(start[:_SAMPLE])
    if encoding is not None:
        what = f"the file is not UTF-8 but {encoding.upper()}"
        hint = f"save it as UTF-8, for example with: iconv -f {encoding} -t utf-8"
        raise DataError(what, location=f"{path}, line 1", hint=hint)


def damaged_file(path: Path, error: Exception) -> DataError:
    """The error of a file that cannot be unpacked."""
    if isinstance(error, OSError) and error.errno is not None:
        return DataError(f"the file cannot be read: {error.strerror}", location=str(path), hint="check its permissions")
    what = f"the {packing_of(path) or 'text'} file is cut off or damaged: {str(error) or 'it ends too early'}"
    return DataError(what, location=str(path), hint="copy or download it again")


def not_utf8(text: bytes, index: int, location: str) -> DataError:
    """The error of text that is not UTF-8 at a byte; the hint names an encoding only where there is a likely one."""
    what = f"the file is not UTF-8: byte 0x{text[index]:02x} stands for no character"
    sample = text[max(0, index - _SAMPLE) : index + _SAMPLE]
    high = sum(byte >= 0x80 for byte in sample)
    if sum(map(len, _HIGH_RUN.findall(sample))) > high / 2 and high > 2:  # in western text such letters stand alone
        hint = "save it as UTF-8: iconv -f ENCODING -t utf-8, where ENCODING is what it was written in, such as gb18030"
        return DataError(what, location=location, hint=hint)
    encoding = "cp1252" if any(0x80 <= byte < 0xA0 for byte in sample) else "latin1"
    return DataError(what, location=location, hint=f"save it as UTF-8, for example with: iconv -f {encoding} -t utf-8")


def empty_file(path: Path) -> NoRowsError:
    """The error of a file without content."""
    return NoRowsError("the file is empty", location=str(path), hint="name a file that holds data")


def _only_member(path: Path) -> IO[bytes]:
    archive = zipfile.ZipFile(path)
    names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
    if len(names) == 1 and not names[0].lower().endswith(".xml"):
        return archive.open(names[0])
    archive.close()
    if "[Content_Types].xml" in names:
        what, hint = "this is a workbook of Excel", "save the sheet as CSV UTF-8"
    else:
        what, hint = f"the zip file holds {len(names)} files, not one", "unpack it into a folder, and name that"
    raise DataError(what, location=str(path), hint=hint)


def _wide_encoding(start: bytes) -> str | None:
    """The encoding whose mark is there, or that puts a zero byte beside every plain character; None: neither."""
    marked = next((encoding for mark, encoding in _MARKS.items() if start.startswith(mark)), None)
    if marked is not None or start.count(0) < max(4, len(start) / 10):
        return marked
    zeros = [start[place::4].count(0) * 4 / len(start) for place in range(4)]
    if min(zeros[1:]) > 0.9 or min(zeros[:3]) > 0.9:
        return "utf-32le" if zeros[3] > zeros[0] else "utf-32be"
    even, odd = zeros[0] + zeros[2], zeros[1] + zeros[3]
    if min(even, odd) < 0.1 * max(even, odd):
        return "utf-16le" if odd > even else "utf-16be"
    return None
