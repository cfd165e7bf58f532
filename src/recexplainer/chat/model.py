"""What a chat model is, and how one is opened by its name. It does not know what is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from recexplainer.registry import load_registered, registered


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


Conversation = tuple[Message, ...]


class ChatModel(Protocol):
    """A model that answers conversations; `tests/contracts/chat_model.py` checks an implementation."""

    @property
    def name(self) -> str:
        """What it is called in tables."""
        ...

    def answer(self, conversations: Sequence[Conversation]) -> list[str | None]:
        """Its answers, `[conversations]`; None where it gave none."""
        ...


def open_chat_model(name: str | Path) -> ChatModel:
    """A chat model by its name.

    That is the name under which a package registers one (entry point group `recexplainer.chat_models`: a class or
    function that returns a `ChatModel` and takes no arguments). Any other name is a language model on this machine: a
    folder, or its name on the hub. Raises SettingsError where what is registered cannot be imported, and ChatError
    where there is no such language model.
    """
    if name in registered("chat_models"):
        return load_registered("chat_models", str(name))()
    from recexplainer.chat.local import LocalChat

    return LocalChat(name)
