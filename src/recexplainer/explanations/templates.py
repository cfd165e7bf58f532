"""Explanations without a model: a sentence that names three history items, as many shops show it.

The verdict is the recommender's; what is named follows a rule that does not know the recommender.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recexplainer.data.attributes import join_words
from recexplainer.data.dataset import Dataset
from recexplainer.evidence.evidence import Evidence
from recexplainer.explanations.record import Explanation
from recexplainer.explanations.recording import Recorder
from recexplainer.recommenders.base import Recommender, User

TEMPLATES = ("template_recent", "template_popular")
"""Naming the three most recent history items, and the three that most users have."""
_NAMED = 3


def template_explanations(
    dataset: Dataset, recommender: Recommender, pairs: Sequence[tuple[User, int]]
) -> dict[str, list[Explanation]]:
    """The explanations of each template, by its name, of `[pairs]`, users with a history and item indices."""
    recorder = Recorder(dataset, recommender)
    known = recorder.known(pairs)
    return {name: recorder.told(name, pairs, template_texts(name, known, dataset)) for name in TEMPLATES}


def template_texts(template: str, known: Sequence[Evidence], dataset: Dataset) -> list[str]:
    """The texts `[pairs]` of one of `TEMPLATES`: the recommender's verdict, and the history items that are named."""
    popular = np.bincount(dataset.sequence, minlength=dataset.n_items)
    texts: list[str] = []
    for one in known:
        recent = one.history[::-1]
        named = sorted(recent, key=lambda item: -popular[item]) if template == "template_popular" else recent
        titles = join_words([f"“{dataset.titles[item]}”" for item in named[:_NAMED]])
        texts.append(f"{'Yes' if one.recommended else 'No'}, because of {titles}.")
    return texts
