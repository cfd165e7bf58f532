"""Over all explanations of one way, how much of what they say holds. It knows the records only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recexplainer.explanations.record import Explanation
from recexplainer.reports.checking import cited_items
from recexplainer.reports.names import method_name


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


def tally(explanations: Sequence[Explanation]) -> Tally:
    """Count what holds over explanations of one way; there must be at least one."""
    cited = [citation for each in explanations for citation in cited_items(each)]
    asked = [citation for citation in cited if citation.matters is not None]
    return Tally(
        method=method_name(explanations[0].source),
        explanations=len(explanations),
        agreeing=sum(each.verdict == each.recommended for each in explanations),
        faultless=sum(not each.faults for each in explanations),
        citations=len(cited),
        in_history=sum(citation.in_history for citation in cited),
        asked_again=len(asked),
        matter=sum(citation.matters is True for citation in asked),
    )
