from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.contracts.recommender import RecommenderContract
from tests.tiny import sasrec, world

from recexplainer.data.dataset import leave_one_out
from recexplainer.errors import RecommenderError, RunError
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.factorization import MF, MFSettings
from recexplainer.recommenders.fitting import MFSearchSettings, fit_towers
from recexplainer.recommenders.sasrec import SASRec, SASRecSettings

SHAPE = SASRecSettings(max_history=5, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, dropout=0.4)


def new_sasrec(n_items: int = 30) -> SASRec:
    torch.manual_seed(1)
    return SASRec(n_items, SHAPE).eval().requires_grad_(False)


class TestNewSASRec(RecommenderContract):
    @pytest.fixture
    def recommender(self) -> Recommender:
        return new_sasrec()

    @pytest.fixture
    def saved(self, recommender: SASRec, tmp_path: Path) -> Recommender:
        recommender.save(tmp_path / "deep" / "folder")
        return SASRec.load(tmp_path / "deep" / "folder")


class TestFittedSASRec(RecommenderContract):
    @pytest.fixture
    def recommender(self) -> Recommender:
        return sasrec()

    @pytest.fixture
    def saved(self, recommender: SASRec, tmp_path: Path) -> Recommender:
        recommender.save(tmp_path)
        return SASRec.load(tmp_path)


def test_attention_is_causal_so_a_prefix_is_read_in_training_as_it_is_when_asked_about() -> None:
    model = new_sasrec()
    history = torch.tensor([[3, 7, 1, 9, 4]])
    with torch.inference_mode():
        whole = model(history)[0]
    for length in range(1, 6):
        asked = model.user_vectors([User(tuple(history[0, :length].tolist()))])[0]
        np.testing.assert_allclose(asked, whole[length - 1].numpy(), rtol=1e-4, atol=1e-5)


def test_order_of_the_history_matters() -> None:
    one, other = new_sasrec().scores([User((1, 2, 3)), User((3, 2, 1))])
    assert not np.allclose(one, other, atol=1e-4)


def test_padding_is_not_an_item_that_can_be_recommended() -> None:
    assert new_sasrec(30).item_vectors().shape == (30, 16)


def test_dropout_is_off_when_it_is_asked_even_while_it_is_being_fitted() -> None:
    model = new_sasrec().train()
    users = [User((1, 2, 3))]
    np.testing.assert_array_equal(model.scores(users), model.scores(users))


def test_a_loaded_one_is_frozen(tmp_path: Path) -> None:
    new_sasrec().save(tmp_path)
    loaded = SASRec.load(tmp_path)
    assert not loaded.training
    assert not any(weight.requires_grad for weight in loaded.parameters())


def test_it_is_saved_without_pickle(tmp_path: Path) -> None:
    new_sasrec().save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"recommender.json", "weights.safetensors"}
    assert json.loads((tmp_path / "recommender.json").read_text())["n_items"] == 30


def test_width_must_be_split_by_heads() -> None:
    with pytest.raises(RecommenderError, match="hidden size 10 cannot be split into 4 heads"):
        SASRec(5, SASRecSettings(hidden_size=10, num_attention_heads=4))


def test_loading_from_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunError):
        SASRec.load(tmp_path)


def test_what_was_saved_with_earlier_names_of_settings_is_read(tmp_path: Path) -> None:
    new_sasrec().save(tmp_path)
    described = json.loads((tmp_path / "recommender.json").read_text())
    described["settings"] = {"max_history": 5, "width": 16, "layers": 2, "heads": 2, "dropout": 0.4}
    (tmp_path / "recommender.json").write_text(json.dumps(described))
    assert SASRec.load(tmp_path).settings == SHAPE


def new_mf(weight: float = 0.7) -> MF:
    torch.manual_seed(1)
    model = MF(30, MFSettings(max_history=5, factors=8, weight=weight))
    torch.nn.init.normal_(model.biases)
    return model.eval().requires_grad_(False)


class TestNewMF(RecommenderContract):
    @pytest.fixture
    def recommender(self) -> Recommender:
        return new_mf()

    @pytest.fixture
    def saved(self, recommender: MF, tmp_path: Path) -> Recommender:
        recommender.save(tmp_path / "deep" / "folder")
        return MF.load(tmp_path / "deep" / "folder")


class TestFittedMF(RecommenderContract):
    @pytest.fixture
    def recommender(self) -> Recommender:
        search = MFSearchSettings(factors=(16,), weights=(1.0,), max_history=6, epochs=3, batch_size=32)
        return fit_towers(MF, world(), leave_one_out(world()), search)[0]

    @pytest.fixture
    def saved(self, recommender: MF, tmp_path: Path) -> Recommender:
        recommender.save(tmp_path)
        return MF.load(tmp_path)


def test_a_user_is_the_ridge_solution_of_the_history() -> None:
    model = new_mf(weight=0.7)
    items = model.item_vectors()[:, :-1].astype(np.float64)
    history = [3, 17, 4, 9]
    design = items[history]
    ridge = np.linalg.solve(design.T @ design + np.eye(8) / 0.7, design.sum(0)) / 0.7
    (user,) = model.user_vectors([User(tuple(history))])
    np.testing.assert_allclose(user[:-1], float(model.scale) * ridge, rtol=1e-4, atol=1e-5)
    assert user[-1] == 1.0


def test_without_weight_a_user_is_the_sum_of_the_history() -> None:
    model = new_mf(weight=0.0)
    (user,) = model.user_vectors([User((3, 17))])
    expected = float(model.scale) * model.item_vectors()[[3, 17], :-1].sum(0)
    np.testing.assert_allclose(user[:-1], expected, rtol=1e-5, atol=1e-6)


def test_order_makes_no_difference_and_an_item_twice_counts_more() -> None:
    one, other, twice = new_mf().scores([User((1, 2, 3)), User((3, 1, 2)), User((1, 2, 3, 3))])
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    assert not np.allclose(one, twice, atol=1e-4)


def test_an_mf_reads_a_prefix_in_training_as_it_does_when_asked_about() -> None:
    model, history = new_mf(), torch.tensor([[3, 7, 1, 9, 30]])
    with torch.inference_mode():
        whole = model(history)[0]
    for length in range(1, 5):
        asked = model.user_vectors([User(tuple(history[0, :length].tolist()))])[0]
        np.testing.assert_allclose(asked, whole[length - 1].numpy(), rtol=1e-4, atol=1e-5)


def test_the_bias_is_the_last_dimension() -> None:
    model = new_mf()
    before = model.scores([User((1, 2))])
    model.biases[5] += 2.0
    change = model.scores([User((1, 2))]) - before
    np.testing.assert_allclose(change[0], 2.0 * (np.arange(30) == 5), atol=1e-5)


def test_the_id_of_a_user_makes_no_difference() -> None:
    model = new_mf()
    known, nobody = (model.scores([user]) for user in (User((1, 2), "u0001"), User((1, 2))))
    np.testing.assert_array_equal(known, nobody)
