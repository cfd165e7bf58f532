"""RecBole's atomic files: NAME.inter and NAME.item."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

import polars as pl

from recexplainer.data.cleaning import require_columns
from recexplainer.data.dataset import Dataset
from recexplainer.data.readers import files
from recexplainer.data.readers.files import Reader, files_named, stem_of
from recexplainer.data.readers.separated import read_separated
from recexplainer.errors import DataError

# RecBole: what public data sets call a column of the catalogue, the better name first.
_RECBOLE_ITEM_FIELDS: dict[str, tuple[str, ...]] = {
    "item_id": ("item_id",),
    "title": ("title", "movie_title", "name"),
    "description": ("description",),
    "brand": ("brand",),
    "genres": ("genres", "genre", "class", "categories"),
    "platforms": ("platforms", "platform"),
    "features": ("features",),
    "release_year": ("release_year", "year"),
}


_recbole_files = partial(files_named, pattern=r".+\.inter")


def _read_recbole(path: Path) -> Dataset:
    """Columns `token_seq` of genres and platforms are lists of words; a title, though `token_seq` too, is one text."""
    inters = _recbole_files(path) if path.is_dir() else [path]
    tables = files_named(path if path.is_dir() else path.parent, r".+\.item")
    if len(inters) == 1:
        tables = [file for file in tables if stem_of(file) == stem_of(inters[0])] or tables
    hint = "leave one pair in the folder, or name the .inter file itself"
    wanted = "exactly one .inter file and one .item file, plain or .gz"
    inter_file, item_file = files.require_pair(path, inters, tables, wanted, hint)
    interactions = _read_atomic(inter_file)
    require_columns(interactions, ("user_id", "item_id"), str(inter_file))
    return Dataset.from_frames(interactions, _recbole_items(item_file), name=files.dataset_name(path))


def _recbole_items(path: Path) -> pl.DataFrame:
    raw = _read_atomic(path)
    there = {ours: [name for name in theirs if name in raw.columns] for ours, theirs in _RECBOLE_ITEM_FIELDS.items()}
    require_columns(raw, [ours for ours in ("item_id", "title") if not there[ours]], str(path))
    catalogue = raw.select(pl.col(names[0]).alias(ours) for ours, names in there.items() if names)
    return catalogue.with_columns(pl.col(name).str.split(" ") for name in ("genres", "platforms") if there[name])


def _read_atomic(path: Path) -> pl.DataFrame:
    """The columns of an atomic file as text, named without their types; an empty field is null."""
    table = read_separated(path, "\t", quoted=False)
    if untyped := [column for column in table.columns if ":" not in column]:
        what = f"a heading must read field:type, as user_id:token does; these do not: {', '.join(untyped)}"
        hint = "add the types, or rename the file to .tsv to read it as a plain table"
        raise DataError(what, location=f"{path}, line 1", hint=hint)
    names = [column.rpartition(":")[0].strip() for column in table.columns]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        what = f"more than one column is called {', '.join(twice)}"
        raise DataError(what, location=f"{path}, line 1", hint="rename or remove all but one")
    return table.rename(dict(zip(table.columns, names, strict=True)))


RECBOLE = Reader("recbole", "RecBole atomic files (.inter, .item)", _recbole_files, _read_recbole)
