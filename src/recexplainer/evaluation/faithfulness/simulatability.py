"""Simulatability by a fixed reader, who knows of a text nothing but which history items it cites, and which way."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from recexplainer.evaluation.faithfulness.cases import Case, Citer
from recexplainer.evaluation.metrics import Values
from recexplainer.evidence.evidence import NEGLIGIBLE

TIE = 0.5
"""What it counts not to know which of two it is."""


def simulatability(case: Case, citer: Citer) -> float | None:
    """The share of pairs of history items that differ which a reader orders as f does; None where no two differ."""
    pairs = differing_pairs(case.standardized)
    if not pairs:
        return None
    histories = [[cited.sign(item) for item in case.history] for cited in case.cited[citer]]
    return float(np.mean([_right(signs[more], signs[less]) for signs in histories for more, less in pairs]))


def differing_pairs(weights: Values) -> list[tuple[int, int]]:
    """Places of each two history items whose effects are clearly apart, the one that does more for the item first.

    Args:
        weights: `Float[history]`, effects in units of the spread of f's scores.
    """
    return [
        (one, other) if weights[one] > weights[other] else (other, one)
        for one, other in combinations(range(len(weights)), 2)
        if abs(weights[one] - weights[other]) >= NEGLIGIBLE
    ]


def _right(more: int, less: int) -> float:
    return TIE if more == less else float(more > less)
