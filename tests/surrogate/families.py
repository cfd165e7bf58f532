"""Tiny models of many families of transformers, with random weights."""

from __future__ import annotations

from typing import Any

import torch
import transformers

VOCABULARY = 120
_SHAPE = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
_GROUPED = _SHAPE | {"num_key_value_heads": 2, "max_position_embeddings": 1024}
_HEADS = _GROUPED | {"head_dim": 16}
_GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 1024}
_VISION = _SHAPE | {"num_hidden_layers": 1, "image_size": 28, "patch_size": 14}
_EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
_SOFTCAP = {"final_logit_softcapping": 5.0, "attn_logit_softcapping": 5.0, "query_pre_attn_scalar": 16}
_MROPE = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10_000.0}
_OLD = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}

# The name of a configuration, its shape, and the name of the model's class.
_FAMILIES: dict[str, tuple[str, dict[str, Any], str]] = {
    "llama": ("Llama", _GROUPED, ""),
    "qwen2": ("Qwen2", _GROUPED, ""),
    "qwen3": ("Qwen3", _HEADS, ""),
    "gemma": ("Gemma", _HEADS, ""),
    "gemma2": ("Gemma2", _HEADS | _SOFTCAP, ""),
    "gemma3": ("Gemma3Text", _HEADS | {"final_logit_softcapping": 5.0}, "Gemma3ForCausalLM"),
    "gemma4": ("Gemma4Text", _HEADS | {"hidden_size_per_layer_input": 0, "num_kv_shared_layers": 0}, ""),
    "phi3": ("Phi3", _GROUPED, ""),
    "mistral": ("Mistral", _GROUPED | {"sliding_window": 3}, ""),
    "olmo2": ("Olmo2", _GROUPED, ""),
    "granite": ("Granite", _GROUPED | {"logits_scaling": 16.0, "embedding_multiplier": 12.0}, ""),
    "cohere": ("Cohere", _GROUPED, ""),
    "cohere2": ("Cohere2", _HEADS | {"sliding_window": 3}, ""),
    "smollm3": ("SmolLM3", _GROUPED, ""),
    "starcoder2": ("Starcoder2", _GROUPED, ""),
    "stablelm": ("StableLm", _GROUPED, ""),
    "mixtral": ("Mixtral", _GROUPED | {"num_local_experts": 4}, ""),
    "qwen3-moe": ("Qwen3Moe", _HEADS | _EXPERTS, ""),
    "phimoe": ("Phimoe", _GROUPED | {"num_local_experts": 4}, ""),
    "llama4": ("Llama4Text", _HEADS | {"intermediate_size_mlp": 64, "num_local_experts": 2}, "Llama4ForCausalLM"),
    "gpt-oss": ("GptOss", _HEADS | {"num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": 4}, ""),
    "gpt-neox": ("GPTNeoX", _SHAPE | {"max_position_embeddings": 1024}, ""),
    "gpt2": ("GPT2", _GPT2, "GPT2LMHeadModel"),
    "gpt-bigcode": ("GPTBigCode", _GPT2, ""),
    "opt": ("OPT", _OLD | {"ffn_dim": 64, "max_position_embeddings": 1024, "word_embed_proj_dim": 16}, ""),
    "ctrl": ("CTRL", {"n_embd": 32, "n_layer": 2, "n_head": 2, "dff": 64, "n_positions": 1024}, "CTRLLMHeadModel"),
    "bloom": ("Bloom", {"hidden_size": 32, "n_layer": 2, "n_head": 2}, ""),
    "falcon": ("Falcon", _OLD, ""),
    "falcon-alibi": ("Falcon", _OLD | {"alibi": True}, ""),
    "lfm2": ("Lfm2", _GROUPED | {"layer_types": ["conv", "full_attention"], "conv_L_cache": 3}, ""),
    "mpt": ("Mpt", {"d_model": 32, "n_layers": 2, "n_heads": 2, "max_seq_len": 1024}, ""),
    "llava": ("Llava", {"text": ("Llama", _GROUPED), "vision": ("CLIPVision", _VISION)}, ""),
    "mistral3-vision": ("Mistral3", {"text": ("Mistral", _GROUPED), "vision": ("PixtralVision", _VISION)}, ""),
    "gemma3-vision": ("Gemma3", {"text": ("Gemma3Text", _HEADS), "vision": ("SiglipVision", _VISION)}, ""),
    "qwen2-vl": (
        "Qwen2VL",
        {
            "text": ("Qwen2VLText", _GROUPED | {"rope_parameters": _MROPE}),
            "vision": ("", {"depth": 1, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "patch_size": 14}),
        },
        "",
    ),
    # None of these can be a backbone.
    "gemma3n": (
        "Gemma3nText",
        _HEADS
        | {"hidden_size_per_layer_input": 8, "num_kv_shared_layers": 0, "laurel_rank": 4, "altup_num_inputs": 2}
        | {"intermediate_size": [64, 64], "activation_sparsity_pattern": [0.0, 0.0]}
        | {"layer_types": ["sliding_attention", "full_attention"], "vocab_size_per_layer_input": VOCABULARY},
        "Gemma3nForCausalLM",
    ),
    "gemma4-per-layer": ("Gemma4Text", _HEADS | {"hidden_size_per_layer_input": 8, "num_kv_shared_layers": 0}, ""),
    "rwkv": ("Rwkv", {"hidden_size": 32, "num_hidden_layers": 2, "attention_hidden_size": 32}, ""),
    "bert": ("Bert", _SHAPE, "BertLMHeadModel"),
    "mamba": ("Mamba", {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 4}, ""),
}
QUICK = ("llama", "gemma2", "granite")
IMAGES = ("llava", "mistral3-vision", "gemma3-vision", "qwen2-vl")
REFUSED = ("gemma3n", "gemma4-per-layer", "rwkv", "bert", "qwen2-vl")
USABLE = tuple(name for name in _FAMILIES if name not in (*REFUSED, "mamba"))


def tiny_model(family: str, tokenizer: Any = None, **changes: Any) -> Any:
    """A model of a family, in evaluation mode, for a tokenizer or for `VOCABULARY` tokens."""
    name, shape, model = _FAMILIES[family]
    ids = {"vocab_size": VOCABULARY, "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": None}
    if tokenizer is not None:
        ends = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id}
        ids |= {"vocab_size": len(tokenizer), **ends}
    if "vocab_size_per_layer_input" in shape or family == "gemma4-per-layer":
        ids |= {"vocab_size_per_layer_input": ids["vocab_size"]}
    torch.manual_seed(0)
    if family in IMAGES:
        (text, text_shape), (vision, vision_shape) = shape["text"], shape["vision"]
        image = {"image_token_index": 2, "boi_token_index": 3, "eoi_token_index": 4, "mm_tokens_per_image": 4}
        config = _config(
            name,
            text_config=_config(text, **text_shape, **ids, initializer_range=0.2),
            vision_config=_config(vision, **vision_shape) if vision else vision_shape,
            **(image if family != "qwen2-vl" else {}),
        )
        return getattr(transformers, f"{name}ForConditionalGeneration")(config).eval()
    config = _config(name, **{"initializer_range": 0.2} | shape | ids | changes)
    made = getattr(transformers, model or f"{name.removesuffix('Text')}ForCausalLM")(config).eval()
    if family == "gemma3n":  # some of its weights start at zero
        for weight in made.parameters():
            torch.nn.init.normal_(weight, std=0.2)
    return made


def _config(name: str, **shape: Any) -> Any:
    return getattr(transformers, f"{name}Config")(**shape)
