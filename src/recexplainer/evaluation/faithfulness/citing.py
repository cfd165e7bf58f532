"""What is cited of a history: by a text, at random, and by the attribution oracle. It asks f nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recexplainer.evaluation.metrics import Values
from recexplainer.explanations.record import Explanation

_DRAWS = 5


@dataclass(frozen=True, slots=True)
class Cited:
    """History items that are said to speak for the item (1) and against it (-1), in the order of the text."""

    items: tuple[int, ...]
    signs: tuple[int, ...]

    def first(self, count: int) -> Cited:
        """The first so many."""
        return Cited(self.items[:count], self.signs[:count])

    def side(self, sign: int) -> frozenset[int]:
        """Those that are said to speak that way."""
        return frozenset(item for item, own in zip(self.items, self.signs, strict=True) if own == sign)

    def sign(self, item: int) -> int:
        """Which way it is said to speak, 0 if it is not cited."""
        return self.signs[self.items.index(item)] if item in self.items else 0


def cited_by(explanation: Explanation) -> Cited:
    """The history items that a text cites, each by its first claim."""
    signs: dict[int, int] = {}
    for claim in explanation.claims:
        if claim.kind in ("positive_attribution", "negative_attribution") and claim.item in explanation.history:
            signs.setdefault(claim.item, 1 if claim.kind == "positive_attribution" else -1)
    return Cited(tuple(signs), tuple(signs.values()))


def cited_at_random(history: Sequence[int], signs: tuple[int, ...], rng: np.random.Generator) -> list[Cited]:
    """Several draws of as many items as there are signs."""
    drawn = (rng.permutation(len(history))[: len(signs)].tolist() for _ in range(_DRAWS))
    return [Cited(tuple(history[place] for place in places), signs) for places in drawn]


def strongest_by_side(history: Sequence[int], weights: Values, like: Cited) -> Cited:
    """As many items on each side as another cites, those whose removal does most that way."""
    order = np.argsort(-weights, kind="stable").tolist()
    helping, hurting = (like.signs.count(sign) for sign in (1, -1))
    places = order[:helping] + order[::-1][:hurting]
    return Cited(tuple(history[place] for place in places), (1,) * helping + (-1,) * hurting)


def strongest(history: Sequence[int], weights: Values, count: int) -> Cited:
    """The items whose removal does most, whichever way, the strongest first."""
    places = np.argsort(-np.abs(weights), kind="stable")[:count].tolist()
    return Cited(tuple(history[place] for place in places), tuple(1 if weights[place] > 0 else -1 for place in places))
