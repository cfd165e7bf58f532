"""The rubric judge: rates explanations by rules that it can print, in place of a language model.

It goes by the titles, the verdict and the shared attributes that the claim parser reads; it asks neither a language
model nor the recommender, beyond the recommender's verdict, which every explanation carries.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from recexplainer.claims.claim import NEIGHBOUR
from recexplainer.claims.encoding import split_sentences
from recexplainer.claims.linking import BLANK, facts_by_item
from recexplainer.claims.parser import ClaimParser, ParsedText, read_verdict
from recexplainer.data.attributes import Attributes
from recexplainer.data.dataset import Dataset
from recexplainer.errors import DataError
from recexplainer.explanations.record import Explanation

RULES = (
    "The decision is the yes or no that the text opens with, else the first time that it speaks of recommending or "
    "suggesting, or of not doing so. If it is not the recommender's, or there is none: 0.",
    "A title counts by whatever part of it leaves no doubt which item of this case is meant, where the claim parser "
    "reads that the text presents it as something that the user had.",
    "At most 1: a title that is said to be the user's and is not in the history, or in no catalogue; a brand, "
    " genre, platform or title word said to be shared by the "
    "item and the history items named that is not.",
    "1: no history item is named, or the item is not spoken of (by its title, or as “it” or “this” where the opening "
    "clause names no other title).",
    "2: the text names a history item and speaks of the item.",
    "3: besides, it names two history items, or an attribute (brand, genre, platform, title word) that the item shares "
    "with a history item named.",
)
"""How the rubric judge rates, for whoever reads its ratings."""

_OPENING_CLAUSE = re.compile(r"[^.!?:;]+")
_PRONOUN = re.compile(r"\b(?:it|this)\b", re.IGNORECASE)


class RubricJudge:
    """Rates explanations by `RULES`; the dataset is the one that they are about."""

    def __init__(self, dataset: Dataset) -> None:
        self._titles = dataset.titles
        attributes = Attributes.of(dataset)
        self._parser = ClaimParser(dataset.titles, attributes)
        self._facts = facts_by_item(attributes)

    def rate(self, explanation: Explanation) -> tuple[int, str]:
        """The rating, 0 to 3, and what decided it. Raises DataError where it is about another catalogue."""
        self._check(explanation)
        parsed = self._parser.parse(explanation.text, explanation.history, explanation.item)
        verdict = read_verdict(parsed.words)
        if verdict is not explanation.recommended:
            return 0, "no decision is found" if verdict is None else "the decision is not the recommender's"
        named = {one.item for one in parsed.claims if one.kind == "history" and one.item is not None}
        if any(name.item == explanation.item for name in parsed.names):
            named.add(explanation.item)
        reasons = named.intersection(explanation.history) - {explanation.item}
        own = self._facts[explanation.item]
        shared = {fact for item in reasons for fact in self._facts[item] & own}
        may_share = shared | own if explanation.item in explanation.history else shared
        if faults := [*self._untrue_names(parsed, explanation), *_untrue_attributes(parsed, may_share, own)]:
            return 1, ", ".join(dict.fromkeys(faults))
        return _rate_reasons(parsed, reasons, shared, speaks=explanation.item in named or _speaks_of_it(parsed))

    def _untrue_names(self, parsed: ParsedText, explanation: Explanation) -> Iterator[str]:
        for one in parsed.claims:
            if one.kind != "history" or one.ambiguous:
                continue
            if one.item is None:
                yield f"“{one.title}” is no title of the catalogue"
            elif one.item not in (explanation.item, *explanation.history):
                yield f"“{self._titles[one.item or 0]}” is not in the history"

    def _check(self, explanation: Explanation) -> None:
        pairs = zip(explanation.history, explanation.history_titles, strict=True)
        for item, title in ((explanation.item, explanation.item_title), *pairs):
            if not 0 <= item < len(self._titles) or self._titles[item] != title:
                raise DataError(
                    f"Item {item} of the catalogue is not {title!r}.",
                    location=f"explanation of {explanation.method!r} for user {explanation.user!r}",
                    hint="Judge explanations with the dataset that they were made with.",
                )


def _rate_reasons(
    parsed: ParsedText, reasons: Collection[int], shared: Collection[str], *, speaks: bool
) -> tuple[int, str]:
    """By the history items named, what they share with the item, and whether the text speaks of the item."""
    if not reasons:
        return 1, "no history item is named"
    if not speaks:
        return 1, "the item is not spoken of"
    if len(reasons) > 1:
        return 3, f"{len(reasons)} history items are named"
    if facts := [fact for fact in sorted(shared) if _mentions(parsed, fact)]:
        return 3, f"a history item is named, and that it shares {facts[0]!r} with the item"
    return 2, "one history item is named, and nothing that it shares with the item"


def _untrue_attributes(parsed: ParsedText, shared: Collection[str], own: Collection[str]) -> Iterator[str]:
    """What is said to be shared and is not; what a sentence that names nothing says of the item itself is not meant."""
    sentences = split_sentences(parsed.text, parsed.names)
    named = [span for span in sentences if any(span[0] <= name.start < span[1] for name in parsed.names)]
    for claim in parsed.claims:
        if claim.kind != "shared" or claim.sort == NEIGHBOUR or claim.value.casefold() in shared:
            continue
        if claim.value.casefold() not in own or any(start <= claim.start < end for start, end in named):
            yield f"“{parsed.text[claim.start : claim.end]}” is not shared"


def _speaks_of_it(parsed: ParsedText) -> bool:
    """Whether the item is meant by "it" or "this" after an opening clause that names no title."""
    opening = _OPENING_CLAUSE.match(parsed.words)
    return opening is not None and BLANK not in opening[0] and _PRONOUN.search(parsed.words) is not None


def _mentions(parsed: ParsedText, fact: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(fact)}(?!\w)", parsed.words, re.IGNORECASE) is not None
