"""Recommenders whose causes are known by construction: the truth that what is said of a recommender is tested on.

Each follows one rule (`planted_rules.py`), so what a history item does to a score follows from the rule and need
not be measured. They know nothing of explanations.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Floats, Recommender, User

# What a rule adds to a score or takes from it; popularity, scaled to 0…1, then no longer decides.
LIFT = 1.5
# Every history item moves every score by at most this: too little to be a cause, and to change the order by popularity
# of up to 250 items.
NOISE = 2e-4
MAX_HISTORY = 9
# So large that the items that a rule about a single history item, or two, lifts are always among the top 20%.
SMALLEST_CATALOGUE = 60
# How many other items each item is tied to, for the rules to go by.
PARTNERS = 6


@dataclass(frozen=True, slots=True)
class Causes:
    """What in a history matters to the score of one item.

    Attributes:
        for_items: History items without which the score would be lower, oldest first.
        against_items: History items without which it would be higher, oldest first.
    """

    for_items: tuple[int, ...] = ()
    against_items: tuple[int, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether no history item matters: then the item's popularity alone decides."""
        return not self.for_items and not self.against_items


class Planted(Recommender, ABC):
    """A score is the item's popularity, what the rule adds, and a noise far below what counts as an effect.

    Histories are taken to hold no item twice.

    Args:
        popularity: `[items]`, in any unit; only its order counts, and ties are broken by the seed.
        seed: Which items the rule ties together; also of the noise.

    Raises:
        RecommenderError: The catalogue is smaller than `SMALLEST_CATALOGUE`.
    """

    kind: ClassVar[str]

    def __init__(self, popularity: Sequence[float] | NDArray[np.number], seed: int = 0) -> None:
        self.n_items, self.max_history = len(popularity), MAX_HISTORY
        self.has_vectors, self.answers_changed_history = False, True
        if self.n_items < SMALLEST_CATALOGUE:
            raise RecommenderError(
                f"A catalogue of {self.n_items} items is too small for a planted rule.",
                location=f"the planted recommender {self.kind!r}",
                hint=f"Take a catalogue of at least {SMALLEST_CATALOGUE} items.",
            )
        rng = np.random.default_rng(seed)
        self._partners = _partners(rng.permutation(self.n_items))
        order = np.lexsort((rng.random(self.n_items), np.asarray(popularity)))
        self._popularity = (np.argsort(order) / (self.n_items - 1)).astype(np.float32)
        self._noise = rng.uniform(-NOISE, NOISE, (self.n_items, self.n_items)).astype(np.float32)

    def item_vectors(self) -> Floats:
        """There are none. Raises RecommenderError."""
        raise self._has_no_vectors()

    def user_vectors(self, users: Sequence[User]) -> Floats:
        """There are none. Raises RecommenderError."""
        raise self._has_no_vectors()

    def scores(self, users: Sequence[User]) -> Floats:
        """The score of every item, `Float[users, items]`. Raises RecommenderError where a history is empty."""
        histories = (np.array(self._past(user)) for user in users)
        told = [self._popularity + self._noise[past].sum(axis=0) + self._lift(past) for past in histories]
        return np.array(told, np.float32).reshape(-1, self.n_items)

    def causes(self, user: User, item: int) -> Causes:
        """Which history items matter to the score of an item, by the rule.

        Raises:
            RecommenderError: The history is empty.
        """
        return self._causes(self._past(user), item)

    @abstractmethod
    def _lift(self, past: NDArray[np.int64]) -> Floats:
        """`Float[items]`, what the rule adds to each score for the history, `Int[history]`."""

    @abstractmethod
    def _causes(self, past: tuple[int, ...], item: int) -> Causes:
        """What in the history matters to the item."""

    def _past(self, user: User) -> tuple[int, ...]:
        if not user.history:
            raise RecommenderError(
                "This recommender cannot score for an empty history.",
                location=f"user {user.id!r}",
                hint="Ask about users with at least one item.",
            )
        return user.history[-self.max_history :]

    def _has_no_vectors(self) -> RecommenderError:
        return RecommenderError(
            "This recommender has no vectors, it can only score.",
            location=f"the planted recommender {self.kind!r}",
            hint="Ask it for scores.",
        )


def _partners(circle: NDArray[np.int64]) -> NDArray[np.int64]:
    """`Int[partners, items]`: the items that stand 1, 2, … places before each on a circle of all items."""
    partners = np.empty((PARTNERS, len(circle)), np.int64)
    for steps, row in enumerate(partners, start=1):
        row[circle] = np.roll(circle, steps)
    return partners
