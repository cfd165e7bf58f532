"""A chat model on this machine: any causal language model of transformers with a chat template.

It knows nothing of what is asked. torch and transformers are loaded with the first model or tokenizer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from recexplainer.chat.model import Conversation
from recexplainer.errors import ChatError
from recexplainer.hardware import best_device, has_fast_bfloat16
from recexplainer.progress import track


class LocalChat:
    """Answers greedily: what it says depends on the conversation and the weights alone, sampling settings do not count.

    Args:
        model: A model's name on the hub, or a folder that holds one with its tokenizer.
        longest_answer: Most tokens of an answer; at least 1.
        batch: Conversations answered at a time; at least 1.

    Raises:
        ChatError: There is no such model, weights are missing, or its tokenizer has no chat template.
    """

    def __init__(self, model: str | Path, *, longest_answer: int = 512, batch: int = 8) -> None:
        if longest_answer < 1 or batch < 1:
            raise ChatError(
                f"An answer of {longest_answer} tokens in batches of {batch} is none.",
                location=str(model),
                hint="Give at least 1 for each.",
            )
        self.longest_answer, self.batch = longest_answer, batch
        self._where = str(model)
        self._tokenizer = load_tokenizer(model)
        self._model = _load_model(model)
        self._stops = _stops(self._model, self._tokenizer)
        self._model.generation_config = self._greedy()

    @property
    def name(self) -> str:
        """The last part of the model's name or path."""
        return Path(self._where).name

    def answer(self, conversations: Sequence[Conversation]) -> list[str | None]:
        """What it says to each, `[conversations]`; None where it says nothing.

        Raises:
            ChatError: A conversation is too long for the model, or its chat template does not take it.
        """
        prompts = [self._encode(one) for one in conversations]
        by_length = sorted(range(len(prompts)), key=lambda row: len(prompts[row]))
        batches = [by_length[start : start + self.batch] for start in range(0, len(by_length), self.batch)]
        answers: list[str | None] = [None] * len(prompts)
        for rows in track(batches, f"{self.name} answers"):
            for row, text in zip(rows, self._generate([prompts[row] for row in rows]), strict=True):
                answers[row] = text.strip() or None
        return answers

    def _encode(self, conversation: Conversation) -> list[int]:
        ids: list[int] = self._tokenizer(
            write_prompt(self._tokenizer, conversation), add_special_tokens=False
        ).input_ids
        context = getattr(self._model.config, "max_position_embeddings", None)
        if context is not None and len(ids) + self.longest_answer > context:
            raise ChatError(
                f"A conversation of {len(ids):,} tokens and an answer of {self.longest_answer:,} exceed the model's "
                f"{context:,}.",
                location=self._where,
                hint="Shorten the conversation or the longest answer, or choose a model with a longer context.",
            )
        return ids

    def _generate(self, prompts: Sequence[list[int]]) -> list[str]:
        """Greedy answers, padded on the left so that all prompts end where the answers begin."""
        import torch

        inputs = self._tokenizer.pad({"input_ids": prompts}, padding_side="left", return_tensors="pt")
        width = inputs["input_ids"].shape[1]
        with torch.inference_mode():
            said = self._model.generate(**inputs.to(self._model.device))[:, width:].tolist()
        return [self._tokenizer.decode(self._cut(ids), skip_special_tokens=True) for ids in said]

    def _cut(self, ids: list[int]) -> list[int]:
        """What stands before the first token that ends an answer."""
        return ids[: next((place for place, token in enumerate(ids) if token in self._stops), len(ids))]

    def _greedy(self) -> Any:
        from transformers import GenerationConfig

        return GenerationConfig(
            do_sample=False,
            max_new_tokens=self.longest_answer,
            eos_token_id=self._stops,
            pad_token_id=self._tokenizer.pad_token_id,
        )


def load_tokenizer(name: str | Path) -> Any:
    """A tokenizer with a chat template, and with a token to pad with.

    Args:
        name: A model's name on the hub, or a folder.

    Raises:
        ChatError: There is none, or it has no chat template or no token that ends an answer.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(str(name))
    except (OSError, ValueError) as error:
        raise _unloadable("tokenizer", name, error) from error
    if not tokenizer.chat_template or tokenizer.eos_token is None:
        raise ChatError(
            "The model's tokenizer has no chat template, or no token that ends an answer.",
            location=str(name),
            hint="Choose a chat (instruct) version of the model.",
        )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def write_prompt(tokenizer: Any, conversation: Conversation) -> str:
    """A conversation as the model reads it, up to where its answer begins.

    Raises:
        ChatError: The chat template does not take the conversation.
    """
    from jinja2 import TemplateError

    try:
        return tokenizer.apply_chat_template(
            [asdict(message) for message in conversation], tokenize=False, add_generation_prompt=True
        )
    except TemplateError as error:
        raise ChatError(
            f"The model's chat template does not take the conversation: {error}",
            location=str(tokenizer.name_or_path),
            hint="Some models take no system message, or want user and assistant in turn: choose another model.",
        ) from error


def _load_model(name: str | Path) -> Any:
    """A model of which no weight is missing; transformers would draw a new one, and warn."""
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    device = best_device()
    dtype = torch.bfloat16 if device.type == "cuda" and has_fast_bfloat16() else torch.float32
    try:
        read: Any = AutoModelForCausalLM.from_pretrained(str(name), dtype=dtype, output_loading_info=True)
    except (OSError, ValueError) as error:
        raise _unloadable("model", name, error) from error
    model, loaded = read
    if missing := sorted(loaded["missing_keys"]):
        raise ChatError(
            f"The model's weights are not whole: {len(missing)} missing, {missing[0]} first.",
            location=str(name),
            hint="Copy or fetch it again.",
        )
    return model.to(device).eval()


def _stops(model: Any, tokenizer: Any) -> list[int]:
    """The tokens that end an answer: those that the model names, and the tokenizer's."""
    named = model.generation_config.eos_token_id
    stops = {tokenizer.eos_token_id, *(named if isinstance(named, list) else [named])} - {None}
    return sorted(stops)


def _unloadable(what: str, name: str | Path, error: Exception) -> ChatError:
    return ChatError(
        f"The {what} cannot be loaded: {(str(error).strip() or type(error).__name__).splitlines()[0]}",
        location=str(name),
        hint="Give a chat model: its name on the hub, or a folder with weights, config and tokenizer.",
    )
