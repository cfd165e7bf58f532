"""Sequential removal: in which order history items are named together, so that each adds to those before it.

Leaving one item out says what it does while all others are there. Two items that stand for the same taste then seem to
do little each, and the two strongest may be one reason twice. Here the first item is the one without which the score
falls most; the second the one without which it falls most once the first is gone; and so on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from recexplainer.recommenders.ablation import Ablation, Masks, ablated_scores, lengths, score_subsets
from recexplainer.recommenders.base import Floats, Recommender, User


@dataclass(frozen=True, slots=True, eq=False)
class Removal:
    """The items of one history in the order in which their removal lowers the score most."""

    order: NDArray[np.int64]  # `Int[history]`, places in the history
    drops: Floats  # `Float[history]`, in that order: by how much the score falls once those before are gone


def greedy_removals(
    recommender: Recommender,
    users: Sequence[User],
    items: Sequence[int],
    *,
    most: int | None = None,
    ablation: Ablation = "deletion",
) -> list[Removal]:
    """For each case, the history items in the order in which they lower the score most, removed one after the other.

    `most` items are removed, at least one; None: all. The others follow by what they would have done in place of the
    last. Drops are in units of the score; of equal ones the later item comes first. Of n items m are found with
    `1 + m (2 n + 1 - m) / 2` histories, those of all cases asked together. Raises as `ablation.py` says.
    """
    whole = ablated_scores(recommender, users, items, [()] * len(users), ablation=ablation).tolist()
    searches = [_Search(list(range(n)), score) for n, score in zip(lengths(users), whole, strict=True)]
    steps = max(lengths(users), default=0)
    for _ in range(steps if most is None else min(max(most, 1), steps)):
        unfinished = [case for case in zip(users, items, searches, strict=True) if case[2].left]
        some, about, open_searches = zip(*unfinished, strict=True)
        masks = [search.without_each() for search in open_searches]
        asked = score_subsets(recommender, some, about, masks, ablation)
        for search, scores in zip(open_searches, asked, strict=True):
            search.remove(scores)
    return [search.removal() for search in searches]


@dataclass(slots=True)
class _Search:
    """What is removed of one history so far, and what is left."""

    left: list[int]  # places, the one to remove next first
    score: float  # with those that are left
    order: list[int] = field(default_factory=list[int])
    drops: list[float] = field(default_factory=list[float])
    next_drops: list[float] = field(default_factory=list[float])  # of those left, as last asked

    def without_each(self) -> Masks:
        """`Bool[left, history]`, what is left without each."""
        kept = np.zeros((len(self.left), len(self.left) + len(self.order)), bool)
        kept[:, self.left] = ~np.eye(len(self.left), dtype=bool)
        return kept

    def remove(self, scores: NDArray[np.float64]) -> None:
        """Remove the one without which the score, `Float[left]`, is lowest."""
        ranked = sorted(range(len(self.left)), key=lambda one: (scores[one], -self.left[one]))
        drops = [self.score - float(scores[one]) for one in ranked]
        places = [self.left[one] for one in ranked]
        self.order.append(places[0])
        self.drops.append(drops[0])
        self.left, self.next_drops, self.score = places[1:], drops[1:], float(scores[ranked[0]])

    def removal(self) -> Removal:
        drops = np.array([*self.drops, *self.next_drops], np.float32)
        return Removal(np.array([*self.order, *self.left], np.int64), drops)
