"""The leave-one-out split: each user's last item is the test item. It knows nothing of what is trained on the rest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recexplainer.data.dataset import Dataset
from recexplainer.errors import DataError

MIN_TEST_HISTORY = 3
"""The shortest history that can be split: one item to train on, one to validate with, one to test with."""


@dataclass(frozen=True, eq=False)
class Split:
    """A dataset seen as training histories and one test item a user (paper section 4.1.1).

    Users with fewer than `MIN_TEST_HISTORY` interactions are for training only, with their whole history.

    Attributes:
        dataset: What is split.
    """

    dataset: Dataset

    @cached_property
    def test_users(self) -> NDArray[np.int64]:
        """Indices of the users with a test item, `Int[test users]`, ascending."""
        return np.flatnonzero(self.dataset.history_lengths >= MIN_TEST_HISTORY)

    def train_history(self, user: int) -> NDArray[np.int32]:
        """All but the test item of a user, item indices, oldest first."""
        history = self.dataset.history(user)
        return history[:-1] if len(history) >= MIN_TEST_HISTORY else history

    def test_item(self, user: int) -> int:
        """The last item of a user. Raises DataError for a user who is for training only."""
        history = self.dataset.history(user)
        if len(history) < MIN_TEST_HISTORY:
            where = f"user '{self.dataset.user_ids[user]}': {len(history)} interactions"
            hint = "take users from test_users, or filter with a longer min_history"
            raise DataError("this user has too short a history to hold an item out", location=where, hint=hint)
        return int(history[-1])

    def train_interactions(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """User and item index of every training interaction, each `Int[train interactions]`, users ascending."""
        keep = np.ones(self.dataset.n_interactions, dtype=np.bool_)
        keep[self.dataset.offsets[self.test_users + 1] - 1] = False
        return self.dataset.users_of_sequence[keep], self.dataset.sequence[keep]


def leave_one_out(dataset: Dataset) -> Split:
    """Splits off each user's last item. Raises DataError where no user has `MIN_TEST_HISTORY` interactions."""
    split = Split(dataset)
    if not len(split.test_users):
        what = f"no user has the {MIN_TEST_HISTORY} interactions that a test needs"
        raise DataError(what, location=f"dataset '{dataset.name}'", hint="take data with longer histories")
    return split
