"""Tables of anybody: interactions and items in any mix of CSV, TSV, Parquet, Arrow and JSON, whole or in parts."""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import polars as pl

from recexplainer.data.cleaning import ITEM_COLUMNS, list_column
from recexplainer.data.dataset import Dataset
from recexplainer.data.notes import Note, counted
from recexplainer.data.readers.amazon import AMAZON
from recexplainer.data.readers.columns import ColumnMapping, Names, choose_columns
from recexplainer.data.readers.files import Reader, dataset_name
from recexplainer.data.readers.json_lines import texts_within
from recexplainer.data.readers.movielens import MOVIELENS
from recexplainer.data.readers.sources import Source, is_parts, not_read, open_source, tables
from recexplainer.data.readers.steam import STEAM
from recexplainer.errors import DataError


def read_table(path: Path, columns: ColumnMapping | None = None) -> Dataset:
    """Reads interactions and items from two tables, or from one that holds titles too.

    `path` is a folder of tables, or the file (or folder of parts) of interactions. Raises DataError where a file or
    column is missing, or a file cannot be read.
    """
    columns = columns or ColumnMapping()
    interactions_file = _interactions_file(path, columns)
    items_file = _items_file(interactions_file, columns)
    roles = ("user", "item") if items_file else ("user", "item", "title")
    events = open_source(interactions_file, columns, roles)
    items = None if items_file is None else open_source(items_file, columns, ("title",))
    return join_sources(events, items, columns, dataset_name(path))


def join_sources(
    events: Source,
    items: Source | None,
    mapping: ColumnMapping,
    name: str,
    *,
    timed: bool = False,
    split: Callable[[pl.Series], pl.Series] | None = None,
) -> Dataset:
    """The data of two tables, or of one; `timed` as in `choose_columns`; `split` makes lists of a column of text.

    Raises DataError where a column is missing or cannot be read.
    """
    chosen = choose_columns(
        mapping,
        Names(events.names, events.location),
        None if items is None else Names(items.names, items.location),
        timed=timed,
    )
    if items is None:
        both = {**chosen.events, **{f"item {ours}": place for ours, place in chosen.items.items()}}
        frame, notes = events.read_as(both)
        interactions = frame.select(*chosen.events)
        catalogue = frame.select(pl.col(f"item {ours}").alias(ours) for ours in chosen.items)
        catalogue, fallback = _with_fallback(catalogue)
        catalogue = catalogue.drop_nulls("title").unique(subset="item_id", keep="first", maintain_order=True)
    else:
        interactions, notes = events.read_as(chosen.events)
        catalogue, more = items.read_as(chosen.items)
        catalogue, fallback = _with_fallback(catalogue)
        notes = (*notes, *more)
    listed = [name for name, kind in ITEM_COLUMNS.items() if kind.is_nested() and name in catalogue.columns]
    split = split or (lambda texts: _split_lists(texts, mapping.list_separator))
    catalogue = catalogue.with_columns(split(catalogue[name]) for name in listed if catalogue[name].dtype == pl.String)
    dataset = Dataset.from_frames(interactions, catalogue, name=name, day_first=mapping.day_first)
    return replace(dataset, notes=(*chosen.notes, *notes, *fallback, *dataset.notes))


def _split_lists(texts: pl.Series, separator: str) -> pl.Series:
    """Lists of a column of text; where all are lists as Python or JSON writes them, their values."""
    values: list[list[str] | None] = []
    with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
        if texts.str.contains(r"^\s*\[.*\]\s*$").all() and texts.null_count() < len(texts):
            values = [None if text is None else texts_within(literal_eval(text.strip())) for text in texts]
    return list_column(values).alias(texts.name) if values else texts.str.split(separator)


def _with_fallback(items: pl.DataFrame) -> tuple[pl.DataFrame, tuple[Note, ...]]:
    """The items, where one without a title has the name of its app."""
    if "fallback_title" not in items.columns:
        return items, ()
    without = items["title"].is_null() | (items["title"].cast(pl.String).str.strip_chars() == "")
    title = pl.when(without).then(pl.col("fallback_title")).otherwise(pl.col("title")).alias("title")
    named = int((without & items["fallback_title"].is_not_null()).sum())
    return items.with_columns(title).drop("fallback_title"), counted(
        ("items without a title: its app_name taken", named)
    )


def _table_files(folder: Path) -> list[Path]:
    """The tables of a folder, other than the files of data sets that are known by name."""
    if is_parts(folder):
        return [folder]
    known = {file for reader in (AMAZON, MOVIELENS, STEAM) for file in reader.files(folder)}
    there = dict.fromkeys((*tables(folder), *tables(folder, "interactions")))
    return [file for file in there if file not in known]


def _interactions_file(path: Path, columns: ColumnMapping) -> Path:
    if path.is_file():
        return path
    if columns.interactions_file is not None:
        return path / columns.interactions_file
    if is_parts(path):
        return path
    there, unread = tables(path), not_read(path)
    named = tables(path, "interactions")
    if not named and len(there) == 1 and not (unread and tables(path, "items")):
        named = there
    if len(named) != 1:
        names = ", ".join(file.name for file in there) or "no table"
        what = f"it is not clear which file holds the interactions; there: {names}"
        hint = "call it interactions.csv (or .tsv, .parquet, .jsonl), or a folder of its parts interactions"
        hint = unread or f"{hint}, or set data.columns.interactions_file"
        raise DataError(what, location=str(path), hint=hint)
    return named[0]


def _items_file(interactions_file: Path, columns: ColumnMapping) -> Path | None:
    folder = interactions_file.parent
    if columns.items_file is not None:
        return folder / columns.items_file
    named = [file for file in tables(folder, "items") if file != interactions_file]
    if len(named) > 1:
        what = f"several files of items: {', '.join(file.name for file in named)}"
        raise DataError(what, location=str(folder), hint="set data.columns.items_file")
    return named[0] if named else None


TABLE = Reader("table", "a table (.csv, .tsv, .parquet, .jsonl)", _table_files, read_table, read_table)
