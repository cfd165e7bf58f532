"""True and corrupted statements about a synthetic recommender, and their wording.

What a text states and how it is worded are kept apart, so that two texts can differ in what they state alone. It knows
the causes, and asks no recommender.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import permutations

import numpy as np

from recexplainer.data.attributes import join_words
from recexplainer.data.dataset import Dataset
from recexplainer.data.titles import title_key
from recexplainer.evaluation.synthetic.rules import Causes
from recexplainer.recommenders.base import User
from recexplainer.storage import packaged_yaml

_QUOTES = ("“{}”", '"{}"')
_DRAWN = ("quotes", "verdict", "positive", "negative", "brand", "popular")


@dataclass(frozen=True, slots=True)
class SyntheticCase:
    """A user and an item, with the recommender's verdict and true causes; `by_brand`: the rule is that of brands."""

    user: User
    item: int
    recommended: bool
    causes: Causes
    by_brand: bool


@dataclass(frozen=True, slots=True)
class Statement:
    """What a text states: a verdict, the title asked about, and titles with a positive or a negative attribution.

    `brand` is what all these share with the item, or ""; `popular` is stated where no title is cited.
    """

    verdict: bool
    item: str
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    brand: str
    popular: bool

    @property
    def cited(self) -> tuple[str, ...]:
        """All titles that are given an attribution."""
        return self.positive + self.negative

    def with_title(self, title: str, other: str) -> Statement:
        """The same of another title in place of one that is cited."""
        sides = ([other if one == title else one for one in side] for side in (self.positive, self.negative))
        positive, negative = map(tuple, sides)
        return replace(self, positive=positive, negative=negative)


def true_statement(case: SyntheticCase, dataset: Dataset) -> Statement:
    """The truth: the verdict, all causes, the brand where its rule is behind them, nothing where there is none."""
    titles, causes = dataset.titles, case.causes
    return Statement(
        verdict=case.recommended,
        item=titles[case.item],
        positive=tuple(titles[item] for item in causes.positive),
        negative=tuple(titles[item] for item in causes.negative),
        brand=dataset.items["brand"][case.item] if case.by_brand and not causes.nothing else "",
        popular=case.recommended,
    )


def word_statement(statement: Statement, wording: int) -> str:
    """The statement in words; the same seed `wording` words alike what two statements have in common."""
    draws: dict[str, float] = dict(
        zip(_DRAWN, np.random.default_rng(wording).random(len(_DRAWN)).tolist(), strict=True)
    )
    phrasings = _wording()

    def drawn(several: Sequence[str], kind: str) -> str:
        return several[int(draws[kind] * len(several))]

    quotes = drawn(_QUOTES, "quotes")

    def word(group: str, kind: str, titles: Sequence[str] = ()) -> str:
        names = join_words([quotes.format(title) for title in titles])
        return drawn(phrasings[group], kind).format(
            item=quotes.format(statement.item), titles=names, brand=statement.brand
        )

    sentences = [word("verdict.yes" if statement.verdict else "verdict.no", "verdict")]
    cited = {"positive": statement.positive, "negative": statement.negative}
    cited["brand"] = statement.cited if statement.brand else ()
    for kind, titles in cited.items():
        if titles:
            sentences.append(word(f"{kind}.one" if len(titles) == 1 else f"{kind}.many", kind, titles))
    if not statement.cited:
        sentences.append(word("popular" if statement.popular else "unpopular", "popular"))
    return " ".join(sentences)


@dataclass(frozen=True, slots=True)
class Corrupter:
    """Makes the true statement about a case false, each way in one thing; None where the case does not allow it."""

    dataset: Dataset
    case: SyntheticCase
    rng: np.random.Generator

    def verdict(self, true: Statement) -> Statement:
        """The verdict is inverted."""
        return replace(true, verdict=not true.verdict)

    def swap(self, true: Statement) -> Statement | None:
        """One cause is replaced by a history item that is none."""
        others = self._not_causes()
        if not true.cited or not others:
            return None
        new = self._pick(others)  # drawn before the title that it replaces
        return true.with_title(self._pick(true.cited), new)

    def direction(self, true: Statement) -> Statement | None:
        """One cause is given the opposite sign."""
        if not true.cited:
            return None
        moved = self._pick(true.cited)
        positive, negative = (tuple(one for one in side if one != moved) for side in (true.positive, true.negative))
        if moved in true.positive:
            return replace(true, positive=positive, negative=(*negative, moved))
        return replace(true, positive=(*positive, moved), negative=negative)

    def invented(self, true: Statement) -> Statement | None:
        """One cause is replaced by a title that nothing has, or by one of the catalogue that is not in the history."""
        if not true.cited:
            return None
        if self.rng.random() < 0.5:
            foreign = self._invent_title()
        else:
            known = {*self.case.user.history, self.case.item}
            foreign = self._pick([title for item, title in enumerate(self.dataset.titles) if item not in known])
        return true.with_title(self._pick(true.cited), foreign)

    def attribute(self, true: Statement) -> Statement | None:
        """The brand is another one of the catalogue."""
        if not true.brand:
            return None
        others = sorted(set(self.dataset.items["brand"].to_list()) - {true.brand, ""})
        return replace(true, brand=self._pick(others)) if others else None

    def cause_for_nothing(self, true: Statement) -> Statement | None:
        """A history item is given an attribution where none matters."""
        if true.cited:
            return None
        cited = (self._pick(self._not_causes()),)
        return replace(true, positive=cited) if true.verdict else replace(true, negative=cited)

    def all(self, true: Statement) -> Statement | None:
        """The verdict is inverted, one cause is invented, the others are none, and all have the opposite sign."""
        if not true.cited:
            return None
        wrong, others = true, self._not_causes()
        for place, title in enumerate(true.cited):
            wrong = wrong.with_title(title, others.pop() if place and others else self._invent_title())
        return replace(wrong, verdict=not true.verdict, positive=wrong.negative, negative=wrong.positive)

    def _not_causes(self) -> list[str]:
        real = {*self.case.causes.positive, *self.case.causes.negative}
        return [self.dataset.titles[item] for item in self.case.user.history if item not in real]

    def _invent_title(self) -> str:
        """The first half of one title and the second of another, which together no item has."""
        titles = [str(title) for title in self.rng.permutation(self.dataset.titles)]
        taken = {title_key(title) for title in titles}
        words = [(title.split(), (len(title.split()) + 1) // 2) for title in titles]
        mixed = (" ".join(one[:half] + (other[end:] or other)) for (one, half), (other, end) in permutations(words, 2))
        return next(title for title in mixed if title_key(title) not in taken)

    def _pick(self, titles: Sequence[str]) -> str:
        return titles[int(self.rng.integers(len(titles)))]


CORRUPTIONS: dict[str, Callable[[Corrupter, Statement], Statement | None]] = {
    "verdict": Corrupter.verdict,
    "swap": Corrupter.swap,
    "direction": Corrupter.direction,
    "invented": Corrupter.invented,
    "attribute": Corrupter.attribute,
    "cause_for_nothing": Corrupter.cause_for_nothing,
    "all": Corrupter.all,
}
MILD = tuple(name for name in CORRUPTIONS if name != "all")
"""The corruptions that change one thing."""


@cache
def _wording() -> dict[str, list[str]]:
    return packaged_yaml("recexplainer.evaluation.synthetic", "texts.yaml")
