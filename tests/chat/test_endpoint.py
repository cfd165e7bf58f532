from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from threading import Event, Lock
from typing import Any

import pytest
from pydantic import ValidationError
from pytest_httpserver import HTTPServer
from tests.contracts.chat_model import ChatModelContract
from werkzeug import Request, Response

from recexplainer.chat.endpoint import Endpoint
from recexplainer.chat.model import ChatModel, Conversation, Message
from recexplainer.chat.settings import EndpointSettings
from recexplainer.errors import ChatError, RunError

pytestmark = pytest.mark.slow

KEY = "sk-a/secret+key"
OTHER = {"max_tokens_parameter": "max_completion_tokens"}
Fault = Callable[[], Response]


@dataclass
class Loopback:
    """An endpoint on this machine; each text may have faults, which come before its answer."""

    address: str = ""
    faults: dict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    asked: list[dict[str, Any]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    keys: set[str | None] = field(default_factory=set)
    azure_keys: set[str | None] = field(default_factory=set)
    answered: Counter[str] = field(default_factory=Counter)
    tokens: dict[str, int] = field(default_factory=dict)
    counted: int = 0
    wrong: Callable[[dict[str, Any]], Fault | None] = lambda body: None
    pause: float = 0.0
    most_open: int = 0
    _open: int = 0
    _lock: Any = field(default_factory=Lock)

    def texts(self) -> list[str]:
        return [body["messages"][-1]["content"] for body in self.asked]

    def handle(self, request: Request) -> Response:
        body = json.loads(request.get_data())
        text = body["messages"][-1]["content"]
        with self._lock:
            self._open += 1
            self.most_open = max(self.most_open, self._open)
            self.asked.append(body)
            self.times.append(time.monotonic())
            self.keys.add(request.headers.get("Authorization"))
            self.azure_keys.add(request.headers.get("api-key"))
            fault = self.faults[text].pop(0) if self.faults[text] else self.wrong(body)
        time.sleep(self.pause)
        response = fault() if fault else self._reply(body)
        with self._lock:
            self._open -= 1
            self.answered[text] += fault is None
        return response

    def _reply(self, body: dict[str, Any]) -> Response:
        # As OpenAI counts: three tokens a message and one for its role, three where the answer begins.
        tokens = 3 + sum(4 + self.tokens.get(message["content"], 1) for message in body["messages"])
        self.counted += tokens
        return completion(f"answer to {body['messages'][-1]['content']}", tokens)


def completion(text: str | None, tokens: int = 9) -> Response:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": tokens, "completion_tokens": 40, "total_tokens": tokens + 40}
    return Response(json.dumps({"choices": [choice], "usage": usage}), mimetype="application/json")


def status(code: int, text: str = "", **headers: str) -> Fault:
    return lambda: Response(text, status=code, headers={name.replace("_", "-"): held for name, held in headers.items()})


def body(text: str) -> Fault:
    return lambda: Response(text, mimetype="application/json")


def cut(length: int | None) -> Fault:
    """Half a body, then the connection is closed; its whole length is in the headers, or not."""

    def fault() -> Response:
        half = completion("half").get_data()[:40]
        return Response(half, headers={} if length is None else {"Content-Length": str(length)})

    return fault


def drip() -> Response:
    """A server that keeps the connection open with blanks."""

    def blanks() -> Generator[bytes]:
        for _ in range(50):
            time.sleep(0.06)
            yield b" "
        yield completion("late").get_data()

    return Response(blanks())


def late() -> Response:
    time.sleep(3)
    return completion("late")


FAULTS: dict[str, Fault] = {
    "429 with Retry-After": status(429, Retry_After="0.05"),
    "429 with a date": status(429, Retry_After=format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True)),
    "429 with nonsense": status(429, Retry_After="soon"),
    "500": status(500, "<html>"),
    "503": status(503),
    "time-out": late,
    "drip": drip,
    "cut, length known": cut(4000),
    "cut, length not known": cut(None),
    "malformed": body("{'choices'"),
    "no choices": body('{"choices": []}'),
    "error in place of an answer": body('{"error": {"message": "overloaded"}}'),
    "not UTF-8": lambda: Response(b'{"choices": "\xff"}'),
}


@contextmanager
def loopback(monkeypatch: pytest.MonkeyPatch, address: str, path: str, query: str | None = None) -> Generator[Loopback]:
    held = Loopback()
    with HTTPServer(host="127.0.0.1", threaded=True) as http:
        http.expect_request(address + path, "POST", query_string=query).respond_with_handler(held.handle)
        held.address = http.url_for(address)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("OPENAI_BASE_URL", held.address)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        yield held


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Generator[Loopback]:
    with loopback(monkeypatch, "/v1", "/chat/completions") as held:
        yield held


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Generator[Loopback]:
    with loopback(monkeypatch, "", "/openai/deployments/tiny/chat/completions", "api-version=2024-10-21") as held:
        yield held


def endpoint(folder: Path, **settings: Any) -> Endpoint:
    patient: dict[str, Any] = {"timeout": 2, "initial_backoff": 0.01, "retries": 2, "max_tokens": 100}
    return Endpoint(EndpointSettings(model="tiny", **(patient | settings)), folder / "answers")


def question(text: str) -> Conversation:
    return (Message("user", text),)


def files(folder: Path) -> list[Path]:
    """The answers that are kept whole."""
    return list(folder.rglob("*.json"))


def refusal(model: Endpoint, text: str = "a") -> ChatError:
    with pytest.raises(ChatError) as caught:
        model.answer([question(text)])
    assert caught.value.hint
    assert caught.value.location
    assert KEY not in str(caught.value)
    return caught.value


def test_what_is_sent_and_what_comes_back(server: Loopback, tmp_path: Path) -> None:
    model: ChatModel = endpoint(tmp_path)
    assert model.name == "tiny"
    conversation = (Message("system", "be brief"), Message("user", "“a”?"))
    assert model.answer([conversation]) == ["answer to “a”?"]
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "“a”?"}]
    sent = {"model": "tiny", "messages": messages, "max_tokens": 100, "temperature": 0.0, "stream": False}
    assert server.asked == [sent]
    assert server.keys == {f"Bearer {KEY}"}
    assert model.answer([]) == []


def test_every_fault_ends_answered_exactly_once_and_a_second_run_asks_nothing(server: Loopback, tmp_path: Path) -> None:
    for name, fault in FAULTS.items():
        server.faults[name] = [fault]
    texts = [*FAULTS, "plain", "plain"]
    conversations = [question(text) for text in texts]
    assert endpoint(tmp_path).answer(conversations) == [f"answer to {text}" for text in texts]
    assert server.answered == Counter([*FAULTS, "plain"])
    assert Counter(server.texts()) == Counter(dict.fromkeys(FAULTS, 2) | {"plain": 1})
    server.asked.clear()
    assert endpoint(tmp_path).answer(conversations) == [f"answer to {text}" for text in texts]
    assert server.asked == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_stays_ends_as_none_which_is_not_kept(
    name: str, server: Loopback, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.faults["a"] = [FAULTS[name]] * 3
    model = endpoint(tmp_path, retries=1, timeout=1.5)
    assert model.answer([question("a"), question("b")]) == [None, "answer to b"]
    assert Counter(server.texts()) == {"a": 2, "b": 1}
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file() and path.name != ".lock"] == [".json"]
    assert "tiny answered 1 of 2 requests; unscored: 1 failed." in caplog.text
    server.faults["a"] = []
    assert endpoint(tmp_path).answer([question("a"), question("b")]) == ["answer to a", "answer to b"]
    assert Counter(server.texts()) == {"a": 3, "b": 1}


@pytest.mark.parametrize("text", [None, "", " \n"])
def test_an_answer_without_text_is_not_asked_again_in_this_call(
    text: str | None, server: Loopback, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.faults["a"] = [lambda: completion(text)]
    assert endpoint(tmp_path).answer([question("a")]) == [None]
    assert len(server.asked) == 1
    assert files(tmp_path) == []
    assert "an answer without text" in caplog.text


class TestEndpoint(ChatModelContract):
    @pytest.fixture
    def chat_model(self, server: Loopback, tmp_path: Path) -> ChatModel:
        return endpoint(tmp_path)


def test_azure_has_its_own_address_and_header(azure: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", azure.address)
    model = endpoint(tmp_path, azure_api_version="2024-10-21", address_variable="AZURE_OPENAI_ENDPOINT")
    azure.faults["a"] = [status(429, Retry_After="0.05")]
    assert model.answer([question("a")]) == ["answer to a"]
    assert (len(azure.asked), azure.keys) == (2, {None})
    assert azure.azure_keys == {KEY}


def test_no_server(tmp_path: Path, server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    assert endpoint(tmp_path).answer([question("a")]) == [None]
    assert server.asked == []


@pytest.mark.parametrize("dated", [False, True])
def test_nothing_is_sent_before_the_server_allows_it(dated: bool, server: Loopback, tmp_path: Path) -> None:
    def wait() -> Response:
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
        return status(429, Retry_After=date if dated else "0.5")()

    server.faults["a"] = [wait]
    texts = ["a", "b", "c"]
    assert endpoint(tmp_path, concurrency=1).answer(list(map(question, texts))) == [
        f"answer to {text}" for text in texts
    ]
    assert server.times[1] - server.times[0] > (0.9 if dated else 0.45)
    assert server.times[2] - server.times[1] < 0.4


def test_a_server_that_wants_too_long_a_wait_is_given_up(server: Loopback, tmp_path: Path) -> None:
    server.faults["a"] = [status(429, Retry_After="5")]
    assert endpoint(tmp_path, max_backoff=1).answer([question("a")]) == [None]
    assert len(server.asked) == 1


def test_waits_are_doubled_and_spread(server: Loopback, tmp_path: Path) -> None:
    server.faults["a"] = [status(500)] * 3
    endpoint(tmp_path, initial_backoff=0.1, retries=3).answer([question("a")])
    waits = [after - before for before, after in zip(server.times, server.times[1:], strict=False)]
    for number, wait in enumerate(waits):
        assert 0.05 * 2**number <= wait < 0.1 * 2**number + 0.1


@pytest.mark.parametrize("code", [301, 400, 401, 403, 404, 422])
def test_a_refusal_is_an_error_that_never_shows_the_key(code: int, server: Loopback, tmp_path: Path) -> None:
    escaped = json.dumps({"error": {"message": f"wrong key {KEY}"}}).replace("/", "\\/")
    server.faults["a"] = [status(code, escaped)]
    error = refusal(endpoint(tmp_path))
    assert f"status {code}" in error.what
    assert "wrong key …" in error.what
    assert len(server.asked) == 1
    assert files(tmp_path) == []


def test_one_odd_question_that_comes_first_does_not_stop_the_others(server: Loopback, tmp_path: Path) -> None:
    server.faults["a"] = [status(400, "odd")]
    answers = endpoint(tmp_path).answer(list(map(question, "abc")))
    assert answers == [None, "answer to b", "answer to c"]


def test_two_questions_are_enough_to_know_that_all_are_refused(server: Loopback, tmp_path: Path) -> None:
    server.wrong = lambda body: status(400, "odd")
    with pytest.raises(ChatError, match="status 400: odd"):
        endpoint(tmp_path).answer(list(map(question, "abcdef")))
    assert server.texts() == ["a", "b"]


@pytest.mark.parametrize(("code", "answered", "requests"), [(500, 0, 20), (500, 5, 25), (403, 5, 25)])
def test_an_endpoint_that_answers_no_more_is_not_asked_for_ever(
    code: int, answered: int, requests: int, server: Loopback, tmp_path: Path
) -> None:
    server.wrong = lambda body: status(code, "gone") if len(server.asked) > answered else None
    with pytest.raises(ChatError, match="gone"):
        endpoint(tmp_path, concurrency=1, retries=0).answer([question(str(number)) for number in range(60)])
    assert len(server.asked) == requests
    assert len(files(tmp_path)) == answered


def test_answers_that_are_all_cut_off_are_not_paid_for_to_the_last(server: Loopback, tmp_path: Path) -> None:
    server.wrong = lambda body: cut_off("Let me")
    with pytest.raises(ChatError) as caught:
        endpoint(tmp_path, concurrency=1).answer([question(str(number)) for number in range(60)])
    assert "none of 20 requests" in caught.value.what
    assert "max_tokens=4096" in caught.value.hint
    assert len(server.asked) == 20
    server.wrong = lambda body: cut_off("Let me") if len(server.asked) > 21 else None
    assert endpoint(tmp_path, concurrency=1).answer([question(str(number)) for number in range(60)]).count(None) == 59


def test_the_wait_that_words_ask_for(server: Loopback, tmp_path: Path) -> None:
    server.faults["a"] = [status(429, "Please try again in 300ms."), status(429, "Please retry in 0.4s.")]
    assert endpoint(tmp_path).answer([question("a")]) == ["answer to a"]
    first, second, third = server.times
    assert second - first > 0.29
    assert third - second > 0.39
    server.faults["b"] = [status(429, "Try again in 7m12s.")]
    assert endpoint(tmp_path).answer([question("b")]) == [None]
    server.faults["c"] = [status(429, X_RateLimit_Reset=str(int((time.time() + 4000) * 1000)))]
    assert endpoint(tmp_path).answer([question("c")]) == [None]
    assert len(server.asked) == 5


def test_an_account_without_credit_is_an_error(server: Loopback, tmp_path: Path) -> None:
    server.faults["a"] = [status(429, '{"error": {"code": "insufficient_quota"}}')]
    assert "credit" in refusal(endpoint(tmp_path)).hint
    assert len(server.asked) == 1


def test_after_a_refusal_what_was_answered_is_kept_and_the_rest_not_asked(server: Loopback, tmp_path: Path) -> None:
    server.faults["c"] = [status(401)]
    texts = ["a", "b", "c", "d", "e"]
    with pytest.raises(ChatError, match="401"):
        endpoint(tmp_path, concurrency=1).answer(list(map(question, texts)))
    assert server.texts()[:3] == ["a", "b", "c"]
    assert endpoint(tmp_path).answer(list(map(question, texts))) == [f"answer to {text}" for text in texts]
    assert server.answered == Counter(texts)


@pytest.mark.parametrize("limit", [1, 3])
def test_never_more_open_requests_than_the_limit(limit: int, server: Loopback, tmp_path: Path) -> None:
    server.pause = 0.03
    server.faults["2"] = [status(500)]
    assert None not in endpoint(tmp_path, concurrency=limit).answer([question(str(number)) for number in range(12)])
    assert server.most_open == limit


def test_two_that_ask_with_one_cache_take_turns(server: Loopback, tmp_path: Path) -> None:
    server.pause = 0.03
    asked = [[question(str(number)) for number in range(start, start + 6)] for start in (0, 3)]
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(endpoint(tmp_path, concurrency=2).answer, each) for each in asked]
    answers = [future.result() for future in futures]
    assert all(None not in each for each in answers)
    assert server.most_open == 2
    assert set(server.answered.values()) == {1}


CHILD = """
import sys
from pathlib import Path
from recexplainer.chat.endpoint import Endpoint
from recexplainer.chat.settings import EndpointSettings
from recexplainer.chat.model import Message
model = Endpoint(EndpointSettings(model="tiny", max_tokens=100, concurrency=2), Path(sys.argv[1]) / "answers")
model.answer([(Message("user", str(number)),) for number in range(8)])
"""


def test_a_killed_run_goes_on_with_the_remaining_ones(server: Loopback, tmp_path: Path) -> None:
    reached, release = Event(), Event()

    def hang() -> Response:
        reached.set()
        release.wait(20)
        return status(500)()

    server.faults["5"] = [hang]
    with subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], env=dict(os.environ)) as child:
        assert reached.wait(20)
        deadline = time.monotonic() + 30
        while len(files(tmp_path)) < 5:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        child.kill()
    release.set()
    kept = {json.loads(path.read_text())["answer"]["text"] for path in files(tmp_path)}
    asked = len(server.asked)
    texts = [str(number) for number in range(8)]
    assert endpoint(tmp_path).answer(list(map(question, texts))) == [f"answer to {text}" for text in texts]
    assert {f"answer to {text}" for text in server.texts()[asked:]} == {f"answer to {text}" for text in texts} - kept
    assert 5 <= len(kept) < 8


def test_one_that_is_interrupted_half_way_keeps_what_it_has(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(futures: Any, label: str, total: int) -> Generator[Any]:
        for number, future in enumerate(futures):
            if number == 2:
                raise KeyboardInterrupt
            yield future

    texts = [str(number) for number in range(30)]
    server.pause = 0.02
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("recexplainer.chat.endpoint.track", interrupted)
        endpoint(tmp_path, concurrency=2).answer(list(map(question, texts)))
    asked = len(server.asked)
    assert 2 <= asked < len(texts)
    assert len(files(tmp_path)) == asked, "what was under way is kept too"
    assert None not in endpoint(tmp_path).answer(list(map(question, texts)))
    assert server.answered == Counter(texts)


def test_what_decides_the_answer_decides_what_is_asked_again(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint(tmp_path).answer([question("a")])
    monkeypatch.delenv("OPENAI_BASE_URL")
    monkeypatch.delenv("OPENAI_API_KEY")
    same = endpoint(tmp_path, concurrency=1, price_in=3, retries=0, timeout=9)
    assert same.answer([question("a")]) == ["answer to a"], "neither address nor key counts"
    monkeypatch.setenv("OPENAI_BASE_URL", server.address)
    for other in ({"temperature": 1.0}, {"max_tokens": 7}, {"max_tokens_parameter": "max_completion_tokens"}):
        endpoint(tmp_path, **other).answer([question("a")])
    endpoint(tmp_path, temperature=None).answer([(Message("system", "a"),)])
    assert len(server.asked) == 5
    assert "temperature" not in server.asked[-1]
    assert server.asked[-2]["max_completion_tokens"] == 100
    assert server.keys == {f"Bearer {KEY}", None}, "without a key none is sent"


def test_the_key_is_in_no_file_and_no_text(server: Loopback, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    server.faults["b"] = [status(500, KEY)] * 3
    caplog.set_level("DEBUG")
    model = endpoint(tmp_path)
    assert model.answer([question("a"), question("b")]) == ["answer to a", None]
    held = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    for text in (held, caplog.text, repr(model.settings), repr(vars(model))):
        assert KEY not in text
    assert "answer to a" in held


@pytest.mark.parametrize(
    ("address", "what"),
    [("", "names no endpoint"), ("tiny", "no address"), (f"http://u:{KEY}@h/v1", "no address")],
)
def test_an_address_that_is_none(
    address: str, what: str, server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", address)
    error = refusal(endpoint(tmp_path))
    assert what in error.what
    assert error.location == "OPENAI_BASE_URL"


def test_names_of_the_variables_can_be_set_and_a_key_that_cannot_be_sent_is_not_shown(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUDGE", "ключ-secret")
    error = refusal(endpoint(tmp_path, key_variable="JUDGE"))
    assert error.location == "JUDGE"
    assert "secret" not in str(error)
    with pytest.raises(ValidationError):
        EndpointSettings.model_validate({"model": "tiny", "key": KEY})


def test_a_damaged_answer_and_one_of_another_request_are_named(server: Loopback, tmp_path: Path) -> None:
    model = endpoint(tmp_path)
    model.answer([question("a"), question("b")])
    first, second = files(tmp_path)
    other = second.read_text()
    for wrong in (other, other[:20], "[]"):
        first.write_text(wrong)
        with pytest.raises(ChatError) as caught:
            model.answer([question("a"), question("b")])
        assert caught.value.location == str(first)
    first.unlink()
    assert model.answer([question("a"), question("b")]) == ["answer to a", "answer to b"]
    assert len(server.asked) == 3


def test_a_folder_that_cannot_be_written(server: Loopback, tmp_path: Path) -> None:
    (tmp_path / "answers").write_text("a file")
    with pytest.raises(RunError, match="refuses"):
        endpoint(tmp_path).answer([question("a")])


def refused(message: str, number: int = 400, **more: str) -> Fault:
    return status(number, json.dumps({"error": {"message": message, **more}}))


def cut_off(text: str | None, **message: str) -> Fault:
    choice = {"index": 0, "finish_reason": "length", "message": {"role": "assistant", "content": text, **message}}
    return body(json.dumps({"choices": [choice], "usage": {"completion_tokens": 100}}))


def test_one_question_that_is_filtered_refused_or_too_long_is_unscored_and_the_rest_goes_on(
    server: Loopback, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    said_no = json.dumps({"choices": [{"message": {"content": None, "refusal": "I can't help with that."}}]})
    server.faults["filtered"] = [refused("The response was filtered.", code="content_filter")]
    server.faults["refused"] = [body(said_no)]
    server.faults["long"] = [refused("This model's maximum context length is 10 tokens.")]
    server.faults["odd"] = [refused("Some reason that nobody knows.")]
    texts = ["filtered", "refused", "long", "a", "odd", "b"]
    answers = endpoint(tmp_path, concurrency=1).answer(list(map(question, texts)))
    assert answers == [None, None, None, "answer to a", None, "answer to b"]
    assert server.texts() == texts
    assert len(files(tmp_path)) == 2
    assert "tiny answered 2 of 6 requests; unscored: 1 refused, 1 filtered, 2 failed." in caplog.text
    assert "the model refused: I can't help with that." in caplog.text
    assert "The response was filtered. (content_filter)" in caplog.text


def test_what_all_questions_would_be_refused_for_is_asked_once(server: Loopback, tmp_path: Path) -> None:
    said = "Unexpected endpoint or method. (POST /chat/completions)"
    server.faults.update({text: [body(json.dumps({"error": said}))] for text in "abcdef"})
    with pytest.raises(ChatError) as caught:
        endpoint(tmp_path).answer(list(map(question, "abcdef")))
    assert said in caught.value.what
    assert "OPENAI_BASE_URL, which mostly ends in /v1" in caught.value.hint
    assert server.address in caught.value.location
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("fault", "requests", "words"),
    [
        (
            cut_off("Rating: 1 would be"),
            1,
            "cut off after 100 tokens. Raise max_tokens, as with --set evaluation",
        ),
        (cut_off(None, reasoning="Let me"), 1, "cut off after 100 tokens while it was thinking. Raise max_tokens"),
        (body('{"id": "x", "choices": []}'), 2, 'no choice: {"id": "x", "choices": []}'),
        (body(""), 2, "an empty body"),
    ],
)
def test_what_is_no_whole_answer_is_not_kept(
    fault: Fault, requests: int, words: str, server: Loopback, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.faults["a"] = [fault] * 9
    assert endpoint(tmp_path, retries=5).answer([question("a")]) == [None]
    assert len(server.asked) == requests
    assert files(tmp_path) == []
    assert words in caplog.text


@pytest.mark.parametrize(
    ("fault", "requests", "words"),
    [
        (body("<html><title>Log in</title></html>"), 2, "a web page: Log in"),
        (body('data: {"choices": []}\n\ndata: [DONE]\n'), 1, "the server streams"),
        (body('{"message": {"content": "Yes"}, "done": true}'), 1, "not the answer of a chat completion"),
    ],
)
def test_what_is_no_such_interface_is_an_error(
    fault: Fault, requests: int, words: str, server: Loopback, tmp_path: Path
) -> None:
    server.faults["a"] = [fault] * 9
    error = refusal(endpoint(tmp_path, retries=5))
    assert words in error.what
    assert len(server.asked) == requests


LIMIT = refused(
    "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens'.", param="max_tokens"
)
OLD = refused("Unrecognized request argument supplied: max_completion_tokens")
EXTRA = status(
    422, '{"detail": [{"loc": ["body", "max_tokens"], "msg": "Extra inputs are not permitted", "input": 9}]}'
)
HEAT = refused("Unsupported value: 'temperature' does not support 0 with this model.", param="temperature")
POSITIVE = refused("Input validation error: `temperature` must be strictly positive", 422)
SYSTEM = refused("System role not supported")
STREAM = body('data: {"choices": [{"delta": {}}]}\n')
Wrong = Callable[[dict[str, Any]], Fault | None]


def if_sent(**faults: Fault) -> Wrong:
    """The first of these faults whose parameter is sent."""
    return lambda body: next((fault for name, fault in faults.items() if name in body), None)


def if_system(sent: dict[str, Any]) -> Fault | None:
    return SYSTEM if sent["messages"][0]["role"] == "system" else None


def if_not_told(sent: dict[str, Any]) -> Fault | None:
    return None if sent.get("stream") is False else STREAM


@pytest.mark.parametrize(
    ("wrong", "tries", "settings", "words"),
    [
        (if_sent(max_tokens=LIMIT), 1, {}, "sends max_completion_tokens in place"),
        (if_sent(max_tokens=EXTRA), 1, {}, "sends max_completion_tokens in place"),
        (if_sent(max_completion_tokens=OLD), 1, OTHER, "sends max_tokens in place"),
        (if_sent(temperature=HEAT), 1, {}, "leaves the temperature"),
        (if_sent(temperature=POSITIVE), 1, {}, "leaves the temperature"),
        (if_sent(max_tokens=LIMIT, temperature=HEAT), 2, {}, "leaves the temperature"),
        (if_system, 1, {}, "puts the system message"),
        (if_not_told, 0, {}, ""),
    ],
)  # fmt: skip
def test_what_the_endpoint_refuses_is_changed_once_and_said(
    wrong: Wrong, tries: int, settings: dict[str, Any], words: str, server: Loopback, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    server.wrong = wrong
    asked = [(Message("system", "be brief"), Message("user", str(number))) for number in range(6)]
    model = endpoint(tmp_path, **settings)
    answers = model.answer(asked)
    assert [(answer or "")[-1:] for answer in answers] == list("012345")
    assert len(server.asked) == 6 + tries
    assert caplog.text.count("from now on") == tries
    assert words in caplog.text
    model.answer([(Message("system", "be brief"), Message("user", "7"))])
    assert len(server.asked) == 7 + tries, "remembered"
    server.asked.clear()
    assert endpoint(tmp_path, **settings).answer(asked) == answers
    assert server.asked == [], "found again under the request as it was"


def test_an_answer_is_found_again_when_the_settings_are_corrected_as_was_said(server: Loopback, tmp_path: Path) -> None:
    server.wrong = if_sent(max_tokens=LIMIT, temperature=HEAT)
    endpoint(tmp_path).answer([question("a")])
    server.asked.clear()
    corrected = endpoint(tmp_path, temperature=None, **OTHER)
    assert corrected.answer([question("a")]) == ["answer to a"]
    assert server.asked == []


def test_what_cannot_be_changed_is_not_tried_for_ever(server: Loopback, tmp_path: Path) -> None:
    server.wrong = if_sent(max_tokens=LIMIT, max_completion_tokens=OLD)
    assert "max_completion_tokens" in refusal(endpoint(tmp_path)).what
    assert len(server.asked) == 2


@pytest.mark.parametrize(("read", "warned"), [(2050, True), (7907, False), (0, False), (40, False)])
def test_a_prompt_that_the_server_cuts_is_said_whenever_its_answer_is_used(
    read: int, warned: bool, server: Loopback, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    long = "history " * 7900
    server.faults[long] = [lambda: completion("fine", read)]
    assert endpoint(tmp_path).answer([question(long), question("short")]) == ["fine", "answer to short"]
    assert ("read 2,050 of about 7,907 tokens" in caplog.text) is warned
    assert caplog.text.count("num_ctx") == warned
    caplog.clear()
    assert endpoint(tmp_path).answer([question(long)]) == ["fine"]
    assert (f"delete {tmp_path / 'answers'}" in caplog.text) is warned
    assert len(server.asked) == 2


def test_no_false_alarm_for_other_scripts(server: Loopback, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for text in ("Преступление и наказание; " * 100, "红楼梦与西游记的故事" * 100, "これは本の題名です。" * 100):
        tokens = len(text) // 3
        server.faults[text] = [lambda tokens=tokens: completion("fine", tokens)]
        endpoint(tmp_path).answer([question(text)])
    assert "num_ctx" not in caplog.text


def test_thinking_that_an_older_version_kept_is_no_part_of_an_answer(server: Loopback, tmp_path: Path) -> None:
    model = endpoint(tmp_path)
    model.answer([question("a"), question("b")])
    for path in files(tmp_path):
        whole = path.read_text().replace("answer to a", "<think>hm</think>yes").replace("answer to b", "<think>hm")
        path.write_text(whole)
    assert model.answer([question("a"), question("b")]) == ["yes", "answer to b"]
    assert len(server.asked) == 3


def test_https_to_a_server_without_a_certificate_is_tried_once(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", server.address.replace("http://", "https://"))
    error = refusal(endpoint(tmp_path, initial_backoff=60, retries=5))
    assert "Write http:// in OPENAI_BASE_URL" in error.hint


def test_azure_by_its_whole_address(azure: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    route = "openai/deployments/tiny/chat/completions?api-version=2024-10-21"
    monkeypatch.setenv("OPENAI_BASE_URL", f"{azure.address.rstrip('/')}/{route}")
    assert endpoint(tmp_path).answer([question("a")]) == ["answer to a"]
    assert (azure.keys, azure.azure_keys) == ({None}, {KEY})


def test_a_proxy_does_not_come_between(server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("OPENAI_BASE_URL", server.address.removeprefix("http://") + "/chat/completions\n")
    assert endpoint(tmp_path).answer([question("a")]) == ["answer to a"]


# Tokens of each text in the vocabulary cl100k, as tiktoken 0.14 counts them.
COUNTED = {
    "Please act as an impartial judge and evaluate the AI assistant’s recommendation decision as well as its "
    "explanation, based on the user’s purchase history, the target item and the ground truth label. Assign a score "
    "according to four levels. RATING-0: the assistant fails to generate a correct recommendation decision. RATING-1: "
    "the decision is correct, but the explanation is missing, irrelevant, or holds hallucinations. RATING-2: the "
    "explanation is consistent, with minor imperfections. RATING-3: the explanation is thorough and persuasive. Give "
    "your score in the form <br>RATING-k</br>. Do not allow the length of the explanation to influence you.": 136,
    "History: “Delta Force: Xtreme - PC”; “Assassins Creed Unity PS4”; “Halo Reach Wireless Xbox 360 Headset”; "
    "“Persona 4 Golden: Solid Gold Premium Edition - PlayStation Vita”; “Carnival Games: Monkey See Monkey Do - Xbox "
    "360”; “Beetle Adventure Racing”. Would the recommender suggest “18 Wheels of Steel: Pedal to the Metal - PC”, "
    "and why?": 89,
    "User history: Infinity; Taxi Driver (1976); Tough and Deadly; Carlito's Way (1993); Last Action Hero; First Wives "
    'Club, The. Target item: Maverick. Label: YES. Assistant\'s output: Yes. "Maverick" would be recommended, because '
    'the user watched "Last Action Hero"; leaving it out would lower the score by 0.43, from rank 12 to rank 57 of '
    "1,864.": 95,
    "The reader borrowed “The Wind-Up Bird Chronicle”, “Middlemarch” and “A Wizard of Earthsea”, in that order. A "
    "friend says: “You would enjoy The Left Hand of Darkness, since it is by the author of the last one.” Is that what "
    "the recommender says? Answer yes or no, then give two reasons and one thing that speaks against it.": 77,
    "Two explanations of one recommendation follow. Which of them fits what was measured? A: The user listens to Miles "
    "Davis and John Coltrane, hence “Maiden Voyage” by Herbie Hancock. B: The user wants something quiet for the "
    "evening. Measured: without “Kind of Blue” the score falls from 2.71 to 1.08; without “Giant Steps” it stays at "
    "2.69. Say A, B, or neither.": 97,
}


def test_the_estimate_is_near_what_the_server_counts(server: Loopback, tmp_path: Path) -> None:
    server.tokens = COUNTED
    rubric, *texts = COUNTED
    conversations = [(Message("system", rubric), Message("user", text)) for text in texts]
    model = endpoint(tmp_path, expected_tokens=30)
    for conversation in conversations:
        before, spend = server.counted, model.estimate([conversation])
        model.answer([conversation])
        assert spend.tokens_in == pytest.approx(server.counted - before, rel=0.1)
    assert server.counted == 4 * (136 + 11) + 89 + 95 + 77 + 97


def test_the_estimate_knows_what_is_asked_already(server: Loopback, tmp_path: Path) -> None:
    model = endpoint(tmp_path, expected_tokens=30, price_in=2, price_out=8, currency="EUR")
    conversations = [question(text) for text in ("a", "b", "b", "c")]
    fresh = model.estimate(conversations)
    assert (fresh.conversations, fresh.requests, fresh.tokens_in) == (4, 3, 3 * 8)
    assert (fresh.tokens_out, fresh.max_tokens_out) == (90, 300)
    assert fresh.cost == pytest.approx((24 * 2 + 90 * 8) / 1e6)
    assert fresh.max_cost == pytest.approx((24 * 2 + 300 * 8) / 1e6)
    assert server.asked == []
    model.answer(conversations[:1])
    half = model.estimate(conversations)
    assert (half.requests, half.tokens_out) == (2, 80), "answers were 40 tokens long"
    model.answer(conversations)
    assert str(model.estimate(conversations)) == "Nothing to ask tiny: 4 of 4 are answered."
    assert len(server.asked) == 3
