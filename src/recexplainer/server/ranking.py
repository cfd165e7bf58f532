"""Lists of users: the best items that they have not had, each with the rank that the recommender gives it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.scoring import ScoreBatch, score_batches, truncate


@dataclass(frozen=True, slots=True)
class Place:
    """An item of a list, by its index, with its rank among the items that are not in the history, as in an Evidence."""

    item: int
    rank: int
    score: float


@dataclass(frozen=True, slots=True)
class UserScores:
    """The scores of one user; `user` has the whole history, of which the recommender may look at the end alone."""

    user: User
    batch: ScoreBatch
    row: int

    def best(self, k: int) -> list[Place]:
        """The best items that the user has not had, at most `k`; of equal ones the first in the catalogue."""
        eligible = self.batch.eligible[self.row].copy()
        eligible[list(self.user.history)] = False
        scores = np.where(eligible, self.batch.scores[self.row], -np.inf)
        order = np.argsort(-scores, kind="stable")[: min(k, int(eligible.sum()))]
        return [Place(item, self._rank(item), float(scores[item])) for item in order.tolist()]

    def place(self, item: int) -> Place | None:
        """Where an item stands; None where the user has had it, or it is never recommended to the user."""
        if item in self.user.history or not self.batch.eligible[self.row, item]:
            return None
        return Place(item, self._rank(item), float(self.batch.scores[self.row, item]))

    def _rank(self, item: int) -> int:
        scores = self.batch.scores[self.row]
        return 1 + int(((scores > scores[item]) & self.batch.eligible[self.row]).sum())


def score_users(recommender: Recommender, users: Sequence[User]) -> list[UserScores]:
    """The scores of users, `[users]`. Raises as `score_batches`."""
    cut = [User(truncate(user.history, recommender), user.id) for user in users]
    return [
        UserScores(users[batch.start + row], batch, row)
        for batch in score_batches(recommender, cut)
        for row in range(len(batch.users))
    ]
