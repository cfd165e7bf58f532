"""Products of a frozen backbone's weights in 8-bit integers, while LoRA beside them is trained in float32.

Some processors multiply 8-bit integers faster (AVX-512 VNNI: four times float32), and most arithmetic of a step is
this. Each row of activations and of gradients is scaled by its largest value, each row of weights once (Dettmers et al.
2022, section 2.1; in training Wortsman et al. 2023). Nothing of this is saved.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from recexplainer.surrogate.pretrained import has_lora

_LARGEST = 127


@contextmanager
def products_in_int8(backbone: Any) -> Generator[int]:
    """The layers with LoRA multiply with 8-bit weights inside it; gives how many do, 0 for a backbone without LoRA."""
    layers = _layers(backbone) if has_lora(backbone) else []
    for layer in layers:
        layer.forward = partial(_with_lora, layer, *quantised(layer.get_base_layer().weight))
    try:
        yield len(layers)
    finally:
        for layer in layers:
            del layer.forward


def quantised(rows: Tensor) -> tuple[Tensor, Tensor]:
    """8-bit integers and their scale: `Float[rows, width]` as `Int8[rows, width]` and `Float[rows, 1]`."""
    scale = torch.maximum(rows.amax(-1, keepdim=True), -rows.amin(-1, keepdim=True))
    scale = scale.float().clamp_min_(torch.finfo(torch.float32).tiny).div_(_LARGEST)
    return (rows * scale.reciprocal()).round_().to(torch.int8), scale


class Int8Product(torch.autograd.Function):
    """`states @ weight.T` for frozen weights: `apply(states, integers, scale)`, the last two of `quantised(weight)`.

    States are `Float[..., width]`, the product is `Float[..., rows of the weight]`. The gradient of the states is
    computed so, too.
    """

    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor, scale: Tensor) -> Tensor:  # noqa: D102  (as torch has it)
        ctx.save_for_backward(weight, scale)
        return (_product(states, weight.T) * scale.T).to(states.dtype)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None, None]:  # noqa: D102
        (gradient,), (weight, scale) = grad_outputs, ctx.saved_tensors
        return _product(gradient * scale.T, weight).to(gradient.dtype), None, None


def _product(states: Tensor, weight: Tensor) -> Tensor:
    """The product with a matrix of integers in float32, not yet by the scale of the weights."""
    integers, scale = quantised(states.reshape(-1, states.shape[-1]))
    product = torch.ops.aten._int_mm(integers, weight)
    return product.float().mul_(scale).view(*states.shape[:-1], -1)


def _with_lora(layer: Any, weight: Tensor, scale: Tensor, states: Tensor) -> Tensor:
    """What a layer of peft computes; LoRA's own scale is put on the few numbers between its two matrices."""
    product: Any = Int8Product.apply(states, weight, scale)
    bias: Tensor | None = layer.get_base_layer().bias
    if bias is not None:
        product = product + bias
    for name in layer.active_adapters:
        down, up = layer.lora_A[name].weight, layer.lora_B[name].weight
        inside = functional.linear(layer.lora_dropout[name](states.to(down.dtype)), down) * layer.scaling[name]
        rows = torch.addmm(product.flatten(0, -2), inside.flatten(0, -2).to(product.dtype), up.T.to(product.dtype))
        product = rows.view_as(product)
    return product


def _layers(backbone: Any) -> list[Any]:
    """Plain LoRA on plain linear layers in floating point; any other stays as it is."""
    from peft.tuners.lora import Linear

    def takes(layer: Any) -> bool:
        if type(layer) is not Linear or layer.disable_adapters or layer.merged:
            return False
        base: Any = layer.get_base_layer()
        return type(base) is nn.Linear and base.weight.is_floating_point()

    return [layer for layer in backbone.modules() if takes(layer)]
