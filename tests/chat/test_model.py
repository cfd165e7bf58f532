"""How a chat model is opened by its name."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest
from tests.contracts.chat_model import ChatModelContract
from tests.fakes import FakeChatModel

from recexplainer.chat.local import open_chat_model
from recexplainer.chat.model import ChatModel
from recexplainer.errors import ChatError, SettingsError
from recexplainer.registry import registered

ENTRY_POINTS = """
[recexplainer.chat_models]
own = own_chat:open_model
lost = no_such_package:open_model
"""
MODULE = """
from tests.fakes import FakeChatModel

def open_model():
    return FakeChatModel(str.upper, name="own")
"""


class TestFakeChatModel(ChatModelContract):
    @pytest.fixture
    def chat_model(self) -> ChatModel:
        return FakeChatModel(str.upper)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """A package that registers chat models."""
    metadata = tmp_path / "own_chat-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: own-chat\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    (tmp_path / "own_chat.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    registered.cache_clear()
    yield
    registered.cache_clear()


@pytest.mark.usefixtures("installed")
def test_a_registered_chat_model_is_opened_by_its_name() -> None:
    model = open_chat_model("own")
    assert (model.name, model.answer([])) == ("own", [])


@pytest.mark.usefixtures("installed")
def test_one_that_cannot_be_imported_is_named() -> None:
    with pytest.raises(SettingsError, match="no_such_package"):
        open_chat_model("lost")


def test_any_other_name_is_a_model_on_this_machine(tmp_path: Path) -> None:
    with pytest.raises(ChatError, match="tokenizer cannot be loaded"):
        open_chat_model(tmp_path / "none")
