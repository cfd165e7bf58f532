"""What a chat model is to whoever asks it. It knows neither endpoints nor what is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    Attributes:
        role: Who speaks.
        content: What is said.
    """

    role: Literal["system", "user", "assistant"]
    content: str


Conversation = tuple[Message, ...]


class ChatModel(Protocol):
    """A model that answers conversations."""

    @property
    def name(self) -> str:
        """What to call it in tables."""
        ...

    def answer(self, conversations: Sequence[Conversation]) -> list[str | None]:
        """What it says to each, `[conversations]`; None where it could not be made to answer."""
        ...
