"""What recommenders of two towers in PyTorch share: histories in rows, asking in batches, saving and loading.

Histories are left-aligned, so a prefix is read in training exactly as when asked about later. It does not know how
weights are found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from pydantic import Field
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from recexplainer.recommenders.base import Floats, User, require_history
from recexplainer.settings import Settings
from recexplainer.storage import read_json, write_json

_BATCH = 2048  # users whose states are held at a time


class TowerSettings(Settings):
    """The shape of a recommender of two towers."""

    max_history: int = Field(default=9, ge=1)
    """How many last items it looks at (the paper: 9, 13 and 16 for Games, Movies and Steam)."""


class Towers(nn.Module):
    """A user vector from a history, an item vector from a table; the score is their inner product.

    A subclass sets `kind`, `shape` and `items`, the embeddings of history items with zeros for padding, and defines
    `forward`, `table` and, where it differs, `last_states`.
    """

    kind: ClassVar[str]
    shape: ClassVar[type[TowerSettings]]
    settings: Any
    items: nn.Embedding
    has_vectors = True
    answers_changed_history = True

    def __init__(self, n_items: int, settings: TowerSettings) -> None:
        super().__init__()
        self.n_items, self.max_history, self.settings = n_items, settings.max_history, settings

    def forward(self, histories: Tensor) -> Tensor:
        """User vectors after each item, `Float[users, length, d]`, of left-aligned `Int[users, length]` histories."""
        raise NotImplementedError

    def table(self) -> Tensor:
        """The item tower with its gradient, `Float[items, d]`."""
        raise NotImplementedError

    def last_states(self, histories: Tensor, lengths: Tensor) -> Tensor:
        """User vectors after the last item, `Float[users, d]`; the histories are padded with `n_items`."""
        return self(histories)[torch.arange(len(lengths)), lengths - 1]

    def logits(self, states: Tensor) -> Tensor:
        """Scores of all items, `Float[..., items]`, from user vectors `Float[..., d]`."""
        return states @ self.table().T

    def item_vectors(self) -> Floats:
        """The item tower, `Float[items, d]`; a copy, so that nobody writes into the model."""
        return self.table().detach().cpu().numpy().copy()

    @torch.inference_mode()
    def user_vectors(self, users: Sequence[User]) -> Floats:
        """The user tower, `Float[users, d]`. Raises RecommenderError for an empty history."""
        width = self.table().shape[1]
        return np.concatenate([np.empty((0, width), np.float32), *(each.cpu().numpy() for each in self._states(users))])

    @torch.inference_mode()
    def scores(self, users: Sequence[User]) -> Floats:
        """The score of every item, `Float[users, items]`: the inner product of the two towers."""
        found = [self.logits(states).cpu().numpy() for states in self._states(users)]
        return np.concatenate(found) if found else np.empty((0, self.n_items), np.float32)

    def _states(self, users: Sequence[User]) -> Iterator[Tensor]:
        """User vectors, `Float[users, d]`, some users at a time."""
        require_history(users, type(self).__name__)
        self.eval()
        device = self.table().device
        for start in range(0, len(users), _BATCH):
            histories = [user.history[-self.max_history :] for user in users[start : start + _BATCH]]
            lengths = [len(history) for history in histories]
            padding = (self.n_items,) * max(lengths)
            padded = [(*history, *padding[length:]) for history, length in zip(histories, lengths, strict=True)]
            yield self.last_states(torch.tensor(padded, device=device), torch.tensor(lengths, device=device))

    def save(self, folder: Path) -> None:
        """Write `recommender.json` and `weights.safetensors` into the folder."""
        described = {"kind": self.kind, "n_items": self.n_items, "settings": self.settings.model_dump()}
        write_json(folder / "recommender.json", described)
        save_file(self.state_dict(), folder / "weights.safetensors")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote, with the present names of settings or earlier ones."""
        described = read_json(folder / "recommender.json")
        settings = {cls.shape.renamed.get(key, key): value for key, value in described["settings"].items()}
        model = cls(described["n_items"], cls.shape(**settings))
        model.load_state_dict(load_file(folder / "weights.safetensors"))
        return model.eval().requires_grad_(False)
