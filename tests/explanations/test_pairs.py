"""Pairs as the rows of a table name them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.tiny import world

from recexplainer.errors import DataError
from recexplainer.explanations.pairs import known_pair, pairs_to_explain, unseen_pair, with_own_ids

USER = world().user_ids[0]
HISTORY = world().history(0).tolist()
LACKED = next(item for item in range(world().n_items) if item not in HISTORY)


def test_pairs_come_in_order_with_histories_that_lack_the_item() -> None:
    ids = world().item_ids
    rows = [
        ("row 1", {"user": USER, "item": ids[LACKED], "why": 3}),
        ("row 2", {"user": USER, "item": ids[HISTORY[0]]}),
    ]
    (one, first), (other, second) = pairs_to_explain(rows, known_pair(world()))
    assert (first, second) == (LACKED, HISTORY[0])
    assert one.history == tuple(HISTORY) and other.history == tuple(item for item in HISTORY if item != HISTORY[0])


@pytest.mark.parametrize(("row", "what"), [
    ({"user": USER}, "there is no item"),
    ({"user": "", "item": "i001"}, "there is no user"),
    ({"user": USER, "item": "i999"}, "there is no item 'i999'"),
    ({"user": "nobody", "item": "i001"}, "there is no user 'nobody'"),
])  # fmt: skip
def test_what_a_row_lacks_is_said_with_its_place(row: dict[str, Any], what: str) -> None:
    with pytest.raises(DataError) as raised:
        pairs_to_explain([("pairs.csv, line 7", row)], known_pair(world()))
    assert what in raised.value.what and raised.value.hint
    assert (raised.value.location or "").startswith("pairs.csv, line 7")


def test_who_has_had_nothing_else_cannot_be_explained_to() -> None:
    import numpy as np

    alone = world().select(np.arange(1), np.array([HISTORY[0], LACKED]))
    with pytest.raises(DataError, match="nothing else"):
        known_pair(alone)(alone.user_ids[0], alone.item_ids[0])


def test_an_item_that_the_user_has_had_is_no_recommendation() -> None:
    with pytest.raises(DataError, match="already"):
        unseen_pair(world())(USER, world().item_ids[HISTORY[0]])


def test_of_several_rows_that_cannot_be_explained_the_first_is_named_and_all_are_counted() -> None:
    good = {"user": USER, "item": world().item_ids[LACKED]}
    rows = [("line 2", good), ("line 3", good | {"user": "nobody"}), ("line 4", good), ("line 5", {"user": USER})]
    with pytest.raises(DataError, match="2 of 4 rows cannot be explained, the first: there is no user") as raised:
        pairs_to_explain(rows, known_pair(world()))
    assert raised.value.location.startswith("line 3")


def test_records_of_explanations_are_pairs_too_by_the_indices_of_their_items() -> None:
    record = {"user": USER, "item": LACKED, "item_title": world().titles[LACKED], "history": [], "attributions": []}
    plain = {"user": USER, "item": world().item_ids[LACKED]}
    assert list(with_own_ids([("line 1", record), ("line 2", plain)], world())) == [
        ("line 1", plain),
        ("line 2", plain),
    ]
    with pytest.raises(DataError, match="other data"):
        list(with_own_ids([("line 1", record | {"item_title": "Another"})], world()))
