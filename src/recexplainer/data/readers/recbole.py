"""RecBole's atomic files: NAME.inter and NAME.item, whose fields are named otherwise from data set to data set."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import polars as pl

from recexplainer.data.dataset import Dataset
from recexplainer.data.readers.columns import ColumnMapping
from recexplainer.data.readers.files import Reader, dataset_name, files_named, require_pair, stem_of
from recexplainer.data.readers.layout import find_layout, separator_name
from recexplainer.data.readers.sources import Source, open_layout
from recexplainer.data.readers.table import join_sources
from recexplainer.errors import DataError

_recbole_files = partial(files_named, pattern=r".+\.inter")


def read_recbole(path: Path, mapping: ColumnMapping | None = None) -> Dataset:
    """Columns `token_seq` of genres and platforms are lists of words; a title, though `token_seq` too, is one text."""
    mapping = _without_types(mapping or ColumnMapping())
    folder = path if path.is_dir() else path.parent
    inters = _recbole_files(path) if path.is_dir() else [path]
    tables = files_named(folder, r".+\.item")
    if mapping.interactions_file is not None:
        inters = [folder / mapping.interactions_file]
    if mapping.items_file is not None:
        tables = [folder / mapping.items_file]
    elif len(inters) == 1:
        tables = [file for file in tables if stem_of(file) == stem_of(inters[0])] or tables
    if len(inters) == 1 and not tables:  # titles may be the ids
        return join_sources(_open_atomic(inters[0], mapping), None, mapping, dataset_name(path), timed=True)
    hint = "leave one pair in the folder, or name the .inter file itself"
    wanted = "exactly one .inter file and one .item file, plain or .gz"
    inter_file, item_file = require_pair(path, inters, tables, wanted, hint)
    events, items = _open_atomic(inter_file, mapping), _open_atomic(item_file, mapping)
    return join_sources(events, items, mapping, dataset_name(path), timed=True, split=_split_words)


def _without_types(mapping: ColumnMapping) -> ColumnMapping:
    """The mapping, where a column may be named with its type: user_id:token is user_id."""
    named = {
        name: value for name, value in mapping if isinstance(value, str) and not name.endswith(("_file", "separator"))
    }
    return mapping.model_copy(update={name: value.partition(":")[0] for name, value in named.items()})


def _open_atomic(path: Path, mapping: ColumnMapping) -> Source:
    """The fields of an atomic file as text, named without their types; an empty field is null."""
    options = mapping.model_copy(update={"quotes": False, "has_header": True})
    layout = find_layout(path, options, lambda names: len(names) > 1 and all(":" in one for one in names if one), "\t")
    if untyped := [name for name in layout.names if name and ":" not in name]:
        what = f"a heading must read field:type, as user_id:token does; these do not: {', '.join(untyped)}"
        hint = "add the types, or rename the file to .tsv to read it as a plain table"
        raise DataError(what, location=layout.location, hint=hint)
    if layout.separator == " " and any(name.endswith("_seq") for name in layout.names):
        what = f"{separator_name(' ')} separate the fields of this file, and stand within its texts too"
        raise DataError(what, location=layout.location, hint="separate the fields by tabs")

    return open_layout(layout)._replace(names=tuple(name.rpartition(":")[0].strip() for name in layout.names))


def _split_words(texts: pl.Series) -> pl.Series:
    """Words separated by blanks; by commas where most texts of several words have them. Features stay one text."""
    several = texts.str.contains(" ").sum()
    if several and texts.str.contains(", ").sum() > several / 2:
        return texts.str.split(",")
    return texts if texts.name == "features" else texts.str.split(" ")


RECBOLE = Reader("recbole", "RecBole atomic files (.inter, .item)", _recbole_files, read_recbole, read_recbole)
