"""Any table: CSV, TSV, Parquet or JSON Lines (text also as .gz), with a mapping of columns.

It knows what the user calls columns, and nothing of any particular data set.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from recexplainer.data.cleaning import require_columns
from recexplainer.data.dataset import Dataset
from recexplainer.data.readers.files import kind_of, parse_table, read_separated, read_text_bytes
from recexplainer.data.readers.lines import blame_json_line
from recexplainer.data.readers.names import data_set_files
from recexplainer.errors import DataError
from recexplainer.settings import Settings

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_JSON_LINES = (".jsonl", ".ndjson", ".json")
_KINDS = (*_SEPARATORS, *_JSON_LINES, ".parquet")
_LISTS = ("genres", "platforms", "features")


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
    """Column of the year; used only to tell items of one title apart."""
    list_separator: str = "|"
    """What separates genres, platforms and features where they are text."""
    separator: str | None = None
    """What separates the fields of a line; None: comma for .csv, tab for .tsv."""
    has_header: bool = True
    """Whether the first line of a CSV or TSV names the columns."""
    ragged_lines: bool = False
    """Pass lines that have more fields than the header, without what is too much."""


def claims(path: Path) -> bool:
    """Whether a path is, or a folder holds, a table, other than the files of data sets that are known by name."""
    folder, tables = (path, _tables(path)) if path.is_dir() else (path.parent, _of_kinds([path]))
    return not set(tables) <= set(data_set_files(folder))


def read(path: Path, columns: ColumnMapping | None = None) -> Dataset:
    """Reads interactions and items from two tables, or from one that holds titles too.

    Args:
        path: A folder of tables, or the file of interactions.
        columns: What the columns are called; None: as in the defaults of `ColumnMapping`.

    Raises:
        DataError: A file or column is missing, or a file cannot be read.
    """
    columns = columns or ColumnMapping()
    interactions_file = _interactions_file(path, columns)
    items_file = _items_file(interactions_file, columns)
    raw = _read_table(interactions_file, columns)
    interactions = _pick(raw, _interaction_columns(columns), ("user_id", "item_id"), interactions_file)
    source, source_file = (
        (raw, interactions_file) if items_file is None else (_read_table(items_file, columns), items_file)
    )
    own_id = columns.item if items_file is None else columns.items_item or columns.item
    items = _pick(source, _item_columns(columns, own_id), ("item_id", "title"), source_file)
    if items_file is None:
        items = items.drop_nulls("title").unique(subset="item_id", keep="first", maintain_order=True)
    name = path.name.partition(".")[0] if path.is_file() else path.name
    return Dataset.from_frames(interactions, _split_lists(items, columns.list_separator), name=name)


def _tables(folder: Path) -> list[Path]:
    return _of_kinds(sorted(file for file in folder.iterdir() if file.is_file()))


def _of_kinds(files: list[Path]) -> list[Path]:
    return [file for file in files if kind_of(file) in _KINDS]


def _named(folder: Path, stem: str) -> list[Path]:
    return [file for file in _tables(folder) if file.name.lower().partition(".")[0] == stem]


def _interactions_file(path: Path, columns: ColumnMapping) -> Path:
    if path.is_file():
        return path
    if columns.interactions_file is not None:
        return path / columns.interactions_file
    tables = _tables(path)
    named = tables if len(tables) == 1 else _named(path, "interactions")
    if len(named) != 1:
        there = ", ".join(file.name for file in tables) or "no table"
        raise DataError(
            f"it is not clear which file holds the interactions; there: {there}",
            location=str(path),
            hint="call it interactions.csv (or .tsv, .parquet, .jsonl), or set interactions_file",
        )
    return named[0]


def _items_file(interactions_file: Path, columns: ColumnMapping) -> Path | None:
    if columns.items_file is not None:
        return interactions_file.parent / columns.items_file
    named = [file for file in _named(interactions_file.parent, "items") if file != interactions_file]
    if len(named) > 1:
        raise DataError(
            f"several files of items: {', '.join(file.name for file in named)}",
            location=str(interactions_file.parent),
            hint="set items_file",
        )
    return named[0] if named else None


def _read_table(path: Path, columns: ColumnMapping) -> pl.DataFrame:
    kind = kind_of(path)
    if kind == ".parquet":
        if not path.is_file():
            raise DataError("there is no such file", location=str(path), hint="check the path")
        return parse_table(path, lambda: pl.read_parquet(path))
    if kind not in _KINDS:
        raise DataError(
            f"'{kind}' is no table that can be read", location=str(path), hint=f"use one of {', '.join(_KINDS)}"
        )
    if kind in _JSON_LINES:
        return _read_json(path)
    return read_separated(
        path,
        columns.separator or _SEPARATORS[kind],
        has_header=columns.has_header,
        ragged_lines=columns.ragged_lines,
    )


def _read_json(path: Path) -> pl.DataFrame:
    data = read_text_bytes(path)
    try:
        return parse_table(path, lambda: pl.read_ndjson(data, infer_schema_length=None))
    except DataError:
        blame_json_line(path, data)
        raise


def _interaction_columns(columns: ColumnMapping) -> dict[str, str]:
    wanted = {"user_id": columns.user, "item_id": columns.item}
    return wanted if columns.timestamp is None else {**wanted, "timestamp": columns.timestamp}


def _item_columns(columns: ColumnMapping, own_id: str) -> dict[str, str]:
    texts = {"item_id": own_id, "title": columns.title, "description": columns.description, "brand": columns.brand}
    lists = {"genres": columns.genres, "platforms": columns.platforms, "features": columns.features}
    return {**texts, **lists, "release_year": columns.release_year}


def _pick(table: pl.DataFrame, wanted: dict[str, str], needed: tuple[str, ...], path: Path) -> pl.DataFrame:
    """The columns wanted under our names; what is needed, or was given another name than ours, must be there."""
    must = [theirs for ours, theirs in wanted.items() if ours in needed or ours != theirs]
    require_columns(table, must, str(path))
    return table.select(pl.col(theirs).alias(ours) for ours, theirs in wanted.items() if theirs in table.columns)


def _split_lists(items: pl.DataFrame, separator: str) -> pl.DataFrame:
    texts = [name for name in _LISTS if name in items.columns and items[name].dtype == pl.String]
    return items.with_columns(pl.col(name).str.split(separator) for name in texts)
