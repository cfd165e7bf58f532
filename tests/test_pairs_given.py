"""What `Explainer.explain` takes for pairs and styles, and how it refuses the rest; a bare function scores."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.tiny import world

from recexplainer import Explainer, User
from recexplainer.errors import DataError, SettingsError
from recexplainer.recommenders.base import Floats

pytestmark = pytest.mark.filterwarnings("ignore::recexplainer.errors.RecommenderWarning")
USER, ITEM = world().user_ids[0], world().item_ids[5]
VECTORS = np.random.default_rng(0).normal(size=(world().n_items, 4)).astype(np.float32)


def likeness(histories: Sequence[Sequence[str]]) -> Floats:
    rows = [[world().item_index(item) for item in history] for history in histories]
    return np.stack([VECTORS[row].mean(axis=0) @ VECTORS.T for row in rows])


@cache
def explainer() -> Explainer:
    return Explainer(world(), likeness)


@pytest.mark.parametrize(
    "pair", [(USER, ITEM), [USER, ITEM], np.array([USER, ITEM]), {"user": USER, "item": ITEM}], ids=repr
)
def test_a_pair_may_come_as(pair: Any) -> None:
    (one,) = explainer().explain([pair])
    assert (one.user, world().item_ids[one.item]) == (USER, ITEM)


@pytest.mark.parametrize(
    ("pairs", "where"),
    [
        ((USER, ITEM), "pair 1"),
        ([(USER, ITEM), (USER, ITEM, "why")], "pair 2"),
        (["ab"], "pair 1"),
        (pl.DataFrame({"user": [USER, USER], "item": [ITEM, ITEM]}), "pair 1"),
        ([(USER, ITEM), ("nobody", ITEM)], "pair 2, dataset"),
    ],
    ids=("one", "three parts", "text", "frame", "unknown"),
)
def test_what_is_no_pair_is_refused_with_its_number(pairs: Any, where: str) -> None:
    with pytest.raises(DataError) as raised:
        explainer().explain(pairs)
    assert raised.value.location.startswith(where) and raised.value.hint


@pytest.mark.parametrize("how", [{"aspect": None}, {"language": 5}, {"batch_size": 0}, {"batch_size": -1}], ids=repr)
def test_what_is_no_style_is_refused(how: Any) -> None:
    with pytest.raises(SettingsError, match=next(iter(how))):
        explainer().explain([(USER, ITEM)], **how)


def test_the_item_is_left_out_of_a_history_that_is_given() -> None:
    (one,) = explainer().explain([(User((5, 1, 2)), 5)])
    assert one.history == (1, 2)
    with pytest.raises(DataError, match="nothing but the item"):
        explainer().explain([(User((5,)), 5)])
