"""A recommender that adds up weights, so that each value of faithfulness can be worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.tiny import explanation_of

from recexplainer.recommenders.function import as_recommender

UNSEEN = np.linspace(0.0, 3.0, 16)  # scores of the items that nobody asks about, whatever the history
TITLES = ("Brink", "Limbo", "Velvet", "Marrow", *(f"Other {number}" for number in range(len(UNSEEN))), "Asked")
ASKED = len(TITLES) - 1
WEIGHTS = np.array([3.0, 1.0, 0.0, -2.0])  # what items 0 to 3 do to the score of the item asked about
SCORE = 5.0


def score(histories: Any, items: Any) -> Any:
    """The score of the last item is 3 and the weights of the history; with those unseen it spreads by `score_std()`."""
    scores = np.zeros((len(histories), len(TITLES)))
    scores[:, 4:ASKED] = UNSEEN
    for row, history in enumerate(histories):
        scores[row, ASKED] = 3.0 + sum(WEIGHTS[int(item)] for item in history if int(item) < len(WEIGHTS))
    return scores


def recommender() -> Any:
    return as_recommender(score, [str(item) for item in range(len(TITLES))])


def score_std() -> Any:
    return np.array([*UNSEEN, SCORE]).std()


def explanation(*claims: Any, text: str = "", **changes: Any) -> Any:
    known = {"history": range(4), "score": SCORE, "attributions": tuple(WEIGHTS)}
    return explanation_of(TITLES, text, claims=claims, **(known | changes))
