"""Asking f for histories with items left out: what is asked, once each, in batches, and what cannot be asked.

It does not know what the answers are for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress, pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Floats, Recommender, User

Absence = Literal["removal", "padding"]
"""`removal` closes the gap; `padding` keeps it, so that the other items stay at their positions."""

_BATCH = 1024


@dataclass(frozen=True, slots=True)
class Question:
    """What f scores an item for when a part of the history is left.

    Attributes:
        user: The user with the whole history.
        item: The item asked about.
        remaining: What is left of the history, with padding where gaps are kept; empty: nothing is left.
    """

    user: User
    item: int
    remaining: tuple[int, ...]


def remaining(recommender: Recommender, user: User, kept: Sequence[bool], absence: Absence) -> tuple[int, ...]:
    """The history of what is kept; padding only before the last item kept, as after it there is no gap to keep."""
    if absence == "removal" or not any(kept):
        return tuple(compress(user.history, kept))
    padding: int = recommender.padding_item  # type: ignore[attr-defined]
    length = len(kept) - list(reversed(kept)).index(True)
    return tuple(item if stays else padding for item, stays in zip(user.history[:length], kept, strict=False))


def answers(recommender: Recommender, questions: Sequence[Question]) -> Iterator[tuple[int, Floats, float]]:
    """The place of each question, f's scores of all items for it, and that of its item; in the order that f is asked.

    What is asked several times, of whatever items, is put to f once; where nothing remains, the whole history is asked.
    """
    places: dict[User, list[int]] = {}
    for place, question in enumerate(questions):
        asked = User(question.remaining or question.user.history, question.user.id)
        places.setdefault(asked, []).append(place)
    users = list(places)
    for start in range(0, len(users), _BATCH):
        batch = users[start : start + _BATCH]
        for user, row in zip(batch, recommender.scores(batch), strict=True):
            for place in places[user]:
                question = questions[place]
                yield place, row, float(row[question.item] if question.remaining else row.mean())


def ablated_questions(
    recommender: Recommender,
    users: Sequence[User],
    items: Sequence[int],
    left_out: Sequence[Collection[int]],
    absence: Absence,
) -> list[Question]:
    """A question for each case: what is left of its history without the items left out.

    Raises:
        RecommenderError: As `check`, or there are not as many sets left out as users.
    """
    check(recommender, users, items, absence)
    check_count(len(users), len(left_out), "sets left out")
    questions: list[Question] = []
    for user, item, gone in zip(users, items, left_out, strict=True):
        kept = [one not in gone for one in user.history]
        questions.append(Question(user, int(item), remaining(recommender, user, kept, absence)))
    return questions


def subset_scores(
    recommender: Recommender,
    users: Sequence[User],
    items: Sequence[int],
    kept: Sequence[NDArray[np.bool_]],
    absence: Absence,
) -> list[NDArray[np.float64]]:
    """For each case `Float[subsets]`, f's score of the item for the subsets `Bool[subsets, history]` of its history.

    Raises:
        RecommenderError: As `check`.
    """
    check(recommender, users, items, absence)
    questions = [
        Question(user, int(item), remaining(recommender, user, subset, absence))
        for user, item, subsets in zip(users, items, kept, strict=True)
        for subset in subsets.tolist()
    ]
    starts = np.cumsum([0, *map(len, kept)])
    scores = scores_of(recommender, questions)
    return [scores[start:end] for start, end in pairwise(starts)]


def scores_of(recommender: Recommender, questions: Sequence[Question]) -> NDArray[np.float64]:
    """`Float[questions]`, f's score of the item of each question."""
    scores = np.empty(len(questions))
    for place, _, score in answers(recommender, questions):
        scores[place] = score
    return scores


def check(recommender: Recommender, users: Sequence[User], items: Sequence[int], absence: Absence) -> None:
    """Raise RecommenderError for what cannot be asked."""
    if not recommender.answers_changed_history:
        raise RecommenderError(
            "This recommender knows users by id alone and cannot answer for a changed history.",
            hint="Use a recommender that takes histories, or leave attribution out.",
        )
    if absence == "padding" and not hasattr(recommender, "padding_item"):
        raise RecommenderError(
            "This recommender has no padding that could stand where an item was.",
            location=f"absence of {type(recommender).__name__}",
            hint="Leave items out by removal.",
        )
    check_count(len(users), len(items), "items")
    for user, item in zip(users, items, strict=True):
        if not 0 < len(user.history) <= recommender.max_history:
            raise RecommenderError(
                f"A history has {len(user.history)} items, where 1 to {recommender.max_history} are due.",
                location=f"user {user.id!r}",
                hint="Ask about users with at least one item, and cut histories to the last max_history.",
            )
        if not 0 <= item < recommender.n_items:
            raise RecommenderError(
                f"Item {item} was asked about, but the catalogue has {recommender.n_items:,}.",
                location=f"user {user.id!r}",
                hint="Give the item's index in the catalogue.",
            )


def check_count(users: int, others: int, what: str) -> None:
    """Raise RecommenderError if there are not as many of them as users."""
    if users != others:
        raise RecommenderError(f"There are {users} users and {others} {what}.", hint="Give one for each case.")
