"""Objects in lines, JSON or Python literals, read a piece at a time, and JSON arrays of objects.

Only the keys wanted are parsed: memory holds them and a piece of text (an array: its text), however many other keys
there are. It does not know what the keys mean.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import IO, Annotated, Any, NamedTuple, Optional

import msgspec
import polars as pl

from recexplainer.data.cleaning import list_column
from recexplainer.data.readers.text import (
    DAMAGED,
    damaged_file,
    empty_file,
    not_utf8,
    open_binary,
    read_text_bytes,
    require_text,
)
from recexplainer.errors import DataError
from recexplainer.progress import track

Schema = Mapping[str, pl.DataType]
"""The keys wanted and their types: `pl.String()`, `pl.Int64()`, `pl.List(pl.String())`, `pl.Categorical()` for text
that many lines share (memory holds each once), or `pl.Unknown()`: numbers, text or lists, as the values are."""

_Values = dict[str, list[Any]]
_Parser = Callable[[str], Any]
_Int64 = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
_PIECE = 1 << 19  # bytes that fit a processor's cache; larger pieces cost new memory each time
_LONGEST_LINE = 1 << 26
_LIST = pl.List(pl.String())
_NEXT_OBJECT = re.compile(r"[\s,]*")
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
    pl.Unknown: Any,
}


def read_json(path: Path, schema: Schema) -> pl.DataFrame:
    """Reads some keys of a file of JSON objects, one row an object, columns as in `schema`; what one lacks is null.

    The objects stand one a line, or in one array. Raises DataError where the file is missing, empty, damaged or not
    UTF-8, or a line (it is named) is no JSON object or holds something that cannot be converted to the type wanted.
    """
    if starts_array(path):
        return _read_array(path, schema)
    decoder = msgspec.json.Decoder(_record_type(schema))

    def parse(piece: _Piece) -> _Values:
        try:
            if not piece.text.isascii():
                piece.text.decode("utf-8")  # the decoder skips what is not wanted without a look at its bytes
            records = decoder.decode_lines(piece.text)
            if len(records) != piece.breaks + (not piece.text.endswith(b"\n")):
                raise ValueError
            return _by_key(records, schema)
        except ValueError:  # line by line it is slow, but converts odd types and knows the line at fault
            return _parse_each(path, piece, schema, json.loads)

    return _gather(path, schema, parse)


def read_literal_lines(path: Path, schema: Schema) -> pl.DataFrame:
    """As `read_json`, of lines that are Python dictionaries as `repr` writes them; nothing in a line is run."""
    return _gather(path, schema, lambda piece: _parse_each(path, piece, schema, ast.literal_eval))


def first_keys(path: Path, *, most: int | None = 1000) -> list[str]:
    """The keys of the first objects of a JSON file, `most` of them or all. Raises DataError where there is none."""
    keys: dict[str, bool] = {}
    count = 0
    for record in islice(_array_start(path) if starts_array(path) else _line_start(path), most):
        keys.update((key, keys.get(key, False) or not isinstance(value, (dict, list))) for key, value in record.items())
        count += 1
    if not keys:
        raise empty_file(path)
    if count == 1 and not any(keys.values()):
        what = "the file is one object that holds lists or objects, not one object a row"
        hint = 'write one object a line, or an array of them; in pandas: to_json(path, orient="records", lines=True)'
        raise DataError(what, location=str(path), hint=hint)
    return list(keys)


def _line_start(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in (numbered for piece in _pieces(path, 1 << 16) for numbered in piece.numbered()):
        yield _record(path, number, line, json.loads)


def _array_start(path: Path) -> Iterator[dict[str, Any]]:
    """The first objects of an array, as far as a piece of its text reaches."""
    text, decoder = read_text_bytes(path)[: _PIECE * 4].decode("utf-8", "ignore"), json.JSONDecoder()
    place = text.index("[") + 1
    with suppress(ValueError):  # the rest is not in this piece, or the array is damaged: reading it will tell
        while True:
            skipped = _NEXT_OBJECT.match(text, place)
            record, place = decoder.raw_decode(text, skipped.end() if skipped else place)
            if isinstance(record, dict):
                yield record


def starts_array(path: Path) -> bool:
    """Whether a JSON file begins as an array of objects does. Raises DataError where it cannot be read."""
    return re.match(rb"\s*\[\s*[{\]]", _start(path)) is not None


def holds_literals(path: Path) -> bool:
    """Whether a file begins as a Python dictionary does, no JSON object. Raises DataError where it cannot be read."""
    return re.match(rb"\s*\{\s*u?'", _start(path)) is not None


def _start(path: Path) -> bytes:
    try:
        with _opened(path) as file:
            return file.read(1 << 10).removeprefix(b"\xef\xbb\xbf")
    except DAMAGED as error:
        raise damaged_file(path, error) from error


def require_keys(table: pl.DataFrame, keys: Sequence[str], path: Path) -> None:
    """Raises DataError, naming them, unless every key has a value in some line."""
    if missing := [key for key in keys if table[key].is_null().all()]:
        what = f"missing key{'s' if len(missing) > 1 else ''}: {', '.join(missing)}"
        hint = "give the file as it was published, or read it as a table with a column mapping (data.columns)"
        raise DataError(what, location=f"{path}, every line", hint=hint)


def _record_type(schema: Schema) -> type[msgspec.Struct]:
    fields = [(f"field_{index}", _AS_WRITTEN[type(kind)], None) for index, kind in enumerate(schema.values())]
    names = {f"field_{index}": key for index, key in enumerate(schema)}
    return msgspec.defstruct("Record", fields, rename=names, gc=False)


def _by_key(records: Sequence[Any], schema: Schema) -> _Values:
    return {key: list(map(attrgetter(f"field_{index}"), records)) for index, key in enumerate(schema)}


def _read_array(path: Path, schema: Schema) -> pl.DataFrame:
    as_written = dict.fromkeys(schema, pl.Unknown())
    values = _by_key(_array(path, list[_record_type(as_written)]), schema)
    cells = {key: [_cell(value, kind) for value in values[key]] for key, kind in schema.items()}
    return pl.DataFrame([_column(key, cells[key], kind) for key, kind in schema.items()])


def _array(path: Path, kind: Any) -> Any:
    try:
        return msgspec.json.decode(read_text_bytes(path), type=kind)
    except msgspec.MsgspecError as error:
        what = f"the array of objects cannot be read, it is cut off or no JSON: {str(error)[:100]}"
        raise DataError(what, location=str(path), hint="copy the file again, or write one object a line") from error


@contextmanager
def _opened(path: Path) -> Generator[IO[bytes]]:
    try:
        file = open_binary(path)
    except DAMAGED as error:
        raise damaged_file(path, error) from error
    with file:
        yield file


class _Piece(NamedTuple):
    """Whole lines of a file, and the number of the first."""

    text: bytes
    first: int = 1
    breaks: int = 0

    def numbered(self) -> Iterator[tuple[int, bytes]]:
        """The lines that are not blank."""
        return ((number, line) for number, line in enumerate(self.text.split(b"\n"), self.first) if line.strip())


def _gather(path: Path, schema: Schema, parse: Callable[[_Piece], _Values]) -> pl.DataFrame:
    full = (piece for piece in track(_pieces(path, _PIECE), path.name) if piece.text and not piece.text.isspace())
    pieces = [[_column(key, values[key], kind) for key, kind in schema.items()] for values in map(parse, full)]
    if not pieces:
        raise empty_file(path)
    frames = [pl.DataFrame(columns) for columns in zip(*map(_one_type, zip(*pieces, strict=True)), strict=True)]
    return pl.concat(frames, how="vertical_relaxed")


def _column(key: str, values: list[Any], kind: pl.DataType) -> pl.Series:
    if isinstance(kind, pl.Unknown):
        return _column_as_written(values).alias(key)
    if isinstance(kind, pl.List):
        return list_column(values).alias(key)
    return pl.Series(key, values, dtype=pl.String if isinstance(kind, pl.Categorical) else kind).cast(kind)


def _column_as_written(values: list[Any]) -> pl.Series:
    """Whole numbers, numbers, lists of texts (of an object its values) or else texts."""
    kinds = {type(value) for value in values} - {type(None)}
    if not kinds:
        return pl.Series(values, dtype=pl.Null)
    if kinds & {list, dict}:
        return list_column([_cell(value, _LIST) for value in values])
    if kinds and kinds <= {int, float}:
        with suppress(OverflowError, pl.exceptions.PolarsError, TypeError):
            return pl.Series(values, dtype=pl.Float64 if float in kinds else pl.Int64)
    return pl.Series([None if value is None else _text(value) for value in values], dtype=pl.String)


def _one_type(pieces: Sequence[pl.Series]) -> Sequence[pl.Series]:
    """The pieces of a column; where one holds lists, all do."""
    if not any(piece.dtype.is_nested() for piece in pieces):
        return pieces
    return [
        piece if piece.dtype.is_nested() else list_column([_cell(value, _LIST) for value in piece]).alias(piece.name)
        for piece in pieces
    ]


def _pieces(path: Path, size: int) -> Iterator[_Piece]:
    """The file in pieces of `size` bytes and the rest of a line."""
    first = 1
    with _opened(path) as file:
        while True:
            try:
                text = file.read(size)
                end = file.readline(_LONGEST_LINE)
            except DAMAGED as error:
                raise damaged_file(path, error) from error
            if not text:
                return
            if first == 1:
                require_text(text, path)
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
        hint = "write one object a line: correct or remove the line, or copy the file again"
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
        return [_text(part) for part in _leaves(value)]
    if isinstance(kind, pl.Unknown):
        return value
    if not isinstance(kind, pl.Int64):
        return _text(value)
    number = int(value) if isinstance(value, (str, int)) else int(float(str(value)))
    if abs(number) >= 1 << 63:
        raise OverflowError
    return number


def _leaves(value: Any) -> Iterator[Any]:
    """All values within lists and objects, however nested."""
    if isinstance(value, (list, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _leaves(part)
    elif value is not None:
        yield value


def _text(value: Any) -> str:
    return str(value).encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair is no character
