"""What an explanation of a planted recommender says, and how it is worded.

The two are kept apart, so that of two texts one can differ from the other in what it says alone. It knows the causes
that a recommender gives, and asks no recommender.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from recexplainer.data.attributes import join_words
from recexplainer.data.dataset import Dataset
from recexplainer.evaluation.synthetic.cases import Case
from recexplainer.storage import packaged_yaml

_QUOTES = ("“{}”", '"{}"')
_DRAWN = ("quotes", "verdict", "for", "against", "brand", "popular")


@dataclass(frozen=True, slots=True)
class Telling:
    """What a text says.

    Attributes:
        verdict: Whether the item is recommended.
        item: Title of the item asked about.
        supporters: Titles that are said to speak for it.
        opponents: Titles that are said to speak against it.
        brand: The brand that all these are said to share with it, or "".
        popular: Where no title is cited, whether popularity is said to speak for it.
    """

    verdict: bool
    item: str
    supporters: tuple[str, ...]
    opponents: tuple[str, ...]
    brand: str
    popular: bool

    @property
    def cited(self) -> tuple[str, ...]:
        """All titles that are said to matter."""
        return self.supporters + self.opponents


def true_telling(case: Case, dataset: Dataset) -> Telling:
    """The truth: f's verdict, all causes, the brand where its rule is behind them, nothing where there is none."""
    titles, causes = dataset.titles, case.causes
    return Telling(
        verdict=case.recommended,
        item=titles[case.item],
        supporters=tuple(titles[item] for item in causes.for_items),
        opponents=tuple(titles[item] for item in causes.against_items),
        brand=dataset.items["brand"][case.item] if case.by_brand and not causes.nothing else "",
        popular=case.recommended,
    )


def write_text(telling: Telling, wording: int) -> str:
    """Puts it in words.

    Args:
        telling: What to say.
        wording: Seed of the phrasing: the same seed words alike what two tellings have in common.
    """
    draws: dict[str, float] = dict(zip(_DRAWN, np.random.default_rng(wording).random(len(_DRAWN)), strict=True))
    quotes = _one_of(_QUOTES, draws["quotes"])

    def say(group: str, kind: str, titles: Sequence[str] = ()) -> str:
        names = join_words([quotes.format(title) for title in titles])
        said = _one_of(_wording()[group], draws[kind])
        return said.format(item=quotes.format(telling.item), titles=names, brand=telling.brand)

    sentences = [say("verdict.yes" if telling.verdict else "verdict.no", "verdict")]
    for kind, titles in (("for", telling.supporters), ("against", telling.opponents)):
        if titles:
            sentences.append(say(_by_number(kind, titles), kind, titles))
    if telling.brand:
        sentences.append(say(_by_number("brand", telling.cited), "brand", telling.cited))
    if not telling.cited:
        sentences.append(say("popular" if telling.popular else "unpopular", "popular"))
    return " ".join(sentences)


@cache
def _wording() -> dict[str, list[str]]:
    return packaged_yaml("recexplainer.evaluation.synthetic", "texts.yaml")


def _one_of(phrasings: Sequence[str], share: float) -> str:
    return phrasings[int(share * len(phrasings))]


def _by_number(kind: str, titles: Sequence[str]) -> str:
    return f"{kind}.one" if len(titles) == 1 else f"{kind}.many"
