"""Attribution: what each history item, and each two, do to the recommender's score of an item.

The recommender is asked again, as in `ablation.py`, which says what arguments are and what is raised.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recexplainer.recommenders.ablation import Ablation, lengths, score_subsets
from recexplainer.recommenders.base import Floats, Recommender, User


def occlusion_attributions(
    recommender: Recommender, users: Sequence[User], items: Sequence[int], *, ablation: Ablation = "deletion"
) -> list[Floats]:
    """The attribution of each history item alone, for each case `Float[history]` (leave-one-out, occlusion)."""
    kept = [np.vstack([np.ones((1, n), bool), ~np.eye(n, dtype=bool)]) for n in lengths(users)]
    scores = score_subsets(recommender, users, items, kept, ablation)
    return [(score[0] - score[1:]).astype(np.float32) for score in scores]


def pair_attributions(
    recommender: Recommender, users: Sequence[User], items: Sequence[int], *, ablation: Ablation = "deletion"
) -> list[Floats]:
    """The attribution of each two history items, for each case `Float[history, history]`.

    It is the score with all minus the score without both; symmetric, and on the diagonal `occlusion_attributions`.
    """
    pairs = [np.triu_indices(n) for n in lengths(users)]
    kept = [
        np.vstack([np.ones((1, n), bool), (np.arange(n) != first[:, None]) & (np.arange(n) != second[:, None])])
        for (first, second), n in zip(pairs, lengths(users), strict=True)
    ]
    attributions = [np.empty((n, n), np.float32) for n in lengths(users)]
    scores = score_subsets(recommender, users, items, kept, ablation)
    for attribution, (first, second), score in zip(attributions, pairs, scores, strict=True):
        attribution[first, second] = attribution[second, first] = score[0] - score[1:]
    return attributions


def interactions(attributions: Floats) -> Floats:
    """What two history items do together beyond what each does alone, from `pair_attributions` of one case.

    It is the attribution of both minus the two alone. Where both are positive: positive if one makes up for the other,
    negative if the two count only together. `Float[history, history]`, symmetric, 0 on the diagonal.
    """
    alone = attributions.diagonal()
    between = attributions - alone - alone[:, None]
    np.fill_diagonal(between, 0.0)
    return between
