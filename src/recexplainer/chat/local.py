"""Chat models by name: any causal language model of transformers with a chat template, or one that is registered.

It does not know what is asked. torch and transformers are imported with the first model or tokenizer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from recexplainer.chat.model import ChatModel, Conversation
from recexplainer.chat.responses import Outcome, log_summary
from recexplainer.chat.thinking import WITHOUT_THINKING, opened_thinking, split_thinking
from recexplainer.errors import ChatError, first_line
from recexplainer.hardware import best_device, has_fast_bfloat16
from recexplainer.progress import track
from recexplainer.registry import load_registered, registered


def open_chat_model(name: str | Path) -> ChatModel:
    """A chat model by its name.

    That is the name under which a package registers one (entry point group `recexplainer.chat_models`: a class or
    function that returns a `ChatModel` and takes no arguments). Any other name is a language model on this machine: a
    folder, or its name on the hub. Raises SettingsError where what is registered cannot be imported, and ChatError
    where there is no such language model.
    """
    return load_registered("chat_models", str(name))() if name in registered("chat_models") else LocalChat(name)


class LocalChat:
    """Answers greedily: an answer depends on the conversation and the weights alone, sampling settings do not count.

    Where the chat template can switch thinking off, it is off; else what is thought is no part of an answer.

    `model` is a model's name on the hub, or a folder that holds one with its tokenizer; `name` the last part of that.
    An answer has at most `max_tokens`, and `batch_size` conversations are answered at a time. Raises ChatError where
    there is no such model, weights are missing, or its tokenizer has no chat template.
    """

    def __init__(self, model: str | Path, *, max_tokens: int = 512, batch_size: int = 8) -> None:
        if max_tokens < 1 or batch_size < 1:
            what = f"Answers of {max_tokens} tokens in batches of {batch_size} are impossible."
            raise ChatError(what, location=str(model), hint="Give at least 1 for each.")
        from transformers import GenerationConfig

        self.max_tokens, self.batch_size = max_tokens, batch_size
        self._source, self.name = str(model), Path(model).name
        self._tokenizer = load_tokenizer(model)
        self._model = _load_model(model)
        stops = self._model.generation_config.eos_token_id
        stops = {self._tokenizer.eos_token_id, *(stops if isinstance(stops, list) else [stops])} - {None}
        self._stops: list[int] = sorted(stops)
        ends = {"eos_token_id": self._stops, "pad_token_id": self._tokenizer.pad_token_id}
        self._model.generation_config = GenerationConfig(do_sample=False, max_new_tokens=max_tokens, **ends)

    def answer(self, conversations: Sequence[Conversation]) -> list[str | None]:
        """Its answers, `[conversations]`; None where an answer has no text, or was cut off, which is counted and said.

        Raises:
            ChatError: A conversation is too long for the model, or its chat template does not take it.
        """
        texts = [write_prompt(self._tokenizer, one, **WITHOUT_THINKING) for one in conversations]
        prompts = [self._encode(text) for text in texts]
        by_length = sorted(range(len(prompts)), key=lambda row: len(prompts[row]))
        batches = [by_length[start : start + self.batch_size] for start in range(0, len(by_length), self.batch_size)]
        read: list[str | Outcome] = [Outcome.FAILED] * len(prompts)
        for rows in track(batches, f"{self.name} answers"):
            for row, (written, ended) in zip(rows, self._generate([prompts[row] for row in rows]), strict=True):
                read[row] = _read(opened_thinking(texts[row]) + written, ended=ended)
        outcomes = [one if isinstance(one, Outcome) else Outcome.ANSWERED for one in read]
        log_summary(self.name, outcomes, f"Answers have at most max_tokens={self.max_tokens:,} tokens.")
        return [None if isinstance(one, Outcome) else one for one in read]

    def _encode(self, prompt: str) -> list[int]:
        ids: list[int] = self._tokenizer(prompt, add_special_tokens=False).input_ids
        limit = getattr(self._model.config, "max_position_embeddings", None)
        if limit is not None and len(ids) + self.max_tokens > limit:
            lengths = f"A conversation of {len(ids):,} tokens and an answer of {self.max_tokens:,}"
            hint = "Shorten the conversation or the answer (max_tokens), or choose a model with a longer context."
            raise ChatError(f"{lengths} exceed the model's {limit:,}.", location=self._source, hint=hint)
        return ids

    def _generate(self, prompts: Sequence[list[int]]) -> list[tuple[str, bool]]:
        """Answers to prompts that are padded on the left, so that all end where the answers begin; False: cut off."""
        import torch

        inputs = self._tokenizer.pad({"input_ids": prompts}, padding_side="left", return_tensors="pt")
        width = inputs["input_ids"].shape[1]
        with torch.inference_mode():
            rows = self._model.generate(**inputs.to(self._model.device))[:, width:].tolist()
        ends = [next((place for place, token in enumerate(ids) if token in self._stops), None) for ids in rows]
        return [(self._decode(ids[:end]), end is not None) for ids, end in zip(rows, ends, strict=True)]

    def _decode(self, ids: list[int]) -> str:
        """The text; special tokens are left out unless they are the marks of thinking."""
        text: str = self._tokenizer.decode(ids, skip_special_tokens=True)
        marked: str = self._tokenizer.decode(ids)
        return marked if marked != text and split_thinking(marked) != (marked, False) else text


def _read(written: str, *, ended: bool) -> str | Outcome:
    """The answer in what was written, or why there is none."""
    text, unfinished = split_thinking(written)
    return (text.strip() or Outcome.FAILED) if ended and not unfinished else Outcome.CUT_OFF


def load_tokenizer(name: str | Path) -> Any:
    """A tokenizer with a chat template and a padding token, by a model's name on the hub or from a folder.

    Raises ChatError where there is none, or it has no chat template or no token that ends an answer.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(str(name))
    except (OSError, ValueError) as error:
        raise _not_loaded("tokenizer", name, error) from error
    if not tokenizer.chat_template or tokenizer.eos_token is None:
        what = "The model's tokenizer has no chat template, or no token that ends an answer."
        raise ChatError(what, location=str(name), hint="Choose a chat (instruct) version of the model.")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def write_prompt(tokenizer: Any, conversation: Conversation, **options: bool) -> str:
    """A conversation as the model reads it, up to its answer; `options` are those of the chat template.

    Raises ChatError where the template does not take the conversation.
    """
    from jinja2 import TemplateError

    messages = [asdict(message) for message in conversation]
    try:
        return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **options)
    except TemplateError as error:
        what = f"The model's chat template does not take the conversation: {error}"
        hint = "Some models take no system message, or want user and assistant in turn: choose another model."
        raise ChatError(what, location=str(tokenizer.name_or_path), hint=hint) from error


def _load_model(name: str | Path) -> Any:
    """A model with all of its weights; transformers would only warn of missing ones and draw them at random."""
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    device = best_device()
    dtype = torch.bfloat16 if device.type == "cuda" and has_fast_bfloat16() else torch.float32
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(str(name), dtype=dtype, output_loading_info=True)
    except (OSError, ValueError) as error:
        raise _not_loaded("model", name, error) from error
    model, info = loaded
    if missing := sorted(info["missing_keys"]):
        what = f"Of the model's weights {len(missing)} are missing, {missing[0]} first."
        raise ChatError(what, location=str(name), hint="Copy or download the model again.")
    return model.to(device).eval()


def _not_loaded(what: str, name: str | Path, error: Exception) -> ChatError:
    reason = first_line(error)
    hint = "Give a chat model: its name on the hub, or a folder with weights, config and tokenizer."
    return ChatError(f"The {what} cannot be loaded: {reason}", location=str(name), hint=hint)
