"""Objects in lines, JSON or Python literals, read a piece at a time, and JSON arrays of objects.

Only the keys wanted are parsed: memory holds them and a piece of text (an array: its text), however many other keys
there are. It does not know what the keys mean.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

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
"""The keys wanted and their types: `pl.String()`, `pl.List(pl.String())`, `pl.Categorical()` for text that many lines
share (memory holds each once), or `pl.Unknown()`: numbers, text or lists, as the values are."""

_Values = list[Sequence[Any]]
_Parser = Callable[[str], Any]
_PIECE = 1 << 19  # bytes that fit a processor's cache; larger pieces cost new memory each time
_LONGEST_LINE = 1 << 26
_NEXT_OBJECT = re.compile(r"[\s,]*")
_POSITION = re.compile(r" (on line \d+|object at 0x\w+)")  # within the line, and in memory: of no use to a reader
_UNPARSED = (ValueError, SyntaxError, TypeError, RecursionError, MemoryError)
_NOTATIONS: dict[_Parser, str] = {
    json.loads: "JSON",
    ast.literal_eval: "dictionary of plain values in Python's notation (code is never run)",
}


class _Piece(NamedTuple):
    """Whole lines of a file, and the number of the first."""

    text: bytes
    first: int
    breaks: int


def read_json(path: Path, schema: Schema) -> pl.DataFrame:
    """Reads some keys of a file of objects, one row an object, columns as in `schema`; what one lacks is null.

    The objects stand one a line, as JSON or as `repr` writes a Python dictionary (nothing in it is run), or in one JSON
    array. Raises DataError where the file is missing, empty, damaged or not UTF-8, or a line (which it names) is no
    object.
    """
    names = {f"field_{index}": key for index, key in enumerate(schema)}
    fields = [(name, Any, None) for name in names]
    record = msgspec.defstruct("Record", fields, rename=names, gc=False)
    keys = list(map(attrgetter, names))
    if (parser := _parser_of(path)) is None:
        objects = _array(path, list[record])
        return _frame([list(map(key, objects)) for key in keys], schema)
    decoder = msgspec.json.Decoder(record)

    def parse(piece: _Piece) -> _Values:
        with suppress(ValueError):  # line by line it is slow, but knows the line at fault
            if not piece.text.isascii():
                piece.text.decode("utf-8")  # the decoder skips what is not wanted without a look at its bytes
            records = decoder.decode_lines(piece.text) if parser is json.loads else []
            if len(records) == piece.breaks + (not piece.text.endswith(b"\n")):
                return [list(map(key, records)) for key in keys]
        objects = list(_records(path, piece, parser))
        return [[one.get(key) for one in objects] for key in schema]

    full = (piece for piece in track(_pieces(path, _PIECE), path.name) if piece.text and not piece.text.isspace())
    pieces = [_frame(parse(piece), schema) for piece in full]
    if not pieces:
        raise empty_file(path)
    columns = (_one_type([piece[key] for piece in pieces]) for key in schema)
    return pl.concat(map(pl.DataFrame, zip(*columns, strict=True)), how="vertical_relaxed")


def first_keys(path: Path, *, most: int | None = 1000) -> list[str]:
    """The keys of the first objects of a JSON file, `most` of them or all. Raises DataError where there is none."""
    keys: dict[str, bool] = {}
    count = 0
    parser = _parser_of(path)
    lines = (record for piece in _pieces(path, 1 << 16) for record in _records(path, piece, parser or json.loads))
    for record in islice(lines if parser else _array_start(path), most):
        keys.update((key, keys.get(key, False) or not isinstance(value, (dict, list))) for key, value in record.items())
        count += 1
    if not keys:
        raise empty_file(path)
    if count == 1 and not any(keys.values()):
        what = "the file is one object that holds lists or objects, not one object a row"
        hint = 'write one object a line, or an array of them; in pandas: to_json(path, orient="records", lines=True)'
        raise DataError(what, location=str(path), hint=hint)
    return list(keys)


def read_objects(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """All objects of a JSON file as they are, each with its location, "FILE, line 3"; raises DataError as `read_json`.

    Of an array the number of the object stands for the line.
    """
    if (parser := _parser_of(path)) is None:
        objects = _array(path, list[dict[str, Any]])
        yield from ((f"{path}, object {number}", one) for number, one in enumerate(objects, 1))
        return
    for piece in _pieces(path, _PIECE):
        yield from _located(path, piece, parser)


def objects_in(text: bytes, source: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of JSON Lines in memory, each with its location, "SOURCE, line 3"; raises DataError as above."""
    text = text.removeprefix(b"\xef\xbb\xbf")
    yield from _located(source, _Piece(text, 1, text.count(b"\n")), json.loads)


def require_keys(table: pl.DataFrame, keys: Sequence[str], path: Path) -> None:
    """Raises DataError, naming them, unless every key has a value in some line."""
    if missing := [key for key in keys if table[key].is_null().all()]:
        what = f"missing key{'s' if len(missing) > 1 else ''}: {', '.join(missing)}"
        hint = "give the file as it was published, or read it as a table with a column mapping (data.columns)"
        raise DataError(what, location=f"{path}, every line", hint=hint)


def _array_start(path: Path) -> Iterator[dict[str, Any]]:
    """The first objects of an array, as far as a piece of its text reaches."""
    text, decoder = read_text_bytes(path)[: _PIECE * 4].decode("utf-8", "ignore"), json.JSONDecoder()
    place = text.index("[") + 1
    with suppress(ValueError):  # the rest is not in this piece, or the array is damaged: reading it will tell
        while skipped := _NEXT_OBJECT.match(text, place):
            record, place = decoder.raw_decode(text, skipped.end())
            if isinstance(record, dict):
                yield record


def _parser_of(path: Path) -> _Parser | None:
    """What reads a line of a file, by how its text begins; None: it is an array of JSON objects."""
    try:
        with open_binary(path) as file:
            start = file.read(1 << 10).removeprefix(b"\xef\xbb\xbf")
    except DAMAGED as error:
        raise damaged_file(path, error) from error
    if re.match(rb"\s*\[\s*[{\]]", start):
        return None
    return ast.literal_eval if re.match(rb"\s*\{\s*u?'", start) else json.loads


def _array(path: Path, kind: Any) -> Any:
    try:
        return msgspec.json.decode(read_text_bytes(path), type=kind)
    except msgspec.MsgspecError as error:
        what = f"the array of objects cannot be read, it is cut off or no JSON: {str(error)[:100]}"
        raise DataError(what, location=str(path), hint="copy the file again, or write one object a line") from error


def _pieces(path: Path, size: int) -> Iterator[_Piece]:
    """The file in pieces of `size` bytes and the rest of a line."""
    first = 1
    try:
        with open_binary(path) as file:
            while text := file.read(size):
                text += (end := file.readline(_LONGEST_LINE))
                if first == 1:
                    require_text(text, path)
                    text = text.removeprefix(b"\xef\xbb\xbf")
                breaks = text.count(b"\n")
                if len(end) == _LONGEST_LINE:
                    what = f"a line is longer than {_LONGEST_LINE:,} bytes"
                    raise DataError(what, location=f"{path}, line {first + breaks}", hint="write one object a line")
                yield _Piece(text, first, breaks)
                first += breaks
    except DAMAGED as error:
        raise damaged_file(path, error) from error


def _records(path: Path, piece: _Piece, parse: _Parser) -> Iterator[dict[str, Any]]:
    """The objects of a piece, line by line; blank lines are passed over."""
    return (record for _, record in _located(path, piece, parse))


def _located(path: Path | str, piece: _Piece, parse: _Parser) -> Iterator[tuple[str, dict[str, Any]]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # a backslash too many in a text
        warnings.simplefilter("ignore", DeprecationWarning)
        for number, line in enumerate(piece.text.split(b"\n"), piece.first):
            if line.strip():
                location = f"{path}, line {number}"
                yield location, _record(location, line, parse)


def _record(location: str, line: bytes, parse: _Parser) -> dict[str, Any]:
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


def _frame(values: _Values, schema: Schema) -> pl.DataFrame:
    return pl.DataFrame(
        [_column(column, kind).alias(key) for column, (key, kind) in zip(values, schema.items(), strict=True)]
    )


def _column(values: Sequence[Any], kind: pl.DataType) -> pl.Series:
    """Values in the type wanted; as they are: whole numbers, numbers, lists of texts, or else texts."""
    kinds = set(map(type, values)) - {type(None)}
    if dict in kinds:
        values = [_unwrapped(value) for value in values]
        kinds = set(map(type, values)) - {type(None)}
    if isinstance(kind, pl.Unknown):
        if not kinds:
            return pl.Series(values, dtype=pl.Null)
        if kinds <= {int, float}:
            with suppress(OverflowError, pl.exceptions.PolarsError, TypeError):
                return pl.Series(values, dtype=pl.Float64 if float in kinds else pl.Int64)
        kind = pl.List(pl.String()) if kinds & {list, dict} else pl.String()
    if isinstance(kind, pl.List):
        return list_column([None if value is None else texts_within(value) for value in values])
    with suppress(TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        return pl.Series(values, dtype=pl.String).cast(kind)
    return pl.Series([None if value is None else _text(value) for value in values], dtype=pl.String).cast(kind)


def _one_type(pieces: Sequence[pl.Series]) -> Sequence[pl.Series]:
    """The pieces of a column; where one holds lists, all do."""
    if not any(piece.dtype.is_nested() for piece in pieces):
        return pieces
    kind = pl.List(pl.String())
    return [piece if piece.dtype.is_nested() else _column(piece.to_list(), kind).alias(piece.name) for piece in pieces]


def _unwrapped(value: Any) -> Any:
    """The value that an object of MongoDB stands for, as {"$date": {"$numberLong": "0"}} does."""
    while isinstance(value, dict) and len(value) == 1 and next(iter(value)).startswith("$"):
        (value,) = value.values()
    return value


def texts_within(value: Any) -> list[str]:
    """All values within lists and objects as texts, however nested; a value alone is one."""
    if isinstance(value, (list, dict)):
        return [text for part in (value.values() if isinstance(value, dict) else value) for text in texts_within(part)]
    return [] if value is None else [_text(value)]


def _text(value: Any) -> str:
    return str(value).encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair is no character
