"""What was checked of an explanation, in words: its claims with their marks, its faults, and the counterfactual.

It knows the records only; page and terminal say the same by it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from recexplainer.claims.claim import Claim, ClaimStatus
from recexplainer.errors import RunError
from recexplainer.explanations.record import Citation, Explanation

WORST_FIRST: tuple[ClaimStatus, ...] = ("contradicted", "unverified", "supported")
_CLAIMED = re.compile(
    r"nothing is said to speak|it is said to please"
    r"|.*(?:is not in the history|is said to speak (?:for|against) it|does not hold|is not what they share)$",
    re.DOTALL,
)
_OF_VERDICT = ("no verdict is understood", "the opening says")
_SAID = {
    "verdict": "its verdict",
    "history": "“{words}” is in the user's history",
    "positive_attribution": "“{title}” speaks for it",
    "negative_attribution": "“{title}” speaks against it",
    "shared": "“{words}” holds for {holder} too",
    "no_positive_attribution": "nothing in the history speaks for it",
    "no_negative_attribution": "nothing in the history speaks against it",
    "popular": "it pleases most users",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One claim: what the text says in a few words, its mark, and what the recommender or the catalogue says to it."""

    says: str
    status: ClaimStatus
    found: str


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of the text that claims something, and all that it claims.

    Attributes:
        number: From 1, in order of appearance.
        start: Offset of its first character in the text.
        end: Offset after its last one.
        words: The stretch itself.
        checks: Its claims, at least one.
    """

    number: int
    start: int
    end: int
    words: str
    checks: tuple[Check, ...]

    @property
    def status(self) -> ClaimStatus:
        """The worst mark of its claims."""
        return worst([check.status for check in self.checks])


def worst(marks: list[ClaimStatus]) -> ClaimStatus:
    """The worst of marks, of which there is at least one."""
    return min(marks, key=WORST_FIRST.index)


def places(explanation: Explanation) -> list[Place]:
    """The stretches that claim something, in order of appearance.

    Raises:
        RunError: If a claim's offsets are not in the text.
    """
    spans: dict[tuple[int, int], list[Check]] = {}
    for claim in explanation.claims:
        spans.setdefault((claim.start, claim.end), []).append(check(explanation, claim))
    return [
        Place(number, *span, explanation.text[slice(*span)], tuple(spans[span]))
        for number, span in enumerate(sorted(spans), start=1)
    ]


def check(explanation: Explanation, claim: Claim) -> Check:
    """One claim of an explanation in words.

    Raises:
        RunError: If its offsets are not in the text.
    """
    if not 0 <= claim.start < claim.end <= len(explanation.text):
        raise RunError(
            f"The offsets {claim.start} to {claim.end} of a claim are not in the text.",
            location=f"explanation of item {explanation.item} for user {explanation.user}",
            hint="Run the explanations again.",
        )
    words = explanation.text[claim.start : claim.end]
    title = _titles(explanation).get(claim.item, words)
    holder = "some of the history" if claim.item is None else f"“{title}”"
    return Check(_SAID[claim.kind].format(words=words, title=title, holder=holder), claim.status, claim.found)


def open_faults(explanation: Explanation) -> tuple[str, ...]:
    """The faults that no claim says, such as what is left out, or not understood; all where no claims were read."""
    if not explanation.claims:
        return explanation.faults
    said = [claim.status for claim in explanation.claims if claim.kind == "verdict"]
    of_verdict = _OF_VERDICT if "contradicted" in said else _OF_VERDICT[: len(said)]
    return tuple(
        fault for fault in explanation.faults if not _CLAIMED.match(fault) and not fault.startswith(of_verdict)
    )


def counterfactual(explanation: Explanation) -> str:
    """What the rank would be without a cited item: "Without “X” it would fall from rank 3 to rank 41.".

    The item is the one with the largest effect of those without which the rank is another. Where there is none, it says
    so; "" where f was not asked without any.
    """
    known = [
        (abs(each.attribution or 0.0), each.item, each.ablated_rank)
        for each in explanation.citations
        if each.ablated_rank is not None
    ]
    moving = [one for one in known if one[2] != explanation.rank]
    if not moving:
        return "No single item that the text names changes its rank." if known else ""
    _, item, rank = max(moving, key=lambda one: one[0])
    way = "fall" if rank > explanation.rank else "rise"
    return f"Without “{_titles(explanation)[item]}” it would {way} from rank {explanation.rank:,} to rank {rank:,}."


def cited_items(explanation: Explanation) -> list[Citation]:
    """The first citation of each item other than the one asked about."""
    first: dict[int, Citation] = {}
    for citation in explanation.citations:
        if citation.item != explanation.item:
            first.setdefault(citation.item, citation)
    return list(first.values())


def _titles(explanation: Explanation) -> dict[int | None, str]:
    return dict(zip(explanation.history, explanation.history_titles, strict=True))
