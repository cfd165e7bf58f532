"""What a Dataset holds, in a few figures and rows. It computes; showing them is up to the command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from recexplainer.data.cleaning import ITEM_COLUMNS, Note
from recexplainer.data.dataset import Dataset
from recexplainer.errors import DataError


@dataclass(frozen=True, slots=True)
class Spread:
    """How a count is spread: `low` and `high` hold nine in ten between them."""

    low: float
    median: float
    high: float


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a Dataset holds.

    Attributes:
        name: What it is called.
        users: Number of users.
        items: Number of items in the catalogue.
        interactions: Number of interactions.
        sparsity: Share of the pairs of a user and an item that are no interaction.
        history_lengths: Interactions a user.
        title_lengths: Characters a title.
        attributes: By name, the share of items that have it.
        sample: Rows of user id, item id and title: how the first histories begin.
        notes: What reading dropped or changed.
    """

    name: str
    users: int
    items: int
    interactions: int
    sparsity: float
    history_lengths: Spread
    title_lengths: Spread
    attributes: dict[str, float]
    sample: tuple[tuple[str, str, str], ...]
    notes: tuple[Note, ...]


def inspect_dataset(dataset: Dataset, *, users: int = 2, rows: int = 3) -> Inspection:
    """Inspects a Dataset.

    Args:
        dataset: The data, with at least one user and one item.
        users: How many users the sample is from.
        rows: How many interactions of each are in it, the oldest.

    Raises:
        DataError: There is no user or no item.
    """
    if not dataset.n_users or not dataset.n_items:
        raise DataError(
            "there is nothing to inspect", location=f"dataset '{dataset.name}'", hint="keep users and items"
        )
    return Inspection(
        name=dataset.name,
        users=dataset.n_users,
        items=dataset.n_items,
        interactions=dataset.n_interactions,
        sparsity=1 - dataset.n_interactions / (dataset.n_users * dataset.n_items),
        history_lengths=_spread(dataset.history_lengths.tolist()),
        title_lengths=_spread(dataset.items["title"].str.len_chars().to_list()),
        attributes=_attributes(dataset.items),
        sample=_sample(dataset, users, rows),
        notes=dataset.notes,
    )


def _spread(counts: Sequence[int]) -> Spread:
    return Spread(*(float(value) for value in np.percentile(counts, (5, 50, 95))))


def _attributes(items: pl.DataFrame) -> dict[str, float]:
    """The share of items with each attribute; one that no item has is left out."""
    filled = {
        name: (items[name].list.len() > 0) if kind.is_nested() else (items[name] != "")
        for name, kind in ITEM_COLUMNS.items()
        if name not in ("item_id", "title")
    }
    return {name: float(here.sum()) / items.height for name, here in filled.items() if here.any()}


def _sample(dataset: Dataset, users: int, rows: int) -> tuple[tuple[str, str, str], ...]:
    ids = dataset.items["item_id"]
    return tuple(
        (dataset.user_ids[user], ids[item], dataset.items["title"][item])
        for user in range(min(users, dataset.n_users))
        for item in dataset.history(user)[:rows].tolist()
    )
