"""What f's score does without what is cited: comprehensiveness, the area over its curve, and sufficiency."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recexplainer.evaluation.faithfulness.cases import DEPTHS, Case, Citer
from recexplainer.evaluation.faithfulness.citing import Cited
from recexplainer.recommenders.attribution import ablated_scores
from recexplainer.recommenders.base import Recommender

Scores = dict[frozenset[int], float]
"""f's score, in units of the spread, without each set of history items."""


def removal_scores(cases: Sequence[Case], recommender: Recommender) -> list[Scores]:
    """For each case f's score without each set of items that a metric here removes; f is asked for all at once."""
    asked = [(place, part) for place, case in enumerate(cases) for part in _removed(case)]
    scores = ablated_scores(
        recommender,
        [cases[place].user for place, _ in asked],
        [cases[place].item for place, _ in asked],
        [part for _, part in asked],
    )
    found: list[Scores] = [{} for _ in cases]
    for (place, part), score in zip(asked, scores.tolist(), strict=True):
        found[place][part] = score / cases[place].score_std
    return found


def comprehensiveness(case: Case, scores: Scores, citer: Citer) -> float:
    """How far the score falls without what speaks for the item, and rises without what speaks against it."""
    return float(np.mean([_drop(scores, cited) for cited in case.cited[citer]]))


def comprehensiveness_aopc(case: Case, scores: Scores, citer: Citer) -> float:
    """The mean of comprehensiveness at each depth: the area over the perturbation curve."""
    return float(np.mean([_drop(scores, cited.first(depth)) for cited in case.ranked[citer] for depth in DEPTHS]))


def sufficiency(case: Case, scores: Scores, citer: Citer) -> float:
    """How far the score moves, whichever way, where nothing but what is cited is left."""
    whole = scores[frozenset()]
    return float(np.mean([abs(whole - scores[_rest(case, cited)]) for cited in case.cited[citer]]))


def _removed(case: Case) -> set[frozenset[int]]:
    whole = [cited for each in case.cited.values() for cited in each]
    cut = [cited.first(depth) for each in case.ranked.values() for cited in each for depth in DEPTHS]
    sides = {cited.side(sign) for cited in (*whole, *cut) for sign in (1, -1)}
    return {frozenset(), *sides, *(_rest(case, cited) for cited in whole)}


def _drop(scores: Scores, cited: Cited) -> float:
    return scores[cited.side(-1)] - scores[cited.side(1)]


def _rest(case: Case, cited: Cited) -> frozenset[int]:
    return frozenset(case.history) - frozenset(cited.items)
