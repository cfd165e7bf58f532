"""The measure of what effect is large: how far f's scores of what a user has not seen lie apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recexplainer.recommenders.base import Floats


def unseen_score_std(scores: Floats, history: Sequence[int]) -> float:
    """The standard deviation of one user's scores over the items not in the history; 1 where they do not differ."""
    unseen = np.delete(scores, list(set(history)))
    return float(unseen.std()) or 1.0 if len(unseen) else 1.0
