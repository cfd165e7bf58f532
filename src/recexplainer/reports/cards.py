"""Explanations as cards: what is said, each history item with its effect, one pair told several times, and tallies.

It knows the records only; how a card looks is in `page/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from recexplainer.errors import RunError
from recexplainer.explanations.record import Citation, Explanation
from recexplainer.reports.figures import effect_bar
from recexplainer.reports.marking import Segment, segments
from recexplainer.reports.names import method_name, signed


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """One line of the history: title, whether the text cites it, its effect as a bar and in figures ("": unknown)."""

    title: str
    cited: bool
    bar: Markup
    effect: str


@dataclass(frozen=True, slots=True)
class Told:
    """One explanation as shown: who says it, its verdict, whether f agrees, its text, what was checked, what fails."""

    method: str
    verdict: bool
    agrees: bool
    probability: float
    segments: tuple[Segment, ...]
    checks: tuple[Citation, ...]
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """One user and one item: f's opinion, the history, and what the surrogate says with evidence and alone."""

    number: int
    explanation: Explanation
    history: tuple[HistoryItem, ...]
    told: Told
    alone: Told | None


@dataclass(frozen=True, slots=True)
class CaseView:
    """One pair explained several times: one of the explanations, for the pair's facts; each view asked for and told."""

    explanation: Explanation
    told: tuple[tuple[str, Told], ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """Over all explanations of one way: how many verdicts agree with f, and how many texts and citations hold.

    Attributes:
        method: Who explains.
        explanations: How many.
        agreeing: Verdicts equal to f's.
        faultless: Those whose every claim f bears out.
        citations: Different titles cited in each explanation, the item asked about aside.
        in_history: Those that are in the user's history.
        asked_again: Those that f was asked again without.
        matter: Those among them whose effect is above the history's median in size.
    """

    method: str
    explanations: int
    agreeing: int
    faultless: int
    citations: int
    in_history: int
    asked_again: int
    matter: int


def cards(explanations: Sequence[Explanation], alone: Sequence[Explanation]) -> list[Card]:
    """A card for each explanation, with the surrogate's own beside it where the same pair has one."""
    by_pair = {(each.user, each.item): each for each in alone}
    return [
        Card(number, each, _history(each), _told(each), _told(other) if other else None)
        for number, each in enumerate(explanations, start=1)
        for other in [by_pair.get((each.user, each.item))]
    ]


def tally(explanations: Sequence[Explanation]) -> Tally:
    """Count what holds over explanations of one way; there must be at least one."""
    cited = [citation for each in explanations for citation in _different(each)]
    asked = [citation for citation in cited if citation.matters is not None]
    return Tally(
        method=method_name(explanations[0].method),
        explanations=len(explanations),
        agreeing=sum(each.verdict == each.recommended for each in explanations),
        faultless=sum(not each.faults for each in explanations),
        citations=len(cited),
        in_history=sum(citation.in_history for citation in cited),
        asked_again=len(asked),
        matter=sum(citation.matters is True for citation in asked),
    )


def case_views(views: Sequence[Sequence[Explanation]]) -> list[CaseView]:
    """Each pair with what every explanation of it says, in the order given; a view without explanations is left out.

    Raises:
        RunError: If the explanations of one view are of different pairs.
    """
    return [_case_view(view) for view in views if view]


def _case_view(view: Sequence[Explanation]) -> CaseView:
    first = view[0]
    if others := [each for each in view if (each.user, each.item) != (first.user, first.item)]:
        raise RunError(
            "Explanations shown side by side are of different pairs.",
            where=f"item {others[0].item} for user {others[0].user}, beside item {first.item} for user {first.user}",
            mend="Put the explanations of one user and one item into a view of their own.",
        )
    return CaseView(first, tuple((each.ask, _told(each)) for each in view))


def _told(each: Explanation) -> Told:
    checks = tuple(citation for citation in _different(each) if citation.effect is not None)
    agrees = each.verdict == each.recommended
    # The probability is that of "Yes"; the reader sees that of the verdict given.
    sure = each.probability if each.verdict else 1.0 - each.probability
    return Told(method_name(each.method), each.verdict, agrees, sure, tuple(segments(each)), checks, each.faults)


def _history(each: Explanation) -> tuple[HistoryItem, ...]:
    cited = {citation.item for citation in each.citations}
    largest = max((abs(effect) for effect in each.effects), default=0.0)
    drawn = [(effect_bar(effect, largest, f"effect {signed(effect)}"), signed(effect)) for effect in each.effects] or [
        (Markup(""), "")
    ] * len(each.history)
    return tuple(
        HistoryItem(title, item in cited, bar, text)
        for item, title, (bar, text) in zip(each.history, each.history_titles, drawn, strict=True)
    )


def _different(each: Explanation) -> list[Citation]:
    """The first citation of each item other than the one asked about."""
    first: dict[int, Citation] = {}
    for citation in each.citations:
        if citation.item != each.item:
            first.setdefault(citation.item, citation)
    return list(first.values())
