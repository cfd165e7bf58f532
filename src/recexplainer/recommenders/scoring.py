"""Ask the recommender in batches, and read its answers: best item, thresholds, random draws under a mask.

One batch of scores serves retrieval, ranking and classification together. What is seen is the history as f sees it
(its last `max_history` items), so an answer depends on nothing but the history that an Example shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Floats, Recommender, User

BATCH = 1024


@dataclass(frozen=True, slots=True)
class Answers:
    """What f said to a batch of users.

    Attributes:
        users: The users asked about; their histories are already cut to `max_history`.
        scores: `Float[users, items]`.
        unseen: `Bool[users, items]`, True where the item is not in the user's history.
    """

    users: Sequence[User]
    scores: Floats
    unseen: NDArray[np.bool_]


def cut(history: Sequence[int] | NDArray[np.int32], recommender: Recommender) -> tuple[int, ...]:
    """The last `max_history` items of a history, oldest first, as plain numbers."""
    return tuple(int(item) for item in history[-recommender.max_history :])


def ask(recommender: Recommender, users: Sequence[User], *, batch: int = BATCH) -> Iterator[Answers]:
    """Put users to f, at most `batch` at a time.

    Raises:
        RecommenderError: The scores have the wrong shape or are not finite, or a history holds the whole catalogue.
    """
    for start in range(0, len(users), batch):
        part = users[start : start + batch]
        scores = recommender.scores(part)
        _check(scores, (len(part), recommender.n_items))
        yield Answers(part, scores, unseen_items([user.history for user in part], recommender.n_items))


def _check(scores: Floats, shape: tuple[int, int]) -> None:
    if scores.shape != shape:
        raise RecommenderError(
            f"The recommender gave scores of shape {scores.shape} where {shape} was due.",
            location="Recommender.scores",
            hint="Return one row a user and one column an item of the catalogue.",
        )
    if not np.isfinite(scores).all():
        raise RecommenderError(
            "The recommender gave scores that are not finite numbers.",
            location="Recommender.scores",
            hint="Return a score for every item, those in the history included; they are left out here.",
        )


def unseen_items(histories: Sequence[Sequence[int]], n_items: int) -> NDArray[np.bool_]:
    """`Bool[histories, items]`: True where the item is not in the history.

    Raises:
        RecommenderError: A history holds the whole catalogue, so that nothing is left to recommend.
    """
    unseen = np.ones((len(histories), n_items), dtype=np.bool_)
    rows = np.repeat(np.arange(len(histories)), [len(history) for history in histories])
    unseen[rows, np.fromiter((item for history in histories for item in history), dtype=np.int64)] = False
    if not unseen.any(axis=1).all():
        raise RecommenderError(
            "A history holds every item of the catalogue, so nothing is left to recommend.",
            location=f"a catalogue of {n_items} items",
            hint="Use a larger catalogue or shorter histories.",
        )
    return unseen


def thresholds(answers: Answers) -> tuple[Floats, Floats]:
    """Each user's own thresholds over unseen items (paper section 2.2, task 3).

    Returns:
        `Float[users]` twice: a positive item scores strictly above the first (the best 20%), a negative one strictly
        below the second (the lower 50%). Shares are rounded down.
    """
    n_items = answers.scores.shape[1]
    n_unseen = answers.unseen.sum(axis=1)
    low = np.where(answers.unseen, answers.scores, -np.inf)
    top = n_items - 1 - n_unseen // 5
    bottom = n_items - n_unseen + n_unseen // 2
    ordered = np.partition(low, np.unique(np.concatenate([top, bottom])), axis=1)
    rows = np.arange(len(low))
    return ordered[rows, top], ordered[rows, bottom]


def draw(mask: NDArray[np.bool_], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Up to `count` different columns of each row where the mask is True, in random order.

    Returns:
        `Int[rows, count]`; -1 fills the end of a row with too few True.
    """
    keys = rng.random(mask.shape, dtype=np.float32)
    keys[~mask] = -1.0
    count = min(count, mask.shape[1])
    chosen = keys.argmax(axis=1)[:, None] if count == 1 else np.argpartition(keys, -count, axis=1)[:, -count:]
    drawn = np.take_along_axis(keys, chosen, axis=1)
    order = np.argsort(-drawn, axis=1)
    chosen = np.take_along_axis(chosen, order, axis=1)
    chosen[np.take_along_axis(drawn, order, axis=1) < 0] = -1
    return chosen
