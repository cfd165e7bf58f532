"""The popularity of items kept in a file: read back, and asked again where it is absent or the recommender changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.tiny import world

from recexplainer.recommenders.base import Floats, User
from recexplainer.recommenders.popularity import keep_shares, kept_shares
from recexplainer.recommenders.scoring import recommended_shares
from recexplainer.recommenders.vectors import VectorRecommender


class Counting:
    """A recommender that counts whom it was asked about."""

    def __init__(self, vectors: Floats) -> None:
        self.asked = 0
        self._own = VectorRecommender.from_arrays(world(), vectors, fold_in="mean")
        self.n_items, self.max_history = self._own.n_items, self._own.max_history
        self.has_vectors, self.answers_changed_history = True, True
        self.item_vectors, self.user_vectors = self._own.item_vectors, self._own.user_vectors

    def scores(self, users: Sequence[User]) -> Floats:
        self.asked += len(users)
        return self._own.scores(users)


def vectors(seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(size=(world().n_items, 4)).astype(np.float32)


def test_kept_shares_are_those_that_were_asked_and_few_users_are_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "popularity.safetensors"
    keep_shares(path, Counting(vectors()), world())
    again = Counting(vectors())
    found = kept_shares(path, again, world())
    assert np.array_equal(found, recommended_shares(Counting(vectors()), world()))
    assert again.asked <= 4


def other_catalogue(path: Path) -> None:
    part = world().select(np.arange(world().n_users), np.arange(world().n_items - 1))
    keep_shares(path, VectorRecommender.from_arrays(part, vectors()[:-1], fold_in="mean"), part)


def damaged(path: Path) -> None:
    path.write_bytes(b"none")


def other_recommender(path: Path) -> None:
    keep_shares(path, Counting(vectors(1)), world())


@pytest.mark.parametrize("before", [None, other_catalogue, damaged, other_recommender])
def test_they_are_asked_where_they_are_absent_damaged_or_of_another_recommender(tmp_path: Path, before: object) -> None:
    path = tmp_path / "popularity.safetensors"
    if callable(before):
        before(path)
    found = kept_shares(path, Counting(vectors()), world())
    assert np.array_equal(found, recommended_shares(Counting(vectors()), world()))
