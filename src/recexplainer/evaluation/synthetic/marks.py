"""Whether a text about a synthetic recommender is read as written, and its claims have the right statuses."""

from __future__ import annotations

from collections.abc import Sequence

from recexplainer.claims.claim import Claim, ClaimKind, ClaimStatus
from recexplainer.evaluation.synthetic.ground_truth import SyntheticExplanation
from recexplainer.evaluation.synthetic.rules import Causes

_CITING: tuple[ClaimKind, ClaimKind] = ("positive_attribution", "negative_attribution")
_DENYING: tuple[ClaimKind, ClaimKind] = ("no_positive_attribution", "no_negative_attribution")


def right_statuses(claim: Claim, causes: Causes, history: Sequence[int]) -> tuple[ClaimStatus, ...]:
    """The statuses that a claim may have if the causes are these; none where it is not about attributions.

    Args:
        claim: A claim; attributions of history items and their denials are looked at.
        causes: The true ones.
        history: Item indices; claims about other items are not looked at.
    """
    if claim.kind in _DENYING:
        denied = causes.positive if claim.kind == "no_positive_attribution" else causes.negative
        return ("contradicted",) if denied else ("supported",)
    if claim.kind not in _CITING or claim.item not in history:
        return ()
    sides = (causes.positive, causes.negative)
    own, opposite = sides if claim.kind == "positive_attribution" else sides[::-1]
    if claim.item in own:
        return ("supported",)
    return ("contradicted",) if claim.item in opposite else ("unverified", "contradicted")


def status_values(explained: SyntheticExplanation) -> list[float]:
    """For each claim about attributions 1 if its status is right, else 0."""
    record, causes = explained.record, explained.case.causes
    right = [(one.status, right_statuses(one, causes, record.history)) for one in record.claims]
    return [float(status in allowed) for status, allowed in right if allowed]


def read_as_written(explained: SyntheticExplanation) -> float:
    """1 if the verdict, the attributions and, where it is written, that a brand is shared are read from the text."""
    record, statement = explained.record, explained.statement
    items = dict(zip(record.history_titles, record.history, strict=True))
    sides = zip(_CITING, (statement.positive, statement.negative), strict=True)
    written = {(kind, items[title]) for kind, titles in sides for title in titles if title in items}
    read = {(one.kind, one.item) for one in record.claims if one.kind in _CITING and one.item in record.history}
    shared = not statement.brand or not written or any(one.kind == "shared" for one in record.claims)
    return float(read == written and shared and record.verdict is statement.verdict)
