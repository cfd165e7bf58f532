"""A reason in a phrase: at most twelve words, from history items that count for the item however one asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from recexplainer.evidence.evidence import CLOSE, Evidence
from recexplainer.evidence.realised import fact_kind

MOST_WORDS = 12


def phrase(evidence: Evidence, titles: Sequence[str]) -> tuple[str, str | None]:
    """A phrase of at most twelve words; or "", and why there is none."""
    if not evidence.effects:
        return "", "the recommender cannot say what an item of the history does"
    groups = evidence.by_effect
    if groups["for"]:
        return next(one for one in _phrases(evidence, titles, groups["for"]) if len(one.split()) <= MOST_WORDS), None
    if groups["depends"]:
        return "", "what the history does for it depends on how one asks"
    return "", "no single item of the history counts for it"


def _phrases(evidence: Evidence, titles: Sequence[str], places: Sequence[int]) -> Iterator[str]:
    """Phrases from long to short; the last one has the twelve words."""
    first = titles[evidence.history[places[0]]]
    for shared in evidence.shared[places[0]]:
        if shared != CLOSE and fact_kind(shared) != "word":
            yield f"Because of “{first}”, same {shared}"
    if len(places) > 1:
        yield f"Because of “{first}” and “{titles[evidence.history[places[1]]]}”"
    yield f"Because of “{first}”"
    yield f"Because of “{' '.join(first.split()[: MOST_WORDS - 2])}…”"
