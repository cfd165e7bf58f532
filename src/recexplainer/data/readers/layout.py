"""How a file of separated text is laid out: what separates its fields, and which line names the columns.

It does not know what the columns mean: which line may name them is judged by a function given.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recexplainer.data.notes import Note
from recexplainer.data.readers.columns import ColumnMapping
from recexplainer.data.readers.text import read_text_bytes
from recexplainer.errors import DataError

SEPARATORS = {
    ",": "commas",
    ";": "semicolons",
    "\t": "tabs",
    "|": "vertical bars",
    "\x01": "control characters (0x01)",
    "::": "double colons",
    "~": "tildes",
    "^": "carets",
    " ": "blanks",
}
"""What may separate fields, and its name; of blanks there may be several in a row."""

_LONGEST_FIELD = (1 << 31) - 1  # in characters; the library's own limit is below that of some descriptions
_LINES_BEFORE_HEADER = 10
_SAMPLE_LINES = 50
_EXCEL_LINE = re.compile(r"\s*\"?sep=(.)\"?\s*", re.IGNORECASE)
_RULE = re.compile(r"[-+|=:,;\s]*--[-+|=:,;\s]*")  # as programs of databases draw it below the names

_IsHeader = Callable[[Sequence[str]], bool]


def separator_name(separator: str) -> str:
    """What to call a separator in a message."""
    return SEPARATORS.get(separator, f"'{separator}'")


@dataclass(frozen=True)
class Layout:
    """How a file of separated text is laid out.

    Attributes:
        path: The file.
        data: Its text, which has a line feed at the end of each line.
        separator: What separates the fields.
        names: The columns, as the file names them, or column_1, column_2, ….
        first: Number of lines before the rows.
        options: How it may be read; its columns' names say nothing here.
        notes: What was found and is not as expected.
    """

    path: Path
    data: bytes
    separator: str
    names: tuple[str, ...]
    first: int
    options: ColumnMapping
    notes: tuple[Note, ...]

    @property
    def location(self) -> str:
        """The line that names the columns, or the first row where none does."""
        return f"{self.path}, line {max(self.first, 1)}"


def find_layout(
    path: Path, options: ColumnMapping, is_header: _IsHeader, expected: str = ",", *, latin: bool = False
) -> Layout:
    """Finds the separator and the line that names the columns: the first with which `is_header` holds.

    The separator is that of `options`, or else the `expected` one unless only another gives such a line. Where there is
    none, the first line names the columns, and the separator is the one that gives most fields, the same number in each
    line. Raises DataError where the file cannot be read (text that is no UTF-8 is Latin-1 if `latin`), or another
    separator than that of `options` is right.
    """
    data = read_text_bytes(path, latin=latin)
    if data.startswith(b'{"'):
        hint = "let its name end in .jsonl, or in .json"
        raise DataError("the file is JSON, not separated text", location=f"{path}, line 1", hint=hint)
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    return _Finder(path, data, options, is_header, expected).layout()


class _Finder:
    def __init__(self, path: Path, data: bytes, options: ColumnMapping, is_header: _IsHeader, expected: str) -> None:
        self.path, self.data, self.options, self.is_header, self.expected = path, data, options, is_header, expected
        lines = data[: 1 << 18].decode("utf-8", "replace").split("\n", _SAMPLE_LINES)[:_SAMPLE_LINES]
        self.lines = [line.rstrip("\r").replace("\r", " ") for line in lines]
        excel = _EXCEL_LINE.fullmatch(self.lines[0])
        self.excel = excel is not None
        self.given = (options.separator or "").replace("\\t", "\t") or (excel[1] if excel else None)
        self.notes: list[Note] = []

    def layout(self) -> Layout:
        if self.options.has_header:
            line, separator = self._header()
            if separator != (self.given or self.expected):
                self.notes.append(Note(f"{self.path.name}: {separator_name(separator)} separate its fields", 1))
            names = self._names(line, separator)
            first = line + 2 if _RULE.fullmatch("".join(self.lines[line + 1 : line + 2])) else line + 1
        else:
            first, separator = self._first_row()
            width = len(split_line(self.lines[first], separator))
            names = tuple(f"column_{number + 1}" for number in range(width))
        return Layout(self.path, self.data, separator, names, first, self.options, tuple(self.notes))

    def _names(self, line: int, separator: str) -> tuple[str, ...]:
        """The columns that a line names, with one for row names as R writes them; it notes what is odd."""
        names = _header_names(self.lines[line], separator)
        self._skip(line, separator, len(names))
        rows = [split_line(text, separator) for text in self.lines[line + 1 : -1] or self.lines[-1:] if text.strip()]
        widths = {len(row) for row in rows}
        if widths == {len(names) + 1} and _counts_rows([row[0] for row in rows]):  # as R writes them
            return ("", *names)
        if widths and any(names[max(widths) :]):
            what = f"{self.path.name}: {len(names)} columns are named, but lines have {max(widths)} fields at most"
            self.notes.append(Note(what, 1, warning=True))
        return names

    def _skip(self, line: int, separator: str, width: int) -> None:
        """Notes the lines before the one that names the columns. Raises DataError where one is like a row."""
        before = [text for text in self.lines[self.excel : line] if text.strip()]
        rows = [split_line(text, separator) for text in before if not text.lstrip().startswith("#")]
        if any(len(row) == width and all(row) for row in rows):
            what = f"line {line + 1} names the columns, and there are rows before it"
            raise DataError(what, location=f"{self.path}, line {line + 1}", hint="make it the first line")
        if before:
            what = f"{self.path.name}: lines before the one that names the columns passed over"
            self.notes.append(Note(what, len(before)))

    def _header(self) -> tuple[int, str]:
        """The line that names the columns, and what separates them."""
        found = self._header_by([self.given] if self.given else [self.expected, *SEPARATORS])
        if found is None and self.options.separator and (other := self._header_by(list(SEPARATORS))):
            what = f"data.columns.separator is '{self.given}', but {separator_name(other[1])} separate the fields"
            hint = f"leave it out, or set it to {other[1]!r}"
            raise DataError(what, location=f"{self.path}, line {other[0] + 1}", hint=hint)
        return found or self._first_row(comments=True)

    def _header_by(self, separators: Sequence[str]) -> tuple[int, str] | None:
        for number, line in enumerate(self.lines[:_LINES_BEFORE_HEADER]):
            for separator in separators:
                if line.strip() and self.is_header(_header_names(line, separator)):
                    return number, separator
        return None

    def _first_row(self, *, comments: bool = False) -> tuple[int, str]:
        """The first line that is neither blank nor Excel's nor one of `comments`, and what separates its fields."""
        marks = ("#",) if comments else ()
        lines = enumerate(self.lines[self.excel :], self.excel)
        first = next((at for at, line in lines if line.strip() and not line.lstrip().startswith(marks)), 0)
        return first, self.given or _regular_separator(self.lines[first:], self.expected)


def split_lines(lines: Iterable[str], separator: str, **dialect: Any) -> Iterator[list[str]]:
    """The fields of lines that end in a line feed. Raises csv.Error where a strict `dialect` does not fit them."""
    if len(separator) > 1:
        return (line.rstrip("\n").split(separator) for line in lines)
    csv.field_size_limit(_LONGEST_FIELD)
    given = (f"{line.strip()}\n" for line in lines) if separator == " " else lines
    return csv.reader(given, delimiter=separator, skipinitialspace=True, **dialect)


def split_line(line: str, separator: str) -> list[str]:
    """The fields of one line."""
    return next(split_lines([line], separator), [])


def _header_names(line: str, separator: str) -> tuple[str, ...]:
    return tuple(name.strip().strip("\ufeff") for name in split_line(line.lstrip("#") or line, separator))


def _counts_rows(fields: Sequence[str]) -> bool:
    return any(list(fields) == list(map(str, range(first, first + len(fields)))) for first in (0, 1))


def _regular_separator(lines: Sequence[str], expected: str) -> str:
    """What gives most fields, as many in each line; blanks, which stand in texts too, only where nothing else does."""
    full = [line for line in lines[:-1] or lines if line.strip()]
    regular: dict[str, int] = {}
    for separator in (expected, *SEPARATORS):
        widths = {len(split_line(line, separator)) for line in full}
        if len(widths) == 1 and max(widths) > 1 and not (separator == " " and (regular or expected in full[0])):
            regular[separator] = max(widths)
    return max(regular, key=lambda one: regular[one], default=expected)
