from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.contracts.recommender import RecommenderContract
from tests.tiny import sasrec

from recexplainer.errors import RecommenderError, RunError
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.sasrec import SASRec, SASRecSettings

SHAPE = SASRecSettings(max_history=5, width=16, layers=2, heads=2, dropout=0.4)


def new(n_items: int = 30) -> SASRec:
    torch.manual_seed(1)
    return SASRec(n_items, SHAPE).eval().requires_grad_(False)


class TestNewSASRec(RecommenderContract):
    @pytest.fixture
    def recommender(self) -> Recommender:
        return new()

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
    model = new()
    history = torch.tensor([[3, 7, 1, 9, 4]])
    with torch.inference_mode():
        whole = model(history)[0]
    for length in range(1, 6):
        asked = model.user_vectors([User(tuple(history[0, :length].tolist()))])[0]
        np.testing.assert_allclose(asked, whole[length - 1].numpy(), rtol=1e-4, atol=1e-5)


def test_order_of_the_history_matters() -> None:
    one, other = new().scores([User((1, 2, 3)), User((3, 2, 1))])
    assert not np.allclose(one, other, atol=1e-4)


def test_padding_is_not_an_item_that_can_be_recommended() -> None:
    assert new(30).item_vectors().shape == (30, 16)


def test_dropout_is_off_when_it_is_asked_even_while_it_is_being_fitted() -> None:
    model = new().train()
    users = [User((1, 2, 3))]
    np.testing.assert_array_equal(model.scores(users), model.scores(users))


def test_a_loaded_one_is_frozen(tmp_path: Path) -> None:
    new().save(tmp_path)
    loaded = SASRec.load(tmp_path)
    assert not loaded.training
    assert not any(weight.requires_grad for weight in loaded.parameters())


def test_it_is_saved_without_pickle(tmp_path: Path) -> None:
    new().save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"recommender.json", "weights.safetensors"}
    assert json.loads((tmp_path / "recommender.json").read_text())["n_items"] == 30


def test_width_must_be_split_by_heads() -> None:
    with pytest.raises(RecommenderError, match="width 10 cannot be split into 4 heads"):
        SASRec(5, SASRecSettings(width=10, heads=4))


def test_loading_from_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunError):
        SASRec.load(tmp_path)
