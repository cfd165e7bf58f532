"""Addresses and keys as people paste them into the environment."""

from __future__ import annotations

from typing import Any

import pytest

from recexplainer.chat.address import open_connection, read_address, read_key
from recexplainer.chat.settings import EndpointSettings
from recexplainer.errors import ChatError

AZURE = "https://name.openai.azure.com"
FOUNDRY = "https://name.services.ai.azure.com"
GEMINI = "https://generativelanguage.googleapis.com/v1beta/openai"
V = "2024-10-21"


def settings(**more: Any) -> EndpointSettings:
    return EndpointSettings(model="my model", **more)


@pytest.mark.parametrize(
    ("pasted", "base", "version"),
    [
        ("http://localhost:8000/v1", "http://localhost:8000/v1", None),
        ("http://localhost:8000/v1/", "http://localhost:8000/v1", None),
        ("http://localhost:8000//v1//", "http://localhost:8000/v1", None),
        (' "http://localhost:8000/v1"\n', "http://localhost:8000/v1", None),
        ("“http://localhost:8000/v1”\r\n", "http://localhost:8000/v1", None),
        ("http://localhost:8000/v1/chat/completions", "http://localhost:8000/v1", None),
        ("http://localhost:8000/v1/chat/completions/", "http://localhost:8000/v1", None),
        ("http://localhost:8000/v1/completions", "http://localhost:8000/v1", None),
        ("http://localhost:8000/v1/models", "http://localhost:8000/v1", None),
        ("HTTP://localhost:8000/v1", "http://localhost:8000/v1", None),
        ("http://localhost:8000", "http://localhost:8000", None),
        ("localhost:8000/v1", "http://localhost:8000/v1", None),
        ("127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1", None),
        ("192.168.1.7:8000/v1", "http://192.168.1.7:8000/v1", None),
        ("gpu-box:8000/v1", "http://gpu-box:8000/v1", None),
        ("[::1]:8000/v1", "http://[::1]:8000/v1", None),
        ("api.openai.com/v1", "https://api.openai.com/v1", None),
        ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1", None),
        (GEMINI + "/", GEMINI, None),
        (f"{AZURE}/openai/v1/", f"{AZURE}/openai/v1", None),
        (f"{AZURE}/openai/v1/?api-version=preview", f"{AZURE}/openai/v1", "preview"),
        (f"{AZURE}/openai/deployments/m/chat/completions?api-version={V}", f"{AZURE}/openai/deployments/m", V),
        (f"{AZURE}/openai/deployments/m/?api-version={V}", f"{AZURE}/openai/deployments/m", V),
        (f"{AZURE}/?api-version={V}", f"{AZURE}/openai/deployments/my%20model", V),
        (f"{AZURE}/openai?api-version={V}", f"{AZURE}/openai/deployments/my%20model", V),
        (f"{FOUNDRY}/models/chat/completions?api-version={V}", f"{FOUNDRY}/models", V),
        (f"{AZURE}/openai/deployments/m/chat", f"{AZURE}/openai/deployments/m", None),
    ],
)  # fmt: skip
def test_addresses(pasted: str, base: str, version: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", pasted)
    found = read_address(settings())
    assert (found.base, found.api_version) == (base, version)


def test_the_version_of_azure_may_be_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for pasted in (AZURE, f"{AZURE}/", f"{AZURE}/openai", f"{AZURE}/openai/deployments/my%20model"):
        monkeypatch.setenv("OPENAI_BASE_URL", pasted)
        assert read_address(settings(azure_api_version=V)).base == f"{AZURE}/openai/deployments/my%20model"


@pytest.mark.parametrize(
    ("pasted", "what", "hint"),
    [
        (" ", "names no endpoint", "http://localhost:8000/v1"),
        ("sk-secret", "no address", "http://localhost:8000/v1"),
        ("http:/localhost/v1", "no address", "http://localhost:8000/v1"),
        ("ftp://host/v1", "no address", "http://localhost:8000/v1"),
        ("http://u:sk-secret@host/v1", "no address", "the key does not belong"),
        ("http://host/v1 and more", "no address", "http://localhost:8000/v1"),
        ("https://host/v1?key=sk-secret", "query (key)", "a key belongs"),
        (AZURE, "Azure lacks its path", f"{AZURE}/openai/v1"),
    ],
)
def test_addresses_that_are_none(pasted: str, what: str, hint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", pasted)
    with pytest.raises(ChatError) as caught:
        read_address(settings())
    assert what in caught.value.what
    assert hint in caught.value.hint
    assert caught.value.location == "OPENAI_BASE_URL"
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize(
    "pasted",
    [
        "sk-secret",
        " sk-secret\n",
        '"sk-secret"',
        "Bearer sk-secret",
        "bearer  sk-secret\r\n",
        "Authorization: Bearer sk-secret",
        "OPENAI_API_KEY=sk-secret",
        "export OPENAI_API_KEY='sk-secret'",
    ],
)
def test_keys(pasted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", pasted)
    assert read_key(settings()) == "sk-secret"


@pytest.mark.parametrize("pasted", ["sk-secret sk-secret", "sk-\nsecret", "ключ", "https://secret"])
def test_a_key_that_cannot_be_sent_is_not_shown(pasted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", pasted)
    with pytest.raises(ChatError) as caught:
        read_key(settings())
    assert caught.value.location == "OPENAI_API_KEY"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "proxied"),
    [
        ("localhost", False),
        ("127.0.0.1", False),
        ("127.1.2.3", False),
        ("[::1]", False),
        ("0.0.0.0", False),
        ("192.168.1.7", True),
        ("example.com", True),
    ],
)
def test_a_proxy_is_not_asked_for_this_machine(host: str, proxied: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://{host}:8000/v1")
    with open_connection(settings()).client as client:
        assert client._client.trust_env is proxied  # pyright: ignore[reportPrivateUsage]


def test_a_proxy_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://example.com/v1")
    monkeypatch.setenv("ALL_PROXY", "gopher://x")
    with pytest.raises(ChatError, match="proxy cannot be used") as caught:
        open_connection(settings())
    assert "NO_PROXY" in caught.value.hint
