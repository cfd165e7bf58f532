"""Task 2, item ranking: a few unseen candidates, shown in random order, put in f's order (paper section 2.2)."""

from __future__ import annotations

import numpy as np

from recexplainer.recommenders.scoring import ScoreBatch, sample_columns
from recexplainer.tasks.example import Example

CANDIDATES = 5


def ranking_examples(batch: ScoreBatch, rng: np.random.Generator) -> list[Example]:
    """One Example a user: five unseen items drawn at random; the answer is the same items, f's best first.

    Fewer candidates are shown where fewer are unseen; a user with less than two gives no Example.
    """
    candidates = sample_columns(batch.unseen, CANDIDATES, rng)
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
