"""MF: item vectors and biases; a user's vector is what the items of the history alone decide.

There is no table of users. A user vector is the ridge solution that gives each item of the history a high score, in
closed form, while the model is fitted as well as when it is asked: a made-up history, and a history without one of its
items, is answered by the same rule as a known user's. The order of a history makes no difference. It knows nothing of
datasets; `fitting.py` trains it.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from recexplainer.recommenders.towers import Towers
from recexplainer.settings import Settings


class MFSettings(Settings):
    """The shape of an MF."""

    max_history: int = Field(default=9, ge=1)
    """How many last items it looks at."""
    width: int = Field(default=64, ge=1)
    """Width of its vectors; the bias is one more."""
    weight: float = Field(default=1.0, ge=0)
    """Weight of the history against the ridge penalty (1 / penalty); 0 sums the vectors of the history."""


class MF(Towers):
    """The two towers: the folded-in vector with a one after it, and the item vector with its bias after it.

    Args:
        n_items: Size of the catalogue.
        settings: The shape.
    """

    kind, name, shape = "mf", "MF", MFSettings

    def __init__(self, n_items: int, settings: MFSettings) -> None:
        super().__init__(n_items, settings.max_history, settings)
        self.settings = settings
        self.items = nn.Embedding(n_items + 1, settings.width, padding_idx=n_items)
        self.biases = nn.Parameter(torch.zeros(n_items))
        self.scale = nn.Parameter(torch.tensor(4.0))
        nn.init.normal_(self.items.weight, std=settings.width**-0.5)

    def forward(self, histories: Tensor) -> Tensor:
        """User vectors after each item, `Float[users, length, width + 1]`, of left-aligned `Int[users, length]`."""
        length = histories.shape[1]
        so_far = torch.ones(length, length, device=histories.device).tril()
        return self._fold_in(histories, so_far * (histories != self.n_items)[:, None])

    def last_states(self, histories: Tensor, lengths: Tensor) -> Tensor:
        """User vectors of whole histories, `Float[users, width + 1]`."""
        return self._fold_in(histories, (histories != self.n_items)[:, None].float())[:, 0]

    def table(self) -> Tensor:
        """The item tower with its gradient, `Float[items, width + 1]`."""
        return torch.cat([self.items.weight[: self.n_items], self.biases[:, None]], 1)

    def _fold_in(self, histories: Tensor, masks: Tensor) -> Tensor:
        """The vectors of parts of histories, `Float[users, parts, width + 1]`.

        With `V` the vectors of a part, ridge is `Vᵀ (1 + weight V Vᵀ)⁻¹ 1`: a system as large as the history, not as
        wide as the vectors.

        Args:
            histories: `Int[users, length]`.
            masks: `Float[users, parts, length]`, one where an item belongs to the part.
        """
        vectors = self.items(histories)
        products = (vectors @ vectors.mT)[:, None] * masks[..., None] * masks[..., None, :]
        unit = torch.eye(histories.shape[1], device=histories.device)
        shares = torch.linalg.solve(unit + self.settings.weight * products, masks)
        folded = self.scale * (shares @ vectors)
        return torch.cat([folded, torch.ones_like(folded[..., :1])], -1)
