"""Rows of a small table, JSON Lines or separated text, each with the line that it stands on.

For what people write by hand and must find again when it is wrong; interactions are read column by column instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from recexplainer.data.readers.columns import ColumnMapping
from recexplainer.data.readers.files import kind_of
from recexplainer.data.readers.json_lines import read_objects
from recexplainer.data.readers.layout import find_layout
from recexplainer.data.readers.separated import located_rows, no_rows
from recexplainer.data.readers.sources import SEPARATED
from recexplainer.data.readers.text import empty_file, require_file
from recexplainer.errors import DataError

_JSON = (".jsonl", ".ndjson", ".json")
_HINT = "use JSON Lines (.jsonl) or separated text (.csv, .tsv)"


def read_rows(path: Path, needed: Sequence[str]) -> list[tuple[str, Mapping[str, Any]]]:
    """The rows of a table, each with its location, "FILE, line 3".

    Values are as the file has them: of separated text all are text. Names of columns are compared without case there.
    Raises DataError where the file cannot be read, a line is no row, a column that is needed is missing, or there are
    no rows.
    """
    require_file(path)
    kind = kind_of(path)
    if kind not in (*_JSON, *SEPARATED, ".txt"):
        raise DataError(f"'{kind}' is no table that can be read here", location=str(path), hint=_HINT)
    rows = list(read_objects(path) if kind in _JSON else _separated(path, needed))
    if not rows:
        raise empty_file(path) if kind in _JSON else no_rows(path)
    return rows


def _separated(path: Path, needed: Sequence[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    def keys(names: Sequence[str]) -> list[str]:
        return [name.strip().lower() for name in names]

    expected = SEPARATED.get(kind_of(path), ",")
    layout = find_layout(path, ColumnMapping(), lambda names: {*needed} <= {*keys(names)}, expected)
    names = keys(layout.names)
    if missing := [name for name in needed if name not in names]:
        hint = f"name the columns {', '.join(needed)} in the first line; it has {', '.join(layout.names) or 'none'}"
        raise DataError(f"missing column: {missing[0]}", location=layout.location, hint=hint)
    for location, fields in located_rows(layout):
        yield location, dict(zip(names, fields, strict=False))
