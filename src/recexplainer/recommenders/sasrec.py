"""SASRec: a causal transformer over the last items of a user (Kang and McAuley, ICDM 2018).

Histories are left-aligned, so a prefix is seen in training exactly as it is when asked about later. It knows nothing of
files or datasets; `fitting.py` trains it.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from recexplainer.errors import RecommenderError
from recexplainer.recommenders.towers import Towers
from recexplainer.settings import Settings


class SASRecSettings(Settings):
    """The shape of a SASRec."""

    max_history: int = Field(default=9, ge=1)
    """How many last items it looks at (the paper: 9, 13 and 16 for Games, Movies and Steam)."""
    width: int = Field(default=64, ge=4)
    """Width of its vectors (the paper: 256, 192 and 256)."""
    layers: int = Field(default=2, ge=1)
    """Transformer blocks."""
    heads: int = Field(default=2, ge=1)
    """Attention heads; divides the width."""
    dropout: float = Field(default=0.3, ge=0, lt=1)
    """Dropout while it is fitted."""


class SASRec(Towers):
    """The two towers: the state after the last item is the user vector, the item table is the item tower.

    A history may hold `padding_item` anywhere before its last item: no item looks at it, and those after it keep their
    positions.

    Args:
        n_items: Size of the catalogue.
        settings: The shape.
    """

    kind, name, shape = "sasrec", "SASRec", SASRecSettings

    def __init__(self, n_items: int, settings: SASRecSettings) -> None:
        super().__init__(n_items, settings.max_history, settings)
        self.padding_item = n_items
        if settings.width % settings.heads:
            raise RecommenderError(
                f"SASRec's width {settings.width} cannot be split into {settings.heads} heads.",
                location="recommender.width",
                hint="Choose a width that the number of heads divides.",
            )
        self.settings, width = settings, settings.width
        self.items = nn.Embedding(n_items + 1, width, padding_idx=n_items)
        self.positions = nn.Embedding(settings.max_history, width)
        block = nn.TransformerEncoderLayer(
            width, settings.heads, 4 * width, settings.dropout, "gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(block, settings.layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.dropout = nn.Dropout(settings.dropout)
        nn.init.normal_(self.items.weight, std=width**-0.5)
        nn.init.normal_(self.positions.weight, std=0.02)

    def forward(self, histories: Tensor) -> Tensor:
        """States after each item, `Float[users, length, width]`, of left-aligned `Int[users, length]` histories."""
        causal = nn.Transformer.generate_square_subsequent_mask(histories.shape[1], device=histories.device)
        return self.blocks(self._placed(histories), mask=causal, is_causal=True)

    def last_states(self, histories: Tensor, lengths: Tensor) -> Tensor:
        """User vectors after the last item, `Float[users, width]`, with padding before it not looked at."""
        place = torch.arange(histories.shape[1], device=histories.device)
        padded = histories == self.padding_item
        if not (padded & (place < lengths[:, None])).any():
            return super().last_states(histories, lengths)
        # what is padding looks at itself, for a softmax over nothing is not a number
        hidden = (place[:, None] < place) | (padded[:, None] & (place[:, None] != place))
        hidden = hidden.repeat_interleave(self.settings.heads, 0)
        states = self.blocks(self._placed(histories), mask=hidden)
        return states[torch.arange(len(lengths)), lengths - 1]

    def _placed(self, histories: Tensor) -> Tensor:
        return self.dropout(self.items(histories) + self.positions.weight[: histories.shape[1]])

    def table(self) -> Tensor:
        """The item tower with its gradient, `Float[items, width]`."""
        return self.items.weight[: self.n_items]
