"""Reads general conversations in ShareGPT's layout, which keep a surrogate's everyday language (paper, task 5).

It knows the file's layout and nothing of what the conversations are used for.
"""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from recexplainer.errors import DataError

LAYOUT = '[{"conversations": [{"from": "human", "value": "…"}, {"from": "gpt", "value": "…"}]}, …]'


@dataclass(frozen=True, slots=True)
class Conversation:
    """The first question of a conversation and its answer."""

    question: str
    answer: str


def read_conversations(path: Path | None = None) -> list[Conversation]:
    """Read the first human and gpt turn of each conversation.

    Args:
        path: A .json or .json.gz file in ShareGPT's layout, or None for the small embedded set.

    Returns:
        The conversations in the order of the file. One that has no human turn followed by a gpt turn, both with text,
        is left out, since it answers nothing.

    Raises:
        DataError: The file is missing, is not JSON, or an entry has another layout (its index is named).
    """
    location = "the embedded set" if path is None else str(path)
    entries = _parse(_read_embedded() if path is None else _read_text(path), location)
    pairs = (_first_pair(_turns(entry, f"{location}, entry {index}")) for index, entry in enumerate(entries))
    conversations = [pair for pair in pairs if pair is not None]
    if not conversations:
        raise _wrong_layout("It holds no conversation with a question and an answer.", location)
    return conversations


def _read_embedded() -> str:
    return files("recexplainer.data").joinpath("general_chat.json").read_text(encoding="utf-8")


def _read_text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"The conversations cannot be read: {error.strerror}.",
            location=str(path),
            hint="Give the path of a .json or .json.gz file, or none for the embedded set.",
        ) from error
    try:
        return (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8")
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            "The gzip file is damaged or cut short.", location=str(path), hint="Fetch or compress it again."
        ) from error
    except UnicodeDecodeError as error:
        raise DataError("The file is not UTF-8 text.", location=str(path), hint="Save it as UTF-8.") from error


def _parse(text: str, location: str) -> list[Any]:
    try:
        entries = json.loads(text)
    except json.JSONDecodeError as error:
        raise _wrong_layout(f"It is not JSON: {error.msg}.", f"{location}, line {error.lineno}") from error
    if not isinstance(entries, list):
        raise _wrong_layout("It is not a list of conversations.", location)
    return cast("list[Any]", entries)


def _turns(entry: Any, location: str) -> list[tuple[str, str]]:
    """The (speaker, text) turns of one entry."""
    turns = cast("dict[str, Any]", entry).get("conversations") if isinstance(entry, dict) else None
    if not isinstance(turns, list):
        raise _wrong_layout('The entry has no list under "conversations".', location)
    return [_turn(turn, f"{location}, turn {index}") for index, turn in enumerate(cast("list[Any]", turns))]


def _turn(turn: Any, location: str) -> tuple[str, str]:
    fields = cast("dict[str, Any]", turn) if isinstance(turn, dict) else {}
    speaker, text = fields.get("from"), fields.get("value")
    if not isinstance(speaker, str) or not isinstance(text, str):
        raise _wrong_layout('The turn has no text under "from" and "value".', location)
    return speaker, text.strip()


def _first_pair(turns: list[tuple[str, str]]) -> Conversation | None:
    for (asker, question), (answerer, answer) in pairwise(turns):
        if asker == "human" and answerer == "gpt" and question and answer:
            return Conversation(question, answer)
    return None


def _wrong_layout(what: str, location: str) -> DataError:
    return DataError(what, location=location, hint=f"The layout is {LAYOUT}.")
