"""Explanations without a model: a sentence that names three history items, as many shops show it.

The verdict is that of f; what is named follows a rule that does not know f.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recexplainer.data.dataset import Dataset
from recexplainer.recommenders.base import Recommender, User
from recexplainer.tasks.asking import ask, thresholds
from recexplainer.tasks.attributes import join_words

TEMPLATES = ("template-recent", "template-popular")
"""Naming the three most recent history items, and the three that most users have."""
_NAMED = 3


def template_texts(
    template: str, pairs: Sequence[tuple[User, int]], dataset: Dataset, recommender: Recommender
) -> list[str]:
    """What a template says of each pair, `[pairs]`: f's verdict, and the history items that it names.

    Args:
        template: One of `TEMPLATES`.
        pairs: A user with a history, cut to what f looks at, and an item index.
        dataset: The catalogue.
        recommender: f.
    """
    popular = np.bincount(dataset.sequence, minlength=dataset.n_items)
    texts: list[str] = []
    for (user, _), yes in zip(pairs, _verdicts(pairs, recommender), strict=True):
        recent = user.history[::-1]
        named = sorted(recent, key=lambda item: -popular[item]) if template == "template-popular" else recent
        titles = join_words([f"“{dataset.titles[item]}”" for item in named[:_NAMED]])
        texts.append(f"Yes, because of {titles}." if yes else f"No, because of {titles}.")
    return texts


def _verdicts(pairs: Sequence[tuple[User, int]], recommender: Recommender) -> list[bool]:
    items = iter(item for _, item in pairs)
    said: list[bool] = []
    for answers in ask(recommender, [user for user, _ in pairs]):
        top, _ = thresholds(answers)
        said += [bool(scores[next(items)] > limit) for scores, limit in zip(answers.scores, top, strict=True)]
    return said
