"""Ways to make what an explanation says false: the truth about a planted recommender, with one thing changed.

It knows what the truth is, and neither wording nor recommender.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np

from recexplainer.data.dataset import Dataset
from recexplainer.data.titles import title_key
from recexplainer.evaluation.synthetic.cases import Case
from recexplainer.evaluation.synthetic.texts import Telling


@dataclass(frozen=True, slots=True)
class Corrupter:
    """Makes true tellings of a case false, each way in one thing; None where that cannot be done to the case.

    Attributes:
        dataset: The catalogue.
        case: What the telling is about.
        rng: Draws which title, and by what it is replaced.
    """

    dataset: Dataset
    case: Case
    rng: np.random.Generator

    def verdict(self, true: Telling) -> Telling:
        """The verdict is turned."""
        return replace(true, verdict=not true.verdict)

    def swap(self, true: Telling) -> Telling | None:
        """One cause is replaced by a history item that is none."""
        others = self._not_causes()
        return self._replace_one(true, self._pick(others)) if true.cited and others else None

    def direction(self, true: Telling) -> Telling | None:
        """One cause is said to pull the other way."""
        if not true.cited:
            return None
        turned = self._pick(true.cited)
        kept_for, kept_against = (
            tuple(title for title in side if title != turned) for side in (true.supporters, true.opponents)
        )
        if turned in true.supporters:
            return replace(true, supporters=kept_for, opponents=(*kept_against, turned))
        return replace(true, supporters=(*kept_for, turned), opponents=kept_against)

    def invented(self, true: Telling) -> Telling | None:
        """One cause is replaced by a title that nothing has, or by one of the catalogue that is not in the history."""
        if not true.cited:
            return None
        foreign = self._invent_title() if self.rng.random() < 0.5 else self._pick(self._strangers())
        return self._replace_one(true, foreign)

    def attribute(self, true: Telling) -> Telling | None:
        """The brand is another one of the catalogue."""
        if not true.brand:
            return None
        others = sorted(set(self.dataset.items["brand"].to_list()) - {true.brand, ""})
        return replace(true, brand=self._pick(others)) if others else None

    def cause_for_nothing(self, true: Telling) -> Telling | None:
        """A history item is said to matter where none does."""
        if true.cited:
            return None
        cited = (self._pick(self._not_causes()),)
        return replace(true, supporters=cited) if true.verdict else replace(true, opponents=cited)

    def all(self, true: Telling) -> Telling | None:
        """The verdict is turned, one cause is invented, the others are none, and all are said to pull the other way."""
        if not true.cited:
            return None
        wrong, others = true, self._not_causes()
        for place, title in enumerate(true.cited):
            wrong = _exchange(wrong, title, others.pop() if place and others else self._invent_title())
        return replace(wrong, verdict=not true.verdict, supporters=wrong.opponents, opponents=wrong.supporters)

    def _replace_one(self, true: Telling, title: str) -> Telling:
        return _exchange(true, self._pick(true.cited), title)

    def _not_causes(self) -> list[str]:
        real = {*self.case.causes.for_items, *self.case.causes.against_items}
        return [self.dataset.titles[item] for item in self.case.user.history if item not in real]

    def _strangers(self) -> list[str]:
        known = {*self.case.user.history, self.case.item}
        return [title for item, title in enumerate(self.dataset.titles) if item not in known]

    def _invent_title(self) -> str:
        """The first half of one title and the second of another, which together no item has."""
        titles = [str(title) for title in self.rng.permutation(self.dataset.titles)]
        taken = {title_key(title) for title in titles}
        mixed = (f"{_half(one, 0)} {_half(other, 1)}" for one, other in permutations(titles, 2))
        return next(title for title in mixed if title_key(title) not in taken)

    def _pick(self, titles: Sequence[str]) -> str:
        return titles[int(self.rng.integers(len(titles)))]


CORRUPTIONS: dict[str, Callable[[Corrupter, Telling], Telling | None]] = {
    "verdict": Corrupter.verdict,
    "swap": Corrupter.swap,
    "direction": Corrupter.direction,
    "invented": Corrupter.invented,
    "attribute": Corrupter.attribute,
    "cause_for_nothing": Corrupter.cause_for_nothing,
    "all": Corrupter.all,
}
"""Every way to corrupt a telling, by its name."""
MILD = tuple(name for name in CORRUPTIONS if name != "all")
"""Those that change one thing."""


def _exchange(telling: Telling, title: str, other: str) -> Telling:
    supporters, opponents = (
        tuple(other if one == title else one for one in side) for side in (telling.supporters, telling.opponents)
    )
    return replace(telling, supporters=supporters, opponents=opponents)


def _half(title: str, which: int) -> str:
    words = title.split()
    middle = (len(words) + 1) // 2
    return " ".join((words[:middle], words[middle:] or words)[which])
