"""The rubric judge: rates explanations by rules that it can print, in place of a language model.

It reads a text by titles and attributes alone; it asks neither a language model nor f, beyond f's verdict, which every
explanation carries.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from recexplainer.claims.faults import read_verdict
from recexplainer.claims.linking import ATTRIBUTE, BLANK, NameReader, blanked, facts_by_item
from recexplainer.data.attributes import Attributes
from recexplainer.data.dataset import Dataset
from recexplainer.errors import DataError
from recexplainer.explanations.record import Explanation

RULES = (
    "The decision is the yes or no that the text opens with, else the first time that it speaks of recommending or "
    "suggesting, or of not doing so. If it is not the recommender's, or there is none: 0.",
    "A title counts with or without its tail after a dash, a colon or a bracket, if that leaves no doubt which item of "
    "this case is meant; other parts of a title are passed over. Case and punctuation do not count; but outside double "
    "quotes several words need a capital, a single word counts only as the catalogue spells it, and another item's "
    "single word does not count.",
    "At most 1: a title that is in the catalogue but neither the item's nor in the history; a quoted name that is "
    "close to a title, or looks like one, and is none; a brand, genre, platform or title word said to be shared by the "
    "item and the history items named that is not.",
    "1: no history item is named, or the item is not spoken of (by its title, or as “it” or “this” where the opening "
    "clause names no other title).",
    "2: the text names a history item and speaks of the item.",
    "3: besides, it names two history items, or an attribute (brand, genre, platform, title word) that the item shares "
    "with a history item named.",
)
"""How the rubric judge rates, for whoever reads its ratings."""

_CLAUSE = re.compile(r"[^.!?:;]+")
_MEANT = re.compile(r"\b(?:it|this)\b", re.IGNORECASE)
_SHARING = re.compile(r"\b(?:shar(?:es?|ed|ing)|common|link(?:s|ed)?|ties|tied|follows)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a text names: items of the case, faults, and the words that are left, names blanked out."""

    words: str
    items: Collection[int]
    faults: Collection[str]

    def speaks_of(self, item: int) -> bool:
        """Whether the item is named, or meant by "it" or "this" after an opening clause that names no title."""
        opening = _CLAUSE.match(self.words)
        unnamed = opening is not None and BLANK not in opening[0]
        return item in self.items or (unnamed and _MEANT.search(self.words) is not None)


class RubricJudge:
    """Rates explanations by `RULES`.

    Args:
        dataset: The catalogue that the explanations are about.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._titles = dataset.titles
        attributes = Attributes.of(dataset)
        self._names = NameReader(dataset.titles, attributes)
        self._facts = facts_by_item(attributes)

    def rate(self, explanation: Explanation) -> tuple[int, str]:
        """The rating, 0 to 3, and what decided it.

        Raises:
            DataError: The explanation is about another catalogue.
        """
        self._check(explanation)
        reading = self._read(explanation)
        verdict = read_verdict(reading.words)
        if verdict is not explanation.recommended:
            return 0, "no decision is found" if verdict is None else "the decision is not the recommender's"
        named = [item for item in reading.items if item != explanation.item]
        shared = {fact for item in named for fact in self._facts[item] & self._facts[explanation.item]}
        own = self._facts[explanation.item] if explanation.item in explanation.history else frozenset[str]()
        if faults := [*reading.faults, *_false_links(reading.words, shared | own)]:
            return 1, ", ".join(dict.fromkeys(faults))
        if not named:
            return 1, "no history item is named"
        if not reading.speaks_of(explanation.item):
            return 1, "the item is not spoken of"
        if len(named) > 1:
            return 3, f"{len(named)} history items are named"
        if said := sorted(fact for fact in shared if _words(fact, re.IGNORECASE).search(reading.words)):
            return 3, f"a history item is named, and that it shares {said[0]!r} with the item"
        return 2, "one history item is named, and nothing that it shares with the item"

    def _check(self, explanation: Explanation) -> None:
        pairs = zip(explanation.history, explanation.history_titles, strict=True)
        for item, title in ((explanation.item, explanation.item_title), *pairs):
            if not 0 <= item < len(self._titles) or self._titles[item] != title:
                raise DataError(
                    f"Item {item} of the catalogue is not {title!r}.",
                    location=f"explanation of {explanation.method!r} for user {explanation.user!r}",
                    hint="Judge explanations with the dataset that they were made with.",
                )

    def _read(self, explanation: Explanation) -> _Reading:
        text, case = explanation.text, {explanation.item, *explanation.history}
        names = self._names.read(text, case)
        faults = [
            f"“{text[name.start : name.end]}” is no title of the catalogue"
            if name.item is None
            else f"“{self._titles[name.item]}” is not in the history"
            for name in names
            if name.item not in case
        ]
        return _Reading(blanked(text, names), {name.item for name in names if name.item in case}, faults)


def _words(name: str, flags: int = 0) -> re.Pattern[str]:
    """Finds a name at word boundaries."""
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", flags)


def _false_links(words: str, shared: Collection[str]) -> Iterator[str]:
    """What a clause says is shared and is not."""
    facts = [_words(fact, re.IGNORECASE) for fact in shared]
    for clause in _CLAUSE.finditer(words):
        claims = ATTRIBUTE.finditer(words, *clause.span()) if _SHARING.search(clause[0]) else ()
        for claim in claims:
            if not any(fact.match(words, claim.end()) for fact in facts):
                said = re.split(r"[,\0]", words[claim.start() : clause.end()])[0]
                yield f"“{said.strip()}” is not shared"
