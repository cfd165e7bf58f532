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

from recexplainer.recommenders.ablation import Ablation, Masks, lengths, score_subsets
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
    found = [_Search(list(range(n))) for n in lengths(users)]
    whole = score_subsets(recommender, users, items, [np.ones((1, n), bool) for n in lengths(users)], ablation)
    for one, scores in zip(found, whole, strict=True):
        one.score = float(scores[0])
    longest = max(lengths(users), default=0)
    for step in range(longest if most is None else min(max(most, 1), longest)):
        cases = [case for case, n in enumerate(lengths(users)) if n > step]
        some = [users[case] for case in cases], [items[case] for case in cases]
        asked = score_subsets(recommender, *some, [found[case].without_each() for case in cases], ablation)
        for case, scores in zip(cases, asked, strict=True):
            found[case].remove(scores)
    return [one.removal() for one in found]


@dataclass(slots=True)
class _Search:
    """What is removed of one history so far, and what is left."""

    left: list[int]  # places, the one to remove next first
    score: float = 0.0  # with those that are left
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
