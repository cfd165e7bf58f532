"""How a backbone attends on a processor: the same, by what is faster there, in training and in decoding."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

_PLAIN, _MASKED = "sdpa", "sdpa_masked"


def attend_for_decoding(backbone: nn.Module, on_cpu: bool) -> None:
    """From now on let a model of transformers that would use `sdpa` on a CPU take the way that decodes faster."""
    if on_cpu and hasattr(backbone, "set_attn_implementation") and _implementation(backbone) == _PLAIN:
        _register()
        _choose(backbone, _MASKED)


@contextmanager
def attention_for_training(backbone: nn.Module, on_cpu: bool) -> Generator[None]:
    """Eager attention on a CPU while it is trained: 1.28 times faster for `nano`; nothing is changed elsewhere."""
    before = _implementation(backbone)
    change = on_cpu and before in (_PLAIN, _MASKED)
    if change:
        _choose(backbone, "eager")
    try:
        yield
    finally:
        if change:
            _choose(backbone, before)


@cache
def _register() -> None:
    """Make `sdpa_masked` known to transformers, of which this loads more than a short command needs."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.integrations.sdpa_attention import sdpa_attention_forward
    from transformers.masking_utils import sdpa_mask

    def always_masked(
        module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **how: Any
    ) -> tuple[Tensor, None]:
        """`sdpa`, which puts the queries of one token that share a key side by side only if there is a mask.

        Without one torch reads each key again for each of them: a step of a batch whose prompts are equally long takes
        twice as long.
        """
        if attention_mask is None and query.shape[2] == 1 and key.shape[1] < query.shape[1]:
            attention_mask = torch.ones(len(key), 1, 1, key.shape[2], dtype=torch.bool, device=key.device)
        return sdpa_attention_forward(module, query, key, value, attention_mask, **how)

    AttentionInterface.register(_MASKED, always_masked)
    AttentionMaskInterface.register(_MASKED, sdpa_mask)


def _choose(backbone: Any, implementation: str) -> None:
    backbone.set_attn_implementation(implementation)


def _implementation(backbone: Any) -> Any:
    return backbone.config._attn_implementation
