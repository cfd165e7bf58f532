"""Tables of any kind, of which only the columns wanted are read: separated text, JSON, Parquet, Arrow; also in parts.

A folder of parts, as Spark and Hive write it, is one table; `key=value` in the name of a folder is a column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import polars as pl

from recexplainer.data.notes import Note, counted
from recexplainer.data.readers.columns import ColumnMapping, names_columns
from recexplainer.data.readers.files import files_named, kind_of, plain_name
from recexplainer.data.readers.json_lines import first_keys, read_json
from recexplainer.data.readers.layout import Layout, find_layout
from recexplainer.data.readers.separated import parse_table, read_layout
from recexplainer.data.readers.text import NoRowsError, require_file
from recexplainer.errors import DataError

SEPARATED = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".psv": "|"}
KINDS = (*SEPARATED, ".jsonl", ".ndjson", ".json", ".parquet", ".pq", ".feather", ".arrow", ".ipc")
"""The suffixes of tables, without that of packing."""
NAMED_KINDS = (*KINDS, ".txt", ".dat", ".data")
"""Those of tables that are read where their name or a setting says that they are tables."""

_TABLES = ("interactions", "items")
_PART = re.compile(r"part-.*|_success.*|\d+_\d+|\d+\.part")
"""Names of parts, as Spark, Hive and Dask write them, or of what lies beside them."""
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_NOT_READ = {
    **dict.fromkeys((".xlsx", ".xls", ".xlsm", ".ods"), "a workbook: save the sheet as CSV UTF-8"),
    **dict.fromkeys((".pkl", ".pickle"), "a pickle, which may run code: save it as Parquet or CSV"),
    **dict.fromkeys((".orc", ".avro"), "not read: write the table as Parquet"),
    **dict.fromkeys((".zip", ".tar", ".tgz", ".7z", ".rar"), "an archive: unpack it into the folder"),
    **dict.fromkeys((".db", ".sqlite", ".sqlite3", ".duckdb"), "a database: export each table as CSV or Parquet"),
    **dict.fromkeys((".rds", ".rdata", ".sav", ".dta", ".sas7bdat"), "not read: export it as CSV or Parquet"),
}

_Frame = tuple[pl.DataFrame, tuple[Note, ...]]


class Source(NamedTuple):
    """A table that was opened: its columns, and a function that reads those at some places.

    Attributes:
        path: The file, or folder of parts.
        location: Where the columns are named.
        names: The columns, as the file names them.
        read: Of the places of columns, the rows, `[rows, places]`, and what was found. It raises DataError.
    """

    path: Path
    location: str
    names: tuple[str, ...]
    read: Callable[[Sequence[int]], _Frame]

    def read_as(self, columns: dict[str, int]) -> _Frame:
        """The rows with columns of other names; several may be of one place."""
        places = list(dict.fromkeys(columns.values()))
        frame, notes = self.read(places)
        return pl.DataFrame(
            [frame.to_series(places.index(place)).alias(ours) for ours, place in columns.items()]
        ), notes


def open_source(path: Path, mapping: ColumnMapping, roles: Sequence[str]) -> Source:
    """Opens a table that has columns for some `roles` (user, item, title). Raises DataError where it cannot be read."""
    if is_parts(path):
        return _open_parts(path, mapping, roles)
    kind = kind_of(path)
    if kind not in NAMED_KINDS and not _PART.fullmatch(plain_name(path)):
        what = f"'{kind}' is no table that can be read"
        hint = _NOT_READ.get(kind) or f"use one of {', '.join(KINDS)}"
        raise DataError(what, location=str(path), hint=hint)
    require_file(path)
    if kind in (".parquet", ".pq"):
        return _open_columns(path, pl.scan_parquet)
    if kind in (".feather", ".arrow", ".ipc"):
        return _open_columns(path, pl.scan_ipc)
    if kind in (".jsonl", ".ndjson", ".json"):
        return _open_json(path, mapping, roles)
    expected = SEPARATED.get(kind, "\t")
    return open_layout(find_layout(path, mapping, lambda names: names_columns(names, mapping, roles), expected))


def open_layout(layout: Layout) -> Source:
    """Opens separated text whose layout was found."""

    def read(places: Sequence[int]) -> _Frame:
        frame, notes = read_layout(layout)
        if (frame["0"] == layout.names[0]).any():
            named = (pl.col(str(place)) == name for place, name in enumerate(layout.names))
            rows = frame.filter(~pl.all_horizontal(named).fill_null(value=False))
            what = f"{layout.path.name}: lines that repeat the names of the columns passed over"
            notes, frame = (*notes, *counted((what, frame.height - rows.height))), rows
        return frame.select(map(str, places)), (*layout.notes, *notes)

    return Source(layout.path, layout.location, layout.names, read)


def not_read(path: Path) -> str | None:
    """A hint about a file (of a folder) that might be meant but is of a kind that is not read; None: there is none."""
    there = sorted(path.iterdir()) if path.is_dir() else [path]
    reasons = (
        (file.name, _NOT_READ.get(kind_of(file) or file.suffix.lower()))
        for file in there
        if not file.name.startswith(".")
    )
    return next((f"{name} is {reason}" for name, reason in reasons if reason is not None), None)


def tables(folder: Path, stem: str | None = None) -> list[Path]:
    """The tables of a folder, files and folders of parts; with a `stem` those called so, as interactions.csv is."""
    kinds = KINDS if stem is None else NAMED_KINDS
    files = [file for file in files_named(folder, ".+") if kind_of(file) in kinds]
    there = sorted((*files, *(inner for inner in folder.iterdir() if is_parts(inner))))
    return [table for table in there if stem in (None, plain_name(table).partition(".")[0])]


def is_parts(folder: Path) -> bool:
    """Whether a folder is one table: it is called as a table is, or its files or folders are as Spark or Hive write."""
    if not folder.is_dir() or folder.name.startswith((".", "_")):
        return False
    there = list(folder.iterdir())
    if kind_of(folder) in KINDS:
        marked = True
    elif plain_name(folder) in _TABLES:
        marked = not any(plain_name(entry).partition(".")[0] in _TABLES for entry in there)
    else:
        marked = any(_PART.fullmatch(plain_name(entry)) or _partition(entry) for entry in there)
    return marked and bool(_parts(folder))


def _partition(folder: Path) -> tuple[str, str | None] | None:
    """The column that a folder called `key=value` is a value of."""
    key, sign, value = folder.name.partition("=")
    if not (sign and key and folder.is_dir()):
        return None
    return key, None if value == _NO_VALUE else unquote(value)


def _parts(folder: Path) -> list[tuple[Path, dict[str, str | None]]]:
    """The files of one table, with the columns that their folders name; what is hidden or a mark is left out."""
    there = files_named(folder, r"[^_].*")
    files = [
        file
        for file in there
        if kind_of(file) in KINDS or (_PART.fullmatch(plain_name(file)) and kind_of(file) in ("", ".part"))
    ]
    numbered = [file for file in files if file.name.lower().startswith("part-")]
    found: list[tuple[Path, dict[str, str | None]]] = [(file, {}) for file in numbered or files]
    for inner in sorted(folder.iterdir()):
        if (partition := _partition(inner)) is not None:
            found += [(file, {partition[0]: partition[1], **others}) for file, others in _parts(inner)]
    return found


def _open_parts(folder: Path, mapping: ColumnMapping, roles: Sequence[str]) -> Source:
    if (folder / "_delta_log").is_dir():
        what = "a Delta table keeps files of rows that were deleted or replaced"
        hint = "write its present rows as Parquet, for example with polars: read_delta(path).write_parquet(file)"
        raise DataError(what, location=str(folder), hint=hint)
    opened: list[tuple[Source, dict[str, str | None]]] = []
    for file, partition in _parts(folder):
        try:
            opened.append((open_source(file, mapping, roles), partition))
        except NoRowsError:
            continue
    empty = NoRowsError("no part of the table holds rows", location=str(folder), hint="name a table that holds rows")
    if not opened:
        raise empty
    first = opened[0][0]
    for source, _ in opened:
        if kind_of(source.path) in SEPARATED and source.names != first.names:
            what = f"this part has the columns {', '.join(source.names)}, the first one {', '.join(first.names)}"
            hint = "give each part the same line of names, or join them to one file with one such line"
            raise DataError(what, location=str(source.path), hint=hint)
    names = tuple(dict.fromkeys(name for source, partition in opened for name in (*source.names, *partition)))
    if len(first.names) > len(set(first.names)):  # twice the same name, which choosing will refuse
        names = first.names

    def read(places: Sequence[int]) -> _Frame:
        wanted = [names[place] for place in places]
        frames: list[pl.DataFrame] = []
        notes: dict[Note, None] = {}
        for source, partition in opened:
            held = {name: source.names.index(name) for name in wanted if name in set(source.names) - set(partition)}
            with suppress(NoRowsError):
                frame, found = source.read_as(held or {"": 0})
                named = (pl.lit(partition[name], dtype=pl.String).alias(name) for name in wanted if name in partition)
                frames.append(frame.with_columns(named))
                notes |= dict.fromkeys(found)
        if not frames:
            raise empty
        return parse_table(folder, lambda: pl.concat(frames, how="diagonal_relaxed").select(wanted)), tuple(notes)

    return Source(folder, str(folder), names, read)


def _open_columns(path: Path, scan: Callable[[Path], pl.LazyFrame]) -> Source:
    """A file that holds its columns apart."""
    names = parse_table(path, lambda: pl.DataFrame({"names": scan(path).collect_schema().names()}))["names"].to_list()

    def read(places: Sequence[int]) -> _Frame:
        return parse_table(path, lambda: scan(path).select(names[place] for place in places).collect()), ()

    return Source(path, str(path), tuple(names), read)


def _open_json(path: Path, mapping: ColumnMapping, roles: Sequence[str]) -> Source:
    names = first_keys(path)
    if not names_columns(names, mapping, roles):
        names = first_keys(path, most=None)

    def read(places: Sequence[int]) -> _Frame:
        return read_json(path, {names[place]: pl.Unknown() for place in places}), ()

    return Source(path, str(path), tuple(names), read)
