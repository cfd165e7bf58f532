"""The connector: equation 1 of the paper, and the one place where vectors enter a language model."""

from __future__ import annotations

from typing import Any, TypedDict

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from recexplainer.errors import SurrogateError

_KNOWN = 1e-5  # penalties, relative to the largest eigenvalue of what is fitted
_PENALTIES = tuple(10.0**-power for power in range(1, 9))
_BEST = 5  # items that a user is read as


class EncoderInput(TypedDict):
    """An encoder's placeholders: where each begins in the flattened batch and how many positions it takes, `Int[n]`.

    The vectors are `Float[n, d]`.
    """

    positions: Tensor
    taken: Tensor
    vectors: Tensor


class Connector(nn.Module):
    """`GELU(e W1 + b) W2`: from a vector of the recommender to embeddings of the backbone (paper, equation 1).

    `embeddings_width` is the width of an embedding, or that of several side by side, where a vector takes as many
    positions (the paper: one).
    """

    def __init__(self, vector_width: int, hidden_width: int, embeddings_width: int) -> None:
        super().__init__()
        self.first = nn.Linear(vector_width, hidden_width)
        self.second = nn.Linear(hidden_width, embeddings_width, bias=False)

    def start_for(self, vectors: Tensor, embedding_std: float) -> None:
        """Initialise it for vectors like these, `Float[n, vector_width]`, and embeddings of this standard deviation.

        The first layer whitens: recommenders put most of their variance into few directions, and the others, which
        distinguish items, would be learned late.
        """
        mean, root = _moments(vectors)
        with torch.no_grad():
            random = torch.randn_like(self.first.weight) / vectors.shape[1] ** 0.5
            self.first.weight.copy_(random @ torch.linalg.inv(root))
            self.first.bias.copy_(-self.first.weight @ mean)
            nn.init.normal_(self.second.weight, std=embedding_std * 1.5 / self.first.out_features**0.5)

    def read_as(self, vectors: Tensor, embeddings: Tensor, *, known: bool) -> None:
        """Fit the second layer in closed form (ridge regression), so that vectors read as embeddings.

        The vectors are `Float[n, vector_width]`, the embeddings `Float[n, embeddings_width]`. `known`: these vectors
        are all there are, and each is to be met, from nothing; else what the layer holds is corrected, by the penalty
        by which others are met best (generalised cross-validation, Golub et al. 1979).
        """
        from sklearn.linear_model import Ridge, RidgeCV

        with torch.no_grad():
            if known:
                self.second.weight.zero_()
            hidden = functional.gelu(self.first(vectors.to(self.first.weight))).double().cpu().numpy()
            missing = (embeddings.to(self.second.weight) - self(vectors.to(self.first.weight))).double().cpu().numpy()
        largest = float(np.linalg.eigvalsh(hidden.T @ hidden)[-1])
        if not largest > 0:  # all of them are zero, and read as zero
            return
        ridge: Any = (
            Ridge(alpha=_KNOWN * largest, fit_intercept=False)
            if known
            else RidgeCV(alphas=[largest * penalty for penalty in _PENALTIES], fit_intercept=False)
        )
        with torch.no_grad():
            self.second.weight += torch.from_numpy(ridge.fit(hidden, missing).coef_).to(self.second.weight)

    def start_from(self, items: Connector, item_vectors: Tensor, user_vectors: Tensor) -> None:
        """Initialise a user connector from the trained one of items: a user reads as the items that score highest.

        With item vectors `i = m + S z`, `Float[items, d]`, z white, the score is `u·i = u·m + (S u)·z`: in the space
        that the item connector reads, the user is at `S u`, here scaled to the usual size of z with a sample of users,
        `Float[users, d]`. From there the second layer is fitted, so that a user reads as the mean of the first few
        items, weighted by the softmax of their scores in units of these scores' spread.
        """
        item_vectors, user_vectors = (vectors.to(self.first.weight) for vectors in (item_vectors, user_vectors))
        mean, root = _moments(item_vectors)
        reach = (user_vectors.float() @ root).pow(2).mean().sqrt().clamp_min(1e-6)
        with torch.no_grad():
            self.second.weight.copy_(items.second.weight)
            self.first.weight.copy_(items.first.weight @ root @ root / reach)
            self.first.bias.copy_(items.first.bias + items.first.weight @ mean)
            read = items(item_vectors)
            best = (user_vectors @ item_vectors.T).topk(min(_BEST, len(item_vectors)), dim=1)
            spread = best.values.std(1, correction=0, keepdim=True).clamp_min(1e-6)
            mixed = torch.einsum("uk,ukd->ud", torch.softmax(best.values / spread, 1), read[best.indices])
            usual = read.norm(dim=1).mean()
        self.read_as(user_vectors, usual * functional.normalize(mixed), known=False)

    def forward(self, vectors: Tensor) -> Tensor:
        """Embeddings, `Float[n, embeddings_width]`, of vectors, `Float[n, vector_width]`."""
        return self.second(functional.gelu(self.first(vectors)))


def _moments(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """The mean, `Float[d]`, and the symmetric square root of the covariance, `Float[d, d]`, never singular."""
    vectors = vectors.float()
    values, directions = torch.linalg.eigh(torch.cov(vectors.T).reshape(vectors.shape[1], vectors.shape[1]))
    values = values.clamp_min(1e-3 * float(values.max()) + 1e-12).sqrt()
    return vectors.mean(0), directions @ torch.diag(values) @ directions.T


def inject(embeddings: Tensor, positions: Tensor, taken: Tensor, projected: Tensor) -> Tensor:
    """Replace embeddings, `Float[batch, length, width]`, at positions in the flattened batch by projected ones.

    Of each row of `projected`, `Float[n, most * width]`, as many embeddings are read as are `taken`, from that of the
    `positions` on; both are `Int[n]`. Raises SurrogateError if there are more or fewer vectors than positions.
    """
    if len(positions) != len(projected):
        raise SurrogateError(
            f"The prompts have {len(positions)} placeholders for vectors, but {len(projected)} vectors were given.",
            hint="Give exactly one vector for each placeholder.",
        )
    flat = embeddings.reshape(-1, embeddings.shape[-1])
    each = projected.reshape(len(projected), -1, embeddings.shape[-1])
    following = torch.arange(each.shape[1], device=positions.device)
    read = following < taken[:, None]
    every = (positions[:, None] + following)[read]
    return flat.index_copy(0, every, each[read].to(flat.dtype)).view_as(embeddings)
