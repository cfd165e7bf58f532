"""General appeal: to how many users f recommends an item. It tells what pleases most from what suits one history."""

from __future__ import annotations

import numpy as np

from recexplainer.data.dataset import Dataset
from recexplainer.recommenders.base import Floats, Recommender, User
from recexplainer.recommenders.scoring import ask, cut, thresholds

SAMPLE = 200
"""How many users f is asked about; a share of half is then known within seven points (95%)."""


def recommended_shares(recommender: Recommender, dataset: Dataset, sample: int = SAMPLE) -> Floats:
    """The share of users to whom f recommends each item, of those who have not seen it; `Float[items]`.

    Recommended means what it means everywhere here: above the user's own top-20% threshold, so that an item which
    pleases all alike has 0.2 on average.

    Args:
        recommender: f.
        dataset: The users' histories.
        sample: How many users are asked about, evenly spaced; all where there are fewer.
    """
    places = np.unique(np.linspace(0, dataset.n_users - 1, min(sample, dataset.n_users)).astype(int)).tolist()
    histories = [(cut(dataset.history(at), recommender), dataset.user_ids[at]) for at in places]
    users = [User(history, user) for history, user in histories if 0 < len(set(history)) < recommender.n_items]
    liked, asked = np.zeros(recommender.n_items), np.zeros(recommender.n_items)
    for answers in ask(recommender, users):
        top, _ = thresholds(answers)
        liked += (answers.unseen & (answers.scores > top[:, None])).sum(axis=0)
        asked += answers.unseen.sum(axis=0)
    return (liked / np.maximum(asked, 1)).astype(np.float32)
