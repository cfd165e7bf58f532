"""The rules of planted recommenders, and one recommender of each for a catalogue.

They know the catalogue's brands and how popular its items are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recexplainer.data.dataset import Dataset
from recexplainer.evaluation.synthetic.recommender import LIFT, PARTNERS, Causes, Planted
from recexplainer.recommenders.base import Floats

# Where the last item decides, what it adds to its partners, all different.
_LEVELS = LIFT * np.linspace(1, 2, PARTNERS, dtype=np.float32)


class OneItem(Planted):
    """One history item decides: the item is lifted if the history holds its partner."""

    kind = "one_item"

    def _lift(self, past: NDArray[np.int64]) -> Floats:
        return LIFT * np.isin(self._partners[0], past).astype(np.float32)

    def _causes(self, past: tuple[int, ...], item: int) -> Causes:
        partner = int(self._partners[0, item])
        return Causes(for_items=(partner,) if partner in past else ())


class Opponent(OneItem):
    """One history item decides against it: the item is lowered if the history holds its partner."""

    kind = "opponent"

    def _lift(self, past: NDArray[np.int64]) -> Floats:
        return -super()._lift(past)

    def _causes(self, past: tuple[int, ...], item: int) -> Causes:
        return Causes(against_items=super()._causes(past, item).for_items)


class TwoTogether(Planted):
    """Two history items decide together: the item is lifted if the history holds both its partners."""

    kind = "two_together"

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

    kind = "same_brand"

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
