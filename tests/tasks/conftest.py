from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from recexplainer.data.dataset import ITEM_COLUMNS, Dataset
from recexplainer.data.split import Split, leave_one_out
from recexplainer.recommenders.base import Floats, User

N_ITEMS = 20


class DotProducts:
    """f in two lines: the user vector is a recency-weighted sum of fixed item vectors."""

    n_items = N_ITEMS
    max_history = 4
    has_vectors = True
    answers_changed_history = True

    def __init__(self) -> None:
        self.vectors = np.random.default_rng(5).normal(size=(N_ITEMS, 3)).astype(np.float32)

    def item_vectors(self) -> Floats:
        return self.vectors.copy()

    def user_vectors(self, users: Sequence[User]) -> Floats:
        kept = [user.history[-self.max_history :] for user in users]
        return np.stack(
            [
                sum((self.vectors[item] * (1 + place) for place, item in enumerate(history)), np.zeros(3))
                for history in kept
            ]
        ).astype(np.float32)

    def scores(self, users: Sequence[User]) -> Floats:
        return self.user_vectors(users) @ self.vectors.T


def make_dataset() -> Dataset:
    brands = ["Nimbus", "Orrery", "", "Kestrel"]
    genres = [["puzzle"], ["racing", "puzzle"], [], ["strategy"]]
    names = ["Emberfall", "Quiet Harbor", "Lantern Road", "Copper Sky"]
    items = pl.DataFrame(
        {
            "item_id": [f"i{item}" for item in range(N_ITEMS)],
            "title": [f"{names[item % 4]} {item}" for item in range(N_ITEMS)],
            "description": [f"A tale of {names[item % 4]}. " * 12 if item % 2 else "" for item in range(N_ITEMS)],
            "brand": [brands[item % 4] for item in range(N_ITEMS)],
            "genres": [genres[item % 4] for item in range(N_ITEMS)],
            "platforms": [["Orbit"] if item % 3 else [] for item in range(N_ITEMS)],
            "features": [["two players", "a map"] if item % 5 == 0 else [] for item in range(N_ITEMS)],
        },
        schema=ITEM_COLUMNS,
    )
    rng = np.random.default_rng(7)
    histories = [rng.permutation(N_ITEMS)[:length].astype(np.int32) for length in (3, 4, 5, 6, 7, 8, 5, 4)]
    offsets = np.concatenate([[0], np.cumsum([len(history) for history in histories])]).astype(np.int64)
    return Dataset("tiny", items, tuple(f"u{user}" for user in range(8)), offsets, np.concatenate(histories))


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture
def split(dataset: Dataset) -> Split:
    return leave_one_out(dataset)


@pytest.fixture
def recommender() -> DotProducts:
    return DotProducts()
