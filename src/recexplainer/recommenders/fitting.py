"""Fitting a SASRec to a dataset: full-softmax cross entropy, early stopping on a held-out item, a small search.

The last item of each user is never seen here; the one before it is held out to stop early and to choose, and the winner
is then fitted again with it for as many epochs as were best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
from recexplainer.recommenders.base import User
from recexplainer.recommenders.sasrec import SASRec, SASRecSettings
from recexplainer.settings import Settings


class SearchSettings(Settings):
    """What is tried to find a good SASRec, and how long each try may go on."""

    widths: tuple[int, ...] = (64, 128)
    """Widths of the vectors to try."""
    dropouts: tuple[float, ...] = (0.3, 0.5)
    """Dropouts to try."""
    learning_rates: tuple[float, ...] = (1e-3,)
    """Learning rates of AdamW to try."""
    layers: tuple[int, ...] = (1, 2)
    """Numbers of transformer blocks to try."""
    heads: int = 2
    """Attention heads."""
    max_history: int = Field(default=9, ge=1)
    """How many last items f looks at."""
    batch: int = 128
    """Histories a step."""
    epochs: int = 60
    """The most epochs a try may take."""
    patience: int = 4
    """Epochs without a better NDCG@10 on the held-out items before a try is stopped."""
    weight_decay: float = 0.01
    """AdamW's weight decay."""
    seed: int = 0
    """Seed of weights, order and dropout."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One combination tried: its shape, learning rate, best epoch, and NDCG@10 on the held-out items there."""

    shape: SASRecSettings
    learning_rate: float
    epochs: int
    ndcg: float


def fit_sasrec(dataset: Dataset, split: Split, settings: SearchSettings) -> tuple[SASRec, list[Trial]]:
    """Search, then fit the winner on everything but the test items.

    Returns:
        The fitted recommender and all trials, the best first.
    """
    fitted = [np.asarray(split.train_history(user)) for user in range(dataset.n_users)]
    shorter = [history[:-1] for history in fitted]
    held = [(user, int(history[-1])) for user, history in enumerate(fitted) if len(history) > 1]
    if not held:
        raise RecommenderError(
            "No user has enough interactions to hold one out.",
            where=f"dataset {dataset.name!r}",
            mend="Loosen the filter, or give users with at least three interactions.",
        )
    trials = [
        _try(dataset.n_items, shorter, held, shape, rate, settings)
        for shape, rate in track(_combinations(settings), "searching for a recommender")
    ]
    trials.sort(key=lambda trial: -trial.ndcg)
    best = trials[0]
    fit = _Fit(dataset.n_items, fitted, best.shape, best.learning_rate, settings)
    for _ in track(range(best.epochs), "fitting the best of them"):
        fit.epoch()
    return fit.model.eval().requires_grad_(False), trials


def _combinations(settings: SearchSettings) -> list[tuple[SASRecSettings, float]]:
    return [
        (
            SASRecSettings(
                max_history=settings.max_history, width=width, layers=layers, heads=settings.heads, dropout=dropout
            ),
            rate,
        )
        for width in settings.widths
        for layers in settings.layers
        for dropout in settings.dropouts
        for rate in settings.learning_rates
    ]


def _try(
    n_items: int,
    histories: Sequence[NDArray[np.int32]],
    held: Sequence[tuple[int, int]],
    shape: SASRecSettings,
    rate: float,
    settings: SearchSettings,
) -> Trial:
    """Fit one combination until the held-out NDCG@10 has not risen for `patience` epochs."""
    fit = _Fit(n_items, histories, shape, rate, settings)
    users = [User(tuple(histories[user].tolist())) for user, _ in held]
    targets = np.array([item for _, item in held])
    best, best_epoch = -1.0, 0
    for epoch in range(1, settings.epochs + 1):
        fit.epoch()
        score = held_out_ndcg(fit.model, users, targets)
        if score > best:
            best, best_epoch = score, epoch
        elif epoch - best_epoch >= settings.patience:
            break
    return Trial(shape, rate, best_epoch, best)


def held_out_ndcg(model: SASRec, users: Sequence[User], targets: NDArray[np.int64], k: int = 10) -> float:
    """Mean NDCG@k over the whole catalogue, the history left out, one relevant item a user."""
    scores = model.scores(users)
    of_target = scores[np.arange(len(users)), targets].copy()
    for row, user in zip(scores, users, strict=True):
        row[list(user.history)] = -np.inf
    ranks = (scores > of_target[:, None]).sum(1) + 1
    return float(np.where(ranks <= k, 1 / np.log2(ranks + 1), 0).mean())


class _Fit:
    """A model, its optimiser and its windows; one call of `epoch` goes once over all windows."""

    def __init__(
        self,
        n_items: int,
        histories: Sequence[NDArray[np.int32]],
        shape: SASRecSettings,
        rate: float,
        settings: SearchSettings,
    ) -> None:
        torch.manual_seed(settings.seed)
        self.model = SASRec(n_items, shape)
        self.windows = torch.from_numpy(_windows(histories, shape.max_history, n_items))
        self.optimizer = torch.optim.AdamW(self.model.parameters(), rate, weight_decay=settings.weight_decay)
        self.random = np.random.default_rng(settings.seed)
        self.batch = settings.batch

    def epoch(self) -> None:
        """Go once over all windows in a new order."""
        self.model.train()
        for rows in np.array_split(self.random.permutation(len(self.windows)), -(-len(self.windows) // self.batch)):
            loss = next_item_loss(self.model, self.windows[rows])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()


def next_item_loss(model: SASRec, windows: Tensor) -> Tensor:
    """Cross entropy of the next item over the whole catalogue, for every position of `Int[users, length + 1]`."""
    inputs, targets = windows[:, :-1], windows[:, 1:]
    there = targets != model.n_items
    return functional.cross_entropy(model.logits(model(inputs)[there]), targets[there])


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
