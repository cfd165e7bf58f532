"""A causal language model of transformers with its tokenizer, from the hub or a folder; what is none is one message.

Code that a model brings with it is never run. `read_weights` refuses a model of which a weight is missing.
"""

from __future__ import annotations

import inspect
import struct
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoTokenizer,
    GenerationConfig,
)
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
)
from transformers.utils.hub import cached_file
from transformers.utils.logging import disable_progress_bar

from recexplainer.errors import SurrogateError, first_line
from recexplainer.storage import read_json
from recexplainer.surrogate.frame import bos_prefix, chat_frame

_OF_PYTHON = (OSError, ValueError, ImportError, RuntimeError, LookupError, TypeError, AttributeError)
LOADING_ERRORS = (*_OF_PYTHON, SafetensorError, StrictDataclassError, struct.error)
"""What transformers raises where files are missing, damaged or of another kind."""
ADAPTER = "adapter_config.json"
_HINT = (
    "Give a causal language model: its name on the hub, a folder with weights, config and tokenizer, or a GGUF file. "
    "Without a network only these two will do; `nano` needs neither, and `recexplainer backbone list` names others."
)
_TOKENIZER_HINT = (
    "Copy the tokenizer's files (tokenizer.json, tokenizer_config.json) beside the weights; code that comes with a "
    "tokenizer is never run."
)
_OF_GGUF = "Name the model that it was made from, or download one of its GGUF files and give the path of that."
_ROUND_TRIP = "Quiet Harbor 2: “The Film”"
# For models without a chat template.
_PLAIN_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}Answer: {{ message['content'] }}{{ eos_token }}\n"
    "{% else %}Question: {{ message['content'] }}\n{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}Answer: {% endif %}"
)


def load_model(name: str, **how: Any) -> tuple[Any, Any]:
    """A causal language model, all weights there, and its tokenizer with a chat template; `how` is for transformers.

    Raises SurrogateError if it is none, or its tokenizer or chat template cannot be used.
    """
    disable_progress_bar()
    _refuse_other_files(name)
    with explained(name):
        config = AutoConfig.from_pretrained(name, trust_remote_code=False)
        _auto_class(config, name)
    tokenizer = _load_tokenizer(name, config)
    with explained(name):
        backbone = read_weights(name, **how)
    _fit(tokenizer, backbone, name)
    return backbone, tokenizer


def read_weights(name: str | Path, **how: Any) -> Any:
    """A model of which no weight is missing: transformers would draw a new one, and warn.

    Raises what transformers raises, and SurrogateError.
    """
    hub = {key: how[key] for key in ("token", "cache_dir", "local_files_only", "gguf_file") if key in how}
    auto = _auto_class(AutoConfig.from_pretrained(name, trust_remote_code=False, **hub), str(name))
    both: Any = auto.from_pretrained(name, output_loading_info=True, trust_remote_code=False, **how)
    backbone, loaded = both
    if missing := sorted(loaded["missing_keys"]):
        raise SurrogateError(
            f"The backbone's weights are not whole: {len(missing)} missing, {missing[0]} first.",
            location=str(name),
            hint="Copy or fetch it again; a model with another head (a classifier, an encoder) is no backbone.",
        )
    layers = {weight.rpartition(".")[0] for weight, _ in backbone.named_parameters()}
    beside = sorted(key for key in loaded["unexpected_keys"] if key.rpartition(".")[0] in layers)
    if beside and getattr(backbone, "hf_quantizer", None) is None:
        raise SurrogateError(
            f"The backbone's weights are not those of its config.json: {len(beside)} too many, {beside[0]} first.",
            location=str(name),
            hint="Fetch both again, from one model. If it is quantised (scales), transformers does not know how: take "
            "a version that is not.",
        )
    return generating_plainly(backbone)


def _auto_class(config: Any, name: str) -> Any:
    """The class of transformers that loads a decoder of this configuration, alone or with images."""
    if not config.is_encoder_decoder:
        if type(config) in MODEL_FOR_CAUSAL_LM_MAPPING:
            return AutoModelForCausalLM
        if type(config) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
            return AutoModelForImageTextToText
    raise _no_backbone(f"a model of the kind {config.model_type}, no causal language model", name, _HINT)


def _load_tokenizer(name: str, config: Any) -> Any:
    with explained(name, "tokenizer"):
        tokenizer: Any = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
        back: str = tokenizer.decode(tokenizer.encode(_ROUND_TRIP, add_special_tokens=False))
    if _bare(back) != _bare(_ROUND_TRIP):
        raise SurrogateError(
            f"The backbone's tokenizer does not give a text back: {_ROUND_TRIP!r} becomes {back[:80]!r}.",
            location=name,
            hint=_TOKENIZER_HINT,
        )
    if tokenizer.eos_token is None:
        ends: Any = config.get_text_config().eos_token_id
        end = ends[0] if isinstance(ends, list) else ends
        if end is None or end >= len(tokenizer):
            raise SurrogateError(
                "The backbone's tokenizer has no token that ends a text.", location=name, hint="Set its eos_token."
            )
        tokenizer.eos_token = tokenizer.convert_ids_to_tokens(end)
    if not tokenizer.chat_template:
        # Where models that read images have kept it.
        kept = cached_file(name, "chat_template.json", _raise_exceptions_for_missing_entries=False)
        own: str = read_json(Path(kept))["chat_template"] if kept else ""
        tokenizer.chat_template = own or bos_prefix(tokenizer) + _PLAIN_TEMPLATE
    return tokenizer


def _fit(tokenizer: Any, backbone: Any, name: str) -> None:
    """Give a tokenizer its padding; raise SurrogateError if it has tokens that the model has no embedding of."""
    rows = backbone.get_input_embeddings().num_embeddings
    frame = chat_frame(tokenizer)
    unknown = max(tokenizer.vocab_size - 1, *frame.before, *frame.between, frame.stop)
    if unknown >= rows:
        raise SurrogateError(
            f"The tokenizer has a token {unknown:,}, but the model's table of embeddings has {rows:,} rows only.",
            location=name,
            hint="Take the tokenizer that the model was trained with, or resize the model to it "
            "(resize_token_embeddings) and train it.",
        )
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id >= rows:
        tokenizer.pad_token = tokenizer.eos_token


def generating_plainly(backbone: Any) -> Any:
    """The same model; it generates from embeddings, and by its logits alone: no penalties or sampling of its own."""
    own = backbone.generation_config
    ends = {"bos_token_id": own.bos_token_id, "eos_token_id": own.eos_token_id, "pad_token_id": own.pad_token_id}
    backbone.generation_config = GenerationConfig(**ends)
    prepare = backbone.prepare_inputs_for_generation
    if "inputs_embeds" not in inspect.signature(prepare).parameters:
        # Some take embeddings and do not name them; `generate` looks for the name.
        def with_embeddings(input_ids: Any, inputs_embeds: Any = None, **kwargs: Any) -> Any:
            return prepare(input_ids, inputs_embeds=inputs_embeds, **kwargs)

        backbone.prepare_inputs_for_generation = with_embeddings
    return backbone


@contextmanager
def explained(name: str, part: str = "backbone", own_hint: str = "") -> Generator[None]:
    """Whatever transformers raises while it loads something becomes one SurrogateError; `own_hint` is its hint."""
    try:
        yield
    except LOADING_ERRORS as error:
        reason, hint = _reason(error), _TOKENIZER_HINT if part == "tokenizer" else _HINT
        if own_hint:
            hint = own_hint
        elif isinstance(error, SafetensorError):
            hint = "Copy or fetch it again."
        elif isinstance(error, ImportError):
            hint = "Install the package that is named, or choose another model or a version that is not quantised."
        elif "gguf" in name.lower():
            hint = _OF_GGUF
        raise SurrogateError(f"The {part} cannot be loaded: {reason}", location=name, hint=hint) from error


def _reason(error: Exception) -> str:
    """Why something is not loaded, where transformers' first line does not say it."""
    text = str(error)
    if "custom code" in text or "trust_remote_code" in text:
        return "it needs Python code of its own, which is never run."
    if "ignore_mismatched_sizes" in text:
        return "its weights are not of the shapes that config.json gives."
    if isinstance(error, SafetensorError):
        return f"a file of weights is damaged ({first_line(error)})."
    if text.startswith("Couldn't instantiate the backend tokenizer"):
        return "files of the tokenizer are missing."
    return first_line(error)


def _refuse_other_files(name: str) -> None:
    """Raise SurrogateError for a file, and for a folder of another kind; what is no path may be a name on the hub."""
    path = Path(name)
    if path.is_dir():
        _refuse_other_folder(path)
    elif path.is_file():
        raise _no_backbone(
            "a file, no folder", name, "Give the folder with weights, config and tokenizer, or a GGUF file."
        )
    elif name.startswith((".", "/", "~")) or name.count("/") > 1 or path.suffix.lower() == ".gguf":
        raise SurrogateError(
            "The backbone cannot be loaded: there is no such folder or file.", location=name, hint=_HINT
        )


def _refuse_other_folder(path: Path) -> None:
    if (path / "surrogate.json").exists():
        hint = "Give the backbone it was trained from; of a merged one its folder `backbone`."
        raise _no_backbone("a surrogate, no language model", path, hint)
    if (adapter := path / ADAPTER).exists():
        base = read_json(adapter).get("base_model_name_or_path")
        hint = f"Give the model it belongs to ({base}), or merge the two with peft (merge_and_unload) and save them."
        raise _no_backbone("an adapter (LoRA), no whole model", path, hint)
    if not (path / "config.json").exists():
        raise _no_backbone("a folder without config.json", path, _HINT)
    if (modules := path / "modules.json").exists() and "sentence_transformers" in modules.read_text(errors="replace"):
        raise _no_backbone("a sentence encoder, no language model", path, _HINT)


def _no_backbone(what: str, path: Path | str, hint: str) -> SurrogateError:
    return SurrogateError(f"The backbone cannot be loaded: this is {what}.", location=str(path), hint=hint)


def _bare(text: str) -> str:
    """The letters of a text, without blanks and case: some tokenizers keep neither."""
    return "".join(text.casefold().split())
