"""What was checked of an explanation: in words, for page and terminal, and as the text cut at what is to be marked.

It knows the records only; how a mark looks is in `page/`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from recexplainer.claims.claim import REST, STATED, Claim, ClaimStatus, stated
from recexplainer.errors import RunError
from recexplainer.explanations.record import Citation, Explanation
from recexplainer.reports.history import items_by_index
from recexplainer.reports.names import method_name

WORST_FIRST: tuple[ClaimStatus, ...] = ("contradicted", "unverified", "supported")
_IN_WORDS = {
    "verdict": "its verdict",
    "history": "“{words}” is in the user's history",
    "positive": "“{title}” counts for it",
    "negative": "“{title}” counts against it",
    "no_effect": "“{title}” has no effect",
    "strongest": "“{title}” does most",
    "shared": "“{words}” holds for {holder} too",
    "counterfactual": "without “{title}” its rank would be {value}",
    "nothing_positive": "nothing in the history counts for it",
    "nothing_negative": "nothing in the history counts against it",
    "popular": "it pleases most users",
    "rank": "its rank is {value}",
    "other": "“{words}”",
}
_REST = "nothing else in the history has an effect"
_OF_TITLES = ("history", "positive", "negative", "no_effect", "strongest", "negligible", "balance")


@dataclass(frozen=True, slots=True)
class Check:
    """One claim: what it is in a few words, its status, and what the recommender or the catalogue says to it."""

    words: str
    status: ClaimStatus
    found: str


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of the text that claims something, its offsets, and all that it claims; numbers are from 1."""

    number: int
    start: int
    end: int
    words: str
    checks: tuple[Check, ...]

    @property
    def status(self) -> ClaimStatus:
        """The worst status of its claims."""
        statuses: list[ClaimStatus] = [check.status for check in self.checks]
        return min(statuses, key=WORST_FIRST.index)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of text as it is shown.

    `kind` is "" for plain text, of titles `for`, `against`, `depends`, `cited`, `asked`, `stray` or `wrong`, of claims
    their status; `hint` says what a mark is there for, and `ends` has the places with claims that end here.
    """

    text: str
    kind: str = ""
    hint: str = ""
    ends: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """Over all explanations of one method: how many verdicts are right, and how many texts and citations hold."""

    method: str
    explanations: int
    agreeing: int  # verdicts equal to the recommender's
    faultless: int
    citations: int  # different titles cited in each explanation, the item asked about aside
    in_history: int
    ablated: int  # those that the recommender was asked again without
    matter: int  # those among them whose attribution is above the history's median in size


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


def places(explanation: Explanation) -> list[Place]:
    """The stretches that claim something, in order. Raises RunError if a claim's offsets are not in the text."""
    spans: dict[tuple[int, int], list[Check]] = {}
    for claim in stated(explanation.claims):
        spans.setdefault((claim.start, claim.end), []).append(check(explanation, claim))
    return [
        Place(number, *span, explanation.text[slice(*span)], tuple(spans[span]))
        for number, span in enumerate(sorted(spans), start=1)
    ]


def check(explanation: Explanation, claim: Claim) -> Check:
    """One claim in words; a finding has none but what is found. Raises RunError if its offsets are not in the text."""
    if claim.kind not in STATED:
        return Check("", claim.status, claim.found)
    if not 0 <= claim.start < claim.end <= len(explanation.text):
        raise _damaged(explanation, f"The offsets {claim.start} to {claim.end} of a claim are not in the text.")
    words = explanation.text[claim.start : claim.end]
    titles: dict[int | None, str] = dict(zip(explanation.history, explanation.history_titles, strict=True))
    return Check(claim_in_words(claim, words, titles.get(claim.item)), claim.status, claim.found)


def claim_in_words(claim: Claim, words: str, title: str | None) -> str:
    """What is claimed, in a few words, of a claim that is stated.

    Args:
        claim: What is claimed.
        words: The words of the text that claim it.
        title: The title of the item that it is about; None where that is not known, or none of the catalogue.
    """
    title = title or claim.title or words
    holder = f"“{title}”" if claim.item is not None or claim.title else "some of the history"
    template = _REST if claim.kind == "no_effect" and claim.value == REST else _IN_WORDS[claim.kind]
    return template.format(words=words, title=title, holder=holder, value=claim.value.replace("<=", "at most "))


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


def segments(explanation: Explanation) -> list[Segment]:
    """The text cut at its citations and at titles that a fault names; what overlaps an earlier or longer one is plain.

    Raises RunError if a citation's offsets do not hold its title.
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
    """The text cut wherever a claim begins or ends, with the worst status. Raises RunError as `places` does."""
    text, marked = explanation.text, places(explanation)
    segments: list[Segment] = []
    for start, end in pairwise(sorted({0, len(text), *(cut for one in marked for cut in (one.start, one.end))})):
        over = [place for place in marked if place.start <= start and end <= place.end]
        hints = dict.fromkeys(f"{check.status}: {check.found}" for place in over for check in place.checks)
        kind = min((place.status for place in over), key=WORST_FIRST.index, default="")
        ends = tuple(place for place in over if place.end == end)
        segments.append(Segment(text[start:end], kind, "; ".join(hints), ends))
    return segments


def _marks(explanation: Explanation) -> Iterator[tuple[int, int, Segment]]:
    """Start, end and segment of all there is to mark: a title that a fault names is wrong, whatever its effect."""
    text = explanation.text
    of_titles = (one for one in explanation.faults if one.kind in _OF_TITLES)
    faults = [one for one in of_titles if one.item is not None or one.kind == "history"]
    lines = in_lines(explanation, faults)
    wrong = {text[one.start : one.end]: line for one, line in zip(faults, lines, strict=True)}
    for each in explanation.citations:
        if text[each.start : each.end] != each.title:
            raise _damaged(explanation, f"A citation's offsets do not hold its title {each.title!r}.")
        kind, hint = _kind_and_hint(each, explanation)
        if each.title in wrong:
            kind, hint = "wrong", wrong[each.title]
        yield each.start, each.end, Segment(each.title, kind, hint)
    for one, line in zip(faults, lines, strict=True):
        yield one.start, one.end, Segment(text[one.start : one.end], "wrong", line)


def _kind_and_hint(citation: Citation, each: Explanation) -> tuple[str, str]:
    if citation.item == each.item:
        return "asked", "the item asked about"
    if not citation.in_history:
        return "stray", "not in this user's history"
    if citation.attribution is None:
        return "cited", "in the history; the recommender cannot be asked without it"
    item = items_by_index(each)[citation.item]
    rank = f"; rank {each.rank:,} becomes {citation.ablated_rank:,} without it" if citation.ablated_rank else ""
    return item.direction if item.direction in ("for", "against", "depends") else "cited", f"{item.spoken}{rank}"


def _damaged(each: Explanation, what: str) -> RunError:
    location = f"explanation of item {each.item} for user {each.user}"
    return RunError(what, location=location, hint="Run the explanations again.")
