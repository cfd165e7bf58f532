"""Amazon's reviews and metadata, in the editions of 2018 and 2023.

Of a review only who, what and when is kept; a rating counts as an interaction, whatever its stars.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import polars as pl

from recexplainer.data.dataset import Dataset
from recexplainer.data.readers import files
from recexplainer.data.readers.files import Reader, files_named, stem_of
from recexplainer.data.readers.json_lines import first_keys, read_json_lines, require_keys
from recexplainer.errors import DataError


class _Edition(NamedTuple):
    """The keys of Amazon's reviews and items, theirs to ours, and what its times count: ticks a second."""

    reviews: dict[str, str]
    items: dict[str, str]
    per_second: int


_AMAZON_EDITIONS = (
    _Edition(  # of 2018
        {"reviewerID": "user_id", "asin": "item_id", "unixReviewTime": "timestamp"},
        {"asin": "item_id", "brand": "brand", "category": "genres", "feature": "features"},
        1,
    ),
    _Edition(  # of 2023
        {"user_id": "user_id", "parent_asin": "item_id", "timestamp": "timestamp"},
        {"parent_asin": "item_id", "store": "brand", "categories": "genres", "features": "features"},
        1000,
    ),
)
_PAGE_CODE = "getTime"  # some titles of 2018 are a script of the shop's page


def _amazon_files(folder: Path) -> list[Path]:
    """Files `meta_NAME.json` (or `.jsonl`) of items, and `NAME.json`, `NAME_5.json` and the like of reviews."""
    names = [stem_of(file).removeprefix("meta_") for file in files_named(folder, r"meta_.+\.jsonl?")]
    wanted = tuple(f"{prefix}{name}_" for name in names for prefix in ("", "meta_"))
    return [file for file in files_named(folder, r".+\.jsonl?") if f"{stem_of(file)}_".startswith(wanted)]


def _read_amazon(path: Path) -> Dataset:
    there = _amazon_files(path if path.is_dir() else path.parent)
    items = [file for file in there if stem_of(file).startswith("meta_")]
    reviews = [file for file in there if file not in items] if path.is_dir() else [path]
    if not path.is_dir():
        fitting = [file for file in items if f"meta_{stem_of(path)}_".startswith(f"{stem_of(file)}_")]
        items = sorted(fitting, key=lambda file: len(stem_of(file)))[-1:]  # the longest name is the nearest
    hint = "put NAME.json.gz and meta_NAME.json.gz (or .jsonl) in one folder, or name the file of reviews"
    events_file, items_file = files.require_pair(path, reviews, items, "one file of reviews and one of items", hint)
    edition = _amazon_edition(events_file)
    kinds = (pl.Categorical(), pl.Categorical(), pl.Int64())
    events = read_json_lines(events_file, dict(zip(edition.reviews, kinds, strict=True)))
    require_keys(events, tuple(edition.reviews), events_file)
    events = events.rename(edition.reviews)
    events = events.with_columns(files.unix_times(events["timestamp"], events_file, per_second=edition.per_second))
    return Dataset.from_frames(events, _amazon_items(items_file, edition), name=files.dataset_name(path))


def _amazon_edition(path: Path) -> _Edition:
    keys = first_keys(path)
    by_user_key = {next(iter(edition.reviews)): edition for edition in _AMAZON_EDITIONS}
    for user_key, edition in by_user_key.items():
        if user_key in keys:
            return edition
    hint = f"give reviews of 2018 or 2023, or map columns; the keys there are: {', '.join(keys)}"
    raise DataError(f"missing key: {' or '.join(by_user_key)}", location=f"{path}, first line", hint=hint)


def _amazon_items(path: Path, edition: _Edition) -> pl.DataFrame:
    names = {"title": "title", "description": "description", **edition.items}
    lists = ("description", "genres", "features")
    schema = {theirs: pl.List(pl.String()) if ours in lists else pl.String() for theirs, ours in names.items()}
    items = read_json_lines(path, schema)
    require_keys(items, [theirs for theirs, ours in names.items() if ours in ("item_id", "title")], path)
    title = pl.when(~pl.col("title").str.contains(_PAGE_CODE, literal=True)).then(pl.col("title")).alias("title")
    return items.with_columns(title).rename(names)


AMAZON = Reader("amazon", "Amazon reviews (NAME.json and meta_NAME.json)", _amazon_files, _read_amazon)
