from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.contracts.recommender import RecommenderContract
from tests.tiny import world

from recexplainer.data.split import leave_one_out
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.factorization import MF, MFSettings
from recexplainer.recommenders.fitting import MFSearchSettings, fit_mf


def new(weight: float = 0.7) -> MF:
    torch.manual_seed(1)
    model = MF(30, MFSettings(max_history=5, width=8, weight=weight))
    torch.nn.init.normal_(model.biases)
    return model.eval().requires_grad_(False)


class TestNewMF(RecommenderContract):
    @pytest.fixture
    def recommender(self) -> Recommender:
        return new()

    @pytest.fixture
    def saved(self, recommender: MF, tmp_path: Path) -> Recommender:
        recommender.save(tmp_path / "deep" / "folder")
        return MF.load(tmp_path / "deep" / "folder")


class TestFittedMF(RecommenderContract):
    @pytest.fixture
    def recommender(self) -> Recommender:
        search = MFSearchSettings(widths=(16,), weights=(1.0,), max_history=6, epochs=3, batch=32)
        return fit_mf(world(), leave_one_out(world()), search)[0]

    @pytest.fixture
    def saved(self, recommender: MF, tmp_path: Path) -> Recommender:
        recommender.save(tmp_path)
        return MF.load(tmp_path)


def test_a_user_is_the_ridge_solution_of_the_history() -> None:
    model = new(weight=0.7)
    items = model.item_vectors()[:, :-1].astype(np.float64)
    history = [3, 17, 4, 9]
    design = items[history]
    ridge = np.linalg.solve(design.T @ design + np.eye(8) / 0.7, design.sum(0)) / 0.7
    (user,) = model.user_vectors([User(tuple(history))])
    np.testing.assert_allclose(user[:-1], float(model.scale) * ridge, rtol=1e-4, atol=1e-5)
    assert user[-1] == 1.0


def test_without_weight_a_user_is_the_sum_of_the_history() -> None:
    model = new(weight=0.0)
    (user,) = model.user_vectors([User((3, 17))])
    expected = float(model.scale) * model.item_vectors()[[3, 17], :-1].sum(0)
    np.testing.assert_allclose(user[:-1], expected, rtol=1e-5, atol=1e-6)


def test_order_makes_no_difference_and_an_item_twice_counts_more() -> None:
    one, other, twice = new().scores([User((1, 2, 3)), User((3, 1, 2)), User((1, 2, 3, 3))])
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    assert not np.allclose(one, twice, atol=1e-4)


def test_a_prefix_is_read_in_training_as_it_is_when_asked_about() -> None:
    model, history = new(), torch.tensor([[3, 7, 1, 9, 30]])
    with torch.inference_mode():
        whole = model(history)[0]
    for length in range(1, 5):
        asked = model.user_vectors([User(tuple(history[0, :length].tolist()))])[0]
        np.testing.assert_allclose(asked, whole[length - 1].numpy(), rtol=1e-4, atol=1e-5)


def test_the_bias_is_the_last_dimension() -> None:
    model = new()
    before = model.scores([User((1, 2))])
    model.biases[5] += 2.0
    change = model.scores([User((1, 2))]) - before
    np.testing.assert_allclose(change[0], 2.0 * (np.arange(30) == 5), atol=1e-5)


def test_the_id_of_a_user_makes_no_difference() -> None:
    known, nobody = new().scores([User((1, 2), "u0001"), User((1, 2))])
    np.testing.assert_array_equal(known, nobody)
