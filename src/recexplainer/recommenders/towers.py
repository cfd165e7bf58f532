"""What recommenders of two towers in PyTorch share: histories in rows, asking in batches, saving and loading.

It knows neither how a history becomes a vector nor how the weights are found.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Floats, User
from recexplainer.settings import Settings
from recexplainer.storage import read_json, write_json

_BATCH = 2048


class Towers(nn.Module):
    """A user vector from a history, an item vector from a table; the score is their dot product.

    A subclass sets `kind`, `name` and `shape`, and says what `forward`, `table` and `last_states` are.

    Args:
        n_items: Size of the catalogue.
        max_history: How many last items it looks at.
        settings: The shape.
    """

    kind: ClassVar[str]
    name: ClassVar[str]
    shape: ClassVar[type[Settings]]
    has_vectors = True
    answers_changed_history = True

    def __init__(self, n_items: int, max_history: int, settings: Settings) -> None:
        super().__init__()
        self.n_items, self.max_history, self._described = n_items, max_history, settings

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
        """The item tower, `Float[items, d]`; a copy, so that nobody writes into f."""
        return self.table().detach().cpu().numpy().copy()

    @torch.inference_mode()
    def user_vectors(self, users: Sequence[User]) -> Floats:
        """The user tower, `Float[users, d]`. Raises RecommenderError for an empty history."""
        vectors = np.empty((len(users), self.table().shape[1]), np.float32)
        self.eval()
        for start in range(0, len(users), _BATCH):
            histories, lengths = self._pad(users[start : start + _BATCH])
            vectors[start : start + _BATCH] = self.last_states(histories, lengths).cpu().numpy()
        return vectors

    def scores(self, users: Sequence[User]) -> Floats:
        """The score of every item, `Float[users, items]`: the dot product of the two towers."""
        return self.user_vectors(users) @ self.item_vectors().T

    def _pad(self, users: Sequence[User]) -> tuple[Tensor, Tensor]:
        cut = [user.history[-self.max_history :] for user in users]
        lengths = [len(history) for history in cut]
        if not min(lengths, default=1):
            raise RecommenderError(
                f"{self.name} was asked about an empty history.",
                location=f"user {users[lengths.index(0)].id!r}",
                hint="Ask about users with at least one item.",
            )
        padded = np.full((len(cut), max(lengths)), self.n_items, np.int64)
        for row, history in zip(padded, cut, strict=True):
            row[: len(history)] = history
        device = self.table().device
        return torch.from_numpy(padded).to(device), torch.tensor(lengths, device=device)

    def save(self, folder: Path) -> None:
        """Write `recommender.json` and `weights.safetensors` into the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        described = {"kind": self.kind, "n_items": self.n_items, "settings": self._described.model_dump()}
        write_json(folder / "recommender.json", described)
        save_file(self.state_dict(), folder / "weights.safetensors")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        described = read_json(folder / "recommender.json")
        model = cls(described["n_items"], cls.shape(**described["settings"]))  # type: ignore[call-arg]
        model.load_state_dict(load_file(folder / "weights.safetensors"))
        return model.eval().requires_grad_(False)
