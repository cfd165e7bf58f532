"""The backbone: a causal language model with a chat template. `nano` is the embedded one, learned from nothing.

`nano` is a small Llama whose BPE vocabulary is learned from the catalogue and the wording. Its tokens may span several
words, so a title is a few tokens.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerFast
from transformers.models.llama.modeling_llama import LlamaAttention

from recexplainer.surrogate.frame import chat_frame, encode
from recexplainer.surrogate.settings import NanoSettings

__all__ = ["build_nano", "chat_frame", "encode", "learn_tokenizer"]

_PAD, _USER, _ASSISTANT, _END = "<|pad|>", "<|user|>", "<|assistant|>", "<|end|>"
_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}<|assistant|>{{ message['content'] }}<|end|>"
    "{% else %}<|user|>{{ message['content'] }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
# A title is a unit of its own inside quotation marks and in lists; tokens never span these.
_BOUNDARY = Regex(r"[“”\n]|; ")
_LONGEST_TOKEN = 32


def build_nano(
    texts: Iterable[str], settings: NanoSettings, seed: int
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """A new `nano`: its vocabulary learned from the texts, its weights drawn from the seed."""
    tokenizer = learn_tokenizer(texts, settings.vocab_size, settings.max_length)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=settings.hidden_size,
        intermediate_size=settings.intermediate_size,
        num_hidden_layers=settings.num_hidden_layers,
        num_attention_heads=settings.num_attention_heads,
        num_key_value_heads=settings.num_attention_heads,
        max_position_embeddings=settings.max_length,
        initializer_range=settings.hidden_size**-0.5,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.vocab[_PAD],
        eos_token_id=tokenizer.vocab[_END],
        bos_token_id=None,
    )
    backbone = LlamaForCausalLM(config)
    attentions = [module for module in backbone.modules() if isinstance(module, LlamaAttention)]
    with torch.no_grad():
        # Queries and keys begin as nearly the same map, and the output as half the inverse of the values', as they end
        # up in large trained models (Trockman and Kolter, 2023): `nano` learns faster to copy and to compare.
        for attention in attentions:
            shared = 0.5 * torch.randn_like(attention.q_proj.weight) / attention.q_proj.in_features**0.5
            for projection in (attention.q_proj, attention.k_proj):
                projection.weight.copy_(shared + 0.02 * torch.randn_like(shared))
            nn.init.orthogonal_(attention.v_proj.weight)
            attention.o_proj.weight.copy_(0.5 * attention.v_proj.weight.T)
        # The last head suppresses what it sees, as late heads of large models do (McDougall et al., 2023), so that a
        # list names no title twice; it would learn that late, or not at all.
        attentions[-1].o_proj.weight[:, -attentions[-1].head_dim :] *= -1
    return backbone, tokenizer


def learn_tokenizer(texts: Iterable[str], vocab_size: int, max_length: int) -> PreTrainedTokenizerFast:
    """Learn a byte-level BPE vocabulary whose tokens may span words, but never the edge of a title."""
    tokenizer = Tokenizer(models.BPE())
    pieces = pre_tokenizers.Split(_BOUNDARY, "isolated")
    in_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pieces, in_bytes])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        special_tokens=[_PAD, _USER, _ASSISTANT, _END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=_LONGEST_TOKEN,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=_PAD,
        eos_token=_END,
        additional_special_tokens=[_USER, _ASSISTANT],
        model_max_length=max_length,
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = _TEMPLATE
    return fast
