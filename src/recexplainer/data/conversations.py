"""Reads general conversations in ShareGPT's layout, which keep a surrogate's everyday language (paper, task 5).

It knows the file's layout and nothing of what the conversations are used for.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec

from recexplainer.data.readers.text import read_text_bytes
from recexplainer.errors import DataError

_LAYOUT = '[{"conversations": [{"from": "human", "value": "…"}, {"from": "gpt", "value": "…"}]}, …]'


_PEOPLE, _MODELS = ("human", "user"), ("gpt", "assistant", "chatgpt", "bing", "bard")  # as public files name them


class QuestionAnswer(NamedTuple):
    """The first question of a conversation and its answer."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Conversations:
    """What a file of conversations holds."""

    pairs: list[QuestionAnswer]
    """The first question and answer of each, in the order of the file."""
    without_answer: int = 0
    """Conversations left out, since no question with text is followed by an answer with text."""
    longer: int = 0
    """Those among `pairs` that go on after their first question and answer."""


class _Turn(msgspec.Struct, rename={"speaker": "from", "text": "value"}):
    speaker: str
    text: str | None


class _Conversation(msgspec.Struct):
    conversations: list[_Turn]


def read_conversations(path: Path | None = None) -> Conversations:
    """Reads the first question and answer of each conversation from a .json or .json.gz file in ShareGPT's layout.

    None stands for the small embedded set. What went before the question (a system message, the end of an earlier
    answer) and what follows the answer is not read. Raises DataError where the file is missing, damaged or not JSON, an
    entry has another layout, or there is no question with an answer.
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
    pairs: list[QuestionAnswer] = []
    longer = 0
    for entry in entries:
        found = _first_pair(entry.conversations)
        if found is not None:
            pair, end = found
            pairs.append(pair)
            longer += end < len(entry.conversations)
    if not pairs:
        raise DataError("It holds no conversation with a question and an answer.", location=location, hint=hint)
    return Conversations(pairs, len(entries) - len(pairs), longer)


def _first_pair(turns: list[_Turn]) -> tuple[QuestionAnswer, int] | None:
    """The first question that is answered, both with text, and the number of turns up to its answer."""
    for end, (one, two) in enumerate(pairwise(turns), start=2):
        pair = QuestionAnswer((one.text or "").strip(), (two.text or "").strip())
        if one.speaker in _PEOPLE and two.speaker in _MODELS and all(pair):
            return pair, end
    return None
