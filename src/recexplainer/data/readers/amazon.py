"""Amazon reviews with metadata of items, JSON lines, editions of 2018 and 2023.

It knows the keys of the two editions; of a review only who, what and when is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from recexplainer.data.dataset import Dataset
from recexplainer.data.readers.lines import Schema, first_keys, read_json_lines, require_keys
from recexplainer.data.readers.names import amazon_files, claimed, plain_name
from recexplainer.data.readers.times import unix_times
from recexplainer.errors import DataError


@dataclass(frozen=True, slots=True)
class _Edition:
    """The keys of one edition: of reviews (user, item, time) and of the catalogue, ours to theirs."""

    user: str
    item: str
    time: str
    per_second: int
    catalogue: dict[str, str]


_EDITIONS = (
    _Edition(
        user="reviewerID",
        item="asin",
        time="unixReviewTime",
        per_second=1,
        catalogue={"brand": "brand", "description": "description", "genres": "category", "features": "feature"},
    ),
    _Edition(
        user="user_id",
        item="parent_asin",
        time="timestamp",
        per_second=1000,
        catalogue={"brand": "store", "description": "description", "genres": "categories", "features": "features"},
    ),
)
_TEXTS = ("brand",)
_PAGE_CODE = "getTime"  # some titles of 2018 are a script of the shop's page


def claims(path: Path) -> bool:
    """Whether a path is, or a folder holds, a file of items `meta_NAME.json` or `.jsonl`, or its reviews."""
    return claimed(path, amazon_files)


def read(path: Path) -> Dataset:
    """Reads one file of reviews and the metadata of its items.

    Args:
        path: The folder that holds one of each, or the file of reviews.

    Raises:
        DataError: A file or a key is missing, there are several files, or a file cannot be read.
    """
    reviews_file, items_file = _pair(path)
    edition = _edition(reviews_file)
    events = _reviews(reviews_file, edition)
    name = path.name if path.is_dir() else plain_name(path).partition(".")[0]
    return Dataset.from_frames(events, _items(items_file, edition), name=name)


def _pair(path: Path) -> tuple[Path, Path]:
    folder = path if path.is_dir() else path.parent
    items = [file for file in amazon_files(folder) if plain_name(file).startswith("meta_")]
    if path.is_dir():
        reviews = [file for file in amazon_files(folder) if file not in items]
    else:
        reviews = [path]
        own = plain_name(path).partition(".")[0]
        items = [file for file in items if f"{own}_".startswith(plain_name(file)[5:].partition(".")[0] + "_")]
        items = sorted(items, key=lambda file: len(plain_name(file)))[-1:]  # the longest name is the nearest
    if len(reviews) == 1 and len(items) == 1:
        return reviews[0], items[0]
    there = ", ".join(file.name for file in (*reviews, *items)) or "none"
    raise DataError(
        f"there must be one file of reviews and one of items; there: {there}",
        location=str(path),
        hint="put NAME.json.gz and meta_NAME.json.gz (or .jsonl) in one folder, or name the file of reviews",
    )


def _edition(path: Path) -> _Edition:
    keys = first_keys(path)
    for edition in _EDITIONS:
        if edition.user in keys:
            return edition
    raise DataError(
        f"missing key: {' or '.join(edition.user for edition in _EDITIONS)}",
        location=f"{path}, first line",
        hint=f"give reviews of 2018 or 2023, or map columns; the keys there are: {', '.join(keys)}",
    )


def _reviews(path: Path, edition: _Edition) -> pl.DataFrame:
    schema: Schema = {edition.user: pl.Categorical(), edition.item: pl.Categorical(), edition.time: pl.Int64()}
    events = read_json_lines(path, schema)
    require_keys(events, (edition.user, edition.item, edition.time), path)
    times = unix_times(events[edition.time], path, per_second=edition.per_second)
    return pl.DataFrame(
        [events[edition.user].alias("user_id"), events[edition.item].alias("item_id"), times.alias("timestamp")]
    )


def _items(path: Path, edition: _Edition) -> pl.DataFrame:
    schema: dict[str, pl.DataType] = {edition.item: pl.String(), "title": pl.String()}
    for ours, theirs in edition.catalogue.items():
        schema[theirs] = pl.String() if ours in _TEXTS else pl.List(pl.String())
    items = read_json_lines(path, schema)
    require_keys(items, (edition.item, "title"), path)
    title = pl.when(~pl.col("title").str.contains(_PAGE_CODE, literal=True)).then(pl.col("title")).alias("title")
    names = {edition.item: "item_id", **{theirs: ours for ours, theirs in edition.catalogue.items()}}
    return items.with_columns(title).rename(names)
