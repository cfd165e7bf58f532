"""Synthetic recommenders: each follows one rule, so what a history item does to a score is known by construction.

They know a catalogue's brands and how popular its items are, and nothing of explanations.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from recexplainer.data.dataset import Dataset
from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Floats, Recommender, User, require_history

LIFT = 1.5  # what a rule adds to a score or takes from it; popularity, scaled to 0…1, then no longer decides
NOISE = 2e-4  # at most this is what any history item adds to any score; it is no cause, and changes no order
MAX_HISTORY = 9
SMALLEST_CATALOGUE = 60  # so large that the items that one or two history items lift are always among the top 20%
PARTNERS = 6  # how many other items each item is tied to, for the rules to go by
_LEVELS = LIFT * np.linspace(1, 2, PARTNERS, dtype=np.float32)  # what the last item adds to each of its partners


@dataclass(frozen=True, slots=True)
class Causes:
    """The history items without which the score of one item would be lower or higher, each oldest first.

    Those that `depends` names among them do so only beside the others: in parts of the history they do not.
    """

    positive: tuple[int, ...] = ()
    negative: tuple[int, ...] = ()
    depends: tuple[int, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether no history item matters: then the item's popularity alone decides."""
        return not self.positive and not self.negative


class SyntheticRecommender(Recommender, ABC):
    """A score is the item's popularity, what the rule adds, and a noise far below what counts as an attribution.

    Of `popularity`, `[items]`, only the order counts; `seed` breaks its ties, and draws the noise and which items the
    rule ties together. Histories hold no item twice. Raises RecommenderError where the catalogue is smaller than
    `SMALLEST_CATALOGUE`.
    """

    rule: ClassVar[str]
    depending: ClassVar[Literal["", "positive", "negative"]] = ""
    """Which of its causes depend on the other history items."""

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
        circle = rng.permutation(self.n_items)
        self._partners = np.empty((PARTNERS, self.n_items), np.int64)  # those 1, 2, … places before on a circle
        for steps, row in enumerate(self._partners, start=1):
            row[circle] = np.roll(circle, steps)
        order = np.lexsort((rng.random(self.n_items), np.asarray(popularity)))
        self._popularity = (np.argsort(order) / (self.n_items - 1)).astype(np.float32)
        self._noise = rng.uniform(-NOISE, NOISE, (self.n_items, self.n_items)).astype(np.float32)
        self._changes: dict[tuple[int, ...], Floats] = {}

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
        """Which history items matter to the score of an item: those without which the rule would add more or less.

        Raises RecommenderError where the history is empty.
        """
        past = self._past(user)
        if past not in self._changes:
            lift, shorter = self._lift(np.array(past)), (np.delete(past, place) for place in range(len(past)))
            self._changes[past] = np.array([lift - self._lift(each) for each in shorter])
        changes = list(zip(past, self._changes[past][:, item].tolist(), strict=True))
        sides = {
            "positive": tuple(one for one, by in changes if by > 0),
            "negative": tuple(one for one, by in changes if by < 0),
        }
        return Causes(**sides, depends=sides.get(self.depending, ()))

    @abstractmethod
    def _lift(self, past: NDArray[np.int64]) -> Floats:
        """`Float[items]`: what the rule adds to each score for the history, `Int[history]`, which may be empty."""

    def _past(self, user: User) -> tuple[int, ...]:
        require_history([user], f"The synthetic recommender {self.rule!r}")
        return user.history[-self.max_history :]


class OneItemRule(SyntheticRecommender):
    """One history item decides: the item is lifted if the history holds its partner."""

    rule = "one_item"

    def _lift(self, past: NDArray[np.int64]) -> Floats:
        return LIFT * np.isin(self._partners[0], past).astype(np.float32)


class OpponentRule(OneItemRule):
    """One history item decides against it: the item is lowered if the history holds its partner."""

    rule = "opponent"

    def _lift(self, past: NDArray[np.int64]) -> Floats:
        return -super()._lift(past)


class TwoTogetherRule(SyntheticRecommender):
    """Two history items decide together: the item is lifted if the history holds both its partners."""

    rule, depending = "two_together", "positive"

    def _lift(self, past: NDArray[np.int64]) -> Floats:
        first, second = (np.isin(partner, past) for partner in self._partners[:2])
        return LIFT * (first & second).astype(np.float32)


class SameBrandRule(SyntheticRecommender):
    """History items of the item's own brand lift it, each by the same; of `brands`, `[items]`, "" is none."""

    rule = "same_brand"

    def __init__(self, popularity: Sequence[float] | NDArray[np.number], brands: Sequence[str], seed: int = 0) -> None:
        super().__init__(popularity, seed)
        self._known = np.array(list(map(bool, brands)))
        self._brand = np.unique(np.array(brands), return_inverse=True)[1]

    def _lift(self, past: NDArray[np.int64]) -> Floats:
        times = np.bincount(self._brand[past], minlength=self.n_items)[self._brand]
        return (LIFT * times * self._known).astype(np.float32)


class RecencyRule(SyntheticRecommender):
    """The last history item decides, by how close it is to the item: the closer, the more it lifts.

    Without the last item the one before it decides. So the last is a positive cause if it is closer than the one
    before, and a negative one if it is less close.
    """

    rule, depending = "recency", "negative"

    def _lift(self, past: NDArray[np.int64]) -> Floats:
        return (_LEVELS @ np.isin(self._partners, past[-1:])).astype(np.float32)


class PopularityRule(SyntheticRecommender):
    """The item's popularity decides, and no history item matters."""

    rule = "popularity"

    def _lift(self, past: NDArray[np.int64]) -> Floats:
        return np.zeros(self.n_items, np.float32)


_CLASSES = (OneItemRule, TwoTogetherRule, SameBrandRule, RecencyRule, OpponentRule, PopularityRule)
RULE_NAMES = tuple(one.rule for one in _CLASSES)


def synthetic_recommenders(dataset: Dataset, seed: int = 0) -> dict[str, SyntheticRecommender]:
    """One recommender of each rule by its name, with the brands of a dataset and the popularity in its histories.

    Raises RecommenderError where the catalogue is smaller than `SMALLEST_CATALOGUE`.
    """
    popularity = np.bincount(dataset.sequence, minlength=dataset.n_items)
    made: dict[str, SyntheticRecommender] = {}
    for place, one in enumerate(_CLASSES):
        brands = [dataset.items["brand"].to_list()] if one is SameBrandRule else []
        made[one.rule] = one(popularity, *brands, seed=seed + place)
    return made
