"""Reads general conversations in ShareGPT's layout, which keep a surrogate's everyday language (paper, task 5).

It knows the file's layout and nothing of what the conversations are used for.
"""

from __future__ import annotations

import json
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec

from recexplainer.data.readers.text import read_text_bytes
from recexplainer.errors import DataError

_LAYOUT = '[{"conversations": [{"from": "human", "value": "…"}, {"from": "gpt", "value": "…"}]}, …]'


class QuestionAnswer(NamedTuple):
    """The first question of a conversation and its answer."""

    question: str
    answer: str


class _Turn(msgspec.Struct, rename={"speaker": "from", "text": "value"}):
    speaker: str
    text: str


class _Conversation(msgspec.Struct):
    conversations: list[_Turn]


def read_conversations(path: Path | None = None) -> list[QuestionAnswer]:
    """Reads the first human and gpt turn of each conversation from a .json or .json.gz file in ShareGPT's layout.

    None stands for the small embedded set. A conversation that has no human turn followed by a gpt turn, both with
    text, is left out. Raises DataError where the file is missing, damaged or not JSON, or an entry has another layout.
    """
    location, hint = "the embedded set" if path is None else str(path), f"The layout is {_LAYOUT}."
    embedded = files("recexplainer.data").joinpath("general_chat.json")
    text = embedded.read_bytes() if path is None else read_text_bytes(path)
    try:
        entries = msgspec.convert(json.loads(text), list[_Conversation])
    except json.JSONDecodeError as error:
        where = f"{location}, line {error.lineno}"
        raise DataError(f"It is not JSON: {error.msg}.", location=where, hint=hint) from error
    except msgspec.ValidationError as error:
        raise DataError(f"The conversations have another layout: {error}.", location=location, hint=hint) from error
    conversations: list[QuestionAnswer] = []
    for entry in entries:
        for one, two in pairwise(entry.conversations):
            pair = QuestionAnswer(one.text.strip(), two.text.strip())
            if (one.speaker, two.speaker) == ("human", "gpt") and all(pair):
                conversations.append(pair)
                break
    if not conversations:
        raise DataError("It holds no conversation with a question and an answer.", location=location, hint=hint)
    return conversations
