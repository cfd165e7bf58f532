"""RecBole's atomic files: NAME.inter and NAME.item, tab-separated, each column headed `field:type`; also .gz.

It knows the names that public RecBole data sets give to titles and attributes, and nothing of other formats.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl

from recexplainer.data.cleaning import require_columns
from recexplainer.data.dataset import Dataset
from recexplainer.data.readers.files import Reader, files_named, read_separated, require_pair, stem_of
from recexplainer.errors import DataError

# What public data sets call a column of the catalogue, the better name first.
_ITEM_FIELDS: dict[str, tuple[str, ...]] = {
    "item_id": ("item_id",),
    "title": ("title", "movie_title", "name"),
    "description": ("description",),
    "brand": ("brand",),
    "genres": ("genres", "genre", "class", "categories"),
    "platforms": ("platforms", "platform"),
    "features": ("features",),
    "release_year": ("release_year", "year"),
}
_WORD_LISTS = ("genres", "platforms")


def _read(path: Path) -> Dataset:
    """Columns `token_seq` of genres and platforms are lists of words; a title, though `token_seq` too, is one text."""
    inter_file, item_file = _pair(path)
    interactions, items = _atomic(inter_file), _atomic(item_file)
    require_columns(interactions, ("user_id", "item_id"), str(inter_file))
    name = path.name if path.is_dir() else stem_of(path)
    return Dataset.from_frames(interactions, _catalogue(items, item_file), name=name)


def _files(folder: Path) -> list[Path]:
    return files_named(folder, r".+\.inter")


def _pair(path: Path) -> tuple[Path, Path]:
    inters = _files(path) if path.is_dir() else [path]
    items = files_named(path if path.is_dir() else path.parent, r".+\.item")
    if len(inters) == 1:
        items = [file for file in items if stem_of(file) == stem_of(inters[0])] or items
    hint = "leave one pair in the folder, or name the .inter file itself"
    return require_pair(path, inters, items, "exactly one .inter file and one .item file, plain or .gz", hint)


def _atomic(path: Path) -> pl.DataFrame:
    """The columns of an atomic file as text, named without their types; an empty field is null."""
    table = read_separated(path, "\t", quoted=False)
    if untyped := [column for column in table.columns if ":" not in column]:
        raise DataError(
            f"a heading must read field:type, as user_id:token does; these do not: {', '.join(untyped)}",
            location=f"{path}, line 1",
            hint="add the types, or rename the file to .tsv to read it as a plain table",
        )
    names = [column.rpartition(":")[0].strip() for column in table.columns]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        what = f"more than one column is called {', '.join(twice)}"
        raise DataError(what, location=f"{path}, line 1", hint="rename or remove all but one")
    return table.rename(dict(zip(table.columns, names, strict=True)))


def _catalogue(items: pl.DataFrame, path: Path) -> pl.DataFrame:
    there = {ours: [field for field in theirs if field in items.columns] for ours, theirs in _ITEM_FIELDS.items()}
    catalogue = items.select(pl.col(fields[0]).alias(ours) for ours, fields in there.items() if fields)
    if missing := [ours for ours in ("item_id", "title") if not there[ours]]:
        require_columns(items, missing, str(path))
    return catalogue.with_columns(pl.col(name).str.split(" ") for name in _WORD_LISTS if there[name])


RECBOLE = Reader("recbole", "RecBole atomic files (.inter, .item)", _files, _read)
"""Reads one pair of .inter and .item files."""
