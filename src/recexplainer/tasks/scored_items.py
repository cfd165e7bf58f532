"""Tasks 1 to 3 (paper section 2.2), of items that may be recommended: retrieval, ranking, classification."""

from __future__ import annotations

import numpy as np

from recexplainer.recommenders.scoring import ScoreBatch, sample_columns
from recexplainer.tasks.example import Example

CANDIDATES = 5
"""Items that a ranking question shows."""


def retrieval_examples(batch: ScoreBatch) -> list[Example]:
    """One Example a user: the answer is the recommender's best eligible item (of equals, the first)."""
    best = np.where(batch.eligible, batch.scores, -np.inf).argmax(axis=1).tolist()
    return [
        Example("retrieval", user=user.id, history=user.history, answer_items=(item,))
        for user, item in zip(batch.users, best, strict=True)
    ]


def ranking_examples(batch: ScoreBatch, rng: np.random.Generator) -> list[Example]:
    """One Example a user: five eligible items drawn at random; the answer is the same items, the best first.

    Fewer candidates are shown where fewer are eligible; a user with less than two gives no Example.
    """
    candidates = sample_columns(batch.eligible, CANDIDATES, rng)
    scores = np.take_along_axis(batch.scores, candidates, axis=1)
    order = np.argsort(np.where(candidates < 0, np.inf, -scores), axis=1, kind="stable")
    ranked = np.take_along_axis(candidates, order, axis=1).tolist()
    return [
        Example(
            "ranking",
            user=user.id,
            history=user.history,
            items=tuple(item for item in shown if item >= 0),
            answer_items=tuple(item for item in answer if item >= 0),
        )
        for user, shown, answer in zip(batch.users, candidates.tolist(), ranked, strict=True)
        if max(shown[1:], default=-1) >= 0
    ]


def classification_examples(batch: ScoreBatch, rng: np.random.Generator) -> list[Example]:
    """Two Examples a user: an item above the user's top-20% threshold ("Yes"), one below the bottom-50% one ("No").

    A side on which no item lies (tiny catalogues, equal scores) gives no Example.
    """
    top, bottom = batch.thresholds()
    liked = sample_columns(batch.eligible & (batch.scores > top[:, None]), 1, rng)[:, 0].tolist()
    disliked = sample_columns(batch.eligible & (batch.scores < bottom[:, None]), 1, rng)[:, 0].tolist()
    return [
        Example("classification", user=user.id, history=user.history, items=(item,), answer_text=word)
        for user, positive, negative in zip(batch.users, liked, disliked, strict=True)
        for item, word in ((positive, "Yes"), (negative, "No"))
        if item >= 0
    ]
