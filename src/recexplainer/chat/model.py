"""What a chat model is. It does not know what is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


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
