"""How much memory training takes, estimated before it starts; what will not fit is an error then, not an hour later."""

from __future__ import annotations

from dataclasses import asdict, astuple, dataclass

import psutil
import torch
from torch.distributed.tensor import DTensor

from recexplainer.errors import SurrogateError
from recexplainer.hardware import best_device
from recexplainer.surrogate.model import Surrogate

_GIB = 2**30
_STATES = 20  # numbers kept for each token in a layer, in multiples of the width, for the backward pass
_KEPT = 12  # bytes of a gradient and the two moments of AdamW, in float32


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """Bytes that training takes."""

    weights: int
    """All weights as they are held."""
    trained: int
    """Gradients and the optimizer's moments of those that are trained."""
    states: int
    """States and attention kept for the backward pass."""
    logits: int
    """Logits and their gradient."""

    @property
    def total(self) -> int:
        """All of it."""
        return sum(astuple(self))

    def __str__(self) -> str:
        listed = ", ".join(f"{name} {size / _GIB:.1f}" for name, size in asdict(self).items())
        return f"about {self.total / _GIB:.1f} GiB ({listed})"


def estimate_memory(surrogate: Surrogate, tokens: int, longest: int) -> MemoryNeed:
    """What a step takes with so many tokens in a batch, and in the longest example."""
    config = surrogate.backbone.config.get_text_config()
    tokens = max(tokens, longest)
    number = 2 if torch.cuda.is_available() else 4
    layers, width = config.num_hidden_layers, config.hidden_size
    heads = getattr(config, "num_attention_heads", 0)  # some have no attention
    each_layer = tokens * number * (_STATES * width + 2 * heads * longest)
    kept_layers = 1 if surrogate.backbone.is_activation_checkpointing else layers
    trained = sum(weight.numel() for weight in surrogate.parameters() if weight.requires_grad)
    # Of a sharded weight a process holds its share.
    held = [weight.to_local() if isinstance(weight, DTensor) else weight for weight in surrogate.parameters()]
    return MemoryNeed(
        weights=sum(weight.numel() * weight.element_size() for weight in held),
        trained=_KEPT * trained,
        states=kept_layers * each_layer + layers * tokens * width * number,
        logits=2 * 4 * tokens * config.vocab_size,
    )


def require_memory(need: MemoryNeed, held: torch.device) -> str:
    """A sentence on what training needs and what is free, on a GPU if there is one; SurrogateError if it will not fit.

    `held` is the device that holds the weights now.
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
