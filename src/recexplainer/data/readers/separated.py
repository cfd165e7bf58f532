"""Separated text (CSV, TSV and their kin) as tables of text.

Files of one known layout are read by `read_separated`. Of a file of anybody, whose layout was found, `read_layout`
reads the rows: none vanishes without a word, and an error names the line.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from recexplainer.data.notes import Note
from recexplainer.data.readers.columns import ColumnMapping
from recexplainer.data.readers.layout import Layout, find_layout, split_lines
from recexplainer.data.readers.text import NoRowsError
from recexplainer.errors import DataError, first_line

_NO_TEXT = "\x1f"  # a separator of one byte that is in no text
_MOST_SHAPES = 1000
_QUOTED = re.compile(rb'"(?:[^"]|"")*"')  # a field of rewritten text
_SQL_NULL = "\\N"  # of MySQL and Hive


def read_separated(
    path: Path,
    separator: str,
    *,
    has_header: bool = True,
    quoted: bool = True,
    latin: bool = False,
    ragged: bool = False,
) -> pl.DataFrame:
    """Reads text of a known layout; every column is text. Raises DataError where that cannot be, or there are no rows.

    The separator has one character or more. Without a header the columns are column_1, column_2, …. If `quoted`, a
    field may stand in double quotes; if `ragged`, surplus fields of a line are dropped.
    """
    quotes = None if quoted else False
    options = ColumnMapping(separator=separator, has_header=has_header, quotes=quotes, ragged_lines=ragged)
    layout = find_layout(path, options, bool, latin=latin)
    table, notes = read_layout(layout)
    if notes:
        hint = "correct the quotes, or read it as a table: data.format table, with data.columns.quotes"
        raise DataError(notes[0].what, location=str(path), hint=hint)
    if len(set(layout.names)) < len(layout.names):
        what = "more than one column has the same name"
        raise DataError(what, location=f"{path}, line 1", hint="copy the file again as it was published")
    return table.rename(dict(zip(table.columns, layout.names, strict=True)))


def parse_table(path: Path, parse: Callable[[], pl.DataFrame]) -> pl.DataFrame:
    """Runs a parser of polars on a file; what it cannot read, or a table without rows, is a DataError."""
    try:
        table = parse()
    except (pl.exceptions.PolarsError, OSError) as error:
        what = f"the table cannot be read: {first_line(error)}"
        hint = "copy the file again, or write it anew; of separated text check separator and quotes"
        raise DataError(what, location=str(path), hint=hint) from error
    if table.is_empty():
        raise no_rows(path)
    return table


def no_rows(path: Path) -> NoRowsError:
    """The error of a table without rows."""
    return NoRowsError("the table has a header but no rows", location=str(path), hint="name a file that holds rows")


def read_layout(layout: Layout) -> tuple[pl.DataFrame, tuple[Note, ...]]:
    """The rows, `String[rows, names]`, without blank lines, and what was found.

    Columns are called by their numbers, "0", "1", …: names may be given twice. Raises DataError where there are no
    rows, a line has too many fields, or a quote swallows rows; it names the line.
    """
    data, separator = layout.data, layout.separator
    if not re.compile(rb"\S").search(data, _offset(layout)):
        raise no_rows(layout.path)
    quotes = layout.options.quotes is not False and b'"' in data
    behind_blank = separator.encode() + b' "'  # a doubled quote there opens nothing
    odd = separator == " " or (
        quotes and (b'\\"' in data or data.count(behind_blank) > data.count(behind_blank + b'"'))
    )
    table = None if odd else _read_fast(layout, quoted=quotes)
    notes: tuple[Note, ...] = ()
    lines = data.count(b"\n") + (not data.endswith(b"\n")) - layout.first if quotes else 0  # also those that are blank
    if table is None or (quotes and table.height != lines):
        text, notes = _rewritten(layout, quotes=quotes)
        plain = replace(layout, data=text, separator=_NO_TEXT, first=0)
        table = _read_fast(plain, quoted=True)
        if table is None:  # a row of the rewritten text has as many fields as the others
            raise DataError("the table cannot be read", location=str(layout.path), hint="check separator and quotes")
    table = _without_blank_lines(table)
    if table.is_empty():
        raise no_rows(layout.path)
    return table, notes


def located_rows(layout: Layout) -> Iterator[tuple[str, list[str]]]:
    """The fields of each row, quoted or not, with its location, "FILE, line 3"; blank lines are passed over.

    Raises DataError where a quote is not closed, or a line has more fields than there are names.
    """
    hint = "put a field in double quotes if the separator is in it, and double the quotes within; or use JSON Lines"
    try:
        for row in _rows(layout, "quotes"):
            location, width = f"{layout.path}, line {row.first}", len(layout.names)
            if any(field.strip() for field in row.fields[width:]):
                what = f"line {row.first} has {len(row.fields)} fields instead of {width}"
                raise DataError(what, location=location, hint=hint)
            yield location, row.fields
    except DataError as error:
        raise DataError(error.what, location=error.location, hint=hint) from error


def _without_blank_lines(table: pl.DataFrame) -> pl.DataFrame:
    if any(not column.null_count() for column in table.get_columns()[1:]):
        return table
    blank = pl.col("0").fill_null("").str.strip_chars() == ""
    return table.filter(~pl.all_horizontal(blank, pl.exclude("0").is_null()))


def _offset(layout: Layout) -> int:
    """Where the rows begin in the text."""
    place = 0
    for _ in range(layout.first):
        place = layout.data.find(b"\n", place) + 1 or len(layout.data)
    return place


def _read_fast(layout: Layout, *, quoted: bool) -> pl.DataFrame | None:
    """The rows as polars reads them; None where it cannot."""
    data, separator, ragged = layout.data, layout.separator, layout.options.ragged_lines
    if len(separator.encode()) > 1:
        data, separator = data.replace(separator.encode(), _NO_TEXT.encode()), _NO_TEXT
    try:
        return pl.read_csv(
            data,
            separator=separator,
            has_header=False,
            skip_lines=layout.first,
            infer_schema=False,
            schema={str(number): pl.String() for number in range(len(layout.names))},
            missing_columns="insert",
            extra_columns="ignore" if ragged else "raise",
            truncate_ragged_lines=ragged,
            quote_char='"' if quoted else None,
            null_values=[_SQL_NULL],
        )
    except pl.exceptions.PolarsError:
        return None


class _Row(NamedTuple):
    """The fields of a row, the lines that it stands on, and the number of the first of them."""

    fields: list[str]
    lines: list[str]
    first: int


_DIALECTS: dict[str, dict[str, Any]] = {
    "quotes": {"strict": True},
    "escapes": {"strict": True, "doublequote": False, "escapechar": "\\"},
    "text": {"quoting": csv.QUOTE_NONE},
}
"""How quotes may be meant: around fields and doubled within, around fields and behind a backslash within, as text."""


def _rewritten(layout: Layout, *, quotes: bool) -> tuple[bytes, tuple[Note, ...]]:
    """The rows in one plain dialect, and what was found: slower than polars, and it knows the line at fault.

    Where the quotes of a file make no sense around fields, they are text if that gives each line its fields.
    """
    if not quotes:
        return _write_rows(layout, _rows(layout, "text")), ()
    faults: list[DataError] = []
    for dialect in ("quotes", "escapes") if b'\\"' in layout.data else ("quotes",):
        try:
            return _write_rows(layout, _checked(layout, _rows(layout, dialect))), ()
        except DataError as error:
            faults.append(error)
    text = _write_rows(layout, _as_text(layout, faults[0]))
    what = f"{layout.path.name}: fields with quotes, which were taken as text ({faults[0].what})"
    return text, (Note(what, len(_QUOTED.findall(text)), warning=True),)


def _rows(layout: Layout, dialect: str) -> Iterator[_Row]:
    """The rows that are not blank. Raises DataError where a quote is not closed, or not before a separator."""
    lines = list[str]()
    text = io.TextIOWrapper(io.BytesIO(layout.data[_offset(layout) :]), encoding="utf-8", newline="\n")

    def seen() -> Iterator[str]:
        for line in text:
            lines.append(line.rstrip("\r\n").replace("\r", " "))
            yield f"{lines[-1]}\n"

    parsed, number = split_lines(seen(), layout.separator, **_DIALECTS[dialect]), layout.first + 1
    try:
        for fields in parsed:
            if any(line.strip() for line in lines):
                yield _Row(fields, lines.copy(), number)
            number += len(lines)
            lines.clear()
    except csv.Error as error:
        raise _quote_fault(layout, number, lines, str(error)) from error


def _quote_fault(layout: Layout, number: int, lines: Sequence[str], reason: str) -> DataError:
    if "expected after" in reason and len(lines) == 1:
        what = f"a quote is closed within a field in line {number}"
        hint = "double the quotes within a field, or set data.columns.quotes to false where quotes are text"
    else:
        what = f"a quote that opens in line {number} is not closed before a separator"
        hint = "correct that line, or set data.columns.quotes to false where quotes are text"
    return DataError(what, location=f"{layout.path}, line {number}", hint=hint)


def _checked(layout: Layout, rows: Iterator[_Row]) -> Iterator[_Row]:
    """The same rows. Raises DataError at the end where one stands on several lines of which others look like rows."""
    shapes, spans, width = set[str](), list[tuple[_Row, list[str | None]]](), len(layout.names)
    for row in rows:
        if len(row.lines) > 1:
            parts = [line.split(layout.separator) for line in row.lines[1:]]
            whole = [len(part) == width or (layout.options.ragged_lines and len(part) > width) for part in parts]
            spans.append((row, [_shape(part[0]) if fits else None for part, fits in zip(parts, whole, strict=True)]))
        elif len(shapes) < _MOST_SHAPES:
            shapes.add(_shape(row.fields[0]))
        yield row
    for row, inner in spans if layout.options.quotes is None else ():
        alike = [shape in shapes for shape in inner]
        if all(alike) or (width > 2 and any(alike)):
            last = row.first + len(row.lines) - 1
            what = f"a quote that opens in line {row.first} closes in line {last}, and lines between look like rows"
            hint = "correct that line; or set data.columns.quotes to false where quotes are text, to true where not"
            raise DataError(what, location=f"{layout.path}, line {row.first}", hint=hint)


def _shape(text: str) -> str:
    """What an id looks like: runs of letters and of digits."""
    return re.sub(r"\d+", "9", re.sub(r"[^\W\d_]+", "a", text.strip()))


def _write_rows(layout: Layout, rows: Iterator[_Row]) -> bytes:
    """Rows as text of one dialect. Raises DataError where one has too many fields."""
    out, width = io.StringIO(), len(layout.names)
    writer = csv.writer(out, delimiter=_NO_TEXT, lineterminator="\n")
    for row in rows:
        if any(field.strip() for field in row.fields[width:]) and not layout.options.ragged_lines:
            what = f"line {row.first} has {len(row.fields)} fields instead of {width}"
            hint = "check separator and quotes, or drop surplus fields with data.columns.ragged_lines"
            raise DataError(what, location=f"{layout.path}, line {row.first}", hint=hint)
        writer.writerow(row.fields[:width])
    return out.getvalue().encode()


def _as_text(layout: Layout, fault: DataError) -> Iterator[_Row]:
    """The rows with quotes as text. Raises the fault of reading them otherwise where that makes no sense either.

    It does where each line has all its fields, no name or id is in quotes, and none but a title of tabs' files is
    wholly in quotes.
    """
    if layout.options.quotes or b'"' in layout.data[: _offset(layout)]:
        raise fault
    for row in _rows(layout, "text"):
        wrapped = any(len(field) > 1 and field[0] == field[-1] == '"' for field in row.fields)
        if len(row.fields) != len(layout.names) or row.fields[0][:1] == '"' or (wrapped and layout.separator != "\t"):
            raise fault
        yield row
