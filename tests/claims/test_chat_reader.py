"""Claims as a chat model reads them, which a server on this machine is; what the text lacks is dropped."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from tests.chat_server import ChatServer
from tests.contracts.claim_reader import ATTRIBUTES, HISTORY, ITEM, TEXTS, TITLES, ClaimReaderContract

from recexplainer.chat.endpoint import Endpoint
from recexplainer.chat.settings import EndpointSettings
from recexplainer.claims.chat_reader import ChatReader, find_words
from recexplainer.claims.claim import ParsedClaim
from recexplainer.claims.parser import ClaimParser, ParsedText
from recexplainer.claims.reader import Case, ClaimReader, Reader
from recexplainer.errors import ChatError

TEXT = TEXTS[0]
IRON, BRINK, _, NIGHT, _ = range(5)
EXACT = "Yes, it is a good match. It owes most to “Brink”."
"""In the wording of rationales, which no reader is asked about."""


@pytest.fixture(scope="module")
def http() -> Generator[HTTPServer]:
    with HTTPServer(host="127.0.0.1", threaded=True) as running:
        yield running


@pytest.fixture
def server(http: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> ChatServer:
    return ChatServer(http, monkeypatch)


@pytest.fixture
def reader(server: ChatServer, tmp_path: Path) -> ChatReader:
    settings = EndpointSettings(model="tiny", retries=0, timeout=5)
    return ChatReader(Endpoint(settings, tmp_path / "answers"), TITLES)


@pytest.fixture
def parse(reader: ChatReader) -> Callable[[str], ParsedText]:
    parser = ClaimParser(TITLES, ATTRIBUTES, reader)
    return lambda text: parser.parse(text, HISTORY, ITEM)


def entry(kind: str, quote: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "quote": quote, "item": None, "title": None, "value": None} | more


GOOD = [
    entry("verdict", "A clear yes", value="Yes"),
    entry("rank", "it comes 3rd of 1,830", value="3 of 1,830"),
    entry("positive", '"Brink" and  Iron Petals both count for it', item=2),
    entry("positive", "“Brink” and Iron Petals both count for it", item=1),
    entry("shared", "Brink is from Orbit too", item="2", value="orbit"),
]


FOUND = [
    ("verdict", "A clear yes", ITEM, "yes"),
    ("rank", "it comes 3rd of 1,830", ITEM, "3 of 1830"),
    ("positive", "“Brink” and Iron Petals both count for it", BRINK, ""),
    ("positive", "“Brink” and Iron Petals both count for it", IRON, ""),
    ("shared", "Brink is from Orbit too", BRINK, "Orbit"),
]


def read(parsed: ParsedText) -> list[tuple[str, str, int | None, str]]:
    return [(one.kind, parsed.text[one.start : one.end], one.item, one.value) for one in parsed.claims]


@pytest.mark.parametrize(
    "wrapped",
    [
        "{}",
        "Here are the claims:\n```json\n{}\n```\nThat is all.",
        "<think>Is [this] one? [{{}}]</think>{}",
        '{{"claims": {}}}',
        "The claims [as asked]:\n{}",
    ],
    ids=("alone", "code fence", "thinking", "object", "another bracket"),
)
def test_claims_of_a_good_answer(server: ChatServer, parse: Callable[[str], ParsedText], wrapped: str) -> None:
    server.answer = wrapped.format(json.dumps(GOOD))
    parsed = parse(TEXT)
    assert read(parsed) == FOUND
    assert parsed.unread == () and {one.confidence for one in parsed.claims} == {1.0}
    (asked,) = server.questions
    assert TEXT in asked and f"The item asked about: {TITLES[ITEM]}" in asked and "\n2. Brink\n" in asked


@pytest.mark.parametrize(
    "wrong",
    [
        entry("positive", "Brink counts for it", item=2),
        entry("positive", "rink", item=2),
        entry("positive", "…", item=2),
        entry("positive", "Brink", item=0),
        entry("positive", "Brink", item=4),
        entry("positive", "Brink", item=-1),
        entry("positive", "Brink", item=True),
        entry("positive", "Brink", item=1.5),
        entry("positive", "Brink"),
        entry("positive", "Brink", title="Nobody's Game"),
        entry("praise", "Brink", item=2),
        entry("standing", "Brink", item=2),
        entry("verdict", "A clear yes", value="maybe"),
        entry("verdict", "A clear yes", value=True),
        entry("strongest", "Brink", item=2),
        entry("rank", "it comes 3rd", value="7"),
        entry("rank", "it comes 3rd", value="high"),
        entry("counterfactual", "Brink", item=2, value="²"),
        entry("shared", "Brink is from Orbit too", item=2, value="Nimbus"),
        entry("shared", "Brink is from Orbit too", item=2),
        {"kind": "positive", "item": 2},
        {"quote": "Brink", "kind": ["positive"]},
        "Brink",
        None,
        [],
    ],
    ids=str,
)
def test_what_the_text_does_not_hold_is_dropped_alone(
    server: ChatServer, reader: ChatReader, parse: Callable[[str], ParsedText], wrong: Any
) -> None:
    server.answer = [wrong, *GOOD]
    assert read(parse(TEXT)) == FOUND and reader.dropped == 1


@pytest.mark.parametrize(
    "answer", ["I would rather not.", "[{'kind': 'verdict', ", "[" * 5000 + "]", '{"kind": "verdict"}', "[]", "7]"]
)
def test_of_an_answer_that_cannot_be_read_nothing_is_understood(
    server: ChatServer, parse: Callable[[str], ParsedText], answer: str, caplog: pytest.LogCaptureFixture
) -> None:
    server.answer = answer
    parsed = parse(TEXT)
    assert parsed.claims == () and len(parsed.unread) == parsed.sentences == 2
    assert ("1 of 1 answers of tiny hold no list in JSON" in caplog.text) is (answer != "[]")


def test_titles_that_are_none_of_the_history(server: ChatServer, parse: Callable[[str], ParsedText]) -> None:
    server.answer = [
        entry("negative", "“Nobody's Game” held it back", title='"Nobody’s Game"'),
        entry("history", "Night Ride", title="night ride"),
        entry("counterfactual", "Without Night Ride it would be at 12", title="Night Ride", value=12),
        entry("no_effect", "Not for you", value="rest"),
        entry("shared", "It looks “splendid”", value="neighbour"),
        entry("other", "It looks “splendid”", value="it is pretty"),
        entry("popular", "It looks “splendid”"),
    ]
    claims = {one.kind: one for one in parse(TEXTS[1]).claims}
    assert (claims["negative"].item, claims["negative"].title) == (None, "“Nobody's Game”")
    assert (claims["history"].item, claims["history"].title) == (NIGHT, "")
    assert (claims["counterfactual"].item, claims["counterfactual"].value) == (NIGHT, "12")
    assert (claims["no_effect"].item, claims["no_effect"].value) == (None, "rest")
    assert (claims["shared"].item, claims["shared"].sort) == (None, "neighbour")
    assert claims["other"].value == "It looks “splendid”" and claims["popular"].item == ITEM


def test_several_texts_are_asked_together_and_what_needs_no_reader_is_not(
    server: ChatServer, reader: ChatReader, caplog: pytest.LogCaptureFixture
) -> None:
    server.answer = lambda question: GOOD if TEXT in question else "no"  # pyright: ignore[reportUnknownLambdaType, reportUnknownVariableType]
    parser = ClaimParser(TITLES, ATTRIBUTES, reader)
    parser.prepare([Case(text, HISTORY, ITEM) for text in (TEXT, EXACT, TEXTS[1], TEXT)])
    assert len(server.questions) == 2 and "1 of 2 answers" in caplog.text
    assert read(parser.parse(TEXT, HISTORY, ITEM)) == FOUND
    assert parser.parse(EXACT, HISTORY, ITEM).claims and not parser.parse(TEXTS[1], HISTORY, ITEM).claims
    assert len(server.questions) == 2


def test_an_endpoint_that_refuses_is_an_error(server: ChatServer, parse: Callable[[str], ParsedText]) -> None:
    server.status = 401
    with pytest.raises(ChatError, match="refuses: status 401"):
        parse(TEXT)


@pytest.mark.parametrize(
    ("words", "where"),
    [("clear  YES", "clear yes"), ("3rd", "3rd"), ("rd", None), ("", None), ("“”", None), ("1,830.", "1,830.")],
)
def test_words_of_a_text(words: str, where: str | None) -> None:
    span = find_words(TEXT, words)
    assert (TEXT[slice(*span)] if span else None) == where


def test_claims_of_the_same_thing_are_one(server: ChatServer, reader: ChatReader) -> None:
    server.answer = [*GOOD, *GOOD]
    assert len(reader.read(TEXT, (), HISTORY, ITEM).claims) == len(GOOD)
    assert all(isinstance(one, ParsedClaim) for one in reader.read(TEXT, (), HISTORY, ITEM).claims)


class TestChatReaderObeys(ClaimReaderContract):
    @pytest.fixture
    def reader(self, server: ChatServer, tmp_path: Path) -> ClaimReader:
        server.answer = [*GOOD, entry("other", "Because of"), entry("verdict", "Not for you", value="no"), "x"]
        return ChatReader(Endpoint(EndpointSettings(model="tiny", retries=0), tmp_path), TITLES)


class TestReaderObeys(ClaimReaderContract):
    @pytest.fixture
    def reader(self) -> ClaimReader:
        return Reader(ATTRIBUTES.names())
