"""What was checked of an explanation, in words: its claims with their status, its faults, and the counterfactual.

It knows the records only; page and terminal show the same by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recexplainer.claims.claim import STATED, Claim, ClaimStatus, stated
from recexplainer.errors import RunError
from recexplainer.explanations.record import Citation, Explanation
from recexplainer.reports.names import method_name

WORST_FIRST: tuple[ClaimStatus, ...] = ("contradicted", "unverified", "supported")
_IN_WORDS = {
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
    """One claim: what it is in a few words, its status, and what the recommender or the catalogue says to it."""

    words: str
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
        """The worst status of its claims."""
        return worst([check.status for check in self.checks])


@dataclass(frozen=True, slots=True)
class Tally:
    """Over all explanations of one method: how many verdicts are right, and how many texts and citations hold.

    Attributes:
        method: Who explains.
        explanations: How many.
        agreeing: Verdicts equal to the recommender's.
        faultless: Those without a fault.
        citations: Different titles cited in each explanation, the item asked about aside.
        in_history: Those that are in the user's history.
        ablated: Those that the recommender was asked again without.
        matter: Those among them whose attribution is above the history's median in size.
    """

    method: str
    explanations: int
    agreeing: int
    faultless: int
    citations: int
    in_history: int
    ablated: int
    matter: int


def tally(explanations: Sequence[Explanation]) -> Tally:
    """Count what holds over explanations of one method; there must be at least one."""
    cited = [citation for each in explanations for citation in cited_items(each)]
    ablated = [citation for citation in cited if citation.matters is not None]
    return Tally(
        method=method_name(explanations[0].source),
        explanations=len(explanations),
        agreeing=sum(each.verdict == each.recommended for each in explanations),
        faultless=sum(not each.faults for each in explanations),
        citations=len(cited),
        in_history=sum(citation.in_history for citation in cited),
        ablated=len(ablated),
        matter=sum(citation.matters is True for citation in ablated),
    )


def worst(statuses: Sequence[ClaimStatus]) -> ClaimStatus:
    """The worst of statuses, of which there is at least one."""
    return min(statuses, key=WORST_FIRST.index)


def places(explanation: Explanation) -> list[Place]:
    """The stretches that claim something, in order of appearance.

    Raises:
        RunError: If a claim's offsets are not in the text.
    """
    spans: dict[tuple[int, int], list[Check]] = {}
    for claim in stated(explanation.claims):
        spans.setdefault((claim.start, claim.end), []).append(check(explanation, claim))
    return [
        Place(number, *span, explanation.text[slice(*span)], tuple(spans[span]))
        for number, span in enumerate(sorted(spans), start=1)
    ]


def check(explanation: Explanation, claim: Claim) -> Check:
    """One claim of an explanation in words; of a finding what is found says it all.

    Raises:
        RunError: If its offsets are not in the text.
    """
    if claim.kind not in STATED:
        return Check("", claim.status, claim.found)
    if not 0 <= claim.start < claim.end <= len(explanation.text):
        raise RunError(
            f"The offsets {claim.start} to {claim.end} of a claim are not in the text.",
            location=f"explanation of item {explanation.item} for user {explanation.user}",
            hint="Run the explanations again.",
        )
    words = explanation.text[claim.start : claim.end]
    titles: dict[int | None, str] = dict(zip(explanation.history, explanation.history_titles, strict=True))
    title = titles.get(claim.item, words)
    holder = "some of the history" if claim.item is None else f"“{title}”"
    return Check(_IN_WORDS[claim.kind].format(words=words, title=title, holder=holder), claim.status, claim.found)


def in_lines(explanation: Explanation, claims: Sequence[Claim]) -> tuple[str, ...]:
    """Claims that do not hold, one line each."""
    checks = [check(explanation, claim) for claim in claims]
    return tuple(f"{each.words}: {each.found}" if each.words else each.found for each in checks)


def fault_lines(explanation: Explanation) -> tuple[str, ...]:
    """The faults, one line each."""
    return in_lines(explanation, explanation.faults)


def open_faults(explanation: Explanation) -> tuple[str, ...]:
    """The faults that no stated claim says too, such as what is left out, or not understood, one line each."""
    claims = stated(explanation.claims)
    failing = {one.kind for one in claims if one.status != "supported"}
    covered = {"negligible"} if claims else set[str]()
    covered |= {"no_verdict"} if any(one.kind == "verdict" for one in claims) else set()
    covered |= {"link"} if "shared" in failing else set()
    return tuple(one.found for one in explanation.claims if one.kind not in STATED and one.kind not in covered)


def counterfactual(explanation: Explanation) -> str:
    """What the rank would be without a cited item: "Without “X” it would fall from rank 3 to rank 41.".

    The item is the one with the largest attribution of those without which the rank is another. Where there is none, it
    says so; "" where the recommender was not asked without any.
    """
    ablated = [each for each in explanation.citations if each.ablated_rank is not None]
    moving = [each for each in ablated if each.ablated_rank != explanation.rank]
    if not moving:
        return "No single item that the text names changes its rank." if ablated else ""
    most = max(moving, key=lambda each: abs(each.attribution or 0.0))
    title, rank = explanation.history_titles[explanation.history.index(most.item)], most.ablated_rank or 0
    way = "fall" if rank > explanation.rank else "rise"
    return f"Without “{title}” it would {way} from rank {explanation.rank:,} to rank {rank:,}."


def cited_items(explanation: Explanation) -> list[Citation]:
    """The first citation of each item other than the one asked about."""
    first: dict[int, Citation] = {}
    for citation in explanation.citations:
        if citation.item != explanation.item:
            first.setdefault(citation.item, citation)
    return list(first.values())
