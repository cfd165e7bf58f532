"""Lines of objects, JSON or Python literals, read a piece at a time.

Memory holds a piece of text and the keys wanted, however long the file is. It does not know what the keys mean.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Optional

import msgspec
import polars as pl
from isal import igzip

from recexplainer.data.cleaning import list_column
from recexplainer.data.readers.files import DAMAGED, damaged_gzip, empty_file, not_utf8, require_file
from recexplainer.errors import DataError
from recexplainer.progress import track

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
    raise empty_file(path)


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
        raise empty_file(path)
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
            except DAMAGED as error:
                raise damaged_gzip(path, error) from error
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
        raise not_utf8(line, error.start, location) from error
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
