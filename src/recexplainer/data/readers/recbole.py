r"""RecBole's atomic files: NAME.inter and NAME.item, tab-separated, each column headed `field:type`; also .gz.

It knows the names that public RecBole data sets give to titles and attributes, and nothing of other formats.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl

from recexplainer.data.cleaning import require_columns
from recexplainer.data.dataset import Dataset
from recexplainer.data.readers.files import kind_of, read_separated
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


def claims(path: Path) -> bool:
    """Whether a path is, or a folder holds, an .inter file."""
    return bool(_files(path, ".inter")) if path.is_dir() else kind_of(path) == ".inter"


def read(path: Path) -> Dataset:
    """Reads one pair of .inter and .item files.

    `token_seq` columns of genres and platforms are lists of words; a title, though `token_seq` too, is one text.

    Args:
        path: The folder that holds exactly one of each, or the .inter file.

    Raises:
        DataError: A file or a field is missing, there are several, or a file cannot be read.
    """
    folder = path if path.is_dir() else path.parent
    inter_file = _only(folder, ".inter") if path.is_dir() else path
    stem = inter_file.name.lower().removesuffix(".gz").removesuffix(".inter")
    twins = [file for file in _files(folder, ".item") if file.name.lower().removesuffix(".gz") == f"{stem}.item"]
    item_file = twins[0] if len(twins) == 1 else _only(folder, ".item")
    interactions, items = _atomic(inter_file), _atomic(item_file)
    require_columns(interactions, ("user_id", "item_id"), str(inter_file))
    name = path.name if path.is_dir() else stem
    return Dataset.from_frames(interactions, _catalogue(items, item_file), name=name)


def _files(folder: Path, kind: str) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.is_file() and kind_of(file) == kind)


def _only(folder: Path, kind: str) -> Path:
    files = _files(folder, kind)
    if len(files) != 1:
        there = ", ".join(file.name for file in files) or "none"
        raise DataError(
            f"there must be exactly one {kind} file, plain or .gz; there: {there}",
            location=str(folder),
            hint="name the .inter file itself"
            if files and kind == ".inter"
            else f"leave one {kind} file in the folder",
        )
    return files[0]


def _atomic(path: Path) -> pl.DataFrame:
    """The columns of an atomic file as text, named without their types; an empty field is null."""
    table = read_separated(path, "\t", quoted=False)
    untyped = [column for column in table.columns if ":" not in column]
    if untyped:
        raise DataError(
            f"a heading must read field:type, as user_id:token does; these do not: {', '.join(untyped)}",
            location=f"{path}, line 1",
            hint="add the types, or rename the file to .tsv to read it as a plain table",
        )
    names = [column.rpartition(":")[0].strip() for column in table.columns]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise DataError(
            f"more than one column is called {', '.join(twice)}",
            location=f"{path}, line 1",
            hint="rename or remove all but one",
        )
    return table.rename(dict(zip(table.columns, names, strict=True)))


def _catalogue(items: pl.DataFrame, path: Path) -> pl.DataFrame:
    found = {
        ours: next((field for field in theirs if field in items.columns), None) for ours, theirs in _ITEM_FIELDS.items()
    }
    for ours in ("item_id", "title"):
        if found[ours] is None:
            require_columns(items, (ours,), str(path))
    catalogue = items.select(pl.col(theirs).alias(ours) for ours, theirs in found.items() if theirs is not None)
    lists = [pl.col(column).str.split(" ") for column in _WORD_LISTS if column in catalogue.columns]
    return catalogue.with_columns(lists)
