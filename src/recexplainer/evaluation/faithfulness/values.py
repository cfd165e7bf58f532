"""Each metric of faithfulness for each explanation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recexplainer.claims.claim import ClaimKind, ClaimStatus
from recexplainer.evaluation.faithfulness.cases import CITERS, Citer, make_cases
from recexplainer.evaluation.faithfulness.removal import (
    comprehensiveness,
    comprehensiveness_aopc,
    removal_scores,
    sufficiency,
)
from recexplainer.evaluation.faithfulness.simulatability import simulatability
from recexplainer.explanations.record import Explanation
from recexplainer.recommenders.base import Recommender

_REMOVAL = {
    "comprehensiveness": comprehensiveness,
    "comprehensiveness-aopc": comprehensiveness_aopc,
    "sufficiency": sufficiency,
}
BOUNDED = (*_REMOVAL, "simulatability")
"""The metrics that stand between random citing and the attribution oracle."""
LOWER_IS_BETTER = frozenset({"hallucination-rate", "sufficiency"})
"""The metrics of which less is better."""


def faithfulness_values(
    explanations: Sequence[Explanation], recommender: Recommender, seed: int = 0
) -> dict[str, Sequence[float | None]]:
    """Each metric of each explanation, `[metric][explanations]`; None where a case says nothing to it.

    Removal metrics are in units of the spread of f's scores over the user's unseen items.

    - `verdict-fidelity`: 1 where the text says yes as f does, or no as f does; a text without verdict has 0.
    - `hallucination-rate`: 1 where it names a title as the user's that is in the catalogue but not in the history, or
      in neither.
    - `borne-out`: the share of its claims that f and the catalogue confirm; a text that claims nothing has 0.
    - `cited`: how many history items it says to speak for the item or against it.
    - `comprehensiveness`: how far the score falls without all that is said to speak for the item, and rises without
      all that is said to speak against it.
    - `comprehensiveness-aopc`: the mean of that for the first one, two and three citations: the area over the deletion
      curve. To cite fewer is to gain less.
    - `sufficiency`: how far the score moves, whichever way, if nothing but the cited items is left; 0 is best.
    - `simulatability`: a reader who knows the text alone is asked, for each two history items that differ, without
      which of them the score would be lower: one said to speak for the item, before one not named, before one said to
      speak against it; the share it has right, ties as half. None where no two differ.

    The last four also with `-random` (as many citations on the same sides, drawn at random; for the area, three on the
    verdict's side) and `-oracle` (those that leave-one-out finds strongest).

    Args:
        explanations: Records of one method, with claims and effects.
        recommender: f; it must answer for changed histories.
        seed: Seed of what is cited at random.

    Raises:
        DataError: An explanation has no effects.
    """
    cases = make_cases(explanations, recommender, seed)
    scores = removal_scores(cases, recommender)
    values: dict[str, Sequence[float | None]] = {
        "verdict-fidelity": [float(_marks(one, "verdict") == ["supported"]) for one in explanations],
        "hallucination-rate": [float("contradicted" in _marks(one, "history")) for one in explanations],
        "borne-out": [_borne_out(one) for one in explanations],
        "cited": [float(len(cited.items)) for case in cases for cited in case.cited["text"]],
    }
    for citer in CITERS:
        for metric, measure in _REMOVAL.items():
            measured = [measure(case, each, citer) for case, each in zip(cases, scores, strict=True)]
            values[bounded_metric(metric, citer)] = measured
        values[bounded_metric("simulatability", citer)] = [simulatability(case, citer) for case in cases]
    return values


def bounded_metric(metric: str, citer: Citer) -> str:
    """What a metric is called for the text itself, and for who cites in its place."""
    return metric if citer == "text" else f"{metric}-{citer}"


def _marks(one: Explanation, kind: ClaimKind) -> list[ClaimStatus]:
    return [claim.status for claim in one.claims if claim.kind == kind]


def _borne_out(one: Explanation) -> float:
    return float(np.mean([claim.status == "supported" for claim in one.claims])) if one.claims else 0.0
