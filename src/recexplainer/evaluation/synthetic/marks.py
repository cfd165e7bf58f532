"""Whether a text about a planted recommender is read as it was written, and its claims marked as the causes say."""

from __future__ import annotations

from collections.abc import Sequence

from recexplainer.claims.claim import Claim
from recexplainer.evaluation.synthetic.pairs import Said
from recexplainer.evaluation.synthetic.recommender import Causes


def right_marks(claim: Claim, causes: Causes, history: Sequence[int]) -> tuple[str, ...]:
    """The marks that a claim may have if the causes are these; none where it is not about what matters.

    Args:
        claim: A claim; those of kinds the attributions and their denials are about what matters.
        causes: The true ones.
        history: Item indices; what is claimed of other items is not looked at.
    """
    if claim.kind in ("no_positive_attribution", "no_negative_attribution"):
        denied = causes.for_items if claim.kind == "no_positive_attribution" else causes.against_items
        return ("contradicted",) if denied else ("supported",)
    if claim.kind not in ("positive_attribution", "negative_attribution") or claim.item not in history:
        return ()
    sides = (causes.for_items, causes.against_items)
    said, turned = sides if claim.kind == "positive_attribution" else sides[::-1]
    if claim.item in said:
        return ("supported",)
    return ("contradicted",) if claim.item in turned else ("unverified", "contradicted")


def marked_as_planted(said: Said) -> list[float]:
    """For each claim about what matters 1 if its mark is right, else 0."""
    marks = [(one.status, right_marks(one, said.case.causes, said.record.history)) for one in said.record.claims]
    return [float(mark in right) for mark, right in marks if right]


def read_as_written(said: Said) -> float:
    """1 if the verdict, the history items said to matter and, where it is said, that they share a brand are read."""
    record, telling = said.record, said.telling
    items = dict(zip(record.history_titles, record.history, strict=True))
    cited = [("positive_attribution", title) for title in telling.supporters] + [
        ("negative_attribution", title) for title in telling.opponents
    ]
    written = {(kind, items[title]) for kind, title in cited if title in items}
    read = {
        (one.kind, one.item) for one in record.claims if one.kind in ("positive_attribution", "negative_attribution")
    }
    read = {(kind, item) for kind, item in read if item in record.history}
    shared = not telling.brand or not written or any(one.kind == "shared" for one in record.claims)
    return float(read == written and shared and record.verdict is telling.verdict)
