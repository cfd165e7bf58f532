"""Tables of anybody: interactions and items in any mix of CSV, TSV, Parquet and JSON Lines."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from recexplainer.data.cleaning import ITEM_COLUMNS, require_columns
from recexplainer.data.dataset import Dataset
from recexplainer.data.readers import files
from recexplainer.data.readers.amazon import AMAZON
from recexplainer.data.readers.columns import ColumnMapping
from recexplainer.data.readers.files import Reader, files_named
from recexplainer.data.readers.json_lines import (
    require_json_lines,
)
from recexplainer.data.readers.movielens import MOVIELENS
from recexplainer.data.readers.separated import parse_table, read_separated
from recexplainer.data.readers.steam import STEAM
from recexplainer.errors import DataError

_TABLE_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_TABLE_KINDS = (*_TABLE_SEPARATORS, ".jsonl", ".ndjson", ".json", ".parquet")
_TABLE_ITEM_FIELDS = ("title", "description", "brand", "genres", "platforms", "features", "release_year")


def read_table(path: Path, columns: ColumnMapping | None = None) -> Dataset:
    """Reads interactions and items from two tables, or from one that holds titles too.

    `path` is a folder of tables, or the file of interactions. Raises DataError where a file or column is missing, or a
    file cannot be read.
    """
    columns = columns or ColumnMapping()
    interactions_file = _interactions_file(path, columns)
    items_file = _items_file(interactions_file, columns)
    raw = _read_table_file(interactions_file, columns)
    events = {"user_id": columns.user, "item_id": columns.item, "timestamp": columns.timestamp}
    interactions = _pick(raw, events, ("user_id", "item_id"), interactions_file)
    names = {"item_id": columns.item, **{name: getattr(columns, name) for name in _TABLE_ITEM_FIELDS}}
    if items_file is None:
        items = _pick(raw, names, ("item_id", "title"), interactions_file)
        items = items.drop_nulls("title").unique(subset="item_id", keep="first", maintain_order=True)
    else:
        names["item_id"] = columns.items_item or columns.item
        items = _pick(_read_table_file(items_file, columns), names, ("item_id", "title"), items_file)
    lists = [name for name, kind in ITEM_COLUMNS.items() if kind.is_nested() and name in items.columns]
    texts = [name for name in lists if items[name].dtype == pl.String]
    items = items.with_columns(pl.col(name).str.split(columns.list_separator) for name in texts)
    return Dataset.from_frames(interactions, items, name=files.dataset_name(path))


def _table_files(folder: Path) -> list[Path]:
    """The tables of a folder, other than the files of data sets that are known by name."""
    known = {file for reader in (AMAZON, MOVIELENS, STEAM) for file in reader.files(folder)}
    return [file for file in _tables(folder) if file not in known]


def _tables(folder: Path, pattern: str = ".+") -> list[Path]:
    return [file for file in files_named(folder, pattern) if files.kind_of(file) in _TABLE_KINDS]


def _interactions_file(path: Path, columns: ColumnMapping) -> Path:
    if path.is_file():
        return path
    if columns.interactions_file is not None:
        return path / columns.interactions_file
    tables = _tables(path)
    named = tables if len(tables) == 1 else _tables(path, r"interactions\..+")
    if len(named) != 1:
        there = ", ".join(file.name for file in tables) or "no table"
        what = f"it is not clear which file holds the interactions; there: {there}"
        hint = "call it interactions.csv (or .tsv, .parquet, .jsonl), or set data.columns.interactions_file"
        raise DataError(what, location=str(path), hint=hint)
    return named[0]


def _items_file(interactions_file: Path, columns: ColumnMapping) -> Path | None:
    if columns.items_file is not None:
        return interactions_file.parent / columns.items_file
    named = [file for file in _tables(interactions_file.parent, r"items\..+") if file != interactions_file]
    if len(named) > 1:
        what = f"several files of items: {', '.join(file.name for file in named)}"
        raise DataError(what, location=str(interactions_file.parent), hint="set data.columns.items_file")
    return named[0] if named else None


def _read_table_file(path: Path, columns: ColumnMapping) -> pl.DataFrame:
    kind = files.kind_of(path)
    if kind not in _TABLE_KINDS:
        what = f"'{kind}' is no table that can be read"
        raise DataError(what, location=str(path), hint=f"use one of {', '.join(_TABLE_KINDS)}")
    if kind == ".parquet":
        files.require_file(path)
        return parse_table(path, lambda: pl.read_parquet(path))
    if kind in _TABLE_SEPARATORS:
        separator = columns.separator or _TABLE_SEPARATORS[kind]
        return read_separated(path, separator, has_header=columns.has_header, ragged_lines=columns.ragged_lines)
    data = files.read_text_bytes(path)
    try:
        return parse_table(path, lambda: pl.read_ndjson(data, infer_schema_length=None))
    except DataError:
        require_json_lines(path, data)
        raise


def _pick(table: pl.DataFrame, wanted: dict[str, str | None], needed: tuple[str, ...], path: Path) -> pl.DataFrame:
    """The columns wanted under our names; what is needed, or was given another name than ours, must be there."""
    must = [theirs for ours, theirs in wanted.items() if theirs and (ours in needed or ours != theirs)]
    require_columns(table, must, str(path))
    return table.select(pl.col(theirs).alias(ours) for ours, theirs in wanted.items() if theirs in table.columns)


TABLE = Reader("table", "a table (.csv, .tsv, .parquet, .jsonl)", _table_files, read_table)
