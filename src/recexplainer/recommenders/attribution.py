"""What each history item does to f's score of an item: a question to f alone, whatever f is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Floats, Recommender, User

_BATCH = 1024


def removal_effects(recommender: Recommender, users: Sequence[User], items: Sequence[int]) -> list[Floats]:
    """The effect of each history item by leaving it out; removal closes the gap.

    Args:
        recommender: f.
        users: The histories, `[cases]`; each at most `max_history` long and not empty.
        items: The item asked about in each case, `[cases]`.

    Returns:
        For each case `Float[history]`: the score with the item minus the score without it, in units of f's score. A
        history of one item cannot be shortened; its effect is the score minus the mean score of the catalogue.

    Raises:
        RecommenderError: f cannot answer for a changed history.
    """
    if not recommender.answers_changed_history:
        raise RecommenderError(
            "This recommender knows users by id alone and cannot answer for a changed history.",
            mend="Use a recommender that takes histories, or leave attribution out.",
        )
    questions, cases = _questions(users)
    full = np.empty(len(users), np.float32)
    effects = [np.empty(len(user.history), np.float32) for user in users]
    for start in range(0, len(questions), _BATCH):
        scores = recommender.scores(questions[start : start + _BATCH])
        for row, (case, left_out) in zip(scores, cases[start : start + _BATCH], strict=True):
            if left_out < 0:
                full[case] = row[items[case]]
                effects[case][:] = row.mean()
            else:
                effects[case][left_out] = row[items[case]]
    return [full[case] - without for case, without in enumerate(effects)]


def _questions(users: Sequence[User]) -> tuple[list[User], list[tuple[int, int]]]:
    """Each case's whole history first (position -1), then the history without each of its items."""
    questions: list[User] = []
    cases: list[tuple[int, int]] = []
    for case, user in enumerate(users):
        questions.append(user)
        cases.append((case, -1))
        if len(user.history) == 1:
            continue
        for left_out in range(len(user.history)):
            questions.append(User(user.history[:left_out] + user.history[left_out + 1 :], user.id))
            cases.append((case, left_out))
    return questions, cases
