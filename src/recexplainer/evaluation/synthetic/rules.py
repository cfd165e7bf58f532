"""Synthetic recommenders: each follows one rule, so what a history item does to a score follows from the rule.

They are the ground truth that explanations of a recommender are tested on. They know a catalogue's brands and how
popular its items are, and nothing of explanations.
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
# Every history item moves every score by at most this: too little to be a cause, and to change the order by popularity
# of up to 250 items.
NOISE = 2e-4
MAX_HISTORY = 9
# So large that the items that a rule about a single history item, or two, lifts are always among the top 20%.
SMALLEST_CATALOGUE = 60
# How many other items each item is tied to, for the rules to go by.
PARTNERS = 6

# Where the last item decides, what it adds to its partners, all different.
_LEVELS = LIFT * np.linspace(1, 2, PARTNERS, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Causes:
    """What in a history matters to the score of one item.

    Attributes:
        positive: History items without which the score would be lower, oldest first.
        negative: History items without which it would be higher, oldest first.
    """

    positive: tuple[int, ...] = ()
    negative: tuple[int, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether no history item matters: then the item's popularity alone decides."""
        return not self.positive and not self.negative


class SyntheticRecommender(Recommender, ABC):
    """A score is the item's popularity, what the rule adds, and a noise far below what counts as an attribution.

    Histories are taken to hold no item twice.

    Args:
        popularity: `[items]`, in any unit; only its order counts, and ties are broken by the seed.
        seed: Which items the rule ties together; also of the noise.

    Raises:
        RecommenderError: The catalogue is smaller than `SMALLEST_CATALOGUE`.
    """

    rule: ClassVar[str]

    def __init__(self, popularity: Sequence[float] | NDArray[np.number], seed: int = 0) -> None:
        self.n_items, self.max_history = len(popularity), MAX_HISTORY
        self.has_vectors, self.answers_changed_history = False, True
        if self.n_items < SMALLEST_CATALOGUE:
            raise RecommenderError(
                f"A catalogue of {self.n_items} items is too small for a synthetic recommender.",
                location=f"the rule {self.rule!r}",
                hint=f"Take a catalogue of at least {SMALLEST_CATALOGUE} items.",
            )
        rng = np.random.default_rng(seed)
        self._partners = _partners(rng.permutation(self.n_items))
        order = np.lexsort((rng.random(self.n_items), np.asarray(popularity)))
        self._popularity = (np.argsort(order) / (self.n_items - 1)).astype(np.float32)
        self._noise = rng.uniform(-NOISE, NOISE, (self.n_items, self.n_items)).astype(np.float32)

    def item_vectors(self) -> Floats:
        """There are none. Raises RecommenderError."""
        raise RecommenderError(
            "This recommender has no vectors, it can only score.",
            location=f"the rule {self.rule!r}",
            hint="Ask it for scores.",
        )

    def user_vectors(self, users: Sequence[User]) -> Floats:
        """There are none. Raises RecommenderError."""
        return self.item_vectors()

    def scores(self, users: Sequence[User]) -> Floats:
        """The score of every item, `Float[users, items]`. Raises RecommenderError where a history is empty."""
        pasts = (np.array(self._past(user)) for user in users)
        scores = [self._popularity + self._noise[past].sum(axis=0) + self._lift(past) for past in pasts]
        return np.array(scores, np.float32).reshape(-1, self.n_items)

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


def _partners(circle: NDArray[np.int64]) -> NDArray[np.int64]:
    """`Int[partners, items]`: the items that stand 1, 2, … places before each on a circle of all items."""
    partners = np.empty((PARTNERS, len(circle)), np.int64)
    for steps, row in enumerate(partners, start=1):
        row[circle] = np.roll(circle, steps)
    return partners


class OneItemRule(SyntheticRecommender):
    """One history item decides: the item is lifted if the history holds its partner."""

    rule = "one_item"

    def _lift(self, past: NDArray[np.int64]) -> Floats:
        return LIFT * np.isin(self._partners[0], past).astype(np.float32)

    def _causes(self, past: tuple[int, ...], item: int) -> Causes:
        partner = int(self._partners[0, item])
        return Causes(positive=(partner,) if partner in past else ())


class OpponentRule(OneItemRule):
    """One history item decides against it: the item is lowered if the history holds its partner."""

    rule = "opponent"

    def _lift(self, past: NDArray[np.int64]) -> Floats:
        return -super()._lift(past)

    def _causes(self, past: tuple[int, ...], item: int) -> Causes:
        return Causes(negative=super()._causes(past, item).positive)


class TwoTogetherRule(SyntheticRecommender):
    """Two history items decide together: the item is lifted if the history holds both its partners."""

    rule = "two_together"

    def _lift(self, past: NDArray[np.int64]) -> Floats:
        first, second = (np.isin(partner, past) for partner in self._partners[:2])
        return LIFT * (first & second).astype(np.float32)

    def _causes(self, past: tuple[int, ...], item: int) -> Causes:
        partners: list[int] = self._partners[:2, item].tolist()
        found = tuple(one for one in past if one in partners)
        return Causes(positive=found if len(found) == 2 else ())


class SameBrandRule(SyntheticRecommender):
    """History items of the item's own brand lift it, each by the same.

    Args:
        popularity: As in `SyntheticRecommender`.
        brands: `[items]`, "" where there is none.
        seed: As in `SyntheticRecommender`.
    """

    rule = "same_brand"

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
        return Causes(positive=tuple(one for one in past if brand and self._brands[one] == brand))


class RecencyRule(SyntheticRecommender):
    """The last history item decides, by how close it is to the item: the closer, the more it lifts.

    Without the last item the one before it decides. So the last is a positive cause if it is closer than the one
    before, and a negative one if it is less close.
    """

    rule = "recency"

    def _lift(self, past: NDArray[np.int64]) -> Floats:
        return np.add.reduce(_LEVELS[:, None] * (self._partners == past[-1]), axis=0)

    def _causes(self, past: tuple[int, ...], item: int) -> Causes:
        near: list[int] = self._partners[:, item].tolist()
        now, otherwise = (near.index(one) if one in near else -1 for one in (past[-1], past[-2] if past[:-1] else -1))
        last = (past[-1],)
        return Causes(positive=last if now > otherwise else (), negative=last if now < otherwise else ())


class PopularityRule(SyntheticRecommender):
    """The item's popularity decides, and no history item matters."""

    rule = "popularity"

    def _lift(self, past: NDArray[np.int64]) -> Floats:
        return np.zeros(self.n_items, np.float32)

    def _causes(self, past: tuple[int, ...], item: int) -> Causes:
        return Causes()


_CLASSES = (OneItemRule, TwoTogetherRule, SameBrandRule, RecencyRule, OpponentRule, PopularityRule)
RULE_NAMES = tuple(one.rule for one in _CLASSES)


def synthetic_recommenders(dataset: Dataset, seed: int = 0) -> dict[str, SyntheticRecommender]:
    """One recommender of each rule for a catalogue, by the rule's name.

    Args:
        dataset: Gives the brands, and by its histories the popularity.
        seed: The same seed and data give the same recommenders.

    Raises:
        RecommenderError: The catalogue is smaller than `SMALLEST_CATALOGUE`.
    """
    popularity = np.bincount(dataset.sequence, minlength=dataset.n_items)
    made: dict[str, SyntheticRecommender] = {}
    for place, one in enumerate(_CLASSES):
        brands = [dataset.items["brand"].to_list()] if one is SameBrandRule else []
        made[one.rule] = one(popularity, *brands, seed=seed + place)
    return made
