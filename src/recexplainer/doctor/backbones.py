"""Which pretrained backbones a machine can train: the memory that models of these shapes take.

Nothing is downloaded and no weight is held: models are on torch's `meta` device. torch must be there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM

from recexplainer.storage import packaged_yaml
from recexplainer.surrogate.memory import estimate_memory
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.settings import SurrogateSettings

# What the shapes of `backbones.yaml` share where they do not say otherwise.
_FAMILY: dict[str, Any] = {"model_type": "qwen3", "vocab_size": 151_936, "num_key_value_heads": 8, "head_dim": 128}
_VECTOR_WIDTH = 64
# Bytes of a weight in 4 bits with double quantization (Dettmers et al., 2023): half a byte, an 8-bit scale for each 64
# weights, and a float32 for each 256 scales.
_FOUR_BITS = 1 / 2 + 1 / 64 + 4 / (64 * 256)


@dataclass(frozen=True, slots=True)
class BackboneNeed:
    """Bytes to train a backbone with LoRA, gradient checkpointing and one example of full length a step.

    Its own weights are in bfloat16 or in 4 bits.
    """

    name: str
    bfloat16: int
    four_bit: int


def backbone_needs() -> tuple[BackboneNeed, ...]:
    """The needs of the backbones of `backbones.yaml`, the smallest first."""
    shapes = packaged_yaml("recexplainer.surrogate", "backbones.yaml")
    return tuple(backbone_need(name, shape) for name, shape in shapes.items())


def backbone_need(name: str, shape: Mapping[str, Any], settings: SurrogateSettings | None = None) -> BackboneNeed:
    """The need of one backbone, whose `shape` has widths and numbers of layers and heads as transformers names them."""
    settings = settings or SurrogateSettings()
    config = AutoConfig.for_model(**{**_FAMILY, **shape})
    with torch.device("meta"):
        backbone: Any = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).requires_grad_(False)
        backbone.activation_checkpointing_enable()
        surrogate = Surrogate(backbone, None, "hybrid", _VECTOR_WIDTH, settings.connector_width)
        linear = [layer for layer in backbone.base_model.modules() if isinstance(layer, nn.Linear)]
        # As many as LoRA has on these layers: an A and a B of its rank for each.
        count = settings.pretrained.rank * sum(layer.in_features + layer.out_features for layer in linear)
        surrogate.lora = nn.Parameter(torch.empty(count))
    need = estimate_memory(surrogate, settings.tokens_per_batch, settings.pretrained.max_length)
    saved = sum(layer.weight.numel() for layer in linear) * (torch.bfloat16.itemsize - _FOUR_BITS)
    return BackboneNeed(name, need.total, replace(need, weights=round(need.weights - saved)).total)
