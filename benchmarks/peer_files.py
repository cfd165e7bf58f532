"""The files that the authors' published code reads, written from a run: samples, recommender, backbone, tokenizer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from recexplainer.data.dataset import Dataset
from recexplainer.recommenders.base import Recommender
from recexplainer.surrogate.prompt import Form, Part, Placeholder, Prompt, Title, answer_parts
from recexplainer.tasks.example import Example

PEER_TASK: dict[Form, str] = {"behavior": "behaviour", "intention": "intention", "hybrid": "both"}
PEER_TYPE = {
    ("retrieval", ""): "uid2next",
    ("ranking", ""): "uidiid2rank",
    ("classification", ""): "uidiid2binary",
    ("discrimination", "title"): "iid2title",
    ("reconstruction", "history"): "uid2hist",
}
_PAIRS = frozenset({"uidiid2rank", "uidiid2binary"})  # their questions are two texts
_MARKS = ("<user>", "<item>")


@dataclass(frozen=True)
class Sample:
    """One training sample or test case: the example, and its prompt, which both sides read."""

    example: Example
    prompt: Prompt


@dataclass(frozen=True)
class Known:
    """What both sides are about."""

    dataset: Dataset
    recommender: Recommender
    form: Form


def record(number: int, sample: Sample, titles: Sequence[str]) -> dict[str, Any]:
    """A sample as the published code reads it; its user is a number, its items are counted from one."""
    example, kind = sample.example, PEER_TYPE[sample.example.task, sample.example.subtask]
    question: Any = as_words(sample.prompt.parts, titles)
    items = [1 + item for item in example.items]
    return {
        "type": kind,
        "uid": number,
        "iid": items[0] if kind == "iid2title" else -1,  # -1: the whole history
        "topk": items,
        "target": items[0] if items else 0,
        "question": [question, ""] if kind in _PAIRS else question,
        "answer": as_words(list(answer_parts(sample.prompt.answer)), titles),
        "template": {"USER": "{}{}" if kind in _PAIRS else "{}", "ASSISTANT": "{}"},
    }


def as_words(parts: Sequence[Part], titles: Sequence[str]) -> str:
    """Parts as one text with the marks of the published code, which reads one mark for each item."""
    texts: list[str] = []
    for part in parts:
        if isinstance(part, Placeholder):
            texts.append({"user": _MARKS[0], "item": _MARKS[1]}.get(part.encoder, ""))
        else:
            texts.append(titles[part.item] if isinstance(part, Title) else part)
    return "".join(texts)


def recommender_config(known: Known) -> dict[str, Any]:
    """A SASRec as wide as the run's recommender; its weights are drawn: what they are does not matter to the time."""
    width = known.recommender.item_vectors().shape[1]
    return {
        "n_users": 10**6,
        "n_items": known.dataset.n_items + 1,
        "embedding_size": width,
        "n_layers": 1,
        "n_heads": 2,
        "inner_size": 4 * width,
        "hidden_dropout_prob": 0.3,
        "attn_dropout_prob": 0.3,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "max_seq_len": known.recommender.max_history,
        "use_position_emb": 1,
        "has_user_emb": 0,
        "distance_type": "dot",
        "init_method": "normal",
        "init_mean": 0.0,
        "init_std": 0.02,
    }


def write_backbone(folder: Path, backbone: Any, tokenizer: Any, known: Known, *, aligned: bool) -> Path:
    """A Llama in the words of an older transformers; one that is aligned has rows for the marks, too."""
    folder.mkdir()
    weights = {name: weight.detach().float() for name, weight in backbone.state_dict().items()}
    weights.pop("lm_head.weight")  # the table of embeddings, again
    config = backbone.config.to_dict()
    config |= {"rope_theta": config.pop("rope_parameters")["rope_theta"], "architectures": ["LlamaForCausalLM"]}
    config |= {"torch_dtype": config.pop("dtype", None), "unk_token_id": 0}
    if aligned:
        table = weights["model.embed_tokens.weight"]
        weights["model.embed_tokens.weight"] = torch.cat([table, table.mean(0, keepdim=True).expand(len(_MARKS), -1)])
        config["vocab_size"] += len(_MARKS)
        config |= {"rec_config": recommender_config(known), "rec_model_type": "SASRec"}
        config |= {"task_type": PEER_TASK[known.form]}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config, default=str), encoding="utf-8")
    ends = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    (folder / "generation_config.json").write_text(json.dumps(ends), encoding="utf-8")
    write_tokenizer(folder, tokenizer)
    return folder


def write_tokenizer(folder: Path, tokenizer: Any) -> None:
    """The tokenizer with the marks, `<s>` before each text and `</s>` behind it, in the words of an older version."""
    described = json.loads(tokenizer.backend_tokenizer.to_str())
    names = dict(zip(tokenizer.convert_ids_to_tokens([1, 2]), ("<s>", "</s>"), strict=True))
    model = described["model"]
    model["vocab"] = {names.get(token, token): number for token, number in model["vocab"].items()}
    model["merges"] = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    added = [{**one, "content": names.get(one["content"], one["content"])} for one in described["added_tokens"]]
    added += [{"id": len(tokenizer) + at, "content": mark, **plain} for at, mark in enumerate(_MARKS)]
    first, text = {"SpecialToken": {"id": "<s>", "type_id": 0}}, [{"Sequence": {"id": "A", "type_id": 0}}]
    described |= {
        "added_tokens": added,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [first, *text],
            "pair": [first, *text, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}},
        },
    }
    (folder / "tokenizer.json").write_text(json.dumps(described), encoding="utf-8")
    unknown = tokenizer.convert_ids_to_tokens([0])[0]
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": unknown,
        "pad_token": unknown,
        "additional_special_tokens": list(_MARKS),
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
