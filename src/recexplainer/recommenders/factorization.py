"""Matrix factorization: MF fitted here, and ALS or BPR fitted by the package `implicit` and then kept as an MF.

`implicit` is needed to fit, not to ask. A user's vector is folded in from the history. For ALS that is exactly its own
step for users; BPR has none of its own, and takes MF's ridge, at the size that its own user vectors have.
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from recexplainer.data.dataset import Dataset, Split
from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import User
from recexplainer.recommenders.fitting import FittedTowers
from recexplainer.recommenders.towers import TowerSettings
from recexplainer.settings import Settings


class MFSettings(TowerSettings):
    """The shape of an MF."""

    renamed = MappingProxyType({"width": "factors"})

    factors: int = Field(default=64, ge=1)
    """Width of its vectors; the bias is one more."""
    weight: float = Field(default=1.0, ge=0)
    """Weight of the history against the ridge penalty (1 / penalty); 0 sums the vectors of the history."""


class MF(FittedTowers):
    """Matrix factorization: the folded-in vector with a one after it, and the item vector with its bias after it.

    There is no table of users. A user vector is the ridge solution that gives each item of the history a high score, in
    closed form, while the model is fitted as well as when it is asked: a made-up or ablated history is answered by the
    same rule as a known user's. The order of a history makes no difference.
    """

    kind, shape = "mf", MFSettings
    settings: MFSettings

    def __init__(self, n_items: int, settings: MFSettings) -> None:
        super().__init__(n_items, settings)
        self.items = nn.Embedding(n_items + 1, settings.factors, padding_idx=n_items)
        self.biases = nn.Parameter(torch.zeros(n_items))
        self.scale = nn.Parameter(torch.tensor(4.0))
        nn.init.normal_(self.items.weight, std=settings.factors**-0.5)

    def forward(self, histories: Tensor) -> Tensor:
        """As `Towers.forward`."""
        length = histories.shape[1]
        so_far = torch.ones(length, length, device=histories.device).tril()
        return self._fold_in(histories, so_far * (histories != self.n_items)[:, None])

    def last_states(self, histories: Tensor, lengths: Tensor) -> Tensor:
        """As `Towers.last_states`."""
        return self._fold_in(histories, (histories != self.n_items)[:, None].float())[:, 0]

    def table(self) -> Tensor:
        """As `Towers.table`."""
        return torch.cat([self.items.weight[: self.n_items], self.biases[:, None]], 1)

    def _fold_in(self, histories: Tensor, masks: Tensor) -> Tensor:
        """The vectors of the parts of histories that `Float[users, parts, length]` masks, `Float[users, parts, d]`.

        With `V` the vectors of a part, ridge is `Vᵀ (1 + weight V Vᵀ)⁻¹ 1`: a system as large as the history, not as
        wide as the vectors.
        """
        with torch.autocast(histories.device.type, enabled=False):  # what bfloat16 rounds, a solution would magnify
            return self._solved(self.items(histories), masks)

    def _solved(self, vectors: Tensor, masks: Tensor) -> Tensor:
        products = (vectors @ vectors.mT)[:, None] * masks[..., None] * masks[..., None, :]
        unit = torch.eye(vectors.shape[1], device=vectors.device)
        folded = self.scale * (torch.linalg.solve(unit + self.settings.weight * products, masks) @ vectors)
        return torch.cat([folded, torch.ones_like(folded[..., :1])], -1)


class ImplicitSettings(Settings):
    """Which model of `implicit`, and how it is fitted."""

    model: Literal["als", "bpr"] = "als"
    """Alternating least squares, or Bayesian personalised ranking."""
    max_history: int = Field(default=50, ge=1)
    """How many last items a user's vector is folded in from."""
    factors: int = Field(default=64, ge=1)
    """Width of the vectors."""
    regularization: float = Field(default=0.05, gt=0)
    """Penalty on the size of vectors."""
    alpha: float = Field(default=10.0, ge=1)
    """ALS: confidence in what is in a history."""
    learning_rate: float = Field(default=0.05, gt=0)
    """BPR: learning rate."""
    iterations: int = Field(default=30, ge=1)
    """Times over the data."""
    seed: int = 0
    """Seed of the first vectors."""


def fit_implicit(dataset: Dataset, split: Split, settings: ImplicitSettings) -> MF:
    """Fit on everything but the test items. Raises RecommenderError where `implicit` is not installed.

    ALS solves `(YᵀY + penalty + (alpha - 1) HᵀH) u = alpha Hᵀ1`, Y all items and H those of the history. In the space
    where `YᵀY + penalty` is one, that is MF's ridge with the weight `alpha - 1`, and products stay as they are. The
    last of BPR's item vectors' numbers is the bias.
    """
    package = package_model(dataset, split, settings)
    vectors = np.asarray(package.item_factors, np.float64)
    if settings.model == "als":
        gram = vectors.T @ vectors + settings.regularization * np.eye(vectors.shape[1])
        whitened = np.linalg.solve(np.linalg.cholesky(gram), vectors.T).T
        return _mf(whitened, np.zeros(len(vectors)), settings.alpha - 1, settings.alpha, settings.max_history)
    model = _mf(vectors[:, :-1], vectors[:, -1], 1.0, 1.0, settings.max_history)
    histories = [tuple(split.train_history(user).tolist()) for user in range(dataset.n_users)]
    rows = [row for row, history in enumerate(histories) if history]
    folded = model.user_vectors([User(histories[row]) for row in rows])[:, :-1]
    own = np.asarray(package.user_factors)[rows, : settings.factors]
    model.scale.fill_(float(np.linalg.norm(own, axis=1).mean() / np.linalg.norm(folded, axis=1).mean()))
    return model


def package_model(dataset: Dataset, split: Split, settings: ImplicitSettings) -> Any:
    """The model of the package itself, fitted. Raises as `fit_implicit`."""
    try:
        implicit: Any = import_module(f"implicit.{settings.model}")
        sparse: Any = import_module("scipy.sparse")
    except ImportError as error:
        message, hint = (
            f"The package implicit is not there: {error}.",
            "Install it: pip install 'recexplainer[implicit]'.",
        )
        raise RecommenderError(message, location="recommender.kind: implicit", hint=hint) from error
    users, items = split.train_interactions()
    seen = sparse.csr_matrix((np.ones(len(items), np.float32), (users, items)), (dataset.n_users, dataset.n_items))
    seen.data[:] = 1.0
    shared = settings.model_dump(include={"factors", "regularization", "iterations"})
    shared |= {"random_state": settings.seed, "num_threads": 1, "use_gpu": False}
    if settings.model == "als":
        model = implicit.AlternatingLeastSquares(alpha=settings.alpha, **shared)
    else:
        model = implicit.BayesianPersonalizedRanking(learning_rate=settings.learning_rate, **shared)
    model.fit(seen, show_progress=False)
    return model


def _mf(vectors: NDArray[Any], biases: NDArray[Any], weight: float, scale: float, max_history: int) -> MF:
    shape = MFSettings(max_history=max_history, factors=vectors.shape[1], weight=weight)
    model = MF(len(vectors), shape).eval().requires_grad_(False)
    model.items.weight[:-1] = torch.from_numpy(vectors)
    model.biases[:] = torch.from_numpy(biases)
    model.scale.fill_(scale)
    return model
