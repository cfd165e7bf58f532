"""Any table: CSV, TSV, Parquet or JSON Lines (text also as .gz), with a mapping of columns.

It knows what the user calls columns, and nothing of any particular data set but the names of its files.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from recexplainer.data.cleaning import ITEM_COLUMNS, require_columns
from recexplainer.data.dataset import Dataset
from recexplainer.data.readers import files
from recexplainer.data.readers.files import Reader
from recexplainer.data.readers.published import AMAZON, MOVIELENS, STEAM
from recexplainer.errors import DataError
from recexplainer.settings import Settings

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_KINDS = (*_SEPARATORS, ".jsonl", ".ndjson", ".json", ".parquet")
_ITEM_FIELDS = ("title", "description", "brand", "genres", "platforms", "features", "release_year")


class ColumnMapping(Settings):
    """Which files and columns hold what.

    A column that keeps its default name may be absent where it is not needed; one that was named must be there.
    Without a header the columns are called column_1, column_2, ….
    """

    interactions_file: str | None = None
    """File of interactions within the folder; None: the one called interactions.*, or the only table there."""
    items_file: str | None = None
    """File of items within the folder; None: the one called items.*, or else titles stand in the interactions."""
    user: str = "user_id"
    """Column of the user's id."""
    item: str = "item_id"
    """Column of the item's id among the interactions."""
    timestamp: str | None = "timestamp"
    """Column of the time, numbers or dates; None takes the order of rows."""
    items_item: str | None = None
    """Column of the item's id in the items file; None: as among the interactions."""
    title: str = "title"
    """Column of the title; where titles are the ids, name the same column as `item`."""
    description: str = "description"
    """Column of the description."""
    brand: str = "brand"
    """Column of the brand or maker."""
    genres: str = "genres"
    """Column of genres, tags or categories."""
    platforms: str = "platforms"
    """Column of platforms."""
    features: str = "features"
    """Column of features."""
    release_year: str = "release_year"
    """Column of the year; used only to distinguish items of one title."""
    list_separator: str = "|"
    """What separates genres, platforms and features where they are text."""
    separator: str | None = None
    """What separates the fields of a line; None: comma for .csv, tab for .tsv."""
    has_header: bool = True
    """Whether the first line of a CSV or TSV names the columns."""
    ragged_lines: bool = False
    """Accept lines that have more fields than the header; the surplus fields are dropped."""


def read_table(path: Path, columns: ColumnMapping | None = None) -> Dataset:
    """Reads interactions and items from two tables, or from one that holds titles too.

    `path` is a folder of tables, or the file of interactions. Raises DataError where a file or column is missing, or a
    file cannot be read.
    """
    columns = columns or ColumnMapping()
    interactions_file = _interactions_file(path, columns)
    items_file = _items_file(interactions_file, columns)
    raw = _read_file(interactions_file, columns)
    events = {"user_id": columns.user, "item_id": columns.item, "timestamp": columns.timestamp}
    interactions = _pick(raw, events, ("user_id", "item_id"), interactions_file)
    names = {"item_id": columns.item, **{name: getattr(columns, name) for name in _ITEM_FIELDS}}
    if items_file is None:
        items = _pick(raw, names, ("item_id", "title"), interactions_file)
        items = items.drop_nulls("title").unique(subset="item_id", keep="first", maintain_order=True)
    else:
        names["item_id"] = columns.items_item or columns.item
        items = _pick(_read_file(items_file, columns), names, ("item_id", "title"), items_file)
    lists = [name for name, kind in ITEM_COLUMNS.items() if kind.is_nested() and name in items.columns]
    texts = [name for name in lists if items[name].dtype == pl.String]
    items = items.with_columns(pl.col(name).str.split(columns.list_separator) for name in texts)
    return Dataset.from_frames(interactions, items, name=files.dataset_name(path))


def _files(folder: Path) -> list[Path]:
    """The tables of a folder, other than the files of data sets that are known by name."""
    known = {file for reader in (AMAZON, MOVIELENS, STEAM) for file in reader.files(folder)}
    return [file for file in _tables(folder) if file not in known]


def _tables(folder: Path, pattern: str = ".+") -> list[Path]:
    return [file for file in files.files_named(folder, pattern) if files.kind_of(file) in _KINDS]


def _interactions_file(path: Path, columns: ColumnMapping) -> Path:
    if path.is_file():
        return path
    if columns.interactions_file is not None:
        return path / columns.interactions_file
    tables = _tables(path)
    named = tables if len(tables) == 1 else _tables(path, r"interactions\..+")
    if len(named) != 1:
        there = ", ".join(file.name for file in tables) or "no table"
        raise DataError(
            f"it is not clear which file holds the interactions; there: {there}",
            location=str(path),
            hint="call it interactions.csv (or .tsv, .parquet, .jsonl), or set data.columns.interactions_file",
        )
    return named[0]


def _items_file(interactions_file: Path, columns: ColumnMapping) -> Path | None:
    if columns.items_file is not None:
        return interactions_file.parent / columns.items_file
    named = [file for file in _tables(interactions_file.parent, r"items\..+") if file != interactions_file]
    if len(named) > 1:
        what = f"several files of items: {', '.join(file.name for file in named)}"
        raise DataError(what, location=str(interactions_file.parent), hint="set data.columns.items_file")
    return named[0] if named else None


def _read_file(path: Path, columns: ColumnMapping) -> pl.DataFrame:
    kind = files.kind_of(path)
    if kind not in _KINDS:
        what = f"'{kind}' is no table that can be read"
        raise DataError(what, location=str(path), hint=f"use one of {', '.join(_KINDS)}")
    if kind == ".parquet":
        files.require_file(path)
        return files.parse_table(path, lambda: pl.read_parquet(path))
    if kind in _SEPARATORS:
        separator = columns.separator or _SEPARATORS[kind]
        return files.read_separated(path, separator, has_header=columns.has_header, ragged_lines=columns.ragged_lines)
    data = files.read_text_bytes(path)
    try:
        return files.parse_table(path, lambda: pl.read_ndjson(data, infer_schema_length=None))
    except DataError:
        files.require_json_lines(path, data)
        raise


def _pick(table: pl.DataFrame, wanted: dict[str, str | None], needed: tuple[str, ...], path: Path) -> pl.DataFrame:
    """The columns wanted under our names; what is needed, or was given another name than ours, must be there."""
    must = [theirs for ours, theirs in wanted.items() if theirs and (ours in needed or ours != theirs)]
    require_columns(table, must, str(path))
    return table.select(pl.col(theirs).alias(ours) for ours, theirs in wanted.items() if theirs in table.columns)


TABLE = Reader("table", "a table (.csv, .tsv, .parquet, .jsonl)", _files, read_table)
"""Reads tables whose columns have the default names; `read_table` takes other names."""
