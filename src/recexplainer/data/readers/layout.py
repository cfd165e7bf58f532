"""How a file of separated text is laid out: what separates its fields, and which line names the columns.

It does not know what the columns mean: which line may name them is judged by a function given.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from recexplainer.data.notes import Note
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

LONGEST_FIELD = (1 << 31) - 1
"""The longest field of a line, in characters; the library's own limit is below that of some descriptions."""

_LINES_BEFORE_HEADER = 10
_SAMPLE_LINES = 50
_EXCEL_LINE = re.compile(r"\s*\"?sep=(.)\"?\s*", re.IGNORECASE)

_IsHeader = Callable[[Sequence[str]], bool]


def separator_name(separator: str) -> str:
    """What to call a separator in a message."""
    return SEPARATORS.get(separator, f"'{separator}'")


class Options(NamedTuple):
    """What is known of a file before it is looked at.

    Attributes:
        separator: What separates its fields for certain; None: it is found.
        expected: What separates them unless that gives other columns.
        has_header: Whether a line names the columns.
        quotes: Whether a field may stand in double quotes; None: as far as the file agrees.
        ragged: Whether surplus fields of a line are dropped.
    """

    separator: str | None = None
    expected: str = ","
    has_header: bool = True
    quotes: bool | None = None
    ragged: bool = False


@dataclass(frozen=True)
class Layout:
    """How a file of separated text is laid out.

    Attributes:
        path: The file.
        data: Its text, which has a line feed at the end of each line.
        separator: What separates the fields.
        names: The columns, as the file names them, or column_1, column_2, ….
        first: Number of lines before the rows.
        options: As given.
        notes: What was found and is not as expected.
    """

    path: Path
    data: bytes
    separator: str
    names: tuple[str, ...]
    first: int
    options: Options
    notes: tuple[Note, ...]

    @property
    def location(self) -> str:
        """The line that names the columns, or the first row where none does."""
        return f"{self.path}, line {max(self.first, 1)}"


def find_layout(path: Path, options: Options, is_header: _IsHeader) -> Layout:
    """Finds the separator and the line that names the columns: the first with which `is_header` holds.

    Where there is none, the first line names the columns, and the separator is the one that gives most fields, the same
    number in each line. Raises DataError where the file cannot be read, or another separator than the one given is
    right.
    """
    data = read_text_bytes(path)
    if b"\n" not in data and b"\r" in data:
        data = data.replace(b"\r", b"\n")
    return _Finder(path, data, options, is_header).layout()


class _Finder:
    def __init__(self, path: Path, data: bytes, options: Options, is_header: _IsHeader) -> None:
        self.path, self.data, self.options, self.is_header = path, data, options, is_header
        text = data[: 1 << 18].decode("utf-8", "replace")
        self.lines = [line.rstrip("\r").replace("\r", " ") for line in text.split("\n")[:_SAMPLE_LINES]]
        excel = _EXCEL_LINE.fullmatch(self.lines[0])
        self.excel = excel[1] if excel else None
        self.given = options.separator or self.excel
        self.notes: list[Note] = []

    def layout(self) -> Layout:
        if self.excel and self.given != self.excel:
            what = f"{self.path.name}: its first line says sep={self.excel}, data.columns.separator says '{self.given}'"
            self.notes.append(Note(f"{what}, which was taken", 1, warning=True))
        if not self.options.has_header:
            first = self._first_line()
            separator = self.given or _regular_separator(self.lines[first:], self.options.expected)
            width = len(split_line(self.lines[first], separator))
            return self._made(separator, tuple(f"column_{number + 1}" for number in range(width)), first)
        line, separator = self._header()
        if separator != (self.given or self.options.expected):
            self.notes.append(Note(f"{self.path.name}: {separator_name(separator)} separate its fields", 1))
        return self._made(separator, self._names(line, separator), line + 1)

    def _names(self, line: int, separator: str) -> tuple[str, ...]:
        """The columns that a line names, with one for row names as R writes them; it notes what is odd."""
        names = _header_names(self.lines[line], separator)
        self._skip(line, separator, len(names))
        rows = [split_line(text, separator) for text in self.lines[line + 1 : -1] or self.lines[-1:] if text.strip()]
        widths = {len(row) for row in rows}
        if widths == {len(names) + 1} and _counts_rows([row[0] for row in rows]):  # as R writes them
            names = ("", *names)
        elif widths and any(names[max(widths) :]):
            what = f"{self.path.name}: {len(names)} columns are named, but lines have {max(widths)} fields at most"
            self.notes.append(Note(what, 1, warning=True))
        return names

    def _made(self, separator: str, names: tuple[str, ...], first: int) -> Layout:
        return Layout(self.path, self.data, separator, names, first, self.options, tuple(self.notes))

    def _skip(self, line: int, separator: str, width: int) -> None:
        """Notes the lines before the one that names the columns. Raises DataError where one is like a row."""
        before = [text for text in self.lines[bool(self.excel) : line] if text.strip()]
        rows = [text for text in before if not text.lstrip().startswith("#") and all(split_line(text, separator))]
        if any(len(split_line(text, separator)) == width for text in rows):
            what = f"line {line + 1} names the columns, and there are rows before it"
            raise DataError(what, location=f"{self.path}, line {line + 1}", hint="make it the first line")
        if before:
            what = f"{self.path.name}: lines before the one that names the columns passed over"
            self.notes.append(Note(what, len(before)))

    def _header(self) -> tuple[int, str]:
        """The line that names the columns, and what separates them."""
        expected = self.options.expected
        tried = [self.given] if self.given else list(dict.fromkeys((expected, *SEPARATORS)))
        if (header := self._header_by(tried)) is not None:
            return header
        if self.options.separator and (other := self._header_by(list(SEPARATORS))) is not None:
            name = separator_name(other[1])
            what = f"data.columns.separator is '{self.given}', but {name} separate the fields"
            hint = f"leave it out, or set it to {other[1]!r}"
            raise DataError(what, location=f"{self.path}, line {other[0] + 1}", hint=hint)
        first = self._first_line(comments=True)
        return first, self.given or _regular_separator(self.lines[first:], expected)

    def _header_by(self, separators: Sequence[str]) -> tuple[int, str] | None:
        for number, line in enumerate(self.lines[:_LINES_BEFORE_HEADER]):
            for separator in separators:
                if line.strip() and self.is_header(_header_names(line, separator)):
                    return number, separator
        return None

    def _first_line(self, *, comments: bool = False) -> int:
        """The first line that is neither blank nor Excel's, and none of those `comments` that begin with #."""
        marks = ("#",) if comments else ()
        lines = enumerate(self.lines[bool(self.excel) :], bool(self.excel))
        return next((at for at, line in lines if line.strip() and not line.lstrip().startswith(marks)), 0)


def split_line(line: str, separator: str) -> list[str]:
    """The fields of one line."""
    if separator == " ":
        line = line.strip()
    if len(separator) > 1:
        return line.split(separator)
    csv.field_size_limit(LONGEST_FIELD)
    return next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])


def _header_names(line: str, separator: str) -> tuple[str, ...]:
    return tuple(name.strip().strip("\ufeff") for name in split_line(line.lstrip("#") or line, separator))


def _counts_rows(fields: Sequence[str]) -> bool:
    return any(list(fields) == list(map(str, range(first, first + len(fields)))) for first in (0, 1))


def _regular_separator(lines: Sequence[str], expected: str) -> str:
    """What gives most fields, as many in each line; blanks, which stand in texts too, only where nothing else does."""
    full = [line for line in lines[:-1] or lines if line.strip()]
    regular: dict[str, int] = {}
    for separator in dict.fromkeys((expected, *SEPARATORS)):
        width = _width(full, separator)
        if width > 1 and not (separator == " " and (regular or expected in full[0])):
            regular[separator] = width
    return max(regular, key=lambda one: regular[one], default=expected)


def _width(lines: Sequence[str], separator: str) -> int:
    """The number of fields of each line; 0 where lines differ."""
    widths = {len(split_line(line, separator)) for line in lines}
    return widths.pop() if len(widths) == 1 else 0
