"""The connector: equation 1 of the paper, and the one place where vectors enter a language model.

It knows neither the language model nor the recommender; only widths.
"""

from __future__ import annotations

from typing import TypedDict

import torch
from torch import Tensor, nn
from torch.nn import functional

from recexplainer.errors import SurrogateError


class EncoderInput(TypedDict):
    """What one encoder fills in a batch.

    Attributes:
        positions: `Int[n]`, positions of its placeholders in the flattened `batch * length`.
        vectors: `Float[n, d]`, the vector for each.
    """

    positions: Tensor
    vectors: Tensor


class Connector(nn.Module):
    """`GELU(e W1 + b) W2`: from a vector of the recommender to an embedding of the backbone (paper, equation 1).

    Args:
        vector_width: Width of the recommender's vectors.
        hidden_width: Width in between.
        embedding_width: Width of the backbone's embeddings.
    """

    def __init__(self, vector_width: int, hidden_width: int, embedding_width: int) -> None:
        super().__init__()
        self.first = nn.Linear(vector_width, hidden_width)
        self.second = nn.Linear(hidden_width, embedding_width, bias=False)

    def start_for(self, vectors: Tensor, embedding_std: float) -> None:
        """Start with every direction of these vectors at the same scale, and outputs of the size of the embeddings.

        The first layer is a random one on whitened vectors: recommenders put most of their variance into few
        directions, and the others, which distinguish items, would be learned late.

        Args:
            vectors: `Float[n, vector_width]`, what it will read.
            embedding_std: Standard deviation of the backbone's embedding table.
        """
        mean, root = _moments(vectors)
        with torch.no_grad():
            random = torch.randn_like(self.first.weight) / vectors.shape[1] ** 0.5
            self.first.weight.copy_(random @ torch.linalg.inv(root))
            self.first.bias.copy_(-self.first.weight @ mean)
            nn.init.normal_(self.second.weight, std=embedding_std * 1.5 / self.first.out_features**0.5)

    def start_from(self, items: Connector, item_vectors: Tensor, user_vectors: Tensor) -> None:
        """Start as a reader of users from a reader of items: a user reads as the items that score highest.

        With item vectors `i = m + S z`, z white, the score is `u·i = u·m + (S u)·z`: in the space that the item
        connector reads, the user stands at `S u`, here brought to the usual size of z.

        Args:
            items: The trained item connector, of the same shape.
            item_vectors: `Float[items, d]`.
            user_vectors: `Float[users, d]`, a sample.
        """
        item_vectors, user_vectors = (vectors.to(self.first.weight) for vectors in (item_vectors, user_vectors))
        mean, root = _moments(item_vectors)
        reach = (user_vectors.float() @ root).pow(2).mean().sqrt().clamp_min(1e-6)
        with torch.no_grad():
            self.second.weight.copy_(items.second.weight)
            self.first.weight.copy_(items.first.weight @ root @ root / reach)
            self.first.bias.copy_(items.first.bias + items.first.weight @ mean)

    def forward(self, vectors: Tensor) -> Tensor:
        """Embeddings, `Float[n, embedding_width]`, of vectors, `Float[n, vector_width]`."""
        return self.second(functional.gelu(self.first(vectors)))


def _moments(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """The mean, `Float[d]`, and the symmetric square root of the covariance, `Float[d, d]`, never singular."""
    vectors = vectors.float()
    values, directions = torch.linalg.eigh(torch.cov(vectors.T).reshape(vectors.shape[1], vectors.shape[1]))
    values = values.clamp_min(1e-3 * float(values.max()) + 1e-12).sqrt()
    return vectors.mean(0), directions @ torch.diag(values) @ directions.T


def inject(embeddings: Tensor, positions: Tensor, projected: Tensor) -> Tensor:
    """Replace the embedding at each placeholder's position by its projected vector.

    Args:
        embeddings: `Float[batch, length, width]`.
        positions: `Int[n]`, in the flattened `batch * length`.
        projected: `Float[n, width]`.

    Raises:
        SurrogateError: There are more or fewer vectors than placeholders.
    """
    if len(positions) != len(projected):
        raise SurrogateError(
            f"The prompts have {len(positions)} placeholders for vectors, but {len(projected)} vectors were given.",
            hint="Give exactly one vector for each placeholder.",
        )
    flat = embeddings.reshape(-1, embeddings.shape[-1])
    return flat.index_copy(0, positions, projected.to(flat.dtype)).view_as(embeddings)
