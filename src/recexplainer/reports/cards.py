"""Explanations as cards: what is said, each history item with its effect, one pair told several times, and tallies.

It knows the records only; how a card looks is in `page/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from recexplainer.errors import RunError
from recexplainer.explanations.record import Citation, Explanation
from recexplainer.reports.checking import Place, counterfactual, open_faults, places
from recexplainer.reports.figures import effect_bar
from recexplainer.reports.marking import Segment, claim_segments, segments
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
    """One explanation as shown.

    Attributes:
        method: Who says it.
        verdict: What it says.
        agrees: Whether f says so too.
        probability: How sure it is of that, 0 to 1.
        segments: The text, its titles marked.
        checks: The cited items that f was asked again without.
        faults: What f does not bear out.
        claims: The text, its claims marked.
        places: Where in it something is claimed, and whether that holds.
        open_faults: The faults that no claim says.
        abstained: Why no reasons are given; "" where they are.
    """

    method: str
    verdict: bool
    agrees: bool
    probability: float
    segments: tuple[Segment, ...]
    checks: tuple[Citation, ...]
    faults: tuple[str, ...]
    claims: tuple[Segment, ...]
    places: tuple[Place, ...]
    open_faults: tuple[str, ...]
    abstained: str


@dataclass(frozen=True, slots=True)
class Card:
    """One user and one item: f's opinion, the history, and what the surrogate says with evidence and alone.

    Attributes:
        number: From 1.
        page: The name of the file that tells more of it.
        explanation: With evidence; it has the pair's facts.
        history: Its lines.
        counterfactual: What the rank would be without an item that is cited; "" where that is not known.
        told: What is said with evidence.
        alone: What the surrogate says alone; None where it was not asked.
    """

    number: int
    page: str
    explanation: Explanation
    history: tuple[HistoryItem, ...]
    counterfactual: str
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
    """A card for each explanation, with the surrogate's own beside it where the same pair has one.

    Raises:
        RunError: If an explanation cites or claims what its text does not hold.
    """
    by_pair = {(each.user, each.item): each for each in alone}
    return [
        Card(
            number=number,
            page=f"{number:02d}.html",
            explanation=each,
            history=_history(each),
            counterfactual=counterfactual(each),
            told=_told(each),
            alone=_told(other) if other else None,
        )
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
    return Told(
        method=method_name(each.method),
        verdict=each.verdict,
        agrees=agrees,
        probability=sure,
        segments=tuple(segments(each)),
        checks=checks,
        faults=each.faults,
        claims=tuple(claim_segments(each)),
        places=tuple(places(each)),
        open_faults=open_faults(each),
        abstained=each.abstained,
    )


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
