"""Attribution: what each history item, and each two, do to the recommender's score and rank of an item.

The recommender is asked again, as in `ablation.py`, which says what arguments are and what is raised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recexplainer.recommenders.ablation import Ablation, lengths, rank_of, score_subsets, subset_rows
from recexplainer.recommenders.base import Floats, Recommender, User


@dataclass(frozen=True, slots=True, eq=False)
class Occlusion:
    """What leaving out each history item does, one at a time (leave-one-out)."""

    attributions: Floats  # `Float[history]`, the score with the item minus the score without it
    ranks: NDArray[np.int64]  # `Int[history]`, the rank without it, as of `ablated_ranks`


def occlusions(
    recommender: Recommender, users: Sequence[User], items: Sequence[int], *, ablation: Ablation = "deletion"
) -> list[Occlusion]:
    """For each case, what the item's score loses and where it stands without each history item."""
    kept = [np.vstack([np.ones((1, n), bool), ~np.eye(n, dtype=bool)]) for n in lengths(users)]
    scores = [np.empty(len(subsets)) for subsets in kept]
    ranks = [np.empty(len(subsets), np.int64) for subsets in kept]
    for case, subset, row, score in subset_rows(recommender, users, items, kept, ablation):
        scores[case][subset] = score
        ranks[case][subset] = rank_of(row, score, users[case], items[case])
    return [
        Occlusion((score[0] - score[1:]).astype(np.float32), rank[1:])
        for score, rank in zip(scores, ranks, strict=True)
    ]


def occlusion_attributions(
    recommender: Recommender, users: Sequence[User], items: Sequence[int], *, ablation: Ablation = "deletion"
) -> list[Floats]:
    """The attribution of each history item alone, for each case `Float[history]` (leave-one-out, occlusion)."""
    return [one.attributions for one in occlusions(recommender, users, items, ablation=ablation)]


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
