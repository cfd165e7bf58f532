"""Folding in: a guess of a user's vector from the history, learned from users whose vectors are known.

For models of which only vectors are left. Ridge regression (Hoerl and Kennard, 1970) from the mean of the history's
item vectors and the last one to the user's vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recexplainer.recommenders.base import Floats

_STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)
_HELD_OUT = 5  # one user in so many


@dataclass(frozen=True, slots=True)
class FoldIn:
    """A way to guess user vectors.

    Attributes:
        weights: `Float[2 d + 1, d]`.
        explained: How much of the variance of held-out users' vectors it explained: 1 is all of it, 0 none.
    """

    weights: Floats
    explained: float

    def guess(self, items: Floats, histories: Sequence[tuple[int, ...]]) -> Floats:
        """A vector for each history, `Float[histories, d]`.

        Args:
            items: `Float[items, d]`.
            histories: Item indices, oldest first; none is empty.
        """
        return _features(items, histories) @ self.weights


def fit_fold_in(items: Floats, histories: Sequence[tuple[int, ...]], users: Floats) -> FoldIn:
    """Learn to fold in.

    Args:
        items: `Float[items, d]`.
        histories: Of each user; none is empty.
        users: `Float[users, d]`, their vectors.
    """
    features, held = _features(items, histories), np.arange(len(users)) % _HELD_OUT == 0
    explained = {
        strength: _explained(users[held], features[held] @ _ridge(features[~held], users[~held], strength))
        for strength in _STRENGTHS
    }
    best = max(explained, key=lambda strength: explained[strength])
    return FoldIn(_ridge(features, users, best), explained[best])


def _features(items: Floats, histories: Sequence[tuple[int, ...]]) -> Floats:
    means = np.array([items[list(history)].mean(0) for history in histories], np.float32).reshape(-1, items.shape[1])
    last = items[[history[-1] for history in histories]]
    return np.column_stack([means, last, np.ones(len(histories), np.float32)])


def _ridge(features: Floats, targets: Floats, strength: float) -> Floats:
    """Weights of least squares, held back in proportion to each feature's size; the constant is left free."""
    products = features.T.astype(np.float64) @ features
    penalty = strength * np.diag(products).copy()
    penalty[-1] = 0
    return np.linalg.solve(products + np.diag(penalty + 1e-9), features.T @ targets).astype(np.float32)


def _explained(true: Floats, guessed: Floats) -> float:
    spread = ((true - true.mean(0)) ** 2).sum()
    return float(1 - ((true - guessed) ** 2).sum() / max(float(spread), 1e-12))
