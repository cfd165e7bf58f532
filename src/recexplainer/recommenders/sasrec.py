"""SASRec: a causal transformer over the last items of a user (Kang and McAuley, ICDM 2018)."""

from __future__ import annotations

from types import MappingProxyType

import torch
from pydantic import Field
from torch import Tensor, nn

from recexplainer.errors import RecommenderError
from recexplainer.recommenders.fitting import FittedTowers
from recexplainer.recommenders.towers import TowerSettings


class SASRecSettings(TowerSettings):
    """The shape of a SASRec."""

    renamed = MappingProxyType({"width": "hidden_size", "layers": "num_hidden_layers", "heads": "num_attention_heads"})

    hidden_size: int = Field(default=64, ge=4)
    """Width of its vectors (the paper: 256, 192 and 256)."""
    num_hidden_layers: int = Field(default=2, ge=1)
    """Transformer blocks."""
    num_attention_heads: int = Field(default=2, ge=1)
    """Attention heads; divides the hidden size."""
    dropout: float = Field(default=0.3, ge=0, lt=1)
    """Dropout while it is fitted."""


class SASRec(FittedTowers):
    """A causal transformer: the state after the last item is the user vector, the item table is the item tower.

    A history may hold `padding_item` anywhere before its last item: no item attends to it, and those after it keep
    their positions.
    """

    kind, shape = "sasrec", SASRecSettings
    settings: SASRecSettings

    def __init__(self, n_items: int, settings: SASRecSettings) -> None:
        super().__init__(n_items, settings)
        self.padding_item = n_items
        width, heads = settings.hidden_size, settings.num_attention_heads
        if width % heads:
            message = f"SASRec's hidden size {width} cannot be split into {heads} heads."
            hint = "Choose a hidden size that the number of heads divides."
            raise RecommenderError(message, location="recommender.sasrec.hidden_sizes", hint=hint)
        self.items = nn.Embedding(n_items + 1, width, padding_idx=n_items)
        self.positions = nn.Embedding(settings.max_history, width)
        shape = (width, heads, 4 * width, settings.dropout, "gelu")
        block = nn.TransformerEncoderLayer(*shape, batch_first=True, norm_first=True)
        layers, norm = settings.num_hidden_layers, nn.LayerNorm(width)
        self.blocks = nn.TransformerEncoder(block, layers, norm, enable_nested_tensor=False)
        self.dropout = nn.Dropout(settings.dropout)
        nn.init.normal_(self.items.weight, std=width**-0.5)
        nn.init.normal_(self.positions.weight, std=0.02)

    def forward(self, histories: Tensor) -> Tensor:
        """As `Towers.forward`."""
        causal = nn.Transformer.generate_square_subsequent_mask(histories.shape[1], device=histories.device)
        return self.blocks(self._embedded(histories), mask=causal, is_causal=True)

    def last_states(self, histories: Tensor, lengths: Tensor) -> Tensor:
        """As `Towers.last_states`."""
        position = torch.arange(histories.shape[1], device=histories.device)
        padded = histories == self.padding_item
        if not (padded & (position < lengths[:, None])).any():
            return super().last_states(histories, lengths)
        # padding attends to itself, for a softmax over nothing is not a number
        hidden = (position[:, None] < position) | (padded[:, None] & (position[:, None] != position))
        hidden = hidden.repeat_interleave(self.settings.num_attention_heads, 0)
        states = self.blocks(self._embedded(histories), mask=hidden)
        return states[torch.arange(len(lengths)), lengths - 1]

    def _embedded(self, histories: Tensor) -> Tensor:
        return self.dropout(self.items(histories) + self.positions.weight[: histories.shape[1]])

    def table(self) -> Tensor:
        """As `Towers.table`."""
        return self.items.weight[: self.n_items]
