"""Explanations as cards: what is said, beside what the recommender does, and one pair told several times.

It knows the records only; how a card looks is in `page/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recexplainer.errors import RunError
from recexplainer.evidence.pair_attribution import Attribution
from recexplainer.explanations.record import Citation, Explanation
from recexplainer.reports.attributed import Attributed, HistoryItem, attributed, history_lines
from recexplainer.reports.checking import Place, cited_items, counterfactual, open_faults, places
from recexplainer.reports.marking import Segment, claim_segments, segments
from recexplainer.reports.names import method_name


@dataclass(frozen=True, slots=True)
class Told:
    """One explanation as shown.

    Attributes:
        method: Who says it.
        verdict: What it says; None if it says neither.
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
    verdict: bool | None
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
        history: Its lines, with effects alone.
        attributed: What else f was asked about the pair; None where it was not.
        counterfactual: What the rank would be without an item that is cited; "" where that is not known.
        told: What is said with evidence.
        alone: What the surrogate says alone; None where it was not asked.
    """

    number: int
    page: str
    explanation: Explanation
    history: tuple[HistoryItem, ...]
    attributed: Attributed | None
    counterfactual: str
    told: Told
    alone: Told | None


@dataclass(frozen=True, slots=True)
class CaseView:
    """One pair explained several times: one of the explanations, for the pair's facts; each view asked for and told."""

    explanation: Explanation
    told: tuple[tuple[str, Told], ...]


def cards(
    explanations: Sequence[Explanation], alone: Sequence[Explanation], attributions: Sequence[Attribution] = ()
) -> list[Card]:
    """A card for each explanation, with the surrogate's own beside it where the same pair has one.

    Args:
        explanations: With evidence.
        alone: From the surrogate alone.
        attributions: What else f was asked about each of `explanations`; () where it was not.

    Raises:
        RunError: If an explanation cites or claims what its text does not hold, or there are not as many attributions.
    """
    if attributions and len(attributions) != len(explanations):
        raise RunError(
            f"There are {len(attributions)} attributions of {len(explanations)} explanations.",
            location="ReportInputs.attributions",
            hint="Give one for each explanation, or none.",
        )
    by_pair = {(each.user, each.item): each for each in alone}
    asked = attributions or [None] * len(explanations)
    return [
        _card(number, each, by_pair.get((each.user, each.item)), found)
        for number, (each, found) in enumerate(zip(explanations, asked, strict=True), start=1)
    ]


def case_views(views: Sequence[Sequence[Explanation]]) -> list[CaseView]:
    """Each pair with what every explanation of it says, in the order given; a view without explanations is left out.

    Raises:
        RunError: If the explanations of one view are of different pairs.
    """
    return [_case_view(view) for view in views if view]


def _card(number: int, each: Explanation, alone: Explanation | None, found: Attribution | None) -> Card:
    return Card(
        number=number,
        page=f"{number:02d}.html",
        explanation=each,
        history=history_lines(each),
        attributed=attributed(each, found) if found else None,
        counterfactual=counterfactual(each),
        told=_told(each),
        alone=_told(alone) if alone else None,
    )


def _case_view(view: Sequence[Explanation]) -> CaseView:
    first = view[0]
    if others := [each for each in view if (each.user, each.item) != (first.user, first.item)]:
        raise RunError(
            "Explanations shown side by side are of different pairs.",
            location=f"item {others[0].item} for user {others[0].user}, beside item {first.item} for user {first.user}",
            hint="Put the explanations of one user and one item into a view of their own.",
        )
    return CaseView(first, tuple((each.ask, _told(each)) for each in view))


def _told(each: Explanation) -> Told:
    checks = tuple(citation for citation in cited_items(each) if citation.attribution is not None)
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
