"""The leave-one-out split."""

from __future__ import annotations

import polars as pl
import pytest

from recexplainer.data.dataset import Dataset, leave_one_out
from recexplainer.errors import DataError


def dataset(*histories: str) -> Dataset:
    pairs = [(f"u{user}", item) for user, history in enumerate(histories) for item in history]
    return Dataset.from_frames(
        pl.DataFrame(pairs, schema=["user_id", "item_id"], orient="row"),
        pl.DataFrame({"item_id": list("abcd"), "title": list("ABCD")}),
    )


def test_last_item_is_the_test_item() -> None:
    split = leave_one_out(dataset("abcd", "cab"))
    assert split.test_users.tolist() == [0, 1]
    assert split.train_history(0).tolist() == [0, 1, 2]
    assert (split.test_item(0), split.test_item(1)) == (3, 1)


def test_short_histories_are_for_training_only() -> None:
    split = leave_one_out(dataset("ab", "abc", "d"))
    assert split.test_users.tolist() == [1]
    assert split.train_history(0).tolist() == [0, 1]
    with pytest.raises(DataError, match="too short a history") as caught:
        split.test_item(0)
    assert "'u0': 2 interactions" in caught.value.location


def test_training_interactions_hold_no_test_item() -> None:
    split = leave_one_out(dataset("ab", "abc", "dbca"))
    users, items = split.train_interactions()
    assert users.tolist() == [0, 0, 1, 1, 2, 2, 2]
    assert items.tolist() == [0, 1, 0, 1, 3, 1, 2]


def test_nobody_to_test() -> None:
    with pytest.raises(DataError, match="no user has the 3 interactions"):
        leave_one_out(dataset("ab", "c"))
