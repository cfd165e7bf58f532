"""What readers share: how a format is recognised, and tables, text, times and lines of objects out of files.

Lines of objects, JSON or Python literals, are read a piece at a time: memory holds a piece of text and the columns
wanted, however long the file is. It knows kinds of files, not what the columns of a data set mean.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from gzip import BadGzipFile
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Optional

import msgspec
import polars as pl
from isal import igzip, isal_zlib

from recexplainer.data.cleaning import list_column
from recexplainer.errors import DataError
from recexplainer.progress import track

if TYPE_CHECKING:
    from recexplainer.data.dataset import Dataset

Schema = Mapping[str, pl.DataType]
"""The keys wanted and their types: `pl.String()`, `pl.Int64()`, `pl.List(pl.String())`, or `pl.Categorical()` for text
that many lines share: memory holds each once."""

_Values = dict[str, list[Any]]
_Parser = Callable[[str], Any]
_Int64 = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
_PIECE = 1 << 19  # bytes that fit a processor's cache; larger pieces cost new memory each time
_LONGEST_LINE = 1 << 26
_POSITION = re.compile(r" (on line \d+|object at 0x\w+)")  # within the line, and in memory: of no use to a reader
_UNPARSED = (ValueError, SyntaxError, TypeError, RecursionError, MemoryError)
_NOTATIONS: dict[_Parser, str] = {
    json.loads: "JSON",
    ast.literal_eval: "dictionary of plain values in Python's notation (code is never run)",
}
# How a value of each type stands in a line that is decoded without conversion.
_AS_WRITTEN: dict[type[pl.DataType], Any] = {
    pl.String: str | None,
    pl.Categorical: str | None,
    pl.Int64: Optional[_Int64],  # noqa: UP045 - the type checker knows no other way to write it
    pl.List: list[str] | None,
}
_DAMAGED: tuple[type[Exception], ...] = (EOFError, BadGzipFile, isal_zlib.error)  # pyright: ignore[reportAssignmentType]
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
        except _DAMAGED as error:
            raise _damaged_gzip(path, error) from error
    data = data.removeprefix(b"\xef\xbb\xbf")
    if not data.strip():
        raise _empty(path)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        if latin:
            return data.decode("latin-1").encode()
        line = data.count(b"\n", 0, error.start) + 1
        raise _not_utf8(data, error.start, f"{path}, line {line}") from error
    return data


def require_file(path: Path) -> None:
    """Raises DataError where there is no such file."""
    if not path.is_file():
        raise DataError("there is no such file", location=str(path), hint="check the path")


def _damaged_gzip(path: Path, error: Exception) -> DataError:
    what = f"the gzip file is cut off or damaged: {error}"
    return DataError(what, location=str(path), hint="copy or download it again")


def _not_utf8(text: bytes, index: int, location: str) -> DataError:
    encoding = "utf-16" if text.startswith((b"\xff\xfe", b"\xfe\xff")) else "latin1"
    what = f"the file is not UTF-8: byte 0x{text[index]:02x} stands for no character"
    hint = f"save it as UTF-8, for example with: iconv -f {encoding} -t utf-8"
    return DataError(what, location=location, hint=hint)


def read_separated(
    path: Path,
    separator: str,
    *,
    has_header: bool = True,
    ragged_lines: bool = False,
    quoted: bool = True,
    latin: bool = False,
) -> pl.DataFrame:
    """Reads separated text; every column is text. Raises DataError where that cannot be, or there are no rows.

    The separator has one character or more. Without a header the columns are column_1, column_2, …. With `ragged_lines`
    the surplus fields of a line are dropped; if `quoted`, a field may stand in double quotes.
    """
    data = read_text_bytes(path, latin=latin)
    if len(separator.encode()) > 1:  # the parser takes one byte; this one is in no text
        data, separator = data.replace(separator.encode(), b"\x1f"), "\x1f"
    read = partial(pl.read_csv, data, separator=separator, has_header=has_header, infer_schema=False)
    table = parse_table(path, lambda: read(quote_char='"' if quoted else None, truncate_ragged_lines=ragged_lines))
    return table if has_header else table.rename(lambda name: f"column_{table.columns.index(name) + 1}")


def parse_table(path: Path, parse: Callable[[], pl.DataFrame]) -> pl.DataFrame:
    """Runs a parser of polars on a file; what it cannot read, or a table without rows, is a DataError."""
    try:
        table = parse()
    except (pl.exceptions.PolarsError, OSError) as error:
        what = f"the table cannot be read: {str(error).strip().splitlines()[0]}"
        hint = "check separator and quotes; lines with too many fields pass with ragged_lines"
        raise DataError(what, location=str(path), hint=hint) from error
    if table.is_empty():
        raise DataError("the table has a header but no rows", location=str(path), hint="name a file that holds rows")
    return table


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


def read_json_lines(path: Path, schema: Schema) -> pl.DataFrame:
    """Reads some keys of a file of JSON objects, one row a line, columns as in `schema`; what a line lacks is null.

    Raises DataError where the file is missing, empty, damaged or not UTF-8, or a line (it is named) is no JSON object
    or holds something that cannot be converted to the type wanted.
    """
    fields = [(f"field_{index}", _AS_WRITTEN[type(kind)], None) for index, kind in enumerate(schema.values())]
    names = {f"field_{index}": key for index, key in enumerate(schema)}
    decoder = msgspec.json.Decoder(msgspec.defstruct("Record", fields, rename=names, gc=False))

    def parse(piece: _Piece) -> _Values:
        try:
            if not piece.text.isascii():
                piece.text.decode("utf-8")  # the decoder skips what is not wanted without a look at its bytes
            records = decoder.decode_lines(piece.text)
            if len(records) != piece.breaks + (not piece.text.endswith(b"\n")):
                raise ValueError
            return {key: list(map(attrgetter(f"field_{index}"), records)) for index, key in enumerate(schema)}
        except ValueError:  # line by line it is slow, but converts odd types and knows the line at fault
            return _parse_each(path, piece, schema, json.loads)

    return _gather(path, schema, parse)


def read_literal_lines(path: Path, schema: Schema) -> pl.DataFrame:
    """As `read_json_lines`, of Python dictionaries as `repr` writes them; nothing in a line is run."""
    return _gather(path, schema, lambda piece: _parse_each(path, piece, schema, ast.literal_eval))


def first_keys(path: Path) -> list[str]:
    """The keys of the first JSON object of a file. Raises DataError where there is none."""
    for number, line in (numbered for piece in _pieces(path, 1 << 16) for numbered in piece.numbered()):
        return list(_record(path, number, line, json.loads))
    raise _empty(path)


def require_keys(table: pl.DataFrame, keys: Sequence[str], path: Path) -> None:
    """Raises DataError, naming them, unless every key has a value in some line."""
    if missing := [key for key in keys if table[key].is_null().all()]:
        what = f"missing key{'s' if len(missing) > 1 else ''}: {', '.join(missing)}"
        hint = "give the file as it was published, or read it as a table with a column mapping (data.columns)"
        raise DataError(what, location=f"{path}, every line", hint=hint)


def require_json_lines(path: Path, text: bytes) -> None:
    """Raises DataError for the first line that is no JSON object."""
    for number, line in _Piece(text).numbered():
        _record(path, number, line, json.loads)


class _Piece(NamedTuple):
    """Whole lines of a file, and the number of the first."""

    text: bytes
    first: int = 1
    breaks: int = 0

    def numbered(self) -> Iterator[tuple[int, bytes]]:
        """The lines that are not blank."""
        return ((number, line) for number, line in enumerate(self.text.split(b"\n"), self.first) if line.strip())


def _gather(path: Path, schema: Schema, parse: Callable[[_Piece], _Values]) -> pl.DataFrame:
    def column(key: str, values: list[Any]) -> pl.Series:
        kind = schema[key]
        if isinstance(kind, pl.List):
            return list_column(values).alias(key)
        return pl.Series(key, values, dtype=pl.String if isinstance(kind, pl.Categorical) else kind).cast(kind)

    full = (piece for piece in track(_pieces(path, _PIECE), path.name) if piece.text and not piece.text.isspace())
    frames = [pl.DataFrame(column(key, values[key]) for key in schema) for values in map(parse, full)]
    if not frames:
        raise _empty(path)
    return pl.concat(frames)


def _pieces(path: Path, size: int) -> Iterator[_Piece]:
    """The file in pieces of `size` bytes and the rest of a line."""
    require_file(path)
    first = 1
    with igzip.IGzipFile(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
        while True:
            try:
                text = file.read(size)
                end = file.readline(_LONGEST_LINE)
            except _DAMAGED as error:
                raise _damaged_gzip(path, error) from error
            if not text:
                return
            if len(end) == _LONGEST_LINE:
                number = first + text.count(b"\n")
                what = f"a line is longer than {_LONGEST_LINE:,} bytes"
                raise DataError(what, location=f"{path}, line {number}", hint="write one object a line")
            text += end
            breaks = text.count(b"\n")
            yield _Piece(text.removeprefix(b"\xef\xbb\xbf") if first == 1 else text, first, breaks)
            first += breaks


def _parse_each(path: Path, piece: _Piece, schema: Schema, parse: _Parser) -> _Values:
    columns: _Values = {key: [] for key in schema}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # a backslash too many in a text
        warnings.simplefilter("ignore", DeprecationWarning)
        for number, line in piece.numbered():
            record = _record(path, number, line, parse)
            for key, kind in schema.items():
                try:
                    columns[key].append(_cell(record.get(key), kind))
                except (ValueError, OverflowError) as error:
                    what = f"the value of '{key}' is no whole number: {record[key]!r:.60}"
                    location = f"{path}, line {number}"
                    raise DataError(what, location=location, hint="correct or remove the line") from error
    return columns


def _record(path: Path, number: int, line: bytes, parse: _Parser) -> dict[str, Any]:
    location = f"{path}, line {number}"
    try:
        record = parse(line.decode("utf-8").strip())
    except UnicodeDecodeError as error:
        raise _not_utf8(line, error.start, location) from error
    except _UNPARSED as error:
        reason = _POSITION.sub("", str(error).split("\n")[0])[:100]
        what = f"the line cannot be read, it is cut off or no {_NOTATIONS[parse]}: {reason}"
        hint = "correct or remove the line, or copy the file again"
        raise DataError(what, location=location, hint=hint) from error
    if not isinstance(record, dict):
        what = f"the line cannot be read: it holds no object but {record!r:.40}"
        raise DataError(what, location=location, hint="write one object a line")
    return record


def _cell(value: Any, kind: pl.DataType) -> Any:
    """A value converted to the type of its column. Raises ValueError or OverflowError where a number is none."""
    if value is None:
        return None
    if isinstance(kind, pl.List):
        return [_text(part) for part in (value if isinstance(value, list) else [value]) if part is not None]
    if not isinstance(kind, pl.Int64):
        return _text(value)
    number = int(value) if isinstance(value, (str, int)) else int(float(str(value)))
    if abs(number) >= 1 << 63:
        raise OverflowError
    return number


def _text(value: Any) -> str:
    return str(value).encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair is no character


def _empty(path: Path) -> DataError:
    return DataError("the file is empty", location=str(path), hint="name a file that holds data")
