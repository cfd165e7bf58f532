"""The recommenders of two towers that are fitted here: SASRec (Kang and McAuley, ICDM 2018) and MF.

Histories are left-aligned, so a prefix is read in training exactly as it is when asked about later. How weights are
found is not known here (`fitting.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import torch
from pydantic import Field
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from recexplainer.data.dataset import Dataset, Split
from recexplainer.errors import RecommenderError
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

    A subclass sets `kind` and `shape`, and defines `forward`, `table` and, where it differs, `last_states`.
    """

    kind: ClassVar[str]
    shape: ClassVar[type[TowerSettings]]
    settings: Any
    has_vectors = True
    answers_changed_history = True

    def __init__(self, n_items: int, settings: TowerSettings) -> None:
        super().__init__()
        self.n_items, self.max_history, self.settings = n_items, settings.max_history, settings

    @classmethod
    def fit(cls, dataset: Dataset, split: Split | None = None, **settings: Any) -> Self:
        """Fit one to a dataset, with early stopping and a small search.

        Args:
            dataset: What it learns from.
            split: Which items are held out for the test; None: the last one of each user.
            settings: Fields of `fitting.SASRecSearchSettings` or `MFSearchSettings`, for example `epochs=10`.

        Raises:
            RecommenderError: No user has enough interactions to hold one out.
        """
        from recexplainer.recommenders.fitting import SEARCHES, fit_towers

        return fit_towers(cls, dataset, split, SEARCHES[cls.kind](**settings))[0]

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
        vectors = np.empty((len(users), self.table().shape[1]), np.float32)
        require_history(users, type(self).__name__)
        self.eval()
        for start in range(0, len(users), _BATCH):
            histories = [torch.tensor(user.history[-self.max_history :]) for user in users[start : start + _BATCH]]
            padded = nn.utils.rnn.pad_sequence(histories, batch_first=True, padding_value=self.n_items)
            lengths = torch.tensor([len(history) for history in histories])
            device = self.table().device
            states = self.last_states(padded.to(device), lengths.to(device))
            vectors[start : start + _BATCH] = states.cpu().numpy()
        return vectors

    def scores(self, users: Sequence[User]) -> Floats:
        """The score of every item, `Float[users, items]`: the inner product of the two towers."""
        return self.user_vectors(users) @ self.item_vectors().T

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


class SASRec(Towers):
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


class MFSettings(TowerSettings):
    """The shape of an MF."""

    renamed = MappingProxyType({"width": "factors"})

    factors: int = Field(default=64, ge=1)
    """Width of its vectors; the bias is one more."""
    weight: float = Field(default=1.0, ge=0)
    """Weight of the history against the ridge penalty (1 / penalty); 0 sums the vectors of the history."""


class MF(Towers):
    """Matrix factorization: the folded-in vector with a one after it, and the item vector with its bias after it.

    There is no table of users. A user vector is the ridge solution that gives each item of the history a high score, in
    closed form, while the model is fitted as well as when it is asked: a made-up or ablated history is answered by the
    same rule as a known user's. The order of a history makes no difference.
    """

    kind, shape = "mf", MFSettings
    settings: MFSettings

    def __init__(self, n_items: int, settings: MFSettings) -> None:
        super().__init__(n_items, settings)
        self.items = nn.Embedding(n_items + 1, settings.factors, padding_idx=n_items)
        self.biases = nn.Parameter(torch.zeros(n_items))
        self.scale = nn.Parameter(torch.tensor(4.0))
        nn.init.normal_(self.items.weight, std=settings.factors**-0.5)

    def forward(self, histories: Tensor) -> Tensor:
        """As `Towers.forward`."""
        length = histories.shape[1]
        so_far = torch.ones(length, length, device=histories.device).tril()
        return self._fold_in(histories, so_far * (histories != self.n_items)[:, None])

    def last_states(self, histories: Tensor, lengths: Tensor) -> Tensor:
        """As `Towers.last_states`."""
        return self._fold_in(histories, (histories != self.n_items)[:, None].float())[:, 0]

    def table(self) -> Tensor:
        """As `Towers.table`."""
        return torch.cat([self.items.weight[: self.n_items], self.biases[:, None]], 1)

    def _fold_in(self, histories: Tensor, masks: Tensor) -> Tensor:
        """The vectors of the parts of histories that `Float[users, parts, length]` masks, `Float[users, parts, d]`.

        With `V` the vectors of a part, ridge is `Vᵀ (1 + weight V Vᵀ)⁻¹ 1`: a system as large as the history, not as
        wide as the vectors.
        """
        vectors = self.items(histories)
        products = (vectors @ vectors.mT)[:, None] * masks[..., None] * masks[..., None, :]
        unit = torch.eye(histories.shape[1], device=histories.device)
        folded = self.scale * (torch.linalg.solve(unit + self.settings.weight * products, masks) @ vectors)
        return torch.cat([folded, torch.ones_like(folded[..., :1])], -1)
