"""Explanations without a model: a sentence that names three history items, as many shops show it.

The verdict is the recommender's; what is named follows a rule that does not know the recommender.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recexplainer.data.attributes import join_words
from recexplainer.data.dataset import Dataset
from recexplainer.evidence.evidence import Evidence
from recexplainer.explanations.explainer import PairExplainer
from recexplainer.explanations.record import Explanation, Method
from recexplainer.recommenders.base import Recommender, User

TEMPLATES = ("template_recent", "template_popular")
"""Naming the three most recent history items, and the three that most users have."""
_NAMED = 3


def template_explanations(
    dataset: Dataset, recommender: Recommender, pairs: Sequence[tuple[User, int]]
) -> dict[Method, list[Explanation]]:
    """The records of each template for pairs of a user with a history and an item index."""
    explainer = PairExplainer(dataset, recommender)
    texts = {name: template_texts(name, explainer.evidence(pairs), dataset) for name in TEMPLATES}
    return {Method(name): explainer.records(Method(name), pairs, each) for name, each in texts.items()}


def template_texts(template: str, evidence: Sequence[Evidence], dataset: Dataset) -> list[str]:
    """The text of one of `TEMPLATES` for each pair, `[pairs]`: the verdict, and the history items that it names."""
    popular = np.bincount(dataset.sequence, minlength=dataset.n_items)
    texts: list[str] = []
    for one in evidence:
        recent = one.history[::-1]
        named = sorted(recent, key=lambda item: -popular[item]) if template == "template_popular" else recent
        titles = join_words([f"“{dataset.titles[item]}”" for item in named[:_NAMED]])
        texts.append(f"{'Yes' if one.recommended else 'No'}, because of {titles}.")
    return texts
