"""Task 1, next item retrieval: the item that f would recommend first, the history left out (paper section 2.2)."""

from __future__ import annotations

import numpy as np

from recexplainer.recommenders.scoring import ScoreBatch
from recexplainer.tasks.example import Example


def retrieval_examples(batch: ScoreBatch) -> list[Example]:
    """One Example a user: the answer is f's best unseen item (of equals, the first in the catalogue)."""
    best = np.where(batch.unseen, batch.scores, -np.inf).argmax(axis=1).tolist()
    return [
        Example("retrieval", user=user.id, history=user.history, answer_items=(item,))
        for user, item in zip(batch.users, best, strict=True)
    ]
