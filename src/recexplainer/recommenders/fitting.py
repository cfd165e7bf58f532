"""Fitting a SASRec or an MF to a dataset: early stopping on a held-out item, and a small search.

The last item of each user is never seen here; the one before it is held out to stop early and to choose, and the winner
is then fitted again with it for as many epochs as were best.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Generic, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from recexplainer.data.dataset import Dataset
from recexplainer.data.split import Split
from recexplainer.errors import RecommenderError
from recexplainer.progress import track
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.factorization import MF, MFSettings
from recexplainer.recommenders.sasrec import SASRec, SASRecSettings
from recexplainer.recommenders.scoring import score_batches
from recexplainer.recommenders.towers import Towers
from recexplainer.settings import Settings

Loss = Literal["softmax", "bce", "bpr"]
M = TypeVar("M", bound=Towers)
S = TypeVar("S", bound=Settings)


class LoopSettings(Settings):
    """How one model is fitted: steps of AdamW over shuffled rows, stopped early."""

    batch: int = Field(default=128, ge=1)
    """Histories a step."""
    epochs: int = Field(default=60, ge=1)
    """The most epochs a try may take."""
    patience: int = Field(default=4, ge=1)
    """Epochs that do not better the held-out score before a try is stopped."""
    weight_decay: float = Field(default=0.01, ge=0)
    """AdamW's weight decay."""
    seed: int = Field(default=0, ge=0)
    """Seed of weights, order, dropout and drawn items."""


class FitSettings(LoopSettings):
    """How long each try may go on, and what is the same in all of them; the held-out score is NDCG@10."""

    learning_rates: tuple[float, ...] = (1e-3,)
    """Learning rates of AdamW to try."""
    max_history: int = Field(default=9, ge=1)
    """How many last items f looks at."""
    loss: Loss = "softmax"
    """The next item against the whole catalogue (`softmax`) or a drawn item (`bce`, the original SASRec; `bpr`)."""


class SearchSettings(FitSettings):
    """What is tried to find a good SASRec."""

    widths: tuple[int, ...] = (64, 128)
    """Widths of the vectors to try."""
    dropouts: tuple[float, ...] = (0.3, 0.5)
    """Dropouts to try."""
    layers: tuple[int, ...] = (1, 2)
    """Numbers of transformer blocks to try."""
    heads: int = 2
    """Attention heads."""


class MFSearchSettings(FitSettings):
    """What is tried to find a good MF."""

    widths: tuple[int, ...] = (64, 128)
    """Widths of the vectors to try."""
    weights: tuple[float, ...] = (0.1, 1.0)
    """Weights of the history against the ridge penalty to try."""
    learning_rates: tuple[float, ...] = (3e-3,)
    """Learning rates of AdamW to try."""


@dataclass(frozen=True, slots=True)
class Trial(Generic[S]):
    """One combination tried: its shape, learning rate, best epoch, and NDCG@10 on the held-out items there."""

    shape: S
    learning_rate: float
    epochs: int
    ndcg: float


def fit_sasrec(dataset: Dataset, split: Split, settings: SearchSettings) -> tuple[SASRec, list[Trial[SASRecSettings]]]:
    """Search, then fit the winner on everything but the test items.

    Returns:
        The fitted recommender and all trials, the best first.

    Raises:
        RecommenderError: No user has enough interactions to hold one out.
    """
    history, heads = settings.max_history, settings.heads
    shapes = [
        SASRecSettings(max_history=history, width=width, layers=layers, heads=heads, dropout=dropout)
        for width, layers, dropout in product(settings.widths, settings.layers, settings.dropouts)
    ]
    return _search(dataset, split, SASRec, shapes, settings)


def fit_mf(dataset: Dataset, split: Split, settings: MFSearchSettings) -> tuple[MF, list[Trial[MFSettings]]]:
    """Search, then fit the winner on everything but the test items. Returns and raises as `fit_sasrec`."""
    shapes = [
        MFSettings(max_history=settings.max_history, width=width, weight=weight)
        for width, weight in product(settings.widths, settings.weights)
    ]
    return _search(dataset, split, MF, shapes, settings)


def _search(
    dataset: Dataset, split: Split, make: Callable[[int, S], M], shapes: Sequence[S], settings: FitSettings
) -> tuple[M, list[Trial[S]]]:
    fitted = [np.asarray(split.train_history(user)) for user in range(dataset.n_users)]
    shorter = [history[:-1] for history in fitted]
    held = [history for history in fitted if len(history) > 1]
    if not held:
        raise RecommenderError(
            "No user has enough interactions to hold one out.",
            location=f"dataset {dataset.name!r}",
            hint="Loosen the filter, or give users with at least three interactions.",
        )

    users = [User(tuple(history[:-1].tolist())) for history in held]
    targets = np.array([history[-1] for history in held], np.int64)

    def start(shape: S, rate: float, histories: Sequence[NDArray[np.int32]]) -> Fit[M]:
        torch.manual_seed(settings.seed)
        model = make(dataset.n_items, shape)
        windows = torch.from_numpy(_windows(histories, model.max_history, model.n_items))
        return Fit(
            model, len(windows), lambda rows: next_item_loss(model, windows[rows], settings.loss), rate, settings
        )

    combinations = list(product(shapes, settings.learning_rates))
    trials: list[Trial[S]] = []
    for shape, rate in track(combinations, "searching for a recommender"):
        fit = start(shape, rate, shorter)
        epochs, ndcg = stop_early(fit, lambda model: held_out_ndcg(model, users, targets), settings)
        trials.append(Trial(shape, rate, epochs, ndcg))
    trials.sort(key=lambda trial: -trial.ndcg)
    best = trials[0]
    fit = start(best.shape, best.learning_rate, fitted)
    for _ in track(range(best.epochs), "fitting the best of them"):
        fit.epoch()
    return fit.model.eval().requires_grad_(False), trials


def stop_early(fit: Fit[M], score: Callable[[M], float], settings: LoopSettings) -> tuple[int, float]:
    """Fit until the held-out score has not risen for `patience` epochs; the best epoch, and the score there."""
    best, best_epoch = -1.0, 0
    for epoch in range(1, settings.epochs + 1):
        fit.epoch()
        reached = score(fit.model)
        if reached > best:
            best, best_epoch = reached, epoch
        elif epoch - best_epoch >= settings.patience:
            break
    return best_epoch, best


def held_out_ndcg(model: Recommender, users: Sequence[User], targets: NDArray[np.int64], k: int = 10) -> float:
    """Mean NDCG@k over the whole catalogue, the history left out, one relevant item a user."""
    ranks = held_out_ranks(model, users, targets)
    return float(np.where(ranks <= k, 1 / np.log2(ranks + 1), 0).mean())


def held_out_ranks(model: Recommender, users: Sequence[User], targets: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rank of each user's target over the whole catalogue, the history left out; `Int[users]`, 1 the first."""
    ranks = [batch.ranks(targets[batch.span]) for batch in score_batches(model, users)]
    return np.concatenate(ranks) if ranks else np.empty(0, np.int64)


class Fit(Generic[M]):
    """A model, its optimiser and its loss over numbered rows; one call of `epoch` goes once over all rows.

    Args:
        model: What is fitted.
        rows: How many rows there are to learn from.
        loss: The mean loss of the rows with these numbers, `Int[batch]`.
        rate: Learning rate of AdamW.
        settings: The loop.
    """

    def __init__(
        self, model: M, rows: int, loss: Callable[[NDArray[np.int64]], Tensor], rate: float, settings: LoopSettings
    ) -> None:
        self.model, self.rows, self.loss, self.batch = model, rows, loss, settings.batch
        self.optimizer = torch.optim.AdamW(model.parameters(), rate, weight_decay=settings.weight_decay)
        self.random = np.random.default_rng(settings.seed)

    def epoch(self) -> None:
        """Go once over all rows in a new order."""
        self.model.train()
        for rows in np.array_split(self.random.permutation(self.rows), -(-self.rows // self.batch)):
            loss = self.loss(rows)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()


def _windows(histories: Sequence[NDArray[np.int32]], length: int, padding: int) -> NDArray[np.int64]:
    """Left-aligned windows of `length + 1` items, cut from the end; every item but the first is a target once."""
    windows: list[NDArray[np.int64]] = []
    for history in histories:
        for end in range(len(history), 1, -length):
            window = np.full(length + 1, padding, np.int64)
            piece = history[max(0, end - length - 1) : end]
            window[: len(piece)] = piece
            windows.append(window)
    return np.stack(windows)


def next_item_loss(model: Towers, windows: Tensor, loss: Loss = "softmax") -> Tensor:
    """The mean loss over all positions of `Int[users, length + 1]`, padded with `n_items`.

    Args:
        model: What is fitted.
        windows: The items; each but the first is a target.
        loss: `softmax`: cross entropy over the whole catalogue. `bce`: binary cross entropy of the target and of one
            drawn item (the original SASRec). `bpr`: the target above one drawn item. Drawn items are not in the window.
    """
    inputs, targets = windows[:, :-1], windows[:, 1:]
    there = targets != model.n_items
    states, positive = model(inputs)[there], targets[there]
    if loss == "softmax":
        return functional.cross_entropy(model.logits(states), positive)
    table = model.table()
    above = (states * table[positive]).sum(-1)
    below = (states * table[_others(windows, model.n_items)[there]]).sum(-1)
    if loss == "bpr":
        return -functional.logsigmoid(above - below).mean()
    return -(functional.logsigmoid(above) + functional.logsigmoid(-below)).mean()


def _others(windows: Tensor, n_items: int) -> Tensor:
    """One item for each position, `Int[users, length]`, evenly drawn among those that the window lacks."""
    chances = torch.ones(len(windows), n_items + 1, device=windows.device)
    chances.scatter_(1, windows, 1e-9)
    return torch.multinomial(chances[:, :n_items], windows.shape[1] - 1, replacement=True)
