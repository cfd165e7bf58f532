from __future__ import annotations

import numpy as np
import pytest
from tests.fakes import ScoredBy

from recexplainer.data.dataset import Dataset
from recexplainer.recommenders.popularity import recommended_shares


def halved(dataset: Dataset) -> ScoredBy:
    """The even users of the data get the first items, the odd ones the last."""
    signs = {user: -1.0 if at % 2 == 0 else 1.0 for at, user in enumerate(dataset.user_ids)}
    return ScoredBy(
        lambda users: np.outer([signs[user.id] for user in users], range(dataset.n_items)), dataset.n_items, 8
    )


def test_the_share_of_users_to_whom_each_item_is_recommended(dataset: Dataset) -> None:
    """By hand: a fifth of what each has not seen, rounded down; who has an item is not counted."""
    liked, asked = np.zeros(dataset.n_items), np.zeros(dataset.n_items)
    for at in range(dataset.n_users):
        unseen = sorted(set(range(dataset.n_items)) - set(dataset.history(at).tolist()), reverse=at % 2 == 1)
        liked[unseen[: len(unseen) // 5]] += 1
        asked[unseen] += 1
    assert recommended_shares(halved(dataset), dataset) == pytest.approx(liked / asked, abs=1e-6)


def test_a_sample_is_evenly_spaced_and_the_same_each_time(dataset: Dataset) -> None:
    """Two of eight users: the first and the last, one of each side."""
    first, last = ({*range(dataset.n_items)} - {*dataset.history(at).tolist()} for at in (0, dataset.n_users - 1))
    found = recommended_shares(halved(dataset), dataset, sample=2)
    both = first & last
    assert {float(found[item]) for item in both} <= {0.0, 0.5}
    assert found[min(first)] > 0 < found[max(last)]
