"""What an inspection says of a Dataset."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from recexplainer.data.dataset import Dataset, Note
from recexplainer.data.inspection import inspect_dataset
from recexplainer.errors import DataError

ITEMS = pl.DataFrame(
    {"item_id": ["a", "b", "c"], "title": ["Ash", "Birch", "Cedar"], "brand": ["N", "", None], "genres": [[], [], []]}
)
EVENTS = pl.DataFrame(
    {"user_id": ["u", "u", "u", "v", "v"], "item_id": ["c", "a", "b", "b", "z"], "timestamp": [1, 2, 3, 4, 5]}
)


def test_figures_and_rows() -> None:
    seen = inspect_dataset(Dataset.from_frames(EVENTS, ITEMS, name="trees"), users=2, rows=2)
    assert (seen.name, seen.users, seen.items, seen.interactions) == ("trees", 2, 3, 4)
    assert seen.sparsity == pytest.approx(1 / 3)
    assert (seen.history_lengths.low, seen.history_lengths.high) == pytest.approx((1.1, 2.9))
    assert (seen.history_lengths.median, seen.title_lengths.median) == (2, 5)
    assert seen.attributes == {"brand": pytest.approx(1 / 3)}
    assert seen.sample == (("u", "c", "Cedar"), ("u", "a", "Ash"), ("v", "b", "Birch"))
    assert seen.notes == (Note("events on items outside the catalogue or without a title dropped", 1),)


def test_nothing_to_inspect() -> None:
    dataset = Dataset.from_frames(EVENTS, ITEMS)
    with pytest.raises(DataError, match="nothing to inspect"):
        inspect_dataset(dataset.select(np.array([], dtype=np.int64), np.array([0])))
