from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.surrogate.gguf_files import write_gguf
from tests.surrogate.test_loading import tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

from recexplainer.errors import SettingsError, SurrogateError
from recexplainer.pipeline.recipe import Recipe, load_recipe
from recexplainer.pipeline.surrogate_stages import training_stages
from recexplainer.surrogate.gguf import converted_gguf, find_gguf
from recexplainer.surrogate.loading import load_model
from recexplainer.surrogate.pretrained import has_lora, load_pretrained
from recexplainer.surrogate.published import find_backbone
from recexplainer.surrogate.settings import PretrainedSettings, SurrogateSettings

needs_gguf = pytest.mark.skipif(find_spec("gguf") is None, reason="needs the extra gguf")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RECEXPLAINER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def tiny_llama() -> LlamaForCausalLM:
    torch.manual_seed(0)
    shape: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    }
    config = LlamaConfig(vocab_size=len(tokenizer()), num_key_value_heads=2, initializer_range=0.2, **shape)
    return LlamaForCausalLM(config)


@needs_gguf
def test_a_gguf_file_is_converted_once_and_gives_the_same_logits(tmp_path: Path) -> None:
    model = tiny_llama().eval()
    file = write_gguf(tmp_path / "model.F32.gguf", model, tokenizer())
    folder = Path(find_backbone(str(file)))
    backbone, tokens = load_model(str(folder))
    ids = torch.arange(5, 25)[None]
    with torch.inference_mode():
        torch.testing.assert_close(backbone(ids).logits, model(ids).logits)
    assert tokens.chat_template == tokenizer().chat_template
    written = (folder / "model.safetensors").stat().st_mtime_ns
    (tmp_path / "other").mkdir()
    again = file.rename(tmp_path / "other" / "model.F32.gguf")
    assert find_backbone(str(again.parent)) == str(folder), "the only one of a folder, known by its content"
    assert (folder / "model.safetensors").stat().st_mtime_ns == written


@needs_gguf
@pytest.mark.parametrize("damage", ["an unknown architecture", "cut", "only a head"])
def test_a_gguf_file_that_cannot_be_read_is_one_message(damage: str, tmp_path: Path, own_cache: Path) -> None:
    kind = "abacus" if damage == "an unknown architecture" else "llama"
    file = write_gguf(tmp_path / "model.gguf", tiny_llama(), tokenizer(), kind)
    if damage != "an unknown architecture":
        file.write_bytes(file.read_bytes()[: 30 if damage == "only a head" else -5000])
    with pytest.raises(SurrogateError, match="The GGUF file cannot be loaded") as caught:
        converted_gguf(file)
    assert "\n" not in caught.value.what
    assert caught.value.location == str(file)
    assert "name the model that it was made from" in caught.value.hint
    assert kind in caught.value.what or damage != "an unknown architecture"
    assert not [path for path in (own_cache / "gguf").iterdir() if path.suffix != ".lock"]


def test_without_the_package_there_is_a_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gguf", None)
    file = write_gguf(tmp_path / "model.gguf", tiny_llama(), tokenizer())
    with pytest.raises(SettingsError, match="'gguf' is needed") as caught:
        find_backbone(str(file))
    assert caught.value.hint == "pip install 'recexplainer[gguf]'"


def test_which_gguf_file_a_path_names(tmp_path: Path) -> None:
    assert find_gguf(tmp_path) is None
    one = tmp_path / "one.gguf"
    one.write_bytes(b"GGUF\3\0\0\0")
    (tmp_path / "blob").write_bytes(b"GGUF\3\0\0\0")
    assert find_gguf(one) == find_gguf(tmp_path) == one
    assert find_gguf(tmp_path / "blob") == tmp_path / "blob"
    (tmp_path / "two.gguf").touch()
    with pytest.raises(SurrogateError, match=r"2 GGUF files in this folder: one\.gguf, two\.gguf"):
        find_gguf(tmp_path)
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).touch()
    assert find_gguf(tmp_path) is None, "weights of transformers go before"
    assert find_gguf(tmp_path / "gone") is None


@pytest.mark.parametrize("name", ["gone.gguf", "./gone", "models/of/mine"])
def test_a_path_that_is_not_there(name: str) -> None:
    with pytest.raises(SurrogateError, match="no such folder or file"):
        load_model(find_backbone(name))


@needs_gguf
@pytest.mark.slow
def test_a_gguf_file_is_a_backbone_to_train(tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "model.F32.gguf", tiny_llama(), tokenizer())
    backbone, _ = load_pretrained(str(file), PretrainedSettings(rank=4), seed=0)
    assert has_lora(backbone)
    assert backbone.peft_config["default"].base_model_name_or_path == find_backbone(str(file))


def test_a_run_knows_a_backbone_of_a_gguf_file_by_its_content_not_by_where_it_is(tmp_path: Path) -> None:
    here, there = (tmp_path / name / "tiny.gguf" for name in ("here", "there"))
    for path in (here, there):
        path.parent.mkdir()
        path.write_bytes(b"GGUF and more")
    stages = [
        next(stage for stage in training_stages(recipe_with(path)) if stage.name.startswith("surrogate"))
        for path in (here, there, here.parent)
    ]
    assert [stage.settings for stage in stages] == [stages[0].settings] * 3
    assert [stage.sources for stage in stages] == [(here,), (there,), (here,)]
    assert SurrogateSettings(backbone=str(tmp_path)).sources == ()
    assert SurrogateSettings().sources == ()


def recipe_with(backbone: Path) -> Recipe:
    demo = load_recipe("demo")
    return demo.model_copy(update={"surrogate": demo.surrogate.model_copy(update={"backbone": str(backbone)})})
