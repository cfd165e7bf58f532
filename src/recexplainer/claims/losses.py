"""What the reader's network should say of a batch of lessons, and its loss.

The loss is on what is said of each name (a soft maximum over its marks), on sentences, on pieces, and on pairs of a
piece and a name; which words a claim is made with is learned beside it. What is wanted may be mixed with what other
networks, the teachers, say (distillation; Hinton et al. 2015).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

from recexplainer.claims.encoding import HISTORY_MARKS, MARKS, UNKNOWN_PIECE, vocabulary
from recexplainer.claims.lessons import Lesson
from recexplainer.claims.network import NAME_LABELS, PIECE_LABELS, ReaderNetwork, batch

_DROPPED = 0.1  # chance that a piece is hidden
_SEVERAL = NAME_LABELS.index("several")


@dataclass(frozen=True, slots=True)
class _Places:
    """Where in `[texts, pieces]` something is said, whose each place is, and what should be said of each owner."""

    at: tuple[Tensor, ...]
    owners: Tensor
    wanted: Tensor

    def most(self, values: Tensor) -> Tensor:
        """For each owner the soft maximum of the values at its places."""
        return soft_maximum(values[self.at], self.owners, len(self.wanted))


@dataclass(frozen=True, slots=True)
class Batch:
    """Several lessons as tensors; None where none of them says anything of the kind."""

    ids: Tensor
    sorts: Tensor
    mask: Tensor
    sentences: _Places | None
    names: _Places | None
    groups: _Places | None
    pairs: _Places | None
    pieces: Tensor
    kinds: Tensor

    @classmethod
    def of(cls, lessons: Sequence[Lesson], device: torch.device) -> Batch:
        """The lessons, on a device."""
        ids, sorts, mask = batch([one.encoded for one in lessons])
        names = [
            ((row, at), (row, number))
            for row, one in enumerate(lessons)
            for number, (places, _) in enumerate(one.items)
            for at in places
        ]
        pairs = [
            ((row, pair, at, place), (row, at, pair, number))
            for row, one in enumerate(lessons)
            for pair, at, _ in one.pairs
            for number, (places, _) in enumerate(one.items)
            for place in places
        ]
        groups = [((row, at), (row, at)) for row, one in enumerate(lessons) for at, _ in one.groups]
        sentences = [((row, at), (row, at)) for row, one in enumerate(lessons) for at in one.encoded.sentences]
        linked = {
            (row, at, pair, number): torch.tensor(said)
            for row, one in enumerate(lessons)
            for pair, at, wanted in one.pairs
            for number, said in enumerate(wanted)
        }
        several = {(row, at): torch.tensor(said) for row, one in enumerate(lessons) for at, said in one.groups}
        labels = {
            (row, number): said[:_SEVERAL]
            for row, one in enumerate(lessons)
            for number, (_, said) in enumerate(one.items)
        }
        of_sentences = {
            (row, at): said
            for row, one in enumerate(lessons)
            for at, said in zip(one.encoded.sentences, one.sentences, strict=True)
        }
        return cls(
            ids.to(device),
            sorts.to(device),
            mask.to(device),
            _places(sentences, of_sentences, device),
            _places(names, labels, device),
            _places(groups, several, device),
            _places(pairs, linked, device),
            torch.cat([one.pieces for one in lessons]).to(device),
            torch.cat([one.kinds for one in lessons]).to(device),
        )


def _places(
    found: Sequence[tuple[tuple[int, ...], tuple[int, ...]]],
    wanted: Mapping[tuple[int, ...], Tensor],
    device: torch.device,
) -> _Places | None:
    """The places and owners found; what is wanted of each owner."""
    if not found:
        return None
    numbers = {owner: number for number, owner in enumerate(dict.fromkeys(owner for _, owner in found))}
    at = torch.tensor([place for place, _ in found]).to(device)
    owners = torch.tensor([numbers[owner] for _, owner in found]).to(device)
    return _Places(at.unbind(1), owners, torch.stack([wanted[owner] for owner in numbers]).to(device))


@dataclass(frozen=True, slots=True)
class _Said:
    """Logits of what a network says of a batch, in the order of what is wanted there."""

    sentences: Tensor | None
    names: Tensor | None
    groups: Tensor | None
    pairs: Tensor | None
    pieces: Tensor
    kinds: Tensor


def _ask(network: ReaderNetwork, lessons: Batch, ids: Tensor) -> _Said:
    said = network(ids, lessons.sorts, lessons.mask)
    sentences, names, groups, pairs = lessons.sentences, lessons.names, lessons.groups, lessons.pairs
    return _Said(
        sentences.most(said.sentences) if sentences else None,
        names.most(said.names[..., :_SEVERAL]) if names else None,
        groups.most(said.names[..., _SEVERAL]) if groups else None,
        pairs.most(said.pairs) if pairs else None,
        said.pieces[lessons.mask],
        said.kinds[lessons.mask],
    )


@torch.no_grad()
def with_teachers(teachers: Sequence[ReaderNetwork], lessons: Batch, share: float) -> Batch:
    """The batch with what teachers say, on average, mixed into what is wanted: they have this share."""
    said = [_ask(teacher, lessons, lessons.ids) for teacher in teachers]

    def mixed(wanted: Tensor, logits: Sequence[Tensor | None]) -> Tensor:
        own = torch.stack([each for each in logits if each is not None]).sigmoid().mean(0)
        return wanted.lerp(own, share)

    def places(wanted: _Places | None, logits: Sequence[Tensor | None]) -> _Places | None:
        return replace(wanted, wanted=mixed(wanted.wanted, logits)) if wanted else None

    hard = one_hot(lessons.pieces, len(PIECE_LABELS)).float()
    return replace(
        lessons,
        sentences=places(lessons.sentences, [one.sentences for one in said]),
        names=places(lessons.names, [one.names for one in said]),
        groups=places(lessons.groups, [one.groups for one in said]),
        pairs=places(lessons.pairs, [one.pairs for one in said]),
        pieces=hard.lerp(torch.stack([one.pieces for one in said]).softmax(-1).mean(0), share),
        kinds=mixed(lessons.kinds, [one.kinds for one in said]),
    )


def loss_of(network: ReaderNetwork, lessons: Batch, *, noisy: bool = False) -> Tensor:
    """The loss of a batch; `noisy` hides some pieces and mixes the marks of history items."""
    said = _ask(network, lessons, _with_noise(lessons.ids, lessons.mask) if noisy else lessons.ids)
    total = 2 * cross_entropy(said.pieces, lessons.pieces)
    total = total + 2 * binary_cross_entropy_with_logits(said.kinds, lessons.kinds)
    for weight, logits, wanted in (
        (2, said.sentences, lessons.sentences),
        (4, said.names, lessons.names),
        (0.3, said.groups, lessons.groups),
        (1, said.pairs, lessons.pairs),
    ):
        if logits is not None and wanted is not None:
            total = total + weight * binary_cross_entropy_with_logits(logits, wanted.wanted)
    return total


def soft_maximum(values: Tensor, owners: Tensor, count: int) -> Tensor:
    """For each of `count` owners the soft maximum of its values, `[values, ...]` to `[owners, ...]`."""
    index = owners.view(-1, *[1] * (values.ndim - 1)).expand_as(values)
    top = values.new_full((count, *values.shape[1:]), -1e4)
    top = top.scatter_reduce(0, index, 2 * values.detach(), "amax", include_self=False)
    total = torch.zeros_like(top).scatter_add(0, index, (2 * values - top.gather(0, index)).exp())
    return (total.clamp_min(1e-9).log() + top) / 2


def _with_noise(ids: Tensor, mask: Tensor) -> Tensor:
    first, unknown = vocabulary()["[h0]"], vocabulary()[UNKNOWN_PIECE]
    plain = ids < min(vocabulary()[mark] for mark in MARKS)
    dropped = torch.rand(ids.shape, device=ids.device) < _DROPPED
    ids = torch.where(dropped & mask & plain, torch.full_like(ids, unknown), ids)
    mixed = torch.randperm(HISTORY_MARKS, device=ids.device)
    return torch.where(ids >= first, first + mixed[(ids - first).clamp(0)], ids)
