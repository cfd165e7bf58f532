"""Recommenders whose causes are known by construction: the truth that what is said of a recommender is tested on.

Each follows one rule, so what a history item does to a score follows from the rule and need not be measured. They
know the catalogue's brands and how popular its items are, and nothing of explanations.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from recexplainer.data.dataset import Dataset
from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Floats, Recommender, User

# What a rule adds to a score or takes from it; popularity, scaled to 0…1, then no longer decides.
LIFT = 1.5
# Every history item moves every score by at most this: too little to change the order of items, or to be a cause.
NOISE = 2e-4
MAX_HISTORY = 9
# So large that the items that a rule about a single history item, or two, lifts are always among the top 20%.
SMALLEST_CATALOGUE = 60
# Where the last item decides, what it adds to the items that it is close to, all different.
_LEVELS = LIFT * np.linspace(1, 2, 6, dtype=np.float32)


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
                where=f"the planted recommender {self.kind!r}",
                mend=f"Take a catalogue of at least {SMALLEST_CATALOGUE} items.",
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
                where=f"user {user.id!r}",
                mend="Ask about users with at least one item.",
            )
        return user.history[-self.max_history :]

    def _has_no_vectors(self) -> RecommenderError:
        return RecommenderError(
            "This recommender has no vectors, it can only score.",
            where=f"the planted recommender {self.kind!r}",
            mend="Ask it for scores.",
        )


class OneItem(Planted):
    """One history item decides: the item is lifted if the history holds its partner."""

    kind = "one-item"

    def _lift(self, past: NDArray[np.int64]) -> Floats:
        return LIFT * np.isin(self._partners[0], past).astype(np.float32)

    def _causes(self, past: tuple[int, ...], item: int) -> Causes:
        partner = int(self._partners[0, item])
        return Causes(for_items=(partner,) if partner in past else ())


class Opponent(Planted):
    """One history item decides against it: the item is lowered if the history holds its opponent."""

    kind = "opponent"

    def _lift(self, past: NDArray[np.int64]) -> Floats:
        return -LIFT * np.isin(self._partners[0], past).astype(np.float32)

    def _causes(self, past: tuple[int, ...], item: int) -> Causes:
        opponent = int(self._partners[0, item])
        return Causes(against_items=(opponent,) if opponent in past else ())


class TwoTogether(Planted):
    """Two history items decide together: the item is lifted if the history holds both its partners."""

    kind = "two-together"

    def _lift(self, past: NDArray[np.int64]) -> Floats:
        first, second = (np.isin(partner, past) for partner in self._partners[:2])
        return LIFT * (first & second).astype(np.float32)

    def _causes(self, past: tuple[int, ...], item: int) -> Causes:
        partners: list[int] = self._partners[:2, item].tolist()
        found = tuple(one for one in past if one in partners)
        return Causes(for_items=found if len(found) == 2 else ())


class SameBrand(Planted):
    """History items of the item's own brand lift it, each by the same.

    Args:
        popularity: As in `Planted`.
        brands: `[items]`, "" where there is none.
        seed: As in `Planted`.
    """

    kind = "brand"

    def __init__(self, popularity: Sequence[float] | NDArray[np.number], brands: Sequence[str], seed: int = 0) -> None:
        super().__init__(popularity, seed)
        self._brands = list(brands)
        self._known = np.array([bool(brand) for brand in brands])
        self._brand = np.unique(np.array(brands), return_inverse=True)[1]

    def _lift(self, past: NDArray[np.int64]) -> Floats:
        times = np.bincount(self._brand[past], minlength=self.n_items)[self._brand]
        return (LIFT * times * self._known).astype(np.float32)

    def _causes(self, past: tuple[int, ...], item: int) -> Causes:
        brand = self._brands[item]
        return Causes(for_items=tuple(one for one in past if brand and self._brands[one] == brand))


class Recency(Planted):
    """The last history item decides, by how close it is to the item: the closer, the more it lifts.

    Without the last item the one before it decides. So the last is for the item if it is closer than the one before,
    and against it if it is less close.
    """

    kind = "recency"

    def _lift(self, past: NDArray[np.int64]) -> Floats:
        return np.add.reduce(_LEVELS[:, None] * (self._partners == past[-1]), axis=0)

    def _causes(self, past: tuple[int, ...], item: int) -> Causes:
        near: list[int] = self._partners[:, item].tolist()
        now, otherwise = (near.index(one) if one in near else -1 for one in (past[-1], past[-2] if past[:-1] else -1))
        last = (past[-1],)
        return Causes(for_items=last if now > otherwise else (), against_items=last if now < otherwise else ())


class Popularity(Planted):
    """The item's popularity decides, and no history item matters."""

    kind = "popularity"

    def _lift(self, past: NDArray[np.int64]) -> Floats:
        return np.zeros(self.n_items, np.float32)

    def _causes(self, past: tuple[int, ...], item: int) -> Causes:
        return Causes()


KINDS = tuple(one.kind for one in (OneItem, TwoTogether, SameBrand, Recency, Opponent, Popularity))
"""The kinds of planted recommenders."""


def plant_recommenders(dataset: Dataset, seed: int = 0) -> dict[str, Planted]:
    """One recommender of each kind for a catalogue, by kind.

    Args:
        dataset: Gives the brands, and by its histories the popularity.
        seed: The same seed and data give the same recommenders.

    Raises:
        RecommenderError: The catalogue is smaller than `SMALLEST_CATALOGUE`.
    """
    popularity = np.bincount(dataset.sequence, minlength=dataset.n_items)
    planted: list[Planted] = [
        OneItem(popularity, seed),
        TwoTogether(popularity, seed + 1),
        SameBrand(popularity, dataset.items["brand"].to_list(), seed + 2),
        Recency(popularity, seed + 3),
        Opponent(popularity, seed + 4),
        Popularity(popularity, seed + 5),
    ]
    return {one.kind: one for one in planted}


def _partners(circle: NDArray[np.int64]) -> NDArray[np.int64]:
    """`Int[levels, items]`: the items that stand 1, 2, … places before each on a circle of all items."""
    partners = np.empty((len(_LEVELS), len(circle)), np.int64)
    for steps, row in enumerate(partners, start=1):
        row[circle] = np.roll(circle, steps)
    return partners
