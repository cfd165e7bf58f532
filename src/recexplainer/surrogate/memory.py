"""How much memory training takes, estimated before it starts; what will not fit is an error then, not an hour later.

A rough account, on the safe side: weights, what is kept for those that are trained, states, attention, logits.
"""

from __future__ import annotations

from dataclasses import dataclass

import psutil
import torch
from torch.distributed.tensor import DTensor

from recexplainer.errors import SurrogateError
from recexplainer.hardware import best_device
from recexplainer.surrogate.model import Surrogate

_GIB = 2**30
# Numbers kept for each token in a layer, in multiples of the width, for the backward pass.
_STATES = 20
# Bytes of a gradient and the two moments of AdamW, in float32.
_KEPT = 12


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """Bytes that training takes.

    Attributes:
        weights: All weights as they are held.
        trained: Gradients and the optimizer's moments of those that are trained.
        states: States and attention kept for the backward pass.
        logits: Logits and their gradient.
    """

    weights: int
    trained: int
    states: int
    logits: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.trained + self.states + self.logits

    def __str__(self) -> str:
        """In GiB, with its parts."""
        parts = {"weights": self.weights, "what is trained": self.trained, "states": self.states, "logits": self.logits}
        listed = ", ".join(f"{name} {size / _GIB:.1f}" for name, size in parts.items())
        return f"about {self.total / _GIB:.1f} GiB ({listed})"


def estimate_memory(surrogate: Surrogate, tokens: int, longest: int) -> MemoryNeed:
    """What one step takes.

    Args:
        surrogate: The model as it will be trained.
        tokens: Tokens of a batch.
        longest: Tokens of the longest example.
    """
    config = surrogate.backbone.config
    tokens = max(tokens, longest)
    number = 2 if torch.cuda.is_available() else 4
    layers, width, heads = config.num_hidden_layers, config.hidden_size, config.num_attention_heads
    each_layer = tokens * number * (_STATES * width + 2 * heads * longest)
    kept_layers = 1 if surrogate.backbone.is_activation_checkpointing else layers
    trained = sum(weight.numel() for weight in surrogate.parameters() if weight.requires_grad)
    return MemoryNeed(
        weights=sum(held.numel() * held.element_size() for held in map(_held, surrogate.parameters())),
        trained=_KEPT * trained,
        states=kept_layers * each_layer + layers * tokens * width * number,
        logits=2 * 4 * tokens * config.vocab_size,
    )


def _held(weight: torch.Tensor) -> torch.Tensor:
    """What of a weight this process holds."""
    return weight.to_local() if isinstance(weight, DTensor) else weight


def require_memory(need: MemoryNeed, held: torch.device) -> str:
    """What training needs and what is free where it will be done (on a GPU if there is one), as a sentence.

    Args:
        need: What one step takes.
        held: Where the weights are now.

    Raises:
        SurrogateError: It will not fit.
    """
    device = best_device().type
    free = torch.cuda.mem_get_info()[0] if device == "cuda" else psutil.virtual_memory().available
    summary = f"training needs {need}; {free / _GIB:.1f} GiB are free"
    there = need.weights if held.type == device else 0
    if need.total - there > free:
        raise SurrogateError(
            f"The surrogate will not fit into memory: {summary}.",
            location="surrogate",
            hint="Lower tokens_per_batch, set pretrained.gradient_checkpointing, or take a smaller backbone; on a GPU "
            "pretrained.four_bit makes the weights smaller, and on several pretrained.sharded splits them.",
        )
    return summary
