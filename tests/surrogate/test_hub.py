from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path

import pytest
import torch
from tests.hub import TOKEN, Hub, loopback_hub, use_endpoint
from tests.tiny import SETTINGS, alignment, fresh

from recexplainer.errors import SurrogateError
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.prompt import FORMS, Form
from recexplainer.surrogate.training import encode_examples

NAME = "someone/tiny-surrogate"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Generator[Hub]:
    with loopback_hub() as running:
        use_endpoint(running.endpoint, monkeypatch)
        yield running


def logits(surrogate: Surrogate) -> torch.Tensor:
    data = encode_examples(surrogate, alignment(), SETTINGS)
    with torch.inference_mode():
        return surrogate(**data.collate([data[row] for row in (0, 50, 110)]))["logits"]


@pytest.mark.parametrize("form", FORMS)
def test_shared_and_fetched_it_gives_identical_logits(form: Form, hub: Hub, tmp_path: Path) -> None:
    url = fresh(form).push_to_hub(NAME, card="---\nlibrary_name: recexplainer\n---\n# Tiny\n", token=TOKEN)
    assert url == f"{hub.endpoint}/{NAME}/commit/{hub.sha(NAME, 1)}"
    files = hub.files(NAME)
    assert {path.partition("/")[0] for path in files} - {"connectors.safetensors"} == {
        "README.md",
        "backbone",
        "surrogate.json",
    }
    assert files["README.md"].endswith(b"# Tiny\n")
    assert json.loads(files["surrogate.json"])["form"] == form
    fetched = Surrogate.from_pretrained(NAME, cache_dir=tmp_path)
    assert torch.equal(logits(fetched), logits(fresh(form)))
    assert not list(tmp_path.rglob("README.md")), "only what is read is fetched"


def test_what_was_fetched_once_needs_no_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with loopback_hub() as hub:
        use_endpoint(hub.endpoint, monkeypatch)
        fresh("hybrid").push_to_hub(NAME, token=TOKEN)
        Surrogate.from_pretrained(NAME, cache_dir=tmp_path)
    again = Surrogate.from_pretrained(NAME, cache_dir=tmp_path, local_files_only=True)
    assert torch.equal(logits(again), logits(fresh("hybrid")))


def test_a_revision_is_the_requested_one(hub: Hub, tmp_path: Path) -> None:
    for form in ("intention", "hybrid"):
        fresh(form).push_to_hub(NAME, token=TOKEN, private=True)
    assert hub.private[NAME]
    assert Surrogate.from_pretrained(NAME, cache_dir=tmp_path).form == "hybrid"
    assert Surrogate.from_pretrained(NAME, cache_dir=tmp_path, revision=hub.sha(NAME, 1)).form == "intention"


@pytest.mark.parametrize("revision", [None, "v9"])
def test_what_the_hub_does_not_have_is_an_error(revision: str | None, hub: Hub, tmp_path: Path) -> None:
    if revision:
        fresh("behavior").push_to_hub(NAME, token=TOKEN)
    with pytest.raises(SurrogateError, match="no such folder, and the hub does not give it: 404") as caught:
        Surrogate.from_pretrained(NAME, cache_dir=tmp_path, revision=revision)
    assert caught.value.location == f"{NAME}, revision {revision or 'main'}"


def test_without_a_network_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with loopback_hub() as gone:
        use_endpoint(gone.endpoint, monkeypatch)
    with pytest.raises(SurrogateError, match="the hub does not give it") as caught:
        Surrogate.from_pretrained(NAME, cache_dir=tmp_path)
    assert "network" in caught.value.hint
    with pytest.raises(SurrogateError, match="does not take it"):
        fresh("behavior").push_to_hub(NAME, token=TOKEN)


@pytest.mark.parametrize("name", [Path("no/such"), Path("alone"), "alone", "./a/b", "/a/b", "a/b/c", "../b"])
def test_what_can_only_be_a_folder_is_never_requested_from_the_hub(name: Path | str) -> None:
    with pytest.raises(SurrogateError, match="There is no such folder\\.") as caught:
        Surrogate.from_pretrained(name)
    assert caught.value.location == str(name)


def test_who_may_not_write_gets_an_error(hub: Hub) -> None:
    with pytest.raises(SurrogateError, match=r"does not take it: .*401") as caught:
        fresh("behavior").push_to_hub(NAME, token="hf_wrong")
    assert caught.value.location == NAME
    assert not hub.commits


def test_weights_of_an_earlier_form_are_deleted(hub: Hub) -> None:
    fresh("hybrid").push_to_hub(NAME, card="# Mine\n", token=TOKEN)
    hub.files(NAME)["backbone/adapter_config.json"] = b"{}"
    fresh("behavior").push_to_hub(NAME, token=TOKEN)
    assert "backbone/adapter_config.json" not in hub.files(NAME)
    assert "connectors.safetensors" not in hub.files(NAME)
    assert "README.md" in hub.files(NAME)
