"""A pretrained backbone: any causal language model of transformers, from the hub, a folder or a GGUF file, with LoRA.

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
from torch import nn
from transformers.pytorch_utils import Conv1D
from transformers.utils.logging import disable_progress_bar

from recexplainer.errors import SurrogateError, first_line
from recexplainer.hardware import has_fast_bfloat16
from recexplainer.registry import require_extra
from recexplainer.storage import read_json
from recexplainer.surrogate.loading import ADAPTER, LOADING_ERRORS, load_model, read_weights
from recexplainer.surrogate.logits import verify_backbone
from recexplainer.surrogate.published import BACKBONES, find_backbone, published
from recexplainer.surrogate.settings import PretrainedSettings


def load_pretrained(name: str, settings: PretrainedSettings, seed: int) -> tuple[Any, Any]:
    """A pretrained causal language model and its tokenizer; only its new LoRA can be trained.

    `name` is one of `recexplainer backbone list` or of the hub, a folder, or a GGUF file. Raises SurrogateError if
    there is no such model, LoRA does not fit it, or it cannot be held in 4 bits here; SettingsError without the extra
    `pretrained`, or for a GGUF file without the extra `gguf`.
    """
    require_extra("peft", "pretrained")
    name = find_backbone(name)
    # None would put aside how a model that is saved in fewer bits is to be read.
    quantization = {"quantization_config": _four_bits(name)} if settings.four_bit else {}
    if settings.dtype == "auto":
        dtype = torch.bfloat16 if has_fast_bfloat16() else torch.float32
    else:
        dtype = getattr(torch, settings.dtype)
    backbone, tokenizer = load_model(name, dtype=dtype, **quantization)
    verify_backbone(backbone, name)
    tokenizer.model_max_length = min(tokenizer.model_max_length, settings.max_length)
    torch.manual_seed(seed)
    _add_lora(backbone, settings)
    if settings.gradient_checkpointing:
        try:
            backbone.activation_checkpointing_enable({"use_reentrant": False})
        except ValueError as error:
            raise SurrogateError(
                first_line(error), location=name, hint="Leave `gradient_checkpointing` out."
            ) from error
    return backbone, tokenizer


def has_lora(backbone: Any) -> bool:
    """Whether a backbone is a pretrained one with LoRA."""
    return bool(getattr(backbone, "_hf_peft_config_loaded", False))


def read_backbone(folder: Path, *, merged: bool, **hub: Any) -> Any:
    """The backbone of a saved surrogate; a pretrained one is loaded from the hub or folder that LoRA's config names.

    `merged` adds LoRA's weights to the backbone's own, so that it is a plain model. `hub` has `token`, `cache_dir` and
    `local_files_only`. Raises SurrogateError if weights are missing, or quantised ones are to be merged.
    """
    with_lora = (folder / ADAPTER).exists()
    if with_lora:
        require_extra("peft", "pretrained")
    disable_progress_bar()
    base = find_base(folder) if with_lora else str(folder)
    how = hub if has_fast_bfloat16() else {"dtype": torch.float32, **hub}
    try:
        if merged and with_lora:
            from peft import PeftModel

            backbone = read_weights(base, **hub)
            if getattr(backbone.config, "quantization_config", None) is not None:
                raise SurrogateError(
                    "LoRA cannot be merged into a quantised backbone.",
                    location=base,
                    hint="Leave it unmerged, or align with a backbone whose weights are not quantised.",
                )
            adapted = PeftModel.from_pretrained(backbone, folder)
            _refuse_lora_on_embeddings(backbone)
            return adapted.merge_and_unload()
        backbone = read_weights(base, **how)
        if with_lora:
            backbone.load_adapter(str(folder))
    except LOADING_ERRORS as error:
        raise SurrogateError(
            f"The backbone cannot be read: {first_line(error)}",
            location=str(folder),
            hint="Of a pretrained backbone only what was learned is kept: its own weights must be where they were "
            f"(`base_model_name_or_path` in {ADAPTER}).",
        ) from error
    if with_lora:  # it is frozen when it is read
        for name, weight in backbone.named_parameters():
            weight.requires_grad = "lora_" in name
    return backbone


def find_base(folder: Path) -> str:
    """What transformers reads the backbone of a saved LoRA from: one in the cache stands where that is now.

    Raises SurrogateError if it is to be in the cache, and is not.
    """
    base: str = read_json(folder / ADAPTER)["base_model_name_or_path"]
    path = Path(base)
    of_cache = path.parent.name == BACKBONES and path.name in published()
    return find_backbone(path.name) if of_cache and not path.exists() else base


def read_lora(backbone: Any, folder: Path) -> None:
    """Load LoRA weights from a folder; SurrogateError if they cannot be read, or are of another backbone or shape."""
    from peft import set_peft_model_state_dict

    try:
        saved = load_file(folder / "adapter_model.safetensors")
        weights = {name.removeprefix("base_model.model."): weight for name, weight in saved.items()}
        problems = [f"it has no {name}" for name in set_peft_model_state_dict(backbone, weights).unexpected_keys]
    except (OSError, SafetensorError, RuntimeError) as error:
        problems = [first_line(error)]
    if problems:
        raise SurrogateError(
            f"LoRA's weights do not fit this backbone: {problems[0]}.",
            location=str(folder),
            hint="Start from a surrogate with the same backbone and the same `surrogate.pretrained`.",
        )


def merge_lora(backbone: Any) -> None:
    """Add LoRA to the weights that it is on, where these are float32, so that nothing is lost: reading is then faster.

    Such a surrogate is not to be trained or saved.
    """
    if not has_lora(backbone):
        return
    from peft.tuners.tuners_utils import BaseTunerLayer

    for layer in backbone.modules():
        if isinstance(layer, BaseTunerLayer) and layer.get_base_layer().weight.dtype == torch.float32:
            layer.merge()


def _add_lora(backbone: Any, settings: PretrainedSettings) -> None:
    from peft import LoraConfig

    lora = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=list(settings.targets or ()) or "all-linear",
        task_type="CAUSAL_LM",
        exclude_modules=_without_lora(backbone) or None,
        fan_in_fan_out=any(isinstance(module, Conv1D) for module in backbone.modules()),
    )
    try:
        backbone.add_adapter(lora)
    except ValueError as error:
        raise SurrogateError(
            f"LoRA does not fit this backbone: {first_line(error)}",
            location=f"surrogate.pretrained.targets, {type(backbone).__name__}",
            hint="Leave `targets` out: the linear layers are then found from the architecture."
            if settings.targets
            else "Name in `targets` layers that can have it (such as q_proj and v_proj), or take another model.",
        ) from error
    _refuse_lora_on_embeddings(backbone)


def _without_lora(backbone: Any) -> list[str]:
    """The linear layers outside the language model (of images), and routers of experts: they give several tensors."""
    inside = {*backbone.get_decoder().modules(), backbone.get_output_embeddings()}
    return [
        name
        for name, module in backbone.named_modules()
        if isinstance(module, (nn.Linear, Conv1D))
        and (module not in inside or type(module).__name__.endswith("Router"))
    ]


def _refuse_lora_on_embeddings(backbone: Any) -> None:
    """It is not used in training where vectors stand for words, and merging would change both tied weights."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    words, output = backbone.get_input_embeddings(), backbone.get_output_embeddings()
    tied = words.weight is output.weight
    if isinstance(words, BaseTunerLayer) or (tied and isinstance(output, BaseTunerLayer)):
        raise SurrogateError(
            "LoRA cannot be on the input embeddings, nor on output embeddings that share their weight (tied).",
            location=f"surrogate.pretrained.targets, {type(backbone).__name__}",
            hint="Leave the embeddings out of `targets`, or leave `targets` out.",
        )


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
