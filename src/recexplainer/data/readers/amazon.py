"""Amazon's reviews and metadata, in the editions of 2014, 2018 and 2023, and its files of ratings alone.

Of a review only who, what and when is kept; a rating counts as an interaction, whatever its stars.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NamedTuple

import polars as pl

from recexplainer.data.cleaning import require_columns
from recexplainer.data.dataset import Dataset
from recexplainer.data.readers import files
from recexplainer.data.readers.files import Reader, files_named, kind_of, stem_of
from recexplainer.data.readers.json_lines import first_keys, read_json, require_keys
from recexplainer.data.readers.separated import read_separated
from recexplainer.data.readers.text import open_binary
from recexplainer.errors import DataError


class _Edition(NamedTuple):
    """An edition: the key of the item's id, those of reviews and items, theirs to ours."""

    name: str
    item_key: str
    reviews: dict[str, str]
    items: dict[str, str]


_OLD = _Edition(
    "2018 or before",
    "asin",
    {"reviewerID": "user_id", "asin": "item_id", "unixReviewTime": "timestamp"},
    {"asin": "item_id", "brand": "brand", "category": "genres", "categories": "older genres", "feature": "features"},
)
_NEW = _Edition(
    "2023",
    "parent_asin",
    {"user_id": "user_id", "parent_asin": "item_id", "timestamp": "timestamp"},
    {"parent_asin": "item_id", "store": "brand", "categories": "genres", "features": "features"},
)
_PREFIXES = ("", "meta_", "reviews_", "ratings_")


def _amazon_files(folder: Path) -> list[Path]:
    """Files `meta_NAME.json` (or `.jsonl`) of items, and of reviews `NAME.json`, `NAME_5.json`, `NAME.csv`, …."""
    names = [stem_of(file).removeprefix("meta_") for file in files_named(folder, r"meta_.+\.jsonl?")]
    wanted = tuple(f"{prefix}{name}_" for name in names for prefix in _PREFIXES)
    return [file for file in files_named(folder, r".+\.(jsonl?|csv)") if _comparable(file).startswith(wanted)]


def _comparable(path: Path) -> str:
    return f"{stem_of(path)}_".replace(".", "_")


def _read_amazon(path: Path) -> Dataset:
    reviews, items = _pair(path)
    hint = "put NAME.json.gz and meta_NAME.json.gz (or .jsonl) in one folder, or name the file of reviews"
    parts = _parts_of_split(reviews)
    wanted = "one file of reviews and one of items"
    events_file, items_file = files.require_pair(path, parts[:1] or reviews, items, wanted, hint)
    ratings = kind_of(events_file) == ".csv"
    edition = _edition_of_ratings(events_file) if ratings else _edition_of_reviews(events_file)
    catalogue = _amazon_items(items_file, events_file, edition)
    read = partial(_ratings, item_ids=catalogue["item_id"]) if ratings else _reviews
    events = pl.concat([read(file, edition) for file in parts or [events_file]])
    return Dataset.from_frames(events, catalogue, name=files.dataset_name(path))


def _pair(path: Path) -> tuple[list[Path], list[Path]]:
    """The files of reviews and those of items that belong to a folder, or to a file of reviews."""
    there = _amazon_files(path if path.is_dir() else path.parent)
    items = [file for file in there if stem_of(file).startswith("meta_")]
    if path.is_dir():
        return [file for file in there if file not in items], items
    name = _comparable(path).removeprefix("reviews_").removeprefix("ratings_")
    fitting = [file for file in items if f"meta_{name}".startswith(f"{stem_of(file)}_")]
    return [path], sorted(fitting, key=lambda file: len(stem_of(file)))[-1:]  # the longest name is the nearest


def _parts_of_split(reviews: list[Path]) -> list[Path]:
    """The files of one data set that was published in parts to train, validate and test on; none if it is not so."""
    names = {stem_of(file).rpartition(".") for file in reviews}
    split = len(reviews) > 1 and len({name[0] for name in names}) == 1
    return reviews if split and {name[2] for name in names} <= {"train", "valid", "test"} else []


def _reviews(path: Path, edition: _Edition) -> pl.DataFrame:
    kinds = (pl.Categorical(), pl.Categorical(), pl.Unknown())
    events = read_json(path, dict(zip(edition.reviews, kinds, strict=True)))
    require_keys(events, tuple(edition.reviews), path)
    return events.rename(edition.reviews)


def _edition_of_reviews(path: Path) -> _Edition:
    keys = first_keys(path, most=1)
    for edition in (_OLD, _NEW):
        if next(iter(edition.reviews)) in keys:
            return edition
    hint = f"give reviews of 2018 or 2023, or map columns; the keys there are: {', '.join(keys)}"
    raise DataError("missing key: reviewerID or user_id", location=f"{path}, first line", hint=hint)


def _edition_of_ratings(path: Path) -> _Edition:
    """Files of 2023 have a line of names, earlier ones have none."""
    with open_binary(path) as file:
        return _NEW if b"parent_asin" in file.readline() else _OLD


def _ratings(path: Path, edition: _Edition, item_ids: pl.Series) -> pl.DataFrame:
    """A file of ratings alone: with names, or user and item (2014), or item and user (2018), then stars and time."""
    table = read_separated(path, ",", has_header=edition is _NEW)
    if edition is _NEW:
        require_columns(table, tuple(edition.reviews), str(path))
        return table.select(pl.col(theirs).alias(ours) for theirs, ours in edition.reviews.items())
    if table.width != 4:
        what = f"a line of ratings has user, item, stars and time; here it has {table.width} fields"
        raise DataError(what, location=f"{path}, line 1", hint="map columns: data.columns")
    known = [int(table.to_series(place).is_in(item_ids.implode()).sum()) for place in (0, 1)]
    item = int(known[1] > known[0])
    names = {table.columns[1 - item]: "user_id", table.columns[item]: "item_id", table.columns[3]: "timestamp"}
    return table.select(pl.col(theirs).alias(ours) for theirs, ours in names.items())


def _amazon_items(path: Path, events: Path, edition: _Edition) -> pl.DataFrame:
    keys = first_keys(path)
    other = _OLD if edition is _NEW else _NEW
    if other.item_key in keys and edition.item_key not in keys:
        what = f"the reviews are of {edition.name}, the items of {other.name}: they have {other.item_key}"
        hint = f"take both of one edition; {edition.item_key} names the items of {edition.name}"
        raise DataError(what, location=f"{events}, {path}", hint=hint)
    names = {"title": "title", "description": "description", **edition.items}
    lists = ("description", "genres", "older genres", "features")
    schema = {theirs: pl.List(pl.String()) if ours in lists else pl.String() for theirs, ours in names.items()}
    items = read_json(path, schema)
    require_keys(items, [theirs for theirs, ours in names.items() if ours in ("item_id", "title")], path)
    items = items.rename(names)
    if "older genres" not in items.columns:
        return items
    return items.with_columns(pl.coalesce("genres", "older genres").alias("genres")).drop("older genres")


AMAZON = Reader("amazon", "Amazon reviews (NAME.json or NAME.csv, and meta_NAME.json)", _amazon_files, _read_amazon)
