"""Rows of a small table, JSON Lines, separated text or Parquet, each with the line or row that it stands on.

For what people write by hand and must find again when it is wrong; interactions are read column by column instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from recexplainer.data.readers.columns import ColumnMapping
from recexplainer.data.readers.files import kind_of
from recexplainer.data.readers.json_lines import objects_in, read_objects
from recexplainer.data.readers.layout import find_layout
from recexplainer.data.readers.separated import located_rows, no_rows
from recexplainer.data.readers.sources import SEPARATED
from recexplainer.data.readers.text import DAMAGED, damaged_file, empty_file, require_file
from recexplainer.errors import DataError

_JSON = (".jsonl", ".ndjson", ".json")
_PARQUET = (".parquet", ".pq")
_HINT = "use JSON Lines (.jsonl), separated text (.csv, .tsv) or Parquet (.parquet)"


def read_rows(path: Path, needed: Sequence[str]) -> list[tuple[str, Mapping[str, Any]]]:
    """The rows of a table, each with its location, "FILE, line 3"; of Parquet "FILE, row 3".

    Values are as the file has them: of separated text all are text. Names of columns are compared without case there,
    and in Parquet. Raises DataError where the file cannot be read, a line is no row, a column that is needed is
    missing, or there are no rows.
    """
    require_file(path)
    kind = kind_of(path)
    if kind not in (*_JSON, *_PARQUET, *SEPARATED, ".txt"):
        raise DataError(f"'{kind}' is no table that can be read here", location=str(path), hint=_HINT)
    read = _parquet if kind in _PARQUET else _separated
    rows = list(read_objects(path) if kind in _JSON else read(path, needed))
    if not rows:
        raise empty_file(path) if kind in _JSON else no_rows(path)
    return rows


def read_lines(text: bytes, source: str) -> list[tuple[str, Mapping[str, Any]]]:
    """The objects of JSON Lines that are no file, such as what standard input holds; locations and errors as above."""
    rows: list[tuple[str, Mapping[str, Any]]] = list(objects_in(text, source))
    if not rows:
        raise DataError("there are no rows", location=source, hint="give one JSON object a line")
    return rows


def _lowered(names: Sequence[str]) -> list[str]:
    """Names of columns as they are compared."""
    return [name.strip().lower() for name in names]


def _keys(names: Sequence[str], needed: Sequence[str], location: str) -> list[str]:
    """The names of the columns, lowered. Raises DataError where one that is needed is missing."""
    keys = _lowered(names)
    if missing := [name for name in needed if name not in keys]:
        hint = f"name the columns {', '.join(needed)}; there is {', '.join(names) or 'none'}"
        raise DataError(f"missing column: {missing[0]}", location=location, hint=hint)
    return keys


def _separated(path: Path, needed: Sequence[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    expected = SEPARATED.get(kind_of(path), ",")
    layout = find_layout(path, ColumnMapping(), lambda names: {*needed} <= {*_lowered(names)}, expected)
    keys = _keys(layout.names, needed, layout.location)
    for location, fields in located_rows(layout):
        yield location, dict(zip(keys, fields, strict=False))


def _parquet(path: Path, needed: Sequence[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        frame = pl.read_parquet(path)
    except DAMAGED as error:
        raise damaged_file(path, error) from error
    keys = _keys(frame.columns, needed, str(path))
    for number, fields in enumerate(frame.iter_rows(), 1):
        yield f"{path}, row {number}", dict(zip(keys, fields, strict=True))
