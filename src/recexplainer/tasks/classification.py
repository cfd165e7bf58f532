"""Task 3, interest classification: one liked and one disliked item a user, as f sees it (paper section 2.2)."""

from __future__ import annotations

import numpy as np

from recexplainer.recommenders.scoring import ScoreBatch, sample_columns
from recexplainer.tasks.example import Example


def classification_examples(batch: ScoreBatch, rng: np.random.Generator) -> list[Example]:
    """Two Examples a user: an item above the user's top-20% threshold ("Yes"), one below the bottom-50% one ("No").

    A side on which no item lies (tiny catalogues, equal scores) gives no Example.
    """
    top, bottom = batch.thresholds()
    liked = sample_columns(batch.unseen & (batch.scores > top[:, None]), 1, rng)[:, 0].tolist()
    disliked = sample_columns(batch.unseen & (batch.scores < bottom[:, None]), 1, rng)[:, 0].tolist()
    return [
        Example("classification", user=user.id, history=user.history, items=(item,), answer_text=word)
        for user, positive, negative in zip(batch.users, liked, disliked, strict=True)
        for item, word in ((positive, "Yes"), (negative, "No"))
        if item >= 0
    ]
