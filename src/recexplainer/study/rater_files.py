"""The files that raters of a study send back, JSON or CSV: what is in them, not yet whether it may be so.

It knows formats only, neither the study's key nor what a rating is of.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from pydantic import TypeAdapter, ValidationError

from recexplainer.errors import DataError
from recexplainer.evaluation.rating_tables import N_LEVELS

COLUMNS = ("id", "rating", "comment", "rater", "packet")
"""The columns that a table must have; it may have others."""

_OF_THE_FILE = ("packet", "rater")  # columns that say the same in every row
_RATINGS = tuple(map(str, range(N_LEVELS)))


@dataclass(frozen=True, slots=True)
class RatedLine:
    """One entry as rated.

    Attributes:
        id: The entry's id in the packet.
        rating: 0 to 3, None where it is empty; anything else as it stands in the file.
        comment: The rater's own words, or "".
        row: Its place in the file, for errors.
    """

    id: str
    rating: Any
    comment: str = ""
    row: int = 0


@dataclass(frozen=True, slots=True)
class RaterFile:
    """What a rater has saved; a JSON file is just this. `packet` and `rater` are "" where a table does not say."""

    packet: str
    rater: str
    ratings: list[RatedLine]


def read_rater_file(path: Path) -> RaterFile:
    """Read what a rater has saved: the page's JSON, or a table as CSV.

    Raises:
        DataError: It is not there, of another kind, or damaged; the error names the file and the row.
    """
    if not path.is_file():
        refuse("There is no such file.", path, "Check the path; it is taken from where you are.")
    readers = {".json": _read_json, ".csv": _read_csv}
    if path.suffix.lower() not in readers:
        refuse("A rater's file is CSV or JSON.", path, "Give the file that the page saved, or the table as CSV.")
    try:
        text = path.read_bytes().decode("utf-8-sig")  # line ends as they are: csv sees to them
    except UnicodeDecodeError:
        refuse("The file is not UTF-8.", path, "Save the table again as “CSV UTF-8”.")
    return readers[path.suffix.lower()](path, text)


def _read_json(path: Path, text: str) -> RaterFile:
    hint = "Give the file as the page saved it."
    try:
        saved = TypeAdapter(RaterFile).validate_python(json.loads(text))
    except json.JSONDecodeError as error:
        refuse(f"The file is not JSON: {error}.", path, hint)
    except ValidationError as error:
        first = error.errors()[0]
        row = next((part + 1 for part in first["loc"] if isinstance(part, int)), None)
        refuse(f"{'.'.join(map(str, first['loc'])) or 'The file'}: {first['msg']}.", path, hint, row)
    return replace(saved, ratings=[replace(line, row=row) for row, line in enumerate(saved.ratings, start=1)])


def _read_csv(path: Path, text: str) -> RaterFile:
    """A table as exported or as a spreadsheet saves it: commas, semicolons or tabs, any line ends, blank rows."""
    first = next(iter(text.splitlines()), "")
    table = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    try:
        names, *rows = [[cell.strip() for cell in cells] for cells in table] or [[]]
    except csv.Error as error:
        refuse(f"The file is not a CSV table: {error}.", path, "Save the table again as “CSV UTF-8”.")
    if lacking := [name for name in COLUMNS if name not in names]:
        refuse(f"The table has no column {lacking[0]!r}.", path, "Keep the packet's columns and their names.", 1)
    cells_at = {row: cells for row, cells in enumerate(rows, start=2) if any(cells)}
    for row, cells in cells_at.items():
        if len(cells) != len(names):
            refuse(f"The row has {len(cells)} cells, not {len(names)}.", path, "Keep the packet's columns.", row)
    records = {row: dict(zip(names, cells, strict=True)) for row, cells in cells_at.items()}
    packet, rater = (_only(column, {record[column] for record in records.values()}, path) for column in _OF_THE_FILE)
    lines = [RatedLine(each["id"], _number(each["rating"]), each["comment"], row) for row, each in records.items()]
    return RaterFile(packet, rater, lines)


def _only(column: str, values: set[str], path: Path) -> str:
    """What a column says of the whole file; rows that leave it empty do not count."""
    given = sorted(values - {""})
    if len(given) > 1:
        said = " and ".join(map(repr, given[:2]))
        refuse(f"The column {column!r} says {said}.", path, "Give one file for each rater and packet.")
    return given[0] if given else ""


def _number(cell: str) -> int | str | None:
    """The rating in a cell; what is none is left as it is."""
    if not cell:
        return None
    return int(cell) if cell in _RATINGS else cell


def refuse(what: str, path: Path, hint: str, row: int | None = None) -> NoReturn:
    """Raise a DataError that names a file and, where it is known, the row: of a table counting its head, else of 1."""
    raise DataError(what, location=str(path) if row is None else f"{path}, row {row}", hint=hint) from None
