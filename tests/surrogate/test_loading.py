from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from tests.surrogate.families import tiny_model
from tokenizers.processors import TemplateProcessing

from recexplainer.errors import SurrogateError
from recexplainer.surrogate.backbone import learn_tokenizer
from recexplainer.surrogate.frame import chat_frame
from recexplainer.surrogate.loading import load_model

TEXTS = ["Quiet Harbor 2: “The Film”; Copper Sky", "Question: Answer: Yes No"] * 30
CODE = "from pathlib import Path\nPath(__file__).with_name('ran').touch()\n"


def tokenizer() -> Any:
    return learn_tokenizer(TEXTS, 420, 256)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a whole tiny Llama."""
    return save(tmp_path / "model", tiny_model("llama", tokenizer()), tokenizer())


def save(folder: Path, model: Any, tokens: Any) -> Path:
    model.save_pretrained(folder)
    tokens.save_pretrained(folder)
    return folder


def change(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def change_weights(folder: Path, **changes: torch.Tensor | None) -> None:
    weights: dict[str, Any] = load_file(folder / "model.safetensors") | changes
    kept = {name: weight for name, weight in weights.items() if weight is not None}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})


def cut_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def leave_pointer(folder: Path) -> None:
    (folder / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n")


def need_code(folder: Path) -> None:
    (folder / "configuration_own.py").write_text(CODE)
    change(folder / "config.json", model_type="own", auto_map={"AutoConfig": "configuration_own.Own"})


def remove_tokenizer(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()


def make_adapter(folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "some/base"}')


def add_scales(folder: Path) -> None:
    change(folder / "config.json", quantization_config={"quant_method": "modelopt", "quant_algo": "FP8"})
    change_weights(folder, **{"model.layers.0.mlp.up_proj.weight_scale": torch.tensor(0.5)})


DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no weights": (lambda at: (at / "model.safetensors").unlink(), "no file named model.safetensors"),
    "no config": (lambda at: (at / "config.json").unlink(), "a folder without config.json"),
    "no tokenizer": (remove_tokenizer, "tokenizer cannot be loaded: files of the tokenizer are missing"),
    "cut weights": (cut_weights, "a file of weights is damaged"),
    "a pointer": (leave_pointer, "a file of weights is damaged"),
    "a weight missing": (lambda at: change_weights(at, **{"model.norm.weight": None}), "1 missing, model.norm.weight"),
    "another shape": (
        lambda at: change_weights(at, **{"model.norm.weight": torch.ones(5)}),
        "not of the shapes that config.json gives",
    ),
    "weights of another model": (
        lambda at: change_weights(at, **{"model.layers.0.self_attn.q_proj.bias": torch.ones(32)}),
        "not those of its config.json: 1 too many, model.layers.0.self_attn.q_proj.bias",
    ),
    "scales of a quantization that is unknown": (add_scales, "not those of its config.json: 1 too many"),
    "no JSON": (lambda at: (at / "config.json").write_text("{"), "not a valid JSON file"),
    "its own code": (need_code, "Python code of its own, which is never run"),
    "unknown": (lambda at: change(at / "config.json", model_type="own"), "does not recognize this architecture"),
    "bitsandbytes": (
        lambda at: change(
            at / "config.json", quantization_config={"quant_method": "bitsandbytes", "load_in_4bit": True}
        ),
        "requires bitsandbytes",
    ),
    "GPTQ": (
        lambda at: change(at / "config.json", quantization_config={"quant_method": "gptq", "bits": 4}),
        "Loading a GPTQ quantized model requires",
    ),
    "an adapter": (make_adapter, "this is an adapter"),
    "a surrogate": (lambda at: (at / "surrogate.json").write_text("{}"), "this is a surrogate"),
    "sentence encoder": (
        lambda at: (at / "modules.json").write_text('[{"type": "sentence_transformers.models.Pooling"}]'),
        "a sentence encoder",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_folder_that_is_no_whole_model_is_one_line(damage: str, folder: Path) -> None:
    make, problem = DAMAGES[damage]
    make(folder)
    with pytest.raises(SurrogateError, match=problem) as caught:
        load_model(str(folder))
    assert "\n" not in caught.value.what
    assert caught.value.hint
    assert str(folder) in caught.value.location
    assert not (folder / "ran").exists(), "no code of a model is run"


def test_another_file_and_a_folder_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("text")
    with pytest.raises(SurrogateError, match="this is a file"):
        load_model(str(tmp_path / "notes.txt"))
    with pytest.raises(SurrogateError, match="there is no such folder or file"):
        load_model(str(tmp_path / "model"))


@pytest.mark.parametrize(
    ("name", "kind", "shape"),
    [
        ("T5", "T5ForConditionalGeneration", {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 1, "num_heads": 2}),
        ("MPNet", "MPNetModel", {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}),
    ],
)
def test_another_kind_of_model_is_named(name: str, kind: str, shape: dict[str, int], tmp_path: Path) -> None:
    config = getattr(transformers, f"{name}Config")(vocab_size=len(tokenizer()), **shape)
    save(tmp_path, getattr(transformers, kind)(config), tokenizer())
    with pytest.raises(SurrogateError, match=f"of the kind {name.lower()}, no causal language model"):
        load_model(str(tmp_path))


def test_weights_that_no_layer_uses_are_no_reason_to_refuse(folder: Path) -> None:
    """A head for values, and a buffer that older versions saved."""
    change_weights(
        folder,
        **{"v_head.summary.weight": torch.ones(1, 32), "model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(8)},
    )
    assert type(load_model(str(folder))[0]).__name__ == "LlamaForCausalLM"


def test_the_chat_template_of_a_processor_is_read(folder: Path) -> None:
    template = (folder / "chat_template.jinja").read_text()
    (folder / "chat_template.jinja").unlink()
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": template}))
    assert load_model(str(folder))[1].chat_template == template


def test_weights_in_the_older_format_are_read(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert type(load_model(str(folder))[0]).__name__ == "LlamaForCausalLM"


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    save(tmp_path, tiny_model("llama"), tokenizer())
    with pytest.raises(SurrogateError, match=r"has a token \d+, but .* embeddings has 120 rows"):
        load_model(str(tmp_path))


def test_a_padding_token_without_an_embedding_is_not_used(folder: Path) -> None:
    """As in folders where one was added to the tokenizer alone."""
    added = tokenizer()
    added.add_special_tokens({"pad_token": "[PAD]"})
    added.save_pretrained(folder)
    tokens = load_model(str(folder))[1]
    assert tokens.pad_token == tokens.eos_token


def test_the_end_of_a_text_may_stand_in_the_config_alone(folder: Path) -> None:
    without = tokenizer()
    end, without.eos_token = without.eos_token, None
    without.save_pretrained(folder)
    assert load_model(str(folder))[1].eos_token == end
    change(folder / "config.json", eos_token_id=None)
    with pytest.raises(SurrogateError, match="no token that ends a text"):
        load_model(str(folder))


@pytest.mark.parametrize("adds", [True, False])
def test_a_base_model_begins_as_its_tokenizer_does(adds: bool, folder: Path) -> None:
    base = tokenizer()
    base.chat_template, base.bos_token = None, "<|user|>"
    if adds:
        first = [("<|user|>", base.bos_token_id)]
        base.backend_tokenizer.post_processor = TemplateProcessing(single="<|user|> $A", special_tokens=first)
    for path in folder.glob("chat_template*"):
        path.unlink()
    base.save_pretrained(folder)
    tokens = load_model(str(folder))[1]
    frame = chat_frame(tokens)
    assert tokens.decode(frame.before) == ("<|user|>" if adds else "") + "Question: "
    assert tokens.decode(frame.between) == "\nAnswer: "
    assert frame.stop == tokens.eos_token_id
