from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from tests.fakes import ScoredBy
from torch import Tensor

from recexplainer.data.dataset import Dataset, Split, leave_one_out
from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import User
from recexplainer.recommenders.factorization import MF, MFSettings
from recexplainer.recommenders.fitting import (
    Fit,
    Loss,
    MFSearchSettings,
    SASRecSearchSettings,
    fit_towers,
    held_out_ndcg,
    next_item_loss,
    windows,
)
from recexplainer.recommenders.sasrec import SASRec, SASRecSettings

CHAIN = 8
SMALL = SASRecSearchSettings(
    hidden_sizes=(16,),
    dropouts=(0.0,),
    num_hidden_layers=(1,),
    max_history=4,
    batch_size=8,
    epochs=20,
    patience=20,
    learning_rates=(1e-2,),
)


def dataset_of(histories: list[list[int]], n_items: int) -> Dataset:
    items = pl.DataFrame(
        {"item_id": [f"i{n:02}" for n in range(n_items)], "title": [f"Item {n}" for n in range(n_items)]}
    )
    rows = [(f"u{user:02}", f"i{item:02}") for user, history in enumerate(histories) for item in history]
    return Dataset.from_frames(pl.DataFrame(rows, schema=["user_id", "item_id"], orient="row"), items)


def chain() -> Dataset:
    """After item n comes item n + 1, always."""
    return dataset_of([[(start + step) % CHAIN for step in range(5)] for start in range(CHAIN)] * 3, CHAIN)


def test_it_learns_what_comes_next() -> None:
    data = chain()
    model, trials = fit_towers(SASRec, data, leave_one_out(data), SMALL)
    scores = model.scores([User((n, (n + 1) % CHAIN)) for n in range(CHAIN)])
    for n in range(CHAIN):
        scores[n, [n, (n + 1) % CHAIN]] = -np.inf
    assert scores.argmax(1).tolist() == [(n + 2) % CHAIN for n in range(CHAIN)]
    assert trials[0].ndcg > 0.9
    assert not model.training
    assert not any(weight.requires_grad for weight in model.parameters())


@pytest.mark.parametrize("loss", ["bce", "bpr"])
def test_it_learns_what_comes_next_from_drawn_items(loss: Loss) -> None:
    data = chain()
    settings = SMALL.model_copy(update={"loss": loss, "epochs": 40, "patience": 40})
    trials = fit_towers(SASRec, data, leave_one_out(data), settings)[1]
    assert trials[0].ndcg > 0.8


@pytest.mark.parametrize("loss", ["softmax", "bpr"])
def test_an_mf_learns_what_goes_together(loss: Loss) -> None:
    """Two groups of items; whoever has items of one group takes the others of it."""
    rng = np.random.default_rng(0)
    histories = [(rng.permutation(6)[:5] + 6 * (user % 2)).tolist() for user in range(40)]
    settings = MFSearchSettings(factors=(8,), weights=(1.0,), epochs=20, patience=20, batch_size=4, loss=loss)
    data = dataset_of(histories, 12)
    model, trials = fit_towers(MF, data, leave_one_out(data), settings)
    scores = model.scores([User((0, 1)), User((8, 7, 6))])
    assert scores[0, 2:6].min() > scores[0, 6:].max()
    assert scores[1, 9:].min() > scores[1, :6].max()
    assert trials[0].shape["weight"] == 1.0
    assert not any(weight.requires_grad for weight in model.parameters())


def test_a_sasrec_and_an_mf_are_fitted_from_python_in_one_call() -> None:
    sasrec = SASRec.fit(chain(), **SMALL.model_dump())
    fitted, _ = fit_towers(SASRec, chain(), None, SMALL)
    np.testing.assert_array_equal(sasrec.item_vectors(), fitted.item_vectors())
    mf = MF.fit(chain(), factors=[4], weights=[1.0], epochs=1, max_history=3)
    assert (mf.settings.factors, mf.max_history) == (4, 3)
    with pytest.raises(ValidationError, match="'widths' is called 'hidden_sizes'"):
        SASRec.fit(chain(), widths=[4])


def test_the_same_seed_gives_the_same_weights_and_another_gives_others() -> None:
    data = chain()
    short = SMALL.model_copy(update={"epochs": 2})
    first, second = (fit_towers(SASRec, data, leave_one_out(data), short)[0] for _ in range(2))
    other = fit_towers(SASRec, data, leave_one_out(data), short.model_copy(update={"seed": 1}))[0]
    np.testing.assert_array_equal(first.item_vectors(), second.item_vectors())
    assert not np.array_equal(first.item_vectors(), other.item_vectors())


def test_the_search_tries_every_combination_and_puts_the_best_first() -> None:
    data = chain()
    wide = SMALL.model_copy(
        update={"epochs": 2, "hidden_sizes": (8, 16), "dropouts": (0.0, 0.5), "num_hidden_layers": (1, 2)}
    )
    model, trials = fit_towers(SASRec, data, leave_one_out(data), wide)
    assert len({tuple(one.shape.values()) for one in trials}) == len(trials) == 8
    assert [one.ndcg for one in trials] == sorted((one.ndcg for one in trials), reverse=True)
    assert model.settings.model_dump() == trials[0].shape
    assert all(1 <= one.epochs <= 2 for one in trials)


def test_the_test_items_are_never_seen() -> None:
    """Two worlds that differ only in the last item of each user give the same recommender."""
    one = [[user % 5, 5, 6, 7] for user in range(6)]
    other = [[user % 5, 5, 6, 8] for user in range(6)]
    short = SMALL.model_copy(update={"epochs": 2})
    fitted = [
        fit_towers(SASRec, data, leave_one_out(data), short)[0] for data in (dataset_of(one, 9), dataset_of(other, 9))
    ]
    np.testing.assert_array_equal(fitted[0].item_vectors(), fitted[1].item_vectors())


def test_early_stopping_waits_for_its_patience_only(monkeypatch: pytest.MonkeyPatch) -> None:
    data = chain()
    seen: list[float] = []

    def never_better(*args: object, **kwargs: object) -> float:
        seen.append(0.5)
        return 0.5

    monkeypatch.setattr("recexplainer.recommenders.fitting.held_out_ndcg", never_better)
    _, trials = fit_towers(SASRec, data, leave_one_out(data), SMALL.model_copy(update={"epochs": 20, "patience": 3}))
    assert len(seen) == 4
    assert trials[0].epochs == 1


def test_bfloat16_learns_the_same_and_is_taken_where_it_is_asked_for() -> None:
    data = chain()
    rounded = SMALL.model_copy(update={"precision": "bfloat16"})
    (exact, _), (model, trials) = (fit_towers(SASRec, data, leave_one_out(data), one) for one in (SMALL, rounded))
    assert trials[0].ndcg > 0.9
    assert model.item_vectors().dtype == np.float32
    assert not np.array_equal(model.item_vectors(), exact.item_vectors())
    assert not SMALL.in_bfloat16
    assert not SMALL.model_copy(update={"precision": "auto"}).in_bfloat16  # tests are told that it is not faster


def test_the_ridge_of_an_mf_is_not_rounded_to_bfloat16() -> None:
    torch.manual_seed(0)
    model, histories = MF(6, MFSettings(factors=4, max_history=3)), torch.tensor([[0, 1, 2], [3, 4, 6]])
    exact = model(histories)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(model(histories), exact, rtol=0, atol=0)


@pytest.mark.parametrize("averaged", [True, False])
def test_the_best_of_the_search_is_fitted_again_or_goes_on(averaged: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The score falls after the third epoch: it stops two later. Averaged it goes on for two, else it begins anew."""
    data, epochs, seen = chain(), list[int](), list[int]()
    scores, plain = iter([0.1, 0.2, 0.4, 0.3, 0.2]), Fit[SASRec].epoch

    def counted(fit: Fit[SASRec]) -> None:
        epochs.append(len(seen))
        plain(fit)

    def noted(histories: list[NDArray[np.int32]], length: int, padding: int) -> NDArray[np.int64]:
        seen.append(sum(map(len, histories)))
        return windows(histories, length, padding)

    def score(*_: object) -> float:
        return next(scores)

    monkeypatch.setattr("recexplainer.recommenders.fitting.held_out_ndcg", score)
    monkeypatch.setattr("recexplainer.recommenders.fitting.windows", noted)
    monkeypatch.setattr(Fit, "epoch", counted)
    asked = SMALL.model_copy(update={"patience": 2, "averaged_weights": averaged})
    _, trials = fit_towers(SASRec, data, leave_one_out(data), asked)
    assert (trials[0].epochs, trials[0].ndcg) == (3, 0.4)
    assert seen == [data.n_interactions - 2 * data.n_users, data.n_interactions - data.n_users]
    assert epochs == [1, 1, 1, 1, 1, *([2, 2] if averaged else [2, 2, 2])]


def test_of_several_trials_the_best_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    data, fitted = chain(), list[Fit[SASRec]]()
    scores, plain = iter([0.1, 0.4, 0.2, 0.3]), Fit[SASRec].epoch

    def noted(fit: Fit[SASRec]) -> None:
        fitted.append(fit)
        plain(fit)

    def score(*_: object) -> float:
        return next(scores)

    monkeypatch.setattr("recexplainer.recommenders.fitting.held_out_ndcg", score)
    monkeypatch.setattr(Fit, "epoch", noted)
    asked = {"learning_rates": (0.01, 0.02), "epochs": 2, "patience": 1, "averaged_weights": True}
    model, _ = fit_towers(SASRec, data, leave_one_out(data), SMALL.model_copy(update=asked))
    assert [fit.learning_rate for fit in fitted] == [0.01, 0.01, 0.02, 0.02, 0.01]
    assert fitted[-1] is fitted[0]
    assert model is fitted[0].kept


def test_the_averaged_weights_by_hand() -> None:
    torch.manual_seed(0)
    model = SASRec(4, SASRecSettings(max_history=3, hidden_size=8, num_hidden_layers=1, dropout=0.0))
    rows, weights = torch.tensor([[0, 1, 2, 3], [2, 1, 4, 4], [3, 0, 1, 4]]), list[Tensor]()

    def loss(some: NDArray[np.int64]) -> Tensor:
        weights.append(model.items.weight.detach().clone())
        return next_item_loss(model, rows[some])

    fit = Fit(model, len(rows), loss, 1e-2, SMALL.model_copy(update={"batch_size": 1}), averages=True)
    fit.epoch()
    _, first, second, third = *weights, model.items.weight.detach()
    expected = (first * 2 / 3 + second / 3) * 2 / 3 + third / 3
    torch.testing.assert_close(fit.kept.items.weight.detach(), expected)


def test_held_out_ndcg_by_hand() -> None:
    fixed = ScoredBy(lambda users: [[9.0, 3.0, 2.0, 1.0], [0.1, 0.2, 0.3, 0.4], [5.0, 4.0, 3.0, 2.0]], 4)
    users = [User((0,)), User((1,)), User((3,))]
    # Without the history: target 1 is first, target 0 is third of three, target 1 is second.
    value = held_out_ndcg(fixed, users, np.array([1, 0, 1]))
    assert value == pytest.approx((1 + 1 / math.log2(4) + 1 / math.log2(3)) / 3)
    assert held_out_ndcg(fixed, users, np.array([1, 0, 1]), k=1) == pytest.approx(1 / 3)


def test_next_item_loss_by_hand_and_blind_to_padding() -> None:
    torch.manual_seed(0)
    model = SASRec(4, SASRecSettings(max_history=3, hidden_size=8, num_hidden_layers=1, dropout=0.0)).eval()
    rows = torch.tensor([[0, 1, 2, 3], [2, 1, 4, 4]])
    with torch.no_grad():
        expected = []
        for history, target in (((0,), 1), ((0, 1), 2), ((0, 1, 2), 3), ((2,), 1)):
            scores = torch.from_numpy(model.scores([User(history)])[0])
            expected.append(float(scores.logsumexp(0) - scores[target]))
        assert float(next_item_loss(model, rows)) == pytest.approx(np.mean(expected), rel=1e-4)


@pytest.mark.parametrize("loss", ["bce", "bpr"])
def test_drawn_items_are_none_of_the_window_and_padding_is_no_target(loss: Loss) -> None:
    """With one item left to draw, the loss is known by hand."""
    torch.manual_seed(0)
    model = SASRec(4, SASRecSettings(max_history=3, hidden_size=8, num_hidden_layers=1, dropout=0.0)).eval()
    rows = torch.tensor([[0, 1, 2, 4]])
    with torch.no_grad():
        expected = []
        for history, target in (((0,), 1), ((0, 1), 2)):
            scores = torch.from_numpy(model.scores([User(history)])[0]).double()
            above, below = scores[target].sigmoid().log(), (-scores[3]).sigmoid().log()
            expected.append(-float(above + below if loss == "bce" else (scores[target] - scores[3]).sigmoid().log()))
        assert float(next_item_loss(model, rows, loss)) == pytest.approx(np.mean(expected), rel=1e-4)


def test_windows_hold_each_item_but_the_first_as_a_target_once() -> None:
    history = np.arange(8, dtype=np.int32)
    rows = windows([history, np.array([5], np.int32)], length=3, padding=9)
    assert rows.tolist() == [[4, 5, 6, 7], [1, 2, 3, 4], [0, 1, 9, 9]]


def test_without_anything_to_hold_out_fitting_is_refused() -> None:
    data = dataset_of([[0], [1]], 3)
    with pytest.raises(RecommenderError, match="No user has enough interactions"):
        fit_towers(SASRec, data, Split(data), SMALL)
