"""Scoring in batches, and what is read off scores: best items, ranks, thresholds, standard deviations, samples.

Every package scores users here, so what a recommender returns is checked once. What scores are for it does not know.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recexplainer.data.dataset import Dataset
from recexplainer.errors import RecommenderError
from recexplainer.recommenders.answers import call, checked_scores
from recexplainer.recommenders.base import Floats, Recommender, User

BATCH = 1024
_CELLS = 1 << 25
"""Scores that are held at a time: 128 MiB, several times in all."""


@dataclass(frozen=True)
class ScoreBatch:
    """The scores of some users.

    Attributes:
        users: Who was asked about, `[users]`.
        scores: `Float[users, items]`, finite. An item that is never recommended to a user (a score of -inf) scores
            as little as a float can below all that are.
        start: The position of the first user among all that are scored.
        excluded: `Bool[users, items]`: True where an item is never recommended; None: nowhere.
    """

    users: Sequence[User]
    scores: Floats
    start: int = 0
    excluded: NDArray[np.bool_] | None = None

    @classmethod
    def of(cls, users: Sequence[User], scores: Floats, start: int = 0) -> ScoreBatch:
        """From scores that are finite or -inf."""
        excluded = scores == -np.inf
        if not excluded.any():
            return cls(users, scores, start)
        lowest = scores.min(axis=1, where=~excluded, initial=np.inf, keepdims=True)
        below = np.nextafter(lowest, np.float32(-np.inf))
        return cls(users, np.where(excluded, below, scores), start, excluded)

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
    def eligible(self) -> NDArray[np.bool_]:
        """`Bool[users, items]`: True where the item can be recommended: it is not in the history, nor excluded.

        Raises RecommenderError where there is no such item for a user.
        """
        eligible = self._possible
        if len(none := np.flatnonzero(~eligible.any(axis=1))):
            message = "A history holds every item of the catalogue, so nothing is left to recommend."
            hint = "Use a larger catalogue or shorter histories."
            if self.excluded is not None:
                message = "Every item that is not in the history has the score -inf, so nothing is left to recommend."
                hint = "Return a finite score for at least one of them."
            where = f"user {self.users[int(none[0])].id!r}, a catalogue of {eligible.shape[1]} items"
            raise RecommenderError(message, location=where, hint=hint)
        return eligible

    @cached_property
    def _possible(self) -> NDArray[np.bool_]:
        return ~self.seen if self.excluded is None else ~(self.seen | self.excluded)

    @cached_property
    def means(self) -> NDArray[np.float64]:
        """`Float[users]`: the mean score of the catalogue, without what is excluded."""
        if self.excluded is None:
            return self.scores.mean(axis=1, dtype=np.float64)
        return self.scores.mean(axis=1, dtype=np.float64, where=~self.excluded)

    def stds(self) -> list[float]:
        """`[users]`: the standard deviation of each user's scores over the eligible items; 1 where they do not differ.

        Attributions are divided by it, so that they mean the same for every recommender.
        """
        eligible = self._possible
        pairs = zip(self.scores, eligible, strict=True)
        return [float(row[own].std(dtype=np.float64)) or 1.0 if own.any() else 1.0 for row, own in pairs]

    def best(self, k: int) -> list[list[int]]:
        """The best eligible items, best first, at most `k`; of equal ones the first in the catalogue."""
        order = np.argsort(np.where(self.eligible, -self.scores, np.inf), axis=1, kind="stable")[:, :k]
        eligible = np.take_along_axis(self.eligible, order, axis=1)
        return [items[there].tolist() for items, there in zip(order, eligible, strict=True)]

    def ranks(self, items: Sequence[int] | NDArray[np.integer]) -> NDArray[np.int64]:
        """`Int[users]`: the rank of one item each among the unseen ones, 1 the best; ties are to its favor.

        An excluded item stands behind all that are eligible.
        """
        rows, items = np.arange(len(self.users)), np.asarray(items, np.int64)
        above = self.scores > self.scores[rows, items][:, None]
        return 1 + (above & self._possible).sum(axis=1)

    def ties(self, items: Sequence[int] | NDArray[np.integer]) -> NDArray[np.int64]:
        """`Int[users]`: how many other unseen items score the same as one item each."""
        rows, items = np.arange(len(self.users)), np.asarray(items, np.int64)
        same = (self.scores == self.scores[rows, items][:, None]) & self._possible
        return same.sum(axis=1) - same[rows, items]

    def thresholds(self) -> tuple[Floats, Floats]:
        """Each user's own thresholds over eligible items (paper section 2.2, task 3), `Float[users]` twice.

        A positive item scores strictly above the first (the best 20%), a negative one strictly below the second (the
        lower 50%). Shares are rounded down.
        """
        n_items = self.scores.shape[1]
        n_eligible = self.eligible.sum(axis=1)
        scores = np.where(self.eligible, self.scores, -np.inf)
        top = n_items - 1 - n_eligible // 5
        bottom = n_items - n_eligible + n_eligible // 2
        ordered = np.partition(scores, np.unique(np.concatenate([top, bottom])), axis=1)
        rows = np.arange(len(scores))
        return ordered[rows, top], ordered[rows, bottom]


def truncate(history: Sequence[int] | NDArray[np.integer], recommender: Recommender) -> tuple[int, ...]:
    """The last `max_history` items of a history, oldest first, as plain numbers."""
    return tuple(int(item) for item in history[-recommender.max_history :])


def score_batches(recommender: Recommender, users: Sequence[User], *, batch: int = BATCH) -> Iterator[ScoreBatch]:
    """Score users, at most `batch` at a time, of a large catalogue fewer.

    Raises as `checked_scores`, and what the recommender's code raises.
    """
    batch = max(1, min(batch, _CELLS // max(1, recommender.n_items)))
    for start in range(0, len(users), batch):
        part = users[start : start + batch]
        yield ScoreBatch.of(part, _scores(recommender, part), start)


def _scores(recommender: Recommender, users: Sequence[User]) -> Floats:
    name = type(recommender).__name__
    own = type(recommender).__module__.startswith("recexplainer.")
    answer = recommender.scores(users) if own else call(users, recommender.scores, name)
    return checked_scores(answer, users, recommender.n_items, name)


def score_stds(recommender: Recommender, users: Sequence[User]) -> list[float]:
    """`ScoreBatch.stds` of all users. Raises as `score_batches`."""
    return [std for batch in score_batches(recommender, users) for std in batch.stds()]


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
        recommended += (batch.eligible & (batch.scores > top[:, None])).sum(axis=0)
        asked += (~batch.seen).sum(axis=0)
    return (recommended / np.maximum(asked, 1)).astype(np.float32)


def sample_columns(mask: NDArray[np.bool_], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """`Int[rows, count]`: different columns where the mask is True, in random order; -1 where a row has too few."""
    keys = np.where(mask, -rng.random(mask.shape, dtype=np.float32), 1.0)
    count = min(count, mask.shape[1])
    chosen = np.argpartition(keys, range(count), axis=1)[:, :count]
    chosen[np.take_along_axis(keys, chosen, axis=1) > 0] = -1
    return chosen
