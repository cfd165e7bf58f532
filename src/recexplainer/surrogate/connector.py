"""The connector: equation 1 of the paper, and the one place where vectors enter a language model.

It knows neither the language model nor the recommender; only widths.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from recexplainer.errors import SurrogateError


class Connector(nn.Module):
    """`GELU(e W1 + b) W2`: from a vector of f to an embedding of the backbone (paper, equation 1).

    Args:
        vector_width: Width of f's vectors.
        hidden_width: Width in between.
        embedding_width: Width of the backbone's embeddings.
    """

    def __init__(self, vector_width: int, hidden_width: int, embedding_width: int) -> None:
        super().__init__()
        self.first = nn.Linear(vector_width, hidden_width)
        self.second = nn.Linear(hidden_width, embedding_width, bias=False)

    def scale_to(self, vectors: Tensor, embedding_std: float) -> None:
        """Start with inner values of unit size for vectors like these, and outputs of the size of the embeddings.

        Args:
            vectors: `Float[n, vector_width]`, a sample of what it will read.
            embedding_std: Standard deviation of the backbone's embedding table.
        """
        with torch.no_grad():
            size = float(vectors.float().pow(2).sum(1).mean().sqrt())
            nn.init.normal_(self.first.weight, std=1.0 / max(size, 1e-6))
            nn.init.zeros_(self.first.bias)
            nn.init.normal_(self.second.weight, std=embedding_std * 1.5 / self.first.out_features**0.5)

    def forward(self, vectors: Tensor) -> Tensor:
        """Embeddings, `Float[n, embedding_width]`, of vectors, `Float[n, vector_width]`."""
        return self.second(functional.gelu(self.first(vectors)))


def inject(embeddings: Tensor, places: Tensor, projected: Tensor) -> Tensor:
    """Replace the embedding at each place by its projected vector.

    Args:
        embeddings: `Float[batch, length, width]`.
        places: `Int[places]`, positions in the flattened `batch * length`.
        projected: `Float[places, width]`.

    Raises:
        SurrogateError: There are more or fewer vectors than places.
    """
    if len(places) != len(projected):
        raise SurrogateError(
            f"The prompts have {len(places)} places for vectors, but {len(projected)} vectors were given.",
            mend="Give exactly one vector for each place.",
        )
    flat = embeddings.reshape(-1, embeddings.shape[-1])
    return flat.index_copy(0, places, projected.to(flat.dtype)).view_as(embeddings)
