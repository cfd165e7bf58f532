"""Which pairs of a user and an item to show: some that f likes and some that it does not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.scoring import score_batches, truncate

_FIRST = 5


def choose_pairs(recommender: Recommender, users: Sequence[User], count: int, seed: int) -> list[tuple[User, int]]:
    """Users drawn at random, in turn with one of f's first five items and with one of its lower half.

    Args:
        recommender: f.
        users: Whom to draw from; histories of at least three items are preferred.
        count: How many pairs; of fewer users, one each.
        seed: Seed of the draw.
    """
    random = np.random.default_rng(seed)
    telling = [user for user in users if len(user.history) >= 3] or list(users)
    drawn = [telling[at] for at in random.choice(len(telling), min(count, len(telling)), replace=False)]
    pairs: list[tuple[User, int]] = []
    scored = [User(truncate(user.history, recommender), user.id) for user in drawn]
    ranked = [order for batch in score_batches(recommender, scored) for order in batch.best(recommender.n_items)]
    for position, (user, order) in enumerate(zip(drawn, ranked, strict=True)):
        pool = order[:_FIRST] if position % 2 == 0 else order[len(order) // 2 :]
        pairs.append((user, pool[int(random.integers(len(pool)))]))
    return pairs
