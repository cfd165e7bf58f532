"""The text of an explanation cut at what is to be marked: titles by their attribution, claims by their status.

It knows the records only; how a mark looks is in `page/`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from recexplainer.errors import RunError
from recexplainer.explanations.record import Citation, Explanation
from recexplainer.reports.checking import Place, in_lines, places, worst
from recexplainer.reports.names import signed

_OF_TITLES = ("history", "positive_attribution", "negative_attribution", "negligible", "balance")


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of text.

    Attributes:
        text: The words.
        kind: "" for plain text; of titles `for`, `against`, `cited`, `asked`, `stray` or `wrong`; of claims their mark.
        hint: What a mark is there for.
        ends: The places with claims that end here.
    """

    text: str
    kind: str = ""
    hint: str = ""
    ends: tuple[Place, ...] = ()


def segments(explanation: Explanation) -> list[Segment]:
    """The text cut at its citations and at titles that a fault names; what overlaps an earlier or longer one is plain.

    Raises:
        RunError: If a citation's offsets do not hold its title.
    """
    text, at, cut = explanation.text, 0, list[Segment]()
    for start, end, segment in sorted(_marks(explanation), key=lambda mark: (mark[0], -mark[1])):
        if start < at:
            continue
        if start > at:
            cut.append(Segment(text[at:start]))
        cut.append(segment)
        at = end
    return [*cut, Segment(text[at:])] if at < len(text) else cut


def claim_segments(explanation: Explanation) -> list[Segment]:
    """The text cut wherever a claim begins or ends; where claims overlap, the worst mark is shown.

    Raises:
        RunError: If a claim's offsets are not in the text.
    """
    text, marked = explanation.text, places(explanation)
    cuts = sorted({0, len(text), *(cut for place in marked for cut in (place.start, place.end))})
    return [_stretch(text, start, end, marked) for start, end in pairwise(cuts)]


def _stretch(text: str, start: int, end: int, marked: list[Place]) -> Segment:
    over = [place for place in marked if place.start <= start and end <= place.end]
    if not over:
        return Segment(text[start:end])
    hints = dict.fromkeys(f"{check.status}: {check.found}" for place in over for check in place.checks)
    ends = tuple(place for place in over if place.end == end)
    return Segment(text[start:end], worst([place.status for place in over]), "; ".join(hints), ends)


def _marks(explanation: Explanation) -> Iterator[tuple[int, int, Segment]]:
    """Start, end and segment of all there is to mark: a title that a fault names is wrong, whatever its effect."""
    text = explanation.text
    of_titles = (one for one in explanation.faults if one.kind in _OF_TITLES)
    faults = [one for one in of_titles if one.item is not None or one.kind == "history"]
    lines = in_lines(explanation, faults)
    wrong = {text[one.start : one.end]: line for one, line in zip(faults, lines, strict=True)}
    for each in explanation.citations:
        if explanation.text[each.start : each.end] != each.title:
            raise RunError(
                f"A citation's offsets do not hold its title {each.title!r}.",
                location=f"explanation of item {explanation.item} for user {explanation.user}",
                hint="Run the explanations again.",
            )
        kind, hint = _kind(each, explanation.item), _hint(each, explanation)
        if each.title in wrong:
            kind, hint = "wrong", wrong[each.title]
        yield each.start, each.end, Segment(each.title, kind, hint)
    for one, line in zip(faults, lines, strict=True):
        yield one.start, one.end, Segment(text[one.start : one.end], "wrong", line)


def _kind(citation: Citation, asked: int) -> str:
    """Speaks for or against (f's effect), cited (no effect or unknown), asked (the item itself), or stray (not had)."""
    if citation.item == asked:
        return "asked"
    if not citation.in_history:
        return "stray"
    if not citation.attribution:
        return "cited"
    return "for" if citation.attribution > 0 else "against"


def _hint(citation: Citation, each: Explanation) -> str:
    if citation.item == each.item:
        return "the item asked about"
    if not citation.in_history:
        return "not in this user's history"
    if citation.attribution is None:
        return "in the history; the recommender cannot be asked without it"
    rank = f"; rank {each.rank:,} becomes {citation.ablated_rank:,} without it" if citation.ablated_rank else ""
    return f"effect {signed(citation.attribution)}{rank}"
