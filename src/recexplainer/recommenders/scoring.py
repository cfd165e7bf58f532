"""Scoring in batches, and what is read off scores: best items, ranks, thresholds, standard deviations, samples.

Every package scores users here, so shape and finiteness are checked once. It does not know what the scores are for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recexplainer.data.dataset import Dataset
from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Floats, Recommender, User

BATCH = 1024


@dataclass(frozen=True)
class ScoreBatch:
    """The scores of some users."""

    users: Sequence[User]
    scores: Floats  # `Float[users, items]`
    start: int = 0  # the position of the first of them among all that are scored

    @property
    def span(self) -> slice:
        """Cuts out of a sequence parallel to all users what belongs to these: `items[batch.span]`."""
        return slice(self.start, self.start + len(self.users))

    @cached_property
    def seen(self) -> NDArray[np.bool_]:
        """`Bool[users, items]`: True where the item is in the user's history."""
        seen = np.zeros(self.scores.shape, np.bool_)
        for row, user in zip(seen, self.users, strict=True):
            row[list(user.history)] = True
        return seen

    @cached_property
    def unseen(self) -> NDArray[np.bool_]:
        """`Bool[users, items]`: True where the item is not in the history. Raises RecommenderError if all items are."""
        unseen = ~self.seen
        if not unseen.any(axis=1).all():
            message = "A history holds every item of the catalogue, so nothing is left to recommend."
            where = f"a catalogue of {unseen.shape[1]} items"
            raise RecommenderError(message, location=where, hint="Use a larger catalogue or shorter histories.")
        return unseen

    def best(self, k: int) -> list[list[int]]:
        """The unseen items of the highest scores, best first, at most `k`; of equal ones the first in the catalogue."""
        order = np.argsort(np.where(self.unseen, -self.scores, np.inf), axis=1, kind="stable")[:, :k]
        unseen = np.take_along_axis(self.unseen, order, axis=1)
        return [items[there].tolist() for items, there in zip(order, unseen, strict=True)]

    def ranks(self, items: Sequence[int] | NDArray[np.integer]) -> NDArray[np.int64]:
        """`Int[users]`: the rank of one item each among the unseen ones, 1 the best; ties are to its favor."""
        own = self.scores[np.arange(len(self.users)), np.asarray(items, np.int64)]
        return 1 + ((self.scores > own[:, None]) & ~self.seen).sum(axis=1)

    def thresholds(self) -> tuple[Floats, Floats]:
        """Each user's own thresholds over unseen items (paper section 2.2, task 3), `Float[users]` twice.

        A positive item scores strictly above the first (the best 20%), a negative one strictly below the second (the
        lower 50%). Shares are rounded down.
        """
        n_items = self.scores.shape[1]
        n_unseen = self.unseen.sum(axis=1)
        scores = np.where(self.unseen, self.scores, -np.inf)
        top = n_items - 1 - n_unseen // 5
        bottom = n_items - n_unseen + n_unseen // 2
        ordered = np.partition(scores, np.unique(np.concatenate([top, bottom])), axis=1)
        rows = np.arange(len(scores))
        return ordered[rows, top], ordered[rows, bottom]


def truncate(history: Sequence[int] | NDArray[np.integer], recommender: Recommender) -> tuple[int, ...]:
    """The last `max_history` items of a history, oldest first, as plain numbers."""
    return tuple(int(item) for item in history[-recommender.max_history :])


def score_batches(recommender: Recommender, users: Sequence[User], *, batch: int = BATCH) -> Iterator[ScoreBatch]:
    """Score users, at most `batch` at a time. Raises as `checked_array`."""
    for start in range(0, len(users), batch):
        part = users[start : start + batch]
        scores = checked_array(recommender.scores(part), (len(part), recommender.n_items), "scores", "Recommender")
        yield ScoreBatch(part, scores, start)


def checked_array(answer: Any, shape: tuple[int, int | None], method: str, location: str) -> Floats:
    """What a recommender's method returned, as an array of finite numbers, `Float[shape]`; None is any width.

    Raises RecommenderError where it is no array of numbers, has another shape, or holds NaN or infinity.
    """
    try:
        array = np.asarray(answer, np.float32)
    except (TypeError, ValueError) as error:
        message = f"{method} did not return an array of numbers: {error}."
        raise RecommenderError(message, location=location, hint="Return a NumPy array.") from error
    if array.ndim != 2 or array.shape[0] != shape[0] or shape[1] not in (None, array.shape[1]):
        expected = f"({shape[0]}, {'any width' if shape[1] is None else shape[1]})"
        message = f"{method} returned the shape {array.shape}, where {expected} is expected."
        hint = "Return one row a user (of item vectors: an item), and of scores one column an item."
        raise RecommenderError(message, location=location, hint=hint)
    if not np.isfinite(array).all():
        message = f"{method} returned NaN or infinity; only finite numbers are allowed."
        hint = "Return a finite number for every item, those in the history included; they are left out later."
        raise RecommenderError(message, location=location, hint=hint)
    return array


def score_std(scores: Floats, history: Sequence[int]) -> float:
    """The standard deviation of one user's scores over the unseen items; 1 where they do not differ.

    Attributions are divided by it, so that they mean the same for every recommender.
    """
    unseen = np.delete(scores, list(set(history)))
    return float(unseen.std()) or 1.0 if len(unseen) else 1.0


def score_stds(recommender: Recommender, users: Sequence[User]) -> list[float]:
    """`score_std` of each user. Raises as `score_batches`."""
    return [
        score_std(scores, user.history)
        for batch in score_batches(recommender, users)
        for user, scores in zip(batch.users, batch.scores, strict=True)
    ]


def recommended_shares(recommender: Recommender, dataset: Dataset, sample: int = 200) -> Floats:
    """The popularity of each item under the recommender, `Float[items]`, from evenly spaced users.

    It is the share of users to whom the item is recommended, of those who have not seen it. Recommended means above the
    user's own top-20% threshold, so an item that all users like equally has 0.2 on average. With 200 users a share of
    half is known within seven points (95%).
    """
    rows = np.unique(np.linspace(0, dataset.n_users - 1, min(sample, dataset.n_users)).astype(int)).tolist()
    users = [User(truncate(dataset.history(row), recommender), dataset.user_ids[row]) for row in rows]
    users = [user for user in users if 0 < len(set(user.history)) < recommender.n_items]
    recommended, asked = np.zeros(recommender.n_items), np.zeros(recommender.n_items)
    for batch in score_batches(recommender, users):
        top, _ = batch.thresholds()
        recommended += (batch.unseen & (batch.scores > top[:, None])).sum(axis=0)
        asked += batch.unseen.sum(axis=0)
    return (recommended / np.maximum(asked, 1)).astype(np.float32)


def sample_columns(mask: NDArray[np.bool_], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """`Int[rows, count]`: different columns where the mask is True, in random order; -1 where a row has too few."""
    keys = np.where(mask, -rng.random(mask.shape, dtype=np.float32), 1.0)
    count = min(count, mask.shape[1])
    chosen = np.argpartition(keys, range(count), axis=1)[:, :count]
    chosen[np.take_along_axis(keys, chosen, axis=1) > 0] = -1
    return chosen
