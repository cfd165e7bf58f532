"""A pretrained backbone: any causal language model of transformers, from the hub or a folder, with LoRA.

Its own weights stay as they are; LoRA is on its linear layers, which are found from the architecture. peft, of the
extra `pretrained`, is imported only when a backbone is loaded.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.pytorch_utils import Conv1D
from transformers.utils.logging import disable_progress_bar

from recexplainer.errors import SurrogateError
from recexplainer.hardware import has_fast_bfloat16
from recexplainer.registry import require_extra
from recexplainer.storage import read_json
from recexplainer.surrogate.settings import PretrainedSettings

_ADAPTER = "adapter_config.json"
# For models without a chat template.
_PLAIN_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}Answer: {{ message['content'] }}{{ eos_token }}\n"
    "{% else %}Question: {{ message['content'] }}\n{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}Answer: {% endif %}"
)


def load_pretrained(name: str, settings: PretrainedSettings, seed: int) -> tuple[Any, Any]:
    """A pretrained causal language model of the hub or a folder, and its tokenizer; only its new LoRA can be trained.

    Raises SurrogateError if there is no such model, LoRA does not fit it, or it cannot be held in 4 bits here;
    SettingsError without the extra `pretrained`.
    """
    require_extra("peft", "pretrained")
    quantization = _four_bits(name) if settings.four_bit else None
    if settings.dtype == "auto":
        dtype = torch.bfloat16 if torch.cuda.is_available() and has_fast_bfloat16() else torch.float32
    else:
        dtype = getattr(torch, settings.dtype)
    disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(name)
        backbone = AutoModelForCausalLM.from_pretrained(name, dtype=dtype, quantization_config=quantization)
    except (OSError, ValueError) as error:
        raise SurrogateError(
            f"The backbone cannot be loaded: {str(error).strip().splitlines()[0]}",
            location=name,
            hint="Give a causal language model: its name on the hub, or a folder with weights, config and tokenizer. "
            "Without a network only a folder will do; `nano` needs neither.",
        ) from error
    if tokenizer.eos_token is None:
        raise SurrogateError(
            "The backbone's tokenizer has no token that ends a text.", location=name, hint="Set its eos_token."
        )
    tokenizer.chat_template = tokenizer.chat_template or _PLAIN_TEMPLATE
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.model_max_length = min(tokenizer.model_max_length, settings.max_length)
    torch.manual_seed(seed)
    _add_lora(backbone, settings)
    if settings.gradient_checkpointing:
        backbone.activation_checkpointing_enable({"use_reentrant": False})
    return backbone, tokenizer


def has_lora(backbone: Any) -> bool:
    """Whether a backbone is a pretrained one with LoRA."""
    return bool(getattr(backbone, "_hf_peft_config_loaded", False))


def read_backbone(folder: Path, *, merged: bool, **hub: Any) -> Any:
    """The backbone of a saved surrogate; a pretrained one is loaded from the hub or folder that LoRA's config names.

    `merged` adds LoRA's weights to the backbone's own, so that it is a plain model. `hub` has `token`, `cache_dir` and
    `local_files_only`. Raises SurrogateError if weights are missing, or quantised ones are to be merged.
    """
    with_lora = (folder / _ADAPTER).exists()
    if with_lora:
        require_extra("peft", "pretrained")
    disable_progress_bar()
    try:
        if merged and with_lora:
            from peft import PeftModel

            base = read_json(folder / _ADAPTER)["base_model_name_or_path"]
            backbone = read_whole(base, hub)
            if getattr(backbone.config, "quantization_config", None) is not None:
                raise SurrogateError(
                    "LoRA cannot be merged into a quantised backbone.",
                    location=base,
                    hint="Leave it unmerged, or align with a backbone whose weights are not quantised.",
                )
            return PeftModel.from_pretrained(backbone, folder).merge_and_unload()
        backbone = read_whole(folder, hub)
    except OSError as error:
        raise SurrogateError(
            f"The backbone cannot be read: {str(error).strip().splitlines()[0]}",
            location=str(folder),
            hint="Of a pretrained backbone only what was learned is kept: its own weights must be where they were "
            f"(`base_model_name_or_path` in {_ADAPTER}).",
        ) from error
    if with_lora:  # it is frozen when it is read
        for name, weight in backbone.named_parameters():
            weight.requires_grad = "lora_" in name
    return backbone


def read_whole(name: str | Path, hub: dict[str, Any]) -> Any:
    """A model of which no weight is missing; transformers would draw a new one, and warn."""
    both: Any = AutoModelForCausalLM.from_pretrained(name, output_loading_info=True, **hub)
    backbone, loaded = both
    if missing := sorted(loaded["missing_keys"]):
        raise SurrogateError(
            f"The backbone's weights are not whole: {len(missing)} missing, {missing[0]} first.",
            location=str(name),
            hint="Copy or fetch it again.",
        )
    return backbone


def read_lora(backbone: Any, folder: Path) -> None:
    """Load LoRA weights from a folder; SurrogateError if they cannot be read, or are of another backbone or shape."""
    from peft import set_peft_model_state_dict

    try:
        saved = load_file(folder / "adapter_model.safetensors")
        weights = {name.removeprefix("base_model.model."): weight for name, weight in saved.items()}
        unknown = set_peft_model_state_dict(backbone, weights).unexpected_keys
    except (OSError, SafetensorError, RuntimeError) as error:
        raise _other_lora(str(error).splitlines()[0], folder) from error
    if unknown:
        raise _other_lora(f"it has no {unknown[0]}", folder)


def _other_lora(what: str, folder: Path) -> SurrogateError:
    return SurrogateError(
        f"LoRA's weights do not fit this backbone: {what}.",
        location=str(folder),
        hint="Start from a surrogate with the same backbone and the same `surrogate.pretrained`.",
    )


def _add_lora(backbone: Any, settings: PretrainedSettings) -> None:
    from peft import LoraConfig

    lora = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=list(settings.targets or ()) or "all-linear",
        task_type="CAUSAL_LM",
        fan_in_fan_out=any(isinstance(module, Conv1D) for module in backbone.modules()),
    )
    try:
        backbone.add_adapter(lora)
    except ValueError as error:
        raise SurrogateError(
            f"LoRA does not fit this backbone: {str(error).splitlines()[0]}",
            location=f"surrogate.pretrained.targets, {type(backbone).__name__}",
            hint="Leave `targets` out: the linear layers are then found from the architecture.",
        ) from error


def _four_bits(name: str) -> Any:
    from transformers import BitsAndBytesConfig

    if not torch.cuda.is_available() or find_spec("bitsandbytes") is None:
        raise SurrogateError(
            "Weights in 4 bits need an NVIDIA GPU and the library bitsandbytes.",
            location=name,
            hint="Install it on such a machine (pip install 'recexplainer[4bit]'), or leave `four_bit` out.",
        )
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=torch.bfloat16,
        bnb_4bit_use_double_quant=True,
    )
