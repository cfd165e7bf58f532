from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from tests.tiny import histories, sasrec

from recexplainer.errors import RecommenderError
from recexplainer.recommenders import attribution
from recexplainer.recommenders.attribution import removal_effects
from recexplainer.recommenders.base import Floats, User


class Sums:
    """f's score of item i is the sum over the history of `weights[h, i]`: the effect of h is its own weight."""

    n_items = 6
    max_history = 10
    has_vectors = False

    def __init__(self, answers_changed_history: bool = True) -> None:
        self.answers_changed_history = answers_changed_history
        self.weights = np.random.default_rng(0).normal(size=(6, 6)).astype(np.float32)
        self.asked = 0

    def scores(self, users: Sequence[User]) -> Floats:
        self.asked += len(users)
        return np.stack([self.weights[list(user.history)].sum(0) for user in users])


def test_an_additive_recommender_by_hand() -> None:
    f = Sums()
    effects = removal_effects(f, [User((0, 3, 4)), User((5, 1))], [2, 0])  # type: ignore[arg-type]
    np.testing.assert_allclose(effects[0], f.weights[[0, 3, 4], 2], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(effects[1], f.weights[[5, 1], 0], rtol=1e-5, atol=1e-6)
    assert f.asked == 4 + 3


def test_a_history_of_one_item_is_held_against_the_mean_of_the_catalogue() -> None:
    f = Sums()
    effects = removal_effects(f, [User((3,))], [1])  # type: ignore[arg-type]
    np.testing.assert_allclose(effects[0], [f.weights[3, 1] - f.weights[3].mean()], rtol=1e-5)


def test_brute_force_on_a_sasrec() -> None:
    f = sasrec()
    users = [User(history) for history in histories(12)]
    items = [(7 * case) % f.n_items for case in range(len(users))]
    effects = removal_effects(f, users, items)
    for user, item, effect in zip(users, items, effects, strict=True):
        full = f.scores([user])[0, item]
        for place in range(len(user.history)):
            without = user.history[:place] + user.history[place + 1 :]
            assert effect[place] == pytest.approx(full - f.scores([User(without)])[0, item], abs=1e-4)


def test_batches_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    f = Sums()
    users, items = [User((0, 3, 4)), User((5,)), User((2, 1))], [1, 2, 3]
    whole = removal_effects(f, users, items)  # type: ignore[arg-type]
    monkeypatch.setattr(attribution, "_BATCH", 2)
    for one, other in zip(whole, removal_effects(f, users, items), strict=True):  # type: ignore[arg-type]
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_nobody_asked_about_is_an_empty_answer() -> None:
    assert removal_effects(Sums(), [], []) == []  # type: ignore[arg-type]


def test_a_recommender_that_knows_ids_alone_cannot_say() -> None:
    with pytest.raises(RecommenderError, match="cannot answer for a changed history"):
        removal_effects(Sums(answers_changed_history=False), [User((0, 1))], [2])  # type: ignore[arg-type]
