"""SASRec: a causal transformer over the last items of a user (Kang and McAuley, ICDM 2018), with full-softmax training.

Histories are left-aligned, so a prefix is seen in training exactly as it is when asked about later. It knows nothing of
files or datasets; `fitting.py` trains it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Floats, User
from recexplainer.settings import Settings
from recexplainer.storage import read_json, write_json

_BATCH = 2048


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


class SASRec(nn.Module):
    """The two towers: the state after the last item is the user vector, the item table is the item tower.

    Args:
        n_items: Size of the catalogue.
        settings: The shape.
    """

    kind: Literal["sasrec"] = "sasrec"
    has_vectors = True
    answers_changed_history = True

    def __init__(self, n_items: int, settings: SASRecSettings) -> None:
        super().__init__()
        if settings.width % settings.heads:
            raise RecommenderError(
                f"SASRec's width {settings.width} cannot be split into {settings.heads} heads.",
                where="recommender.width",
                mend="Choose a width that the number of heads divides.",
            )
        self.n_items, self.settings, self.max_history = n_items, settings, settings.max_history
        width = settings.width
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
        length = histories.shape[1]
        causal = nn.Transformer.generate_square_subsequent_mask(length, device=histories.device)
        states = self.dropout(self.items(histories) + self.positions.weight[:length])
        return self.blocks(states, mask=causal, is_causal=True)

    def logits(self, states: Tensor) -> Tensor:
        """Scores of all items, `Float[..., items]`, from states `Float[..., width]`."""
        return states @ self.items.weight[: self.n_items].T

    def item_vectors(self) -> Floats:
        """The item tower, `Float[items, width]`; a copy, so that nobody writes into f."""
        return self.items.weight[: self.n_items].detach().cpu().numpy().copy()

    @torch.inference_mode()
    def user_vectors(self, users: Sequence[User]) -> Floats:
        """The user tower, `Float[users, width]`. Raises RecommenderError for an empty history."""
        vectors = np.empty((len(users), self.settings.width), np.float32)
        for start in range(0, len(users), _BATCH):
            histories, lengths = self._pad(users[start : start + _BATCH])
            states = self.eval()(histories)
            vectors[start : start + _BATCH] = states[torch.arange(len(lengths)), lengths - 1].cpu().numpy()
        return vectors

    def scores(self, users: Sequence[User]) -> Floats:
        """The score of every item, `Float[users, items]`: the dot product of the two towers."""
        return self.user_vectors(users) @ self.item_vectors().T

    def _pad(self, users: Sequence[User]) -> tuple[Tensor, Tensor]:
        cut = [user.history[-self.max_history :] for user in users]
        lengths = [len(history) for history in cut]
        if not min(lengths, default=1):
            raise RecommenderError(
                "SASRec was asked about an empty history.",
                where=f"user {users[lengths.index(0)].id!r}",
                mend="Ask about users with at least one item.",
            )
        padded = np.full((len(cut), max(lengths)), self.n_items, np.int64)
        for row, history in zip(padded, cut, strict=True):
            row[: len(history)] = history
        device = self.items.weight.device
        return torch.from_numpy(padded).to(device), torch.tensor(lengths, device=device)

    def save(self, folder: Path) -> None:
        """Write `recommender.json` and `weights.safetensors` into the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        described = {"kind": self.kind, "n_items": self.n_items, "settings": self.settings.model_dump()}
        write_json(folder / "recommender.json", described)
        save_file(self.state_dict(), folder / "weights.safetensors")

    @classmethod
    def load(cls, folder: Path) -> SASRec:
        """Read what `save` wrote."""
        described = read_json(folder / "recommender.json")
        model = cls(described["n_items"], SASRecSettings(**described["settings"]))
        model.load_state_dict(load_file(folder / "weights.safetensors"))
        return model.eval().requires_grad_(False)
