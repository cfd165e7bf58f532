"""Prompts that the backbone has read once, and several continuations of each that go on from there, token by token."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recexplainer.surrogate.logits import outputs_at


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
        output = outputs_at(backbone, embeddings, at, **self._given((mask.cumsum(-1) - 1).clamp_min(0)))
        self.logits = _as_numpy(output.logits)
        self.cache: Any = output.past_key_values

    def continued(self, count: int) -> None:
        """Let each prompt have so many continuations, `[batch * count]`, those of one prompt side by side."""
        self.cache.batch_repeat_interleave(count)
        self._next = self._next.repeat_interleave(count, 0)
        self._mask = None if self._mask is None else self._mask.repeat_interleave(count, 0)

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with some of the continuations only."""
        chosen = torch.tensor(rows, device=self._next.device)
        self.cache.batch_select_indices(chosen)
        self._next = self._next[chosen]
        self._mask = None if self._mask is None else self._mask[chosen]

    def step(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """The logits after one more token of each continuation, `Float[continuations, vocabulary]`."""
        ids = torch.tensor(tokens, device=self._next.device)[:, None]
        if self._mask is not None:
            self._mask = torch.cat([self._mask, torch.ones_like(ids)], 1)
        output = self._backbone(input_ids=ids, past_key_values=self.cache, **self._given(self._next))
        self.cache, self._next = output.past_key_values, self._next + 1
        return _as_numpy(output.logits[:, -1])

    def _given(self, positions: Tensor) -> dict[str, Any]:
        own = {"position_ids": positions} if self._has_positions else {}
        return {"attention_mask": self._mask, "use_cache": True, **own}


def _as_numpy(logits: Tensor) -> NDArray[np.float32]:
    return logits.float().cpu().numpy()
