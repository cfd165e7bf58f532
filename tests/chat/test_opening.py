"""Which chat model a name means."""

from __future__ import annotations

from pathlib import Path

import pytest

from recexplainer.chat.address import read_address
from recexplainer.chat.endpoint import Endpoint
from recexplainer.chat.opening import find_chat_model
from recexplainer.chat.settings import EndpointSettings
from recexplainer.errors import ChatError


def test_a_name_is_one_of_the_endpoint_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:8000/v1")
    found = find_chat_model(EndpointSettings(model="OWNER/tiny"), tmp_path)
    assert isinstance(found, Endpoint) and found.name == "OWNER/tiny"


def test_with_an_address_it_is_one_there_whatever_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:8000/v1")
    settings = EndpointSettings(model=str(tmp_path), address="localhost:9000/v1/")
    assert isinstance(find_chat_model(settings, tmp_path), Endpoint)
    assert read_address(settings).base == "http://localhost:9000/v1"
    with pytest.raises(ChatError, match="no address") as caught:
        read_address(EndpointSettings(model="m", address="sk-1234"))
    assert "sk-1234" not in str(caught.value)


@pytest.mark.parametrize("address", ["", "http://localhost:8000/v1"])
def test_a_folder_is_a_language_model_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", address)
    with pytest.raises(ChatError, match="tokenizer cannot be loaded") as caught:
        find_chat_model(EndpointSettings(model=str(tmp_path)), tmp_path)
    assert "OPENAI_BASE_URL" not in caught.value.hint


def test_without_an_endpoint_the_hint_names_its_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(ChatError, match="cannot be loaded") as caught:
        find_chat_model(EndpointSettings(model="nobody/none"), tmp_path)
    assert caught.value.hint.startswith("Set OPENAI_BASE_URL")
