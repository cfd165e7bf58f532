"""Amazon reviews with metadata of items, JSON lines, editions of 2018 and 2023.

It knows the keys of the two editions; of a review only who, what and when is kept.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import polars as pl

from recexplainer.data.dataset import Dataset
from recexplainer.data.readers import files
from recexplainer.data.readers.files import Reader
from recexplainer.errors import DataError


class _Edition(NamedTuple):
    """The keys of reviews and of items, theirs to ours, and what its times count: ticks a second."""

    reviews: dict[str, str]
    items: dict[str, str]
    per_second: int


_EDITIONS = (
    _Edition(
        {"reviewerID": "user_id", "asin": "item_id", "unixReviewTime": "timestamp"},
        {"asin": "item_id", "brand": "brand", "category": "genres", "feature": "features"},
        1,
    ),
    _Edition(
        {"user_id": "user_id", "parent_asin": "item_id", "timestamp": "timestamp"},
        {"parent_asin": "item_id", "store": "brand", "categories": "genres", "features": "features"},
        1000,
    ),
)
_PAGE_CODE = "getTime"  # some titles of 2018 are a script of the shop's page


def _read(path: Path) -> Dataset:
    reviews_file, items_file = _pair(path)
    edition = _edition(reviews_file)
    name = path.name if path.is_dir() else files.stem_of(path)
    return Dataset.from_frames(_reviews(reviews_file, edition), _items(items_file, edition), name=name)


def _files(folder: Path) -> list[Path]:
    """Files `meta_NAME.json` (or `.jsonl`) of items, and `NAME.json`, `NAME_5.json` and the like of reviews."""
    names = [files.stem_of(file).removeprefix("meta_") for file in files.files_named(folder, r"meta_.+\.jsonl?")]
    wanted = tuple(f"{prefix}{name}_" for name in names for prefix in ("", "meta_"))
    return [file for file in files.files_named(folder, r".+\.jsonl?") if f"{files.stem_of(file)}_".startswith(wanted)]


def _pair(path: Path) -> tuple[Path, Path]:
    there = _files(path if path.is_dir() else path.parent)
    items = [file for file in there if files.stem_of(file).startswith("meta_")]
    reviews = [file for file in there if file not in items] if path.is_dir() else [path]
    if not path.is_dir():
        fitting = [file for file in items if f"meta_{files.stem_of(path)}_".startswith(f"{files.stem_of(file)}_")]
        items = sorted(fitting, key=lambda file: len(files.stem_of(file)))[-1:]  # the longest name is the nearest
    hint = "put NAME.json.gz and meta_NAME.json.gz (or .jsonl) in one folder, or name the file of reviews"
    return files.require_pair(path, reviews, items, "one file of reviews and one of items", hint)


def _edition(path: Path) -> _Edition:
    keys = files.first_keys(path)
    users = [next(iter(edition.reviews)) for edition in _EDITIONS]
    for edition, user in zip(_EDITIONS, users, strict=True):
        if user in keys:
            return edition
    raise DataError(
        f"missing key: {' or '.join(users)}",
        location=f"{path}, first line",
        hint=f"give reviews of 2018 or 2023, or map columns; the keys there are: {', '.join(keys)}",
    )


def _reviews(path: Path, edition: _Edition) -> pl.DataFrame:
    kinds = (pl.Categorical(), pl.Categorical(), pl.Int64())
    events = files.read_json_lines(path, dict(zip(edition.reviews, kinds, strict=True)))
    files.require_keys(events, tuple(edition.reviews), path)
    events = events.rename(edition.reviews)
    return events.with_columns(files.unix_times(events["timestamp"], path, per_second=edition.per_second))


def _items(path: Path, edition: _Edition) -> pl.DataFrame:
    names = {"title": "title", "description": "description", **edition.items}
    lists = ("description", "genres", "features")
    schema = {theirs: pl.List(pl.String()) if ours in lists else pl.String() for theirs, ours in names.items()}
    items = files.read_json_lines(path, schema)
    files.require_keys(items, [theirs for theirs, ours in names.items() if ours in ("item_id", "title")], path)
    title = pl.when(~pl.col("title").str.contains(_PAGE_CODE, literal=True)).then(pl.col("title")).alias("title")
    return items.with_columns(title).rename(names)


AMAZON = Reader("amazon", "Amazon reviews (NAME.json and meta_NAME.json)", _files, _read)
"""Reads one file of reviews and the metadata of its items."""
