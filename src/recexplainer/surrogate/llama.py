"""A Llama that reads and goes on, as `nano` is one, without the model classes of transformers: these load in seconds.

Its logits are those of `LlamaForCausalLM` (a test holds them together). It is for writing alone: it is neither trained
nor saved, and what it does not do itself, such as `generate`, the class of transformers does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention, silu
from transformers import DynamicCache

from recexplainer.storage import read_json

_PLAIN: Mapping[str, Any] = {"model_type": "llama", "hidden_act": "silu", "attention_bias": False, "mlp_bias": False}
_WEIGHTS = "model.safetensors"


def can_read(folder: Path) -> bool:
    """Whether a folder holds a Llama without anything special, and all of its weights."""
    if not all((folder / name).is_file() for name in ("config.json", "generation_config.json", _WEIGHTS)):
        return False
    config = read_json(folder / "config.json")
    rope = config.get("rope_parameters") or {}
    plain = all(config.get(key) == value for key, value in _PLAIN.items())
    return plain and rope.get("rope_type") == "default" and "quantization_config" not in config


class PlainLlama(nn.Module):
    """The Llama in a folder. Raises OSError, KeyError or SafetensorError where its files are not whole."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._shape: Mapping[str, Any] = read_json(folder / "config.json")
        self.generation_config = SimpleNamespace(**read_json(folder / "generation_config.json"))
        weights = load_file(folder / _WEIGHTS)
        table = weights.pop("model.embed_tokens.weight").float()
        self._embeddings = nn.Embedding.from_pretrained(table)
        output = weights.pop("lm_head.weight", table).float()
        self._output = nn.Linear(output.shape[1], output.shape[0], bias=False, device="meta")
        self._output.weight = self._embeddings.weight if output is table else nn.Parameter(output, requires_grad=False)
        self._layers: list[dict[str, Tensor]] = [
            {
                name.removesuffix(".weight").rpartition(".")[2]: weight.float()
                for name, weight in weights.items()
                if name.startswith(f"model.layers.{layer}.")
            }
            for layer in range(self._shape["num_hidden_layers"])
        ]
        self._norm = weights["model.norm.weight"].float()
        width = self._shape["head_dim"]
        steps = torch.arange(0, width, 2, dtype=torch.float32) / width
        self._frequencies = 1.0 / self._shape["rope_parameters"]["rope_theta"] ** steps

    @property
    def config(self) -> Any:
        """What the surrogate asks of a configuration."""
        own = SimpleNamespace(**self._shape)
        own.get_text_config = lambda: own
        return own

    def get_input_embeddings(self) -> nn.Embedding:
        """The table of input embeddings."""
        return self._embeddings

    def get_output_embeddings(self) -> nn.Linear:
        """The output layer."""
        return self._output

    @cached_property
    def _whole(self) -> Any:
        """The same model as transformers has it."""
        from transformers import LlamaForCausalLM

        return LlamaForCausalLM.from_pretrained(self._folder).eval()

    def generate(self, **how: Any) -> Any:
        """As `generate` of transformers."""
        return self._whole.generate(**how)

    @torch.inference_mode()
    def forward(
        self,
        input_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: DynamicCache | None = None,
        *,
        use_cache: bool = False,
    ) -> Any:
        """`logits`, `Float[batch, length, vocabulary]`, and `past_key_values`, from tokens or their embeddings."""
        states: Tensor = self._embeddings(input_ids) if inputs_embeds is None else inputs_embeds
        cache = DynamicCache() if past_key_values is None else past_key_values
        past, length = cache.get_seq_length(), states.shape[1]
        if position_ids is None:
            position_ids = torch.arange(past, past + length)[None]
        angles = position_ids[..., None].float() * self._frequencies
        turn = torch.cat([angles, angles], -1)[:, None]
        allowed = _allowed(attention_mask, past, length)
        for layer, weights in enumerate(self._layers):
            states = states + self._attention(states, layer, weights, (turn.cos(), turn.sin()), allowed, cache)
            inner = self._normed(states, weights["post_attention_layernorm"])
            gated = silu(linear(inner, weights["gate_proj"])) * linear(inner, weights["up_proj"])
            states = states + linear(gated, weights["down_proj"])
        logits = self._output(self._normed(states, self._norm))
        return SimpleNamespace(logits=logits, past_key_values=cache if use_cache else None)

    def _attention(
        self,
        states: Tensor,
        layer: int,
        weights: Mapping[str, Tensor],
        turn: Sequence[Tensor],
        allowed: Tensor | None,
        cache: DynamicCache,
    ) -> Tensor:
        batch, length, _ = states.shape
        inner = self._normed(states, weights["input_layernorm"])
        split = (batch, length, -1, self._shape["head_dim"])
        queries, keys, values = (
            linear(inner, weights[name]).view(split).transpose(1, 2) for name in ("q_proj", "k_proj", "v_proj")
        )
        keys, values = cache.update(_turned(keys, *turn), values, layer)
        groups = queries.shape[1] // keys.shape[1]
        found = scaled_dot_product_attention(
            _turned(queries, *turn),
            keys.repeat_interleave(groups, 1),
            values.repeat_interleave(groups, 1),
            attn_mask=allowed,
        )
        return linear(found.transpose(1, 2).reshape(batch, length, -1), weights["o_proj"])

    def _normed(self, states: Tensor, weight: Tensor) -> Tensor:
        return states * torch.rsqrt(states.pow(2).mean(-1, keepdim=True) + self._shape["rms_norm_eps"]) * weight


def _allowed(mask: Tensor | None, past: int, length: int) -> Tensor | None:
    """`Bool[batch or 1, 1, length, past + length]`: what each token attends to; None: all. Padding sees itself."""
    if mask is None and length == 1:
        return None
    places = torch.arange(past + length)
    own = places[past:, None]
    allowed = (places <= own)[None, None]
    if mask is not None:
        allowed = allowed & mask[:, None, None].bool() | (places == own)
    return allowed


def _turned(heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Queries or keys with their positions (RoPE: Su et al. 2021), in the halves that Llama uses."""
    first, second = heads.chunk(2, -1)
    return heads * cos + torch.cat([-second, first], -1) * sin
