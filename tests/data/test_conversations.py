"""Conversations in ShareGPT's layout."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from recexplainer.data.conversations import QuestionAnswer, read_conversations
from recexplainer.errors import DataError


def entry(*turns: tuple[str, str]) -> dict[str, object]:
    return {"id": "x", "conversations": [{"from": speaker, "value": text} for speaker, text in turns]}


def write(path: Path, content: object) -> Path:
    text = json.dumps(content).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def test_the_embedded_set_is_valid_and_short() -> None:
    conversations = read_conversations(None).pairs
    assert len(conversations) >= 80
    assert len({conversation.question for conversation in conversations}) == len(conversations)
    for conversation in conversations:
        assert 0 < len(conversation.answer) < 200
        assert conversation.answer[-1] in '.!?"'
        assert "  " not in conversation.question + conversation.answer


@pytest.mark.parametrize("name", ["chat.json", "chat.json.gz"])
def test_the_first_pair_of_each_conversation_is_read(tmp_path: Path, name: str) -> None:
    content = [
        entry(("human", " Hello? "), ("gpt", "Hi."), ("human", "More?"), ("gpt", "No.")),
        entry(("gpt", "I speak first."), ("human", "Why?"), ("gpt", "Because.")),
        entry(("system", "Be brief."), ("user", "Well?"), ("assistant", "Well.")),
        entry(("human", "Nobody answers.")),
        entry(("human", "Silence?"), ("gpt", "")),
        {"conversations": [{"from": "human", "value": None}, {"from": "gpt", "value": "To what?"}]},
        entry(),
    ]
    read = read_conversations(write(tmp_path / name, content))
    assert read.pairs == [
        QuestionAnswer("Hello?", "Hi."),
        QuestionAnswer("Why?", "Because."),
        QuestionAnswer("Well?", "Well."),
    ]
    assert (read.without_answer, read.longer) == (4, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"conversations": []}, "Expected `array`"),
        ([], "holds no conversation"),
        ([entry(("human", "a"), ("gpt", "b")), {"text": "no"}], "$[1]"),
        ([entry(("human", "a"), ("gpt", "b")), "no"], "$[1]"),
        ([{"conversations": "no"}], "$[0].conversations"),
        ([{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt"}]}], "$[0].conversations[1]"),
        ([{"conversations": ["no"]}], "$[0].conversations[0]"),
        ([{"conversations": [{"from": "human", "value": 3}]}], "$[0].conversations[0].value"),
        ([entry(("human", "a"))], ""),
    ],
)
def test_another_layout_is_refused_with_its_place(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(DataError) as error:
        read_conversations(write(tmp_path / "chat.json", content))
    assert message in error.value.what
    assert error.value.location.endswith("chat.json")
    assert "conversations" in error.value.hint


def test_what_is_not_json_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "chat.json"
    path.write_text('[\n{"id": }]')
    with pytest.raises(DataError, match="not JSON") as error:
        read_conversations(path)
    assert error.value.location.endswith("line 2")


def test_missing_cut_and_undecodable_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_conversations(tmp_path / "absent.json")
    cut = tmp_path / "cut.json.gz"
    cut.write_bytes(gzip.compress(b"[" * 1000)[:-12])
    with pytest.raises(DataError, match="cut off or damaged"):
        read_conversations(cut)
    latin = tmp_path / "latin.json"
    latin.write_bytes('["é"]'.encode("latin-1"))
    with pytest.raises(DataError, match="UTF-8"):
        read_conversations(latin)


@pytest.mark.real
def test_the_public_set_in_the_same_layout_is_read(real_data: Callable[[str], Path]) -> None:
    conversations = read_conversations(real_data("general-chat.json.gz"))
    assert (len(conversations.pairs), conversations.without_answer, conversations.longer) == (11_891, 0, 0)
