"""GGUF files of tiny Llamas, written by hand (the format of llama.cpp, version 3), weights in float32."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

_U32, _F32, _STRING, _ARRAY = 4, 6, 8, 9
_ALIGNMENT = 32
_NAMES = {
    "embed_tokens": "token_embd",
    "norm": "output_norm",
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def write_gguf(path: Path, model: Any, tokenizer: Any, architecture: str = "llama") -> Path:
    """Write a Llama and its byte-level tokenizer as a GGUF file; `architecture` is what the file says it is."""
    facts = {f"{architecture}.{key}" if key[0] != "=" else key[1:]: value for key, value in _facts(model).items()}
    facts = {"general.architecture": architecture, "general.name": "tiny", **facts, **_vocabulary(tokenizer)}
    tensors = {
        _name(key): _permuted(key, weight.detach().float().numpy(), model.config)
        for key, weight in model.state_dict().items()
        if key != "lm_head.weight" or not model.config.tie_word_embeddings
    }
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(facts))
    head += b"".join(_text(key) + _value(value) for key, value in facts.items())
    data = b""
    for name, weight in tensors.items():
        head += _text(name) + struct.pack(f"<I{weight.ndim}Q", weight.ndim, *reversed(weight.shape))
        head += struct.pack("<IQ", 0, len(data))
        data += _aligned(weight.astype("<f4").tobytes())
    path.write_bytes(_aligned(head) + data)
    return path


def _facts(model: Any) -> dict[str, Any]:
    config = model.config
    return {
        "block_count": config.num_hidden_layers,
        "context_length": config.max_position_embeddings,
        "embedding_length": config.hidden_size,
        "feed_forward_length": config.intermediate_size,
        "attention.head_count": config.num_attention_heads,
        "attention.head_count_kv": config.num_key_value_heads,
        "attention.layer_norm_rms_epsilon": float(config.rms_norm_eps),
        "rope.freq_base": 10000.0,
        "rope.dimension_count": config.hidden_size // config.num_attention_heads,
        "vocab_size": config.vocab_size,
    }


def _vocabulary(tokenizer: Any) -> dict[str, Any]:
    model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    tokens = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    special = set(tokenizer.added_tokens_decoder)
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [3 if token in special else 1 for token in range(len(tokens))],
        "tokenizer.ggml.merges": [" ".join(merge) for merge in model["merges"]],
        "tokenizer.ggml.bos_token_id": tokenizer.eos_token_id,
        "tokenizer.ggml.eos_token_id": tokenizer.eos_token_id,
        "tokenizer.ggml.padding_token_id": tokenizer.pad_token_id,
        "tokenizer.chat_template": tokenizer.chat_template,
    }


def _name(key: str) -> str:
    if key == "lm_head.weight":
        return "output.weight"
    stem, _, kind = key.removeprefix("model.").rpartition(".")
    if stem.startswith("layers."):
        _, layer, inner = stem.split(".", 2)
        return f"blk.{layer}.{_NAMES[inner]}.{kind}"
    return f"{_NAMES[stem]}.{kind}"


def _permuted(key: str, weight: np.ndarray, config: Any) -> np.ndarray:
    """Queries and keys in the order that llama.cpp rotates them in."""
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    count = next((number for name, number in heads.items() if name in key), 0)
    if not count:
        return weight
    split = weight.reshape(count, 2, weight.shape[0] // count // 2, weight.shape[1])
    return np.ascontiguousarray(split.swapaxes(1, 2).reshape(weight.shape))


def _value(value: Any) -> bytes:
    if isinstance(value, list):
        kind, body = _typed(value[0])[0], b"".join(_typed(one)[1] for one in value)
        return struct.pack("<IIQ", _ARRAY, kind, len(value)) + body
    kind, body = _typed(value)
    return struct.pack("<I", kind) + body


def _typed(value: Any) -> tuple[int, bytes]:
    if isinstance(value, str):
        return _STRING, _text(value)
    return (_F32, struct.pack("<f", value)) if isinstance(value, float) else (_U32, struct.pack("<I", value))


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _aligned(content: bytes) -> bytes:
    return content + b"\0" * (-len(content) % _ALIGNMENT)
