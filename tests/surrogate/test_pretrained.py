from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from peft import PeftModel
from tests.surrogate.families import tiny_model as tiny_family
from tests.tiny import SETTINGS, alignment, fresh, sasrec
from transformers import AutoModelForCausalLM, AutoTokenizer

from recexplainer.errors import SurrogateError
from recexplainer.surrogate.frame import chat_frame
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.pretrained import load_pretrained
from recexplainer.surrogate.prompt import FORMS, Form
from recexplainer.surrogate.settings import PretrainedSettings, SurrogateSettings
from recexplainer.surrogate.training import encode_examples, new_surrogate, train_surrogate

pytestmark = pytest.mark.slow

ARCHITECTURES = ("Llama", "Qwen3", "Mistral", "Phi3", "Gemma", "GPT2")
LORA = PretrainedSettings(rank=4, alpha=8, dropout=0.0)


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder for each architecture: a model of two layers with new weights, its tokenizer and chat template."""
    return {name: save_tiny(name, tmp_path_factory.mktemp(name)) for name in ARCHITECTURES}


def save_tiny(name: str, folder: Path) -> Path:
    tokenizer = fresh("intention").tokenizer
    torch.manual_seed(0)
    tiny_model(name, tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def tiny_model(name: str, tokenizer: Any) -> Any:
    ends = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id, "bos_token_id": None}
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    shape |= {"num_key_value_heads": 2}
    shape |= {"head_dim": 16} if name in ("Qwen3", "Gemma") else {}
    if name == "GPT2":
        shape = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 1024}
    config = getattr(transformers, f"{name}Config")(vocab_size=len(tokenizer), initializer_range=0.2, **shape, **ends)
    return getattr(transformers, f"{name}LMHeadModel" if name == "GPT2" else f"{name}ForCausalLM")(config)


def settings(base: Path, form: Form = "hybrid") -> SurrogateSettings:
    return SETTINGS.model_copy(update={"backbone": str(base), "pretrained": LORA, "epochs": {form: 1.0}})


def digest(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


def some_logits(surrogate: Surrogate, base: Path) -> torch.Tensor:
    data = encode_examples(surrogate, alignment(), settings(base))
    with torch.inference_mode():
        return surrogate.eval()(**data.collate(data.encoded[:8]))["logits"]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_exactly_lora_and_the_connectors_are_trained(architecture: str, bases: dict[str, Path], tmp_path: Path) -> None:
    base = bases[architecture]
    before, vectors_before = digest(base), sasrec().item_vectors().copy()
    start = {
        name: weight.clone()
        for name, weight in new_surrogate("hybrid", alignment(), settings(base)).state_dict().items()
    }
    trained = train_surrogate("hybrid", alignment(), settings(base), tmp_path / "surrogate", tmp_path / "work")
    changed = {name for name, weight in trained.state_dict().items() if not torch.equal(weight, start[name])}
    assert changed == {name for name in start if "lora_" in name or name.startswith("connectors.")}
    assert digest(base) == before
    assert (sasrec().item_vectors() == vectors_before).all()
    expected = some_logits(trained, base)
    assert torch.equal(some_logits(Surrogate.from_pretrained(tmp_path / "surrogate"), base), expected)
    alone = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), tmp_path / "surrogate" / "backbone")
    merged = {name.replace("base_model.model.", ""): weight for name, weight in alone.state_dict().items()}
    assert all(torch.equal(weight, merged[name]) for name, weight in trained.backbone.state_dict().items())
    assert not list((tmp_path / "surrogate").rglob("model.safetensors")), "only what was learned is saved"


@pytest.mark.parametrize("form", FORMS)
def test_the_loss_falls_in_every_form(form: Form, bases: dict[str, Path], tmp_path: Path) -> None:
    given = settings(bases["Llama"], form).model_copy(update={"epochs": {form: 4.0}, "learning_rate": 1e-2})
    before = new_surrogate(form, alignment(), given)
    after = train_surrogate(form, alignment(), given, tmp_path / "surrogate", tmp_path / "work")
    data = encode_examples(after, alignment(), given)
    batch = data.collate(data.encoded[:120])
    with torch.inference_mode():
        assert float(after(**batch)["loss"]) < 0.95 * float(before.eval()(**batch)["loss"])


def test_hybrid_continues_from_intention(bases: dict[str, Path], tmp_path: Path) -> None:
    given = settings(bases["Llama"], "intention")
    first = train_surrogate("intention", alignment(), given, tmp_path / "i", tmp_path / "wi")
    second = train_surrogate("hybrid", alignment(), given, tmp_path / "h", tmp_path / "wh", tmp_path / "i")
    lora = [name for name in first.state_dict() if "lora_A" in name]
    assert lora
    assert not any(torch.equal(first.state_dict()[name], second.state_dict()[name]) for name in lora)


def test_gradient_checkpointing_changes_memory_not_the_result(bases: dict[str, Path], tmp_path: Path) -> None:
    plain = settings(bases["Llama"], "behavior").model_copy(update={"epochs": {"behavior": 0.3}})
    spared = plain.model_copy(update={"pretrained": LORA.model_copy(update={"gradient_checkpointing": True})})
    one, other = (
        train_surrogate("behavior", alignment(), given, tmp_path / str(number), tmp_path / f"w{number}")
        for number, given in enumerate((plain, spared))
    )
    for name, weight in one.state_dict().items():
        torch.testing.assert_close(weight, other.state_dict()[name])


def test_a_model_without_a_chat_template_gets_one(bases: dict[str, Path], tmp_path: Path) -> None:
    AutoModelForCausalLM.from_pretrained(bases["GPT2"]).save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(bases["GPT2"])
    tokenizer.chat_template = None
    tokenizer.save_pretrained(tmp_path)
    _, completed = load_pretrained(str(tmp_path), LORA, seed=0)
    frame = chat_frame(completed)
    assert completed.decode(frame.before) == "Question: "
    assert completed.decode(frame.between) == "\nAnswer: "
    assert frame.stop == completed.eos_token_id


def test_max_length_is_that_of_the_settings(bases: dict[str, Path]) -> None:
    given = settings(bases["Llama"]).model_copy(update={"pretrained": LORA.model_copy(update={"max_length": 300})})
    assert new_surrogate("behavior", alignment(), given).max_length == 300


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("no/such/model", {}, "cannot be loaded"),
        ("", {"targets": ("nowhere",)}, "LoRA does not fit"),
        ("", {"four_bit": True}, "4 bits need"),
    ],
)
def test_what_is_impossible_is_an_error(
    name: str, changes: dict[str, Any], message: str, bases: dict[str, Path]
) -> None:
    with pytest.raises(SurrogateError, match=message) as caught:
        load_pretrained(name or str(bases["Llama"]), LORA.model_copy(update=changes), seed=0)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("family", "changes", "what", "hint"),
    [
        ("mamba", {}, "LoRA does not fit", "Name in `targets` layers"),
        ("ctrl", {"gradient_checkpointing": True}, "does not support activation checkpointing", "Leave `gradient"),
    ],
)
def test_a_hint_for_a_family_names_what_would_help(
    family: str, changes: dict[str, Any], what: str, hint: str, tmp_path: Path
) -> None:
    tokenizer = fresh("intention").tokenizer
    tiny_family(family, tokenizer).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(SurrogateError, match=what) as caught:
        load_pretrained(str(tmp_path), LORA.model_copy(update=changes), seed=0)
    assert hint in caught.value.hint


@pytest.mark.parametrize("target", ["lm_head", "embed_tokens"])
def test_lora_on_tied_embeddings_is_refused(target: str, tmp_path: Path) -> None:
    tokenizer = fresh("intention").tokenizer
    tiny_family("qwen3", tokenizer, tie_word_embeddings=True).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(SurrogateError, match="LoRA cannot be on the input embeddings") as caught:
        load_pretrained(str(tmp_path), LORA.model_copy(update={"targets": ("q_proj", target)}), seed=0)
    assert "surrogate.pretrained.targets" in caught.value.location


@pytest.mark.parametrize(
    ("family", "targets"),
    [
        ("qwen3", ("lm_head",)),
        ("granite", None),
        ("gemma2", None),
        ("phimoe", None),
        ("gemma3-vision", None),
        ("llava", ("q_proj",)),
    ],
)
def test_saved_read_and_merged_it_gives_the_same_logits(
    family: str, targets: tuple[str, ...] | None, tmp_path: Path
) -> None:
    """Models that read images have LoRA on their language model alone, and routers of experts have none."""
    tokenizer = fresh("intention").tokenizer
    base = tmp_path / "base"
    changes = {"tie_word_embeddings": False} if family == "qwen3" else {}
    tiny_family(family, tokenizer, **changes).save_pretrained(base)
    tokenizer.save_pretrained(base)
    given = settings(base).model_copy(update={"pretrained": LORA.model_copy(update={"targets": targets})})
    surrogate = new_surrogate("hybrid", alignment(), given)
    trained = [name for name, weight in surrogate.backbone.named_parameters() if weight.requires_grad]
    assert trained
    assert not any("vision" in name or "router" in name for name in trained)
    for name, weight in surrogate.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=0.2)
    surrogate.save_pretrained(tmp_path / "surrogate")
    expected = some_logits(surrogate, base)
    assert torch.equal(some_logits(Surrogate.from_pretrained(tmp_path / "surrogate"), base), expected)
    merged = Surrogate.from_pretrained(tmp_path / "surrogate", merged=True)
    merged.save_pretrained(tmp_path / "merged")
    frozen = Surrogate.from_pretrained(tmp_path / "surrogate", frozen=True)
    for one in (merged, Surrogate.from_pretrained(tmp_path / "merged"), frozen):
        torch.testing.assert_close(some_logits(one, base), expected, atol=1e-3, rtol=1e-3)


def test_a_base_that_has_moved_away_is_an_error(bases: dict[str, Path], tmp_path: Path) -> None:
    base = tmp_path / "base"
    AutoModelForCausalLM.from_pretrained(bases["Llama"]).save_pretrained(base)
    AutoTokenizer.from_pretrained(bases["Llama"]).save_pretrained(base)
    new_surrogate("hybrid", alignment(), settings(base)).save_pretrained(tmp_path / "surrogate")
    base.rename(tmp_path / "elsewhere")
    with pytest.raises(SurrogateError, match="cannot be read") as caught:
        Surrogate.from_pretrained(tmp_path / "surrogate")
    assert "adapter_config.json" in caught.value.hint


def test_continuing_keeps_type_and_checkpointing_of_the_backbone(bases: dict[str, Path], tmp_path: Path) -> None:
    """Hybrid takes over what intention learned, on a backbone of its own type that is checkpointed."""
    settings = SETTINGS.model_copy(update={"backbone": str(bases["Llama"]), "pretrained": LORA})
    first = new_surrogate("intention", alignment(), settings)
    for name, weight in first.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)
    first.save_pretrained(tmp_path / "first")
    held = LORA.model_copy(update={"dtype": "bfloat16", "gradient_checkpointing": True})
    second = new_surrogate("hybrid", alignment(), settings.model_copy(update={"pretrained": held}))
    second.take_over(tmp_path / "first")
    assert second.embeddings.weight.dtype == torch.bfloat16
    assert second.backbone.is_activation_checkpointing
    learned = {
        name: weight for name, weight in first.state_dict().items() if "lora_" in name or name.startswith("connectors.")
    }
    assert len(learned) > 4
    for name, weight in learned.items():
        torch.testing.assert_close(second.state_dict()[name].float(), weight, rtol=1e-2, atol=1e-2)


def test_lora_of_another_shape_is_not_taken_over(bases: dict[str, Path], tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"backbone": str(bases["Llama"]), "pretrained": LORA})
    new_surrogate("intention", alignment(), settings).save_pretrained(tmp_path / "first")
    wider = settings.model_copy(update={"pretrained": LORA.model_copy(update={"rank": LORA.rank + 1})})
    with pytest.raises(SurrogateError, match="LoRA's weights do not fit"):
        new_surrogate("hybrid", alignment(), wider).take_over(tmp_path / "first")


def test_a_system_message_is_kept_with_the_surrogate(bases: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "base"
    AutoModelForCausalLM.from_pretrained(bases["Llama"]).save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(bases["Llama"])
    tokenizer.chat_template = (
        "{% for m in messages %}{{ '<|user|>' + m['role'] + m['content'] + '<|end|>' }}{% endfor %}"
    )
    tokenizer.save_pretrained(folder)
    own = LORA.model_copy(update={"system_message": "Be brief."})
    given = settings(folder).model_copy(update={"pretrained": own})
    new_surrogate("behavior", alignment(), given).save_pretrained(tmp_path / "surrogate")
    read = Surrogate.from_pretrained(tmp_path / "surrogate")
    assert read.tokenizer.decode(read.frame.before) == "<|user|>systemBe brief.<|end|><|user|>user"
    plain = new_surrogate("behavior", alignment(), settings(folder))
    assert plain.tokenizer.decode(plain.frame.before) == "<|user|>user"
