"""Prompts that the backbone has read once, and several continuations of each that go on from there, token by token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from inspect import signature
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad
from torch.nn.utils.rnn import pad_sequence
from transformers.cache_utils import DynamicLayer

from recexplainer.surrogate.logits import outputs_at

_READ_TOGETHER = 2048  # tokens that a processor reads together


class Prefill:
    """A left-padded batch of prompts with the keys and values that the backbone keeps of them.

    Args:
        backbone: Any causal language model of transformers.
        embeddings: `Float[batch, length, width]`, the input embeddings of the prompts.
        mask: `Int[batch, length]`, 0 at the padding.
        positions: `Int[n]`, positions in the flattened batch.

    Attributes:
        logits: `Float[n, vocabulary]`, what the model says at the positions.
        cache: The keys and values of the prompts, and of what was added.
    """

    def __init__(self, backbone: Any, embeddings: Tensor, mask: Tensor, positions: Sequence[int]) -> None:
        self._backbone = backbone
        self._has_positions = "position_ids" in signature(backbone.forward).parameters
        # Without padding there is nothing to mask.
        self._mask = None if bool(mask.all()) else mask
        self._next = mask.sum(-1, keepdim=True)
        at = torch.tensor(positions, dtype=torch.long, device=embeddings.device)
        logits, self.cache = self._by_parts(embeddings, mask, at) or self._whole(embeddings, mask, at)
        self.logits = _as_numpy(logits)
        layers: list[Any] = getattr(self.cache, "layers", [])
        layers[:] = [PromptLayer(one) if type(one) is DynamicLayer and one.is_initialized else one for one in layers]
        # States of recurrent layers cannot be chosen from: then all is read again.
        chooses = all(hasattr(layer, "batch_select_indices") for layer in layers)
        self._read = None if chooses else (embeddings, mask)

    def _whole(self, embeddings: Tensor, mask: Tensor, at: Tensor) -> tuple[Tensor, Any]:
        """The logits at positions in the flattened batch, and the keys and values."""
        given = {**self._given((mask.cumsum(-1) - 1).clamp_min(0)), "attention_mask": None if mask.all() else mask}
        output = outputs_at(self._backbone, embeddings, at, **given)
        return output.logits, output.past_key_values

    def _by_parts(self, embeddings: Tensor, mask: Tensor, at: Tensor) -> tuple[Tensor, Any] | None:
        """The same, some prompts after the other; None where it is not faster, or parts cannot be put together.

        A processor's caches hold the states of few tokens, and a part has no padding that all of its prompts share.
        """
        length = embeddings.shape[1]
        if embeddings.device.type != "cpu" or embeddings.shape[0] * length <= _READ_TOGETHER:
            return None
        logits, caches = list[Tensor](), list[Any]()
        places = list[Tensor]()
        for first, last in _parts(mask):
            start = length - int(mask[first:last].sum(-1).max())
            chosen = ((at >= first * length) & (at < last * length)).nonzero()[:, 0]
            rows, columns = at[chosen] // length - first, at[chosen] % length - start
            part = embeddings[first:last, start:], mask[first:last, start:]
            found, cache = self._whole(*part, rows * (length - start) + columns)
            layers: list[Any] = getattr(cache, "layers", [])
            if not layers or not all(type(one) is DynamicLayer and one.is_initialized for one in layers):
                return None
            logits.append(found)
            caches.append(cache)
            places.append(chosen)
        return torch.cat(logits)[torch.cat(places).argsort()], _joined(caches, length)

    def continued(self, count: int) -> None:
        """Let each prompt have so many continuations, `[batch * count]`, those of one prompt side by side."""
        self.keep([row for row in range(len(self._next)) for _ in range(count)])

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with some of the continuations only; one that is named several times is continued in as many ways."""
        chosen = torch.tensor(rows, device=self._next.device)
        self._next = self._next[chosen]
        self._mask = None if self._mask is None else self._mask[chosen]
        if self._read is None:
            self.cache.batch_select_indices(chosen)
            return
        embeddings, mask = self._read = (self._read[0][chosen], self._read[1][chosen])
        positions = (mask.cumsum(-1) - 1).clamp_min(0)
        self.cache = self._backbone(inputs_embeds=embeddings, **self._given(positions)).past_key_values

    def step(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """The logits after one more token of each continuation, `Float[continuations, vocabulary]`."""
        ids = torch.tensor(tokens, device=self._next.device)[:, None]
        if self._mask is not None:
            self._mask = torch.cat([self._mask, torch.ones_like(ids)], 1)
        if self._read is not None:
            added = self._backbone.get_input_embeddings()(ids)
            self._read = torch.cat([self._read[0], added], 1), torch.cat([self._read[1], torch.ones_like(ids)], 1)
        output = self._backbone(input_ids=ids, past_key_values=self.cache, **self._given(self._next))
        self.cache, self._next = output.past_key_values, self._next + 1
        return _as_numpy(output.logits[:, -1])

    def log_likelihoods(self, answers: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """The log probability of the tokens of each continuation, the first of which is given, `Float[continuations]`.

        It takes one pass, after which nothing can go on.
        """
        device = self._next.device
        ids = pad_sequence([torch.tensor(one, device=device) for one in answers], batch_first=True)
        count, length = ids.shape
        if self._mask is not None:  # what pads an answer stands behind its end, where nothing sees it
            self._mask = torch.cat([self._mask, self._mask.new_ones(count, length)], 1)
        places = [(row, at) for row, one in enumerate(answers) for at in range(len(one) - 1)]
        rows, columns = torch.tensor(places, dtype=torch.long, device=device).view(-1, 2).T
        embeddings = self._backbone.get_input_embeddings()(ids)
        given = self._given(self._next + torch.arange(length, device=device))
        output = outputs_at(self._backbone, embeddings, rows * length + columns, past_key_values=self.cache, **given)
        logits = output.logits.float()
        each = (logits.gather(1, ids[rows, columns + 1][:, None])[:, 0] - logits.logsumexp(-1)).double()
        return torch.zeros(count, dtype=each.dtype, device=device).index_add(0, rows, each).cpu().numpy()

    def _given(self, positions: Tensor) -> dict[str, Any]:
        own = {"position_ids": positions} if self._has_positions else {}
        return {"attention_mask": self._mask, "use_cache": True, **own}


class PromptLayer(DynamicLayer):
    """The keys and values of prompts and their continuations, with room to write more of them in place.

    A plain `DynamicLayer` copies all of them for each token, and again where beams are put in another order. Here only
    the continuations are, as long as each row stays one of its prompt.
    """

    _ROOM = 64  # tokens

    def __init__(self, prompts: DynamicLayer) -> None:
        super().__init__()
        self.dtype, self.device, self.is_initialized = prompts.dtype, prompts.device, True
        self.keys, self.values = prompts.keys, prompts.values
        self._length = self.get_seq_length()  # of the prompts
        self._prompts = torch.arange(len(self._both[0]), device=self.device)  # whose prompt each row goes on from
        self._room: list[Tensor] = []

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Write what follows; returns all keys and values, `Float[rows, heads, length, width]`."""
        old, new = self.get_seq_length(), self.get_seq_length() + key_states.shape[-2]
        if not self._room or self._room[0].data_ptr() != self._both[0].data_ptr() or new > self._room[0].shape[-2]:
            self._room = [
                torch.cat([one, one.new_empty(*one.shape[:2], new - old + self._ROOM, one.shape[-1])], 2)
                for one in self._both
            ]
        for room, states in zip(self._room, (key_states, value_states), strict=True):
            room[:, :, old:new] = states
        self.keys, self.values = (room[:, :, :new] for room in self._room)
        return self._both

    def batch_select_indices(self, indices: Tensor) -> None:
        """Go on with these rows, in this order."""
        prompts = self._prompts[indices]
        if torch.equal(prompts, self._prompts):
            for one in self._both:
                one[:, :, self._length :] = one[:, :, self._length :][indices]
            return
        self._prompts, self._room = prompts, []
        super().batch_select_indices(indices)

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """The same, as beam search calls it."""
        self.batch_select_indices(beam_idx)

    @property
    def _both(self) -> tuple[Tensor, Tensor]:
        assert self.keys is not None and self.values is not None
        return self.keys, self.values


def _parts(mask: Tensor) -> Iterator[tuple[int, int]]:
    """From which row to which each part goes, that a part has few tokens with its padding."""
    lengths, first = mask.sum(-1).tolist(), 0
    for row in range(1, len(lengths) + 1):
        if row == len(lengths) or max(lengths[first : row + 1]) * (row + 1 - first) > _READ_TOGETHER:
            yield first, row
            first = row


def _joined(caches: Sequence[Any], length: int) -> Any:
    """The first cache, with the keys and values of all of them, padded on the left to one length."""
    for index, layer in enumerate(caches[0].layers):
        for name in ("keys", "values"):
            every = [getattr(cache.layers[index], name) for cache in caches]
            setattr(layer, name, torch.cat([pad(one, (0, 0, length - one.shape[2], 0)) for one in every]))
    return caches[0]


def _as_numpy(logits: Tensor) -> NDArray[np.float32]:
    return logits.float().cpu().numpy()
