"""ALS and BPR fitted by the `implicit` package, then kept as an MF: `implicit` is needed to fit, not to ask.

A user's vector is folded in from the history. For ALS that is exactly its own step for users; BPR has none of its own,
and takes MF's ridge, at the size that its own user vectors have.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from recexplainer.data.dataset import Dataset, Split
from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import User
from recexplainer.recommenders.towers import MF, MFSettings
from recexplainer.settings import Settings


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
    """Fit on everything but the test items.

    ALS solves `(YᵀY + penalty + (alpha - 1) HᵀH) u = alpha Hᵀ1`, Y all items and H those of the history. In the space
    where `YᵀY + penalty` is one, that is MF's ridge with the weight `alpha - 1`, and products stay as they are. The
    last of BPR's item vectors' numbers is the bias.

    Raises:
        RecommenderError: `implicit` is not installed.
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
        raise RecommenderError(
            f"The package implicit is not there: {error}.",
            location="recommender.kind: implicit",
            hint="Install it: pip install 'recexplainer[implicit]'.",
        ) from error
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
