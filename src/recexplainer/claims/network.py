"""The reader's network: a small encoder of text with a head for names, for sentences, for pieces and for pairs.

It starts from MiniLM (all-MiniLM-L6-v2, Apache License 2.0), with fewer layers and pieces, and is trained on the corpus
(`training.py`). What it ships with is held in six bits. It knows numbers only: `encoding.py` makes them of a text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, get_args

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from recexplainer.claims.claim import StatedKind
from recexplainer.claims.encoding import Encoded

if TYPE_CHECKING:
    from pathlib import Path

NAME_LABELS = (
    "history",
    "positive",
    "negative",
    "no_effect",
    "strongest_positive",
    "strongest_negative",
    "strongest_any",
    "near",
    "several",
)
"""What a name may be said to be or do; `near`: shares nearness; `several`: all items that the words fit are meant."""
SENTENCE_LABELS = (
    "verdict_yes",
    "verdict_no",
    "nothing_positive",
    "nothing_negative",
    "popular",
    "rest",
    "other",
    "reads",
)
"""What a sentence may say; `rest`: that all else has no effect; `reads`: anything at all."""
PIECE_LABELS = ("none", "attribute", "attribute_goes_on", "rank", "total", "top", "rank_ablated")
"""What a piece may be: a shared attribute, the item's rank, of how many, an upper bound, a rank without an item."""
KINDS: tuple[StatedKind, ...] = get_args(StatedKind)
"""The kinds of claims that a piece may be part of."""
PAIR_LABELS = ("shared", "rank_ablated")
"""What may hold of a piece and a name."""


_GROUP, _MOST = 64, 31  # columns of one scale; the largest level of six bits
_LARGE = 10_000  # weights; smaller matrices are kept in sixteen bits


@dataclass(frozen=True)
class Shape:
    """The sizes of the network."""

    vocabulary: int
    layers: int = 4
    width: int = 384
    inner: int = 1536
    heads: int = 12
    positions: int = 512
    sorts: int = 4
    pair_width: int = 64


@dataclass(frozen=True)
class Logits:
    """What the network says, `Float[texts, pieces, labels]`; of pairs `Float[texts, labels, pieces, pieces]`."""

    names: Tensor
    sentences: Tensor
    pieces: Tensor
    kinds: Tensor
    pairs: Tensor


class ReaderNetwork(nn.Module):
    """An encoder in the shape of BERT with four heads."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        width = shape.width
        self.words = nn.Embedding(shape.vocabulary, width)
        self.positions = nn.Embedding(shape.positions, width)
        self.sorts = nn.Embedding(shape.sorts, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.dropout = nn.Dropout(0.1)
        layers = [
            nn.TransformerEncoderLayer(
                width, shape.heads, shape.inner, 0.1, "gelu", layer_norm_eps=1e-12, batch_first=True
            )
            for _ in range(shape.layers)
        ]
        self.layers = nn.ModuleList(layers)
        self.name_head = nn.Linear(width, len(NAME_LABELS))
        self.sentence_head = nn.Linear(width, len(SENTENCE_LABELS))
        self.piece_head = nn.Linear(width, len(PIECE_LABELS))
        self.kind_head = nn.Linear(width, len(KINDS))
        self.pair_piece = nn.Linear(width, len(PAIR_LABELS) * shape.pair_width)
        self.pair_name = nn.Linear(width, len(PAIR_LABELS) * shape.pair_width)

    def forward(self, ids: Tensor, sorts: Tensor, mask: Tensor) -> Logits:
        """Read `Int[texts, pieces]`; `mask` is True where a text has a piece."""
        places = torch.arange(ids.shape[1], device=ids.device)
        states = self.dropout(self.norm(self.words(ids) + self.positions(places) + self.sorts(sorts)))
        for layer in self.layers:
            states = layer(states, src_key_padding_mask=~mask)
        states = states.nan_to_num()
        texts, pieces, _ = states.shape
        split = (texts, pieces, len(PAIR_LABELS), self.shape.pair_width)
        left, right = self.pair_piece(states).view(split), self.pair_name(states).view(split)
        pairs = torch.einsum("tplw,tqlw->tlpq", left, right) / self.shape.pair_width**0.5
        return Logits(
            self.name_head(states), self.sentence_head(states), self.piece_head(states), self.kind_head(states), pairs
        )


def batch(encoded: Sequence[Encoded]) -> tuple[Tensor, Tensor, Tensor]:
    """Ids, sorts and mask of several texts, each `[texts, pieces]`."""
    longest = max(len(one.ids) for one in encoded)
    ids = torch.zeros(len(encoded), longest, dtype=torch.long)
    sorts, mask = torch.zeros_like(ids), torch.zeros_like(ids, dtype=torch.bool)
    for row, one in enumerate(encoded):
        ids[row, : len(one.ids)] = torch.tensor(one.ids)
        sorts[row, : len(one.ids)] = torch.tensor(one.sorts)
        mask[row, : len(one.ids)] = True
    return ids, sorts, mask


def save_network(network: ReaderNetwork, path: Path) -> None:
    """Write the weights: large matrices in six bits with a scale for each 64 columns, all else in sixteen."""
    tensors: dict[str, Tensor] = {}
    for name, weight in network.state_dict().items():
        if weight.ndim == 2 and weight.numel() > _LARGE and weight.shape[1] % _GROUP == 0:
            packed, scale = pack(weight)
            tensors |= {name: packed, f"{name}.scale": scale}
        else:
            tensors[name] = weight.half().contiguous()
    save_file(tensors, path)


def pack(weight: Tensor) -> tuple[Tensor, Tensor]:
    """A matrix `[rows, columns]` in six bits, four values in three bytes, and the scales `[rows, columns / 64]`."""
    groups = weight.float().reshape(len(weight), -1, _GROUP)
    scale = (groups.abs().amax(-1) / _MOST).clamp_min(1e-6).half()
    levels = (groups / scale.float().unsqueeze(-1)).round().clamp(-_MOST, _MOST) + _MOST
    four = levels.to(torch.int32).reshape(len(weight), -1, 4)
    word = four[..., 0] | four[..., 1] << 6 | four[..., 2] << 12 | four[..., 3] << 18
    return torch.stack([word & 255, word >> 8 & 255, word >> 16 & 255], -1).to(torch.uint8).flatten(1), scale


def unpack(packed: Tensor, scale: Tensor) -> Tensor:
    """The matrix that `pack` was given, rounded."""
    three = packed.to(torch.int32).reshape(len(packed), -1, 3)
    word = three[..., 0] | three[..., 1] << 8 | three[..., 2] << 16
    four = torch.stack([word & 63, word >> 6 & 63, word >> 12 & 63, word >> 18 & 63], -1) - _MOST
    return (four.reshape(*scale.shape, _GROUP) * scale.float().unsqueeze(-1)).flatten(1)


def load_network(path: Path | None = None) -> ReaderNetwork:
    """The network that the package ships with, or one that `save_network` wrote, ready to read."""
    if path is None:
        with as_file(files("recexplainer.claims") / "reader" / "weights.safetensors") as shipped:
            return load_network(shipped)
    stored = load_file(path)
    weights = {
        name: unpack(weight, stored[f"{name}.scale"]) if f"{name}.scale" in stored else weight.float()
        for name, weight in stored.items()
        if not name.endswith(".scale")
    }
    layers = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("layers."))
    vocabulary, width = weights["words.weight"].shape
    inner, positions = weights["layers.0.linear1.weight"].shape[0], len(weights["positions.weight"])
    with torch.random.fork_rng(devices=[]):  # whoever draws random numbers beside it draws the same
        network = ReaderNetwork(Shape(vocabulary, layers, width, inner, positions=positions))
    network.load_state_dict(weights)
    return network.eval()
