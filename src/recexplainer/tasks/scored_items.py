"""Tasks 1 to 3 (paper section 2.2), of items that may be recommended: retrieval, ranking, classification.

Verdicts are classification of many items in one text: the user, or the history, is read once for all of them.
"""

from __future__ import annotations

import numpy as np

from recexplainer.recommenders.scoring import ScoreBatch, sample_columns
from recexplainer.tasks.example import Example

CANDIDATES = 5
"""Items that a ranking question shows."""
JUDGED = 16
"""Items that get a verdict in one text."""


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
    return [
        Example("classification", user=user.id, history=user.history, items=(item,), answer_text=word)
        for user, liked, disliked in zip(batch.users, *_liked_and_disliked(batch, 1, rng), strict=True)
        for items, word in ((liked, "Yes"), (disliked, "No"))
        for item in items
    ]


def verdict_examples(batch: ScoreBatch, rng: np.random.Generator) -> list[Example]:
    """One Example a user: in random order eight items of either side of classification, fewer where there are fewer.

    The paper asks one question an item. A user without an item on either side gives no Example.
    """
    examples: list[Example] = []
    for user, liked, disliked in zip(batch.users, *_liked_and_disliked(batch, JUDGED // 2, rng), strict=True):
        items = tuple(rng.permutation(np.array([*liked, *disliked], np.int64)).tolist())
        if items:
            suit = tuple(item for item in items if item in liked)
            examples.append(Example("verdicts", user=user.id, history=user.history, items=items, answer_items=suit))
    return examples


def _liked_and_disliked(
    batch: ScoreBatch, count: int, rng: np.random.Generator
) -> tuple[list[list[int]], list[list[int]]]:
    """For each user `count` items above the top-20% threshold, and so many below the bottom-50% one."""
    top, bottom = batch.thresholds()
    sides = batch.scores > top[:, None], batch.scores < bottom[:, None]
    liked, disliked = (sample_columns(batch.eligible & side, count, rng).tolist() for side in sides)
    return _present(liked), _present(disliked)


def _present(columns: list[list[int]]) -> list[list[int]]:
    return [[item for item in items if item >= 0] for items in columns]
