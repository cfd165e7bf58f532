"""Fitting a recommender of two towers to a dataset: early stopping on a held-out item, and a small search.

The last item of each user is never seen here; the one before it is held out to stop early and to choose from the
search. The winner is then fitted again with it for as many epochs as were best, or with averaged weights goes on with
it. What is learned is the next item at every position.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from recexplainer.data.dataset import Dataset, Split, leave_one_out
from recexplainer.errors import RecommenderError
from recexplainer.hardware import has_fast_bfloat16
from recexplainer.progress import track
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.scoring import score_batches
from recexplainer.recommenders.towers import Towers
from recexplainer.settings import Settings

Loss = Literal["softmax", "bce", "bpr"]
M = TypeVar("M", bound=Towers)


class LoopSettings(Settings):
    """How one model is fitted: steps of AdamW over shuffled rows, stopped early."""

    renamed: ClassVar[Mapping[str, str]] = MappingProxyType({"batch": "batch_size"})

    batch_size: int = Field(default=128, ge=1)
    """Histories a step."""
    epochs: int = Field(default=60, ge=1)
    """The most epochs a trial may take."""
    patience: int = Field(default=4, ge=1)
    """Epochs without a better held-out score before a trial is stopped."""
    weight_decay: float = Field(default=0.01, ge=0)
    """AdamW's weight decay."""
    seed: int = Field(default=0, ge=0)
    """Seed of weights, order, dropout and sampled items."""


class FitSettings(LoopSettings):
    """What is the same in all trials; the held-out score is NDCG@10."""

    learning_rates: tuple[float, ...] = (1e-3,)
    """Learning rates of AdamW to try."""
    max_history: int = Field(default=9, ge=1)
    """How many last items the recommender looks at."""
    loss: Loss = "softmax"
    """The next item against the whole catalogue (`softmax`) or a sampled item (`bce`, the original SASRec; `bpr`)."""
    precision: Literal["float32", "bfloat16", "auto"] = "float32"
    """Arithmetic of the products of matrices; `auto` takes what is faster here, so machines differ a little."""
    averaged_weights: bool = False
    """Score and keep the average of the weights over about the last epoch. It takes fewer epochs: `patience` can be
    short, and the best of the search goes on with the held-out items in place of being fitted again."""

    @property
    def in_bfloat16(self) -> bool:
        """Whether products are in bfloat16 on this machine."""
        return self.precision == "bfloat16" or (self.precision == "auto" and has_fast_bfloat16())

    def cache_key(self) -> dict[str, Any]:
        """The settings that decide the fitted weights, as JSON values; without these two it is as before them."""
        later = {"precision": "float32", "averaged_weights": False}
        key = self.model_dump(mode="json")
        return {name: value for name, value in key.items() if name not in later or value != later[name]}

    def shapes(self) -> list[dict[str, Any]]:
        """The shapes to try, as settings of the model."""
        raise NotImplementedError


class SASRecSearchSettings(FitSettings):
    """What is tried to find a good SASRec."""

    renamed = MappingProxyType(
        {"widths": "hidden_sizes", "layers": "num_hidden_layers", "heads": "num_attention_heads"}
        | dict(LoopSettings.renamed)
    )

    hidden_sizes: tuple[int, ...] = (64, 128)
    """Widths of the vectors to try."""
    dropouts: tuple[float, ...] = (0.3, 0.5)
    """Dropouts to try."""
    num_hidden_layers: tuple[int, ...] = (1, 2)
    """Numbers of transformer blocks to try."""
    num_attention_heads: int = 2
    """Attention heads."""

    def shapes(self) -> list[dict[str, Any]]:
        """As `FitSettings.shapes`."""
        same = {"max_history": self.max_history, "num_attention_heads": self.num_attention_heads}
        tried = product(self.hidden_sizes, self.num_hidden_layers, self.dropouts)
        return [
            {"hidden_size": width, "num_hidden_layers": layers, "dropout": dropout, **same}
            for width, layers, dropout in tried
        ]


class MFSearchSettings(FitSettings):
    """What is tried to find a good MF."""

    renamed = MappingProxyType({"widths": "factors"} | dict(LoopSettings.renamed))

    factors: tuple[int, ...] = (64, 128)
    """Widths of the vectors to try."""
    weights: tuple[float, ...] = (0.1, 1.0)
    """Weights of the history against the ridge penalty to try."""
    learning_rates: tuple[float, ...] = (3e-3,)
    """Learning rates of AdamW to try."""

    def shapes(self) -> list[dict[str, Any]]:
        """As `FitSettings.shapes`."""
        tried = product(self.factors, self.weights)
        return [{"factors": factors, "weight": weight, "max_history": self.max_history} for factors, weight in tried]


SEARCHES: Mapping[str, type[FitSettings]] = MappingProxyType({"sasrec": SASRecSearchSettings, "mf": MFSearchSettings})
"""What is tried, by the kind of the model."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One combination tried: its shape, learning rate, best epoch, and NDCG@10 on the held-out items there."""

    shape: dict[str, Any]
    learning_rate: float
    epochs: int
    ndcg: float


def fit_towers(kind: type[M], dataset: Dataset, split: Split | None, settings: FitSettings) -> tuple[M, list[Trial]]:
    """Search, then fit the winner on everything but the test items; all trials, the best first.

    Without a split the test items are the last ones. Raises RecommenderError where no user has enough interactions to
    hold one out.
    """
    split = split or leave_one_out(dataset)
    histories = [np.asarray(split.train_history(user)) for user in range(dataset.n_users)]
    held_out = [history for history in histories if len(history) > 1]
    if not held_out:
        hint = "Loosen the filter, or give users with at least three interactions."
        message = "No user has enough interactions to hold one out."
        raise RecommenderError(message, location=f"dataset {dataset.name!r}", hint=hint)
    users = [User(tuple(history[:-1].tolist())) for history in held_out]
    targets = np.array([history[-1] for history in held_out], np.int64)

    def learned(model: M, seen: Sequence[NDArray[np.int32]]) -> tuple[int, Callable[[NDArray[np.int64]], Tensor]]:
        rows = torch.from_numpy(windows(seen, model.max_history, model.n_items))

        def loss(some: NDArray[np.int64]) -> Tensor:
            with torch.autocast("cpu", torch.bfloat16, enabled=settings.in_bfloat16):
                return next_item_loss(model, rows[some], settings.loss)

        return len(rows), loss

    def start(shape: dict[str, Any], learning_rate: float, seen: Sequence[NDArray[np.int32]]) -> Fit[M]:
        torch.manual_seed(settings.seed)
        model = kind(dataset.n_items, kind.shape(**shape))
        return Fit(model, *learned(model, seen), learning_rate, settings, averages=settings.averaged_weights)

    trials: list[Trial] = []
    best: Fit[M] | None = None  # only where it goes on: a large catalogue's weights are held once
    combinations = list(product(settings.shapes(), settings.learning_rates))
    for shape, learning_rate in track(combinations, "searching for a recommender"):
        fit = start(shape, learning_rate, [history[:-1] for history in histories])
        epochs, ndcg = stop_early(fit, lambda model: held_out_ndcg(model, users, targets), settings)
        if settings.averaged_weights and all(ndcg > trial.ndcg for trial in trials):
            best = fit
        trials.append(Trial(shape, learning_rate, epochs, ndcg))
    trials.sort(key=lambda trial: -trial.ndcg)
    more = trials[0].epochs
    if best is None:
        fit = start(trials[0].shape, trials[0].learning_rate, histories)
    else:
        fit, more = best, min(settings.patience, more)
        fit.n_rows, fit.loss = learned(fit.model, histories)
    for _ in track(range(more), "fitting the best of them"):
        fit.epoch()
    return fit.kept.eval().requires_grad_(False), trials


class FittedTowers(Towers):
    """A recommender of two towers that is fitted by its class."""

    @classmethod
    def fit(cls, dataset: Dataset, split: Split | None = None, **settings: Any) -> Self:
        """Fit one to a dataset, with early stopping and a small search.

        Args:
            dataset: What it learns from.
            split: Which items are held out for the test; None: the last one of each user.
            settings: Fields of `SASRecSearchSettings` or `MFSearchSettings`, for example `epochs=10`.

        Raises:
            RecommenderError: No user has enough interactions to hold one out.
        """
        return fit_towers(cls, dataset, split, SEARCHES[cls.kind](**settings))[0]


@dataclass
class Fit(Generic[M]):
    """A model, and its loss over numbered rows."""

    model: M
    n_rows: int
    loss: Callable[[NDArray[np.int64]], Tensor]  # the mean loss of the rows with these numbers, `Int[batch_size]`
    learning_rate: float
    settings: LoopSettings
    averages: bool = False

    def __post_init__(self) -> None:
        decay, parameters = self.settings.weight_decay, self.model.parameters()
        self._optimizer = torch.optim.AdamW(parameters, self.learning_rate, weight_decay=decay)
        self._random = np.random.default_rng(self.settings.seed)
        over_an_epoch = get_ema_multi_avg_fn(1 - 1 / self.steps)
        self._average = AveragedModel(self.model, multi_avg_fn=over_an_epoch) if self.averages else None

    @property
    def steps(self) -> int:
        """How many steps an epoch has."""
        return -(-self.n_rows // self.settings.batch_size)

    @property
    def kept(self) -> M:
        """The model that is scored and kept: if it averages, with the average of its weights over about an epoch."""
        return self.model if self._average is None else cast("M", self._average.module)

    def epoch(self) -> None:
        """Go once over all rows in a new order."""
        self.model.train()
        for rows in np.array_split(self._random.permutation(self.n_rows), self.steps):
            loss = self.loss(rows)
            self._optimizer.zero_grad()
            loss.backward()
            self._optimizer.step()
            if self._average is not None:
                self._average.update_parameters(self.model)


def stop_early(fit: Fit[M], score: Callable[[M], float], settings: LoopSettings) -> tuple[int, float]:
    """Fit until the held-out score has not risen for `patience` epochs; the best epoch, and the score there."""
    best, best_epoch = -1.0, 0
    for epoch in range(1, settings.epochs + 1):
        fit.epoch()
        reached = score(fit.kept)
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
    return np.concatenate([batch.ranks(targets[batch.span]) for batch in score_batches(model, users)])


def windows(histories: Sequence[NDArray[np.int32]], length: int, padding: int) -> NDArray[np.int64]:
    """Left-aligned pieces of `length + 1` items, cut from the end; every item but the first is a target once."""
    rows: list[NDArray[np.int64]] = []
    for history in histories:
        for end in range(len(history), 1, -length):
            row = np.full(length + 1, padding, np.int64)
            piece = history[max(0, end - length - 1) : end]
            row[: len(piece)] = piece
            rows.append(row)
    return np.stack(rows)


def next_item_loss(model: Towers, rows: Tensor, loss: Loss = "softmax") -> Tensor:
    """The mean loss over all positions of `Int[users, length + 1]`, padded with `n_items`.

    `softmax`: cross entropy over the whole catalogue. `bce`: binary cross entropy of the target and of one sampled
    item. `bpr`: the target above one sampled item. Sampled items are not in the row.
    """
    inputs, targets = rows[:, :-1], rows[:, 1:]
    there = targets != model.n_items
    states, positive = model(inputs)[there], targets[there]
    if loss == "softmax":
        return functional.cross_entropy(model.logits(states), positive)
    chances = torch.ones(len(rows), model.n_items + 1, device=rows.device).scatter_(1, rows, 1e-9)
    negative = torch.multinomial(chances[:, : model.n_items], targets.shape[1], replacement=True)[there]
    table = model.table()
    above, below = (states * table[positive]).sum(-1), (states * table[negative]).sum(-1)
    if loss == "bpr":
        return -functional.logsigmoid(above - below).mean()
    return -(functional.logsigmoid(above) + functional.logsigmoid(-below)).mean()
