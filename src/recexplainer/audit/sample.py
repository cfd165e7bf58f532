"""Whom the audit asks about: a random sample of users, what is recommended to each, and how many histories it takes.

Everything is measured on the same users. What is measured is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recexplainer.data.dataset import Dataset
from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Floats, Recommender, User
from recexplainer.recommenders.function import FunctionRecommender
from recexplainer.recommenders.scoring import score_batches, truncate
from recexplainer.settings import Settings

SHARE_OF_CATALOGUE = 10
"""A list is at most one in so many items of the catalogue: a longer one would hold much of it whatever decides."""
SMALLEST_CATALOGUE = 20
PER_HISTORY_ITEM, PER_USER = 6, 29
"""How many changed histories at most are asked for each item of a history, and for each user beside those."""
_SPENT = 0.6  # of all questions, what may go to everything but the stability of reasons


class AuditSettings(Settings):
    """How large an audit is."""

    users: int = Field(default=200, ge=1)
    """How many users are drawn at random; all, where there are fewer."""
    list_length: int = Field(default=10, ge=1)
    """How many items a list holds; fewer where that is more than a tenth of the catalogue."""
    questions: int = Field(default=100_000, ge=100)
    """How many histories the recommender is asked to score at most; fewer users are drawn where that is not enough."""
    seed: int = 0
    """Which users are drawn, and which items stand in for others."""


class CountedRecommender(Recommender):
    """A recommender that is held to the contract, and counts how many histories it was asked to score."""

    def __init__(self, recommender: Recommender, item_ids: Sequence[str]) -> None:
        own = type(recommender).__module__.startswith("recexplainer.")
        self._asked: Recommender = recommender if own else FunctionRecommender(recommender, item_ids)
        self.n_items, self.max_history = recommender.n_items, recommender.max_history
        self.has_vectors = recommender.has_vectors
        self.answers_changed_history = recommender.answers_changed_history
        if hasattr(recommender, "padding_item"):
            self.padding_item: int = recommender.padding_item  # type: ignore[attr-defined]
        self.questions = 0

    def item_vectors(self) -> Floats:
        """As the recommender."""
        return self._asked.item_vectors()

    def user_vectors(self, users: Sequence[User]) -> Floats:
        """As the recommender."""
        return self._asked.user_vectors(users)

    def scores(self, users: Sequence[User]) -> Floats:
        """As the recommender."""
        self.questions += len(users)
        return self._asked.scores(users)


@dataclass(frozen=True, eq=False)
class Sample:
    """The users that are asked about, and what is recommended to each.

    Attributes:
        users: `[users]`, each with the part of the history that the recommender looks at.
        rows: `Int[users]`, the index of each in the data.
        lists: `Int[users, list]`, the best items for each, best first; none of them is in the user's history.
        stds: `Float[users]`, the standard deviation of the scores of the eligible items of each.
        too_few_items: How many users were drawn but left out, since fewer items can be recommended to them than a list
            holds.
    """

    users: tuple[User, ...]
    rows: NDArray[np.int64]
    lists: NDArray[np.int64]
    stds: NDArray[np.float64]
    too_few_items: int = 0

    def __len__(self) -> int:
        return len(self.users)

    @property
    def list_length(self) -> int:
        """How many items a list holds."""
        return self.lists.shape[1]


def list_length(settings: AuditSettings, n_items: int) -> int:
    """How many items a list holds for a catalogue. Raises RecommenderError where the catalogue is too small."""
    if n_items < SMALLEST_CATALOGUE:
        message = f"A catalogue of {n_items} items is too small for an audit: nearly all of it would be recommended."
        raise RecommenderError(message, hint=f"Audit a recommender of at least {SMALLEST_CATALOGUE} items.")
    return min(settings.list_length, n_items // SHARE_OF_CATALOGUE)


def draw_rows(dataset: Dataset, recommender: Recommender, settings: AuditSettings) -> NDArray[np.int64]:
    """Indices of the users that are drawn, `Int[users]`, ascending; the same for the same data, settings and counts.

    They are users with a history; so many that the questions suffice if each history has its greatest length.
    Raises RecommenderError where there is none, or the questions do not suffice for one.
    """
    candidates = np.flatnonzero(dataset.history_lengths > 0)
    if not len(candidates):
        message, hint = "No user of the data has a history.", "Give data with interactions."
        raise RecommenderError(message, location=f"dataset '{dataset.name}'", hint=hint)
    longest = min(recommender.max_history, int(dataset.history_lengths.max()))
    each = PER_USER + PER_HISTORY_ITEM * longest if recommender.answers_changed_history else 2
    count = min(settings.users, int(_SPENT * settings.questions) // each, len(candidates))
    if not count:
        message = f"{settings.questions:,} questions do not suffice for a user with a history of {longest} items."
        raise RecommenderError(message, hint=f"Allow {int(each / _SPENT) + 1:,} at least, better 100,000.")
    drawn = np.random.default_rng(settings.seed).permutation(candidates)[:count]
    return np.sort(drawn)


def take_sample(dataset: Dataset, recommender: Recommender, rows: NDArray[np.int64], length: int) -> Sample:
    """Ask for the lists of users. Raises as `score_batches`, and RecommenderError where no user has a full list."""
    users = [User(truncate(dataset.history(row), recommender), dataset.user_ids[row]) for row in rows.tolist()]
    full: list[int] = []
    lists: list[list[int]] = []
    stds: list[float] = []
    for batch in score_batches(recommender, users):
        for place, (best, std) in enumerate(zip(batch.best(length), batch.stds(), strict=True), batch.start):
            if len(best) == length:
                full.append(place)
                lists.append(best)
                stds.append(std)
    if not full:
        message = f"For none of {len(users)} users can {length} items be recommended."
        raise RecommenderError(message, hint="Use shorter lists or a larger catalogue.")
    chosen = tuple(users[place] for place in full)
    left_out = len(users) - len(full)
    return Sample(chosen, rows[full], np.array(lists, np.int64), np.array(stds), left_out)
