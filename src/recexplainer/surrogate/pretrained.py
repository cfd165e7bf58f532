"""A pretrained backbone: any causal language model of transformers, from the hub or a folder, with LoRA.

Its own weights stay as they are. What is learned are LoRA's weights on its linear layers, which are found from the
architecture, and the connectors, which are none of its business. peft is loaded only when a backbone is.
"""

from __future__ import annotations

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
from recexplainer.storage import read_json
from recexplainer.surrogate.settings import PretrainedSettings

_ADAPTER = "adapter_config.json"
# For models that were never taught to chat.
_PLAIN_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}Answer: {{ message['content'] }}{{ eos_token }}\n"
    "{% else %}Question: {{ message['content'] }}\n{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}Answer: {% endif %}"
)


def load_pretrained(name: str, settings: PretrainedSettings, seed: int) -> tuple[Any, Any]:
    """A pretrained causal language model with fresh LoRA weights, which alone can be trained, and its tokenizer.

    Args:
        name: A model's name on the hub, or a folder that holds one with its tokenizer.
        settings: LoRA's shape and how the weights are held.
        seed: Seed of LoRA's first weights.

    Raises:
        SurrogateError: There is no such model, LoRA does not fit it, or 4-bit weights cannot be had here.
    """
    quantization = _four_bits(name) if settings.four_bit else None
    disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(name)
        backbone = AutoModelForCausalLM.from_pretrained(
            name, dtype=_dtype(settings.dtype), quantization_config=quantization
        )
    except (OSError, ValueError) as error:
        raise SurrogateError(
            f"The backbone cannot be loaded: {str(error).strip().splitlines()[0]}",
            location=name,
            hint="Give a causal language model: its name on the hub, or a folder with weights, config and tokenizer. "
            "Without a network only a folder will do; `nano` needs neither.",
        ) from error
    _complete(tokenizer, name, settings.max_length)
    torch.manual_seed(seed)
    _add_lora(backbone, settings)
    if settings.gradient_checkpointing:
        backbone.activation_checkpointing_enable({"use_reentrant": False})
    return backbone, tokenizer


def has_lora(backbone: Any) -> bool:
    """Whether a backbone is a pretrained one with LoRA."""
    return bool(getattr(backbone, "_hf_peft_config_loaded", False))


def let_lora_learn(backbone: Any) -> None:
    """Make LoRA's weights, and only these, those that training changes; read from a folder they are frozen."""
    for name, weight in backbone.named_parameters():
        weight.requires_grad = "lora_" in name


def read_backbone(folder: Path, *, merged: bool, **hub: Any) -> Any:
    """The backbone of a saved surrogate; of a pretrained one only LoRA is there, which says where the rest is.

    Args:
        folder: What `save_pretrained` of the backbone wrote.
        merged: Add LoRA's weights to the backbone's own: what is left is a plain model.
        hub: How to ask the hub for what is not in the folder: `token`, `cache_dir`, `local_files_only`.

    Raises:
        SurrogateError: Weights are missing, or LoRA is to be merged into quantised ones.
    """
    disable_progress_bar()
    try:
        if merged and (folder / _ADAPTER).exists():
            return _merged(folder, hub)
        backbone = read_whole(folder, hub)
    except OSError as error:
        raise SurrogateError(
            f"The backbone cannot be read: {str(error).strip().splitlines()[0]}",
            location=str(folder),
            hint="Of a pretrained backbone only what was learned is kept: its own weights must be where they were "
            f"(`base_model_name_or_path` in {_ADAPTER}).",
        ) from error
    if has_lora(backbone):
        let_lora_learn(backbone)
    return backbone


def _merged(folder: Path, hub: dict[str, Any]) -> Any:
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


def read_whole(name: str | Path, hub: dict[str, Any]) -> Any:
    """A model of which no weight is missing; transformers would draw a new one, and warn."""
    read: Any = AutoModelForCausalLM.from_pretrained(name, output_loading_info=True, **hub)
    backbone, loaded = read
    if missing := sorted(loaded["missing_keys"]):
        raise SurrogateError(
            f"The backbone's weights are not whole: {len(missing)} missing, {missing[0]} first.",
            location=str(name),
            hint="Copy or fetch it again.",
        )
    return backbone


def read_lora(backbone: Any, folder: Path) -> None:
    """Give a backbone with LoRA the LoRA weights that were saved in a folder.

    Raises:
        SurrogateError: They cannot be read, or are of another backbone or shape.
    """
    from peft import set_peft_model_state_dict

    try:
        saved = load_file(folder / "adapter_model.safetensors")
        weights = {name.removeprefix("base_model.model."): weight for name, weight in saved.items()}
        unknown = set_peft_model_state_dict(backbone, weights).unexpected_keys
    except (OSError, SafetensorError, RuntimeError) as error:
        raise _other_lora(str(error).splitlines()[0], folder) from error
    if unknown:
        raise _other_lora(f"{unknown[0]} has no place in it", folder)


def _other_lora(what: str, folder: Path) -> SurrogateError:
    return SurrogateError(
        f"LoRA's weights do not fit this backbone: {what}.",
        location=str(folder),
        hint="Start from a surrogate with the same backbone and the same `surrogate.pretrained`.",
    )


def _add_lora(backbone: Any, settings: PretrainedSettings) -> None:
    from peft import LoraConfig

    targets = list(settings.targets) if settings.targets else "all-linear"
    lora = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=targets,
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


def _complete(tokenizer: Any, name: str, context: int) -> None:
    """A chat template of ours where there is none, a token to pad with, and the context asked for."""
    if tokenizer.eos_token is None:
        raise SurrogateError(
            "The backbone's tokenizer has no token that ends a text.", location=name, hint="Set its eos_token."
        )
    if not tokenizer.chat_template:
        tokenizer.chat_template = _PLAIN_TEMPLATE
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.model_max_length = min(tokenizer.model_max_length, context)


def _dtype(name: str) -> torch.dtype:
    if name == "auto":
        return torch.bfloat16 if torch.cuda.is_available() and has_fast_bfloat16() else torch.float32
    return getattr(torch, name)


def _four_bits(name: str) -> Any:
    from importlib.util import find_spec

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
