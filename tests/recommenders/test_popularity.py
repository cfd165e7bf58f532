from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from tests.tasks.conftest import N_ITEMS, DotProducts

from recexplainer.data.dataset import Dataset
from recexplainer.recommenders.base import Floats, User
from recexplainer.recommenders.popularity import recommended_shares


class Halved(DotProducts):
    """The even users of the data get the first items, the odd ones the last."""

    max_history = 8

    def __init__(self, dataset: Dataset) -> None:
        self.even = set(dataset.user_ids[::2])

    def scores(self, users: Sequence[User]) -> Floats:
        signs = np.array([-1.0 if user.id in self.even else 1.0 for user in users], np.float32)
        return signs[:, None] * np.arange(N_ITEMS, dtype=np.float32)


def test_the_share_of_users_to_whom_each_item_is_recommended(dataset: Dataset) -> None:
    """By hand: a fifth of what each has not seen, rounded down; who has an item is not counted."""
    liked, asked = np.zeros(N_ITEMS), np.zeros(N_ITEMS)
    for at in range(dataset.n_users):
        unseen = sorted(set(range(N_ITEMS)) - set(dataset.history(at).tolist()), reverse=at % 2 == 1)
        liked[unseen[: len(unseen) // 5]] += 1
        asked[unseen] += 1
    assert recommended_shares(Halved(dataset), dataset) == pytest.approx(liked / asked, abs=1e-6)


def test_a_sample_is_evenly_spaced_and_the_same_each_time(dataset: Dataset) -> None:
    """Two of eight users: the first and the last, one of each side."""
    first, last = ({*range(N_ITEMS)} - {*dataset.history(at).tolist()} for at in (0, dataset.n_users - 1))
    found = recommended_shares(Halved(dataset), dataset, sample=2)
    both = first & last
    assert {float(found[item]) for item in both} <= {0.0, 0.5}
    assert found[min(first)] > 0 < found[max(last)]
