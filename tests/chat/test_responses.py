"""What endpoints send, told apart; every body is as such a server writes it."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from recexplainer.chat.responses import AnswerError, Outcome, Retry, Stop, read_answer, read_status

USAGE = {"prompt_tokens": 50, "completion_tokens": 512}


def completion(content: Any, finish: str | None = "stop", **message: Any) -> dict[str, Any]:
    held = {"role": "assistant", "content": content, **message}
    return {"choices": [{"index": 0, "finish_reason": finish, "message": held}], "usage": USAGE}


def text(value: str, kind: str = "text") -> dict[str, Any]:
    return {"type": kind, "text": value}


@pytest.mark.parametrize(
    "body",
    [
        completion("Rating: 2"),
        completion("Rating: 2", None),
        *(completion("Rating: 2", finish) for finish in ("", "eos_token", "end_turn", "STOP", "COMPLETE")),
        completion([text("Rating: 2")]),
        completion([text("Rating: ", "output_text"), text("2")]),
        completion([{"type": "thinking", "thinking": [text("1?")]}, text("Rating: 2")]),
        completion([{"type": "reasoning", "text": "1?"}, text("Rating: 2")]),
        completion(text("Rating: 2")),
        completion(["Rating: 2"]),
        completion("Rating: 2", reasoning_content="1?", refusal=None, tool_calls=None),
        completion("<think>1?</think>\n\nRating: 2"),
        completion("1?</think>Rating: 2"),
        completion("<|channel|>analysis<|message|>1?<|end|><|start|>assistant<|channel|>final<|message|>Rating: 2"),
        completion("Rating: 2") | {"error": None},
        completion("Rating: 2") | {"usage": None},
    ],
)
def test_answers(body: Any) -> None:
    assert read_answer(json.dumps(body).encode()).text == "Rating: 2"
    assert read_answer(b"\xef\xbb\xbf\n" + json.dumps(body).encode() + b"\n\n").text == "Rating: 2"


def test_tokens_are_those_of_the_server_where_it_counts() -> None:
    answer = read_answer(json.dumps(completion("Yes")).encode())
    assert (answer.tokens_in, answer.tokens_out) == (50, 512)
    cached = {"prompt_tokens": 50, "prompt_tokens_details": {"cached_tokens": 900}}
    assert read_answer(json.dumps(completion("Yes") | {"usage": cached}).encode()).tokens_in == 950
    with pytest.raises(AnswerError, match="cut off after 512 tokens"):
        read_answer(json.dumps(completion("Yes")).encode(), max_tokens=512)
    counted = completion("Yes") | {"usage": {"prompt_tokens": 0, "completion_tokens": -1}}
    answer = read_answer(json.dumps(counted).encode())
    assert (answer.tokens_in, answer.tokens_out) == (None, None)


CUT, REFUSED, FILTERED, FAILED = Outcome.CUT_OFF, Outcome.REFUSED, Outcome.FILTERED, Outcome.FAILED
NO, ONCE, LATER, _ = get_args(Retry)
OTHER = "not the answer of a chat completion in OpenAI's form: "
ERROR = "an error in place of an answer"


@pytest.mark.parametrize(
    ("body", "outcome", "retry", "words"),
    [
        (completion(None, "length", reasoning="Let me"), CUT, NO, "cut off after 512 tokens while it was thinking"),
        (completion("<think>Let me", "length"), CUT, NO, "while it was thinking"),
        (completion("<think>Let me"), CUT, NO, "while it was thinking"),
        (completion("Rating: 1 would be", "length"), CUT, NO, "cut off after 512 tokens"),
        (completion("Rating: 1 would be", "MAX_TOKENS"), CUT, NO, "cut off"),
        (completion("Rating: 1 would be", "model_length"), CUT, NO, "cut off"),
        (completion(None, refusal="I can't help."), REFUSED, NO, "the model refused: I can't help."),
        (completion([{"type": "refusal", "refusal": "I can't."}]), REFUSED, NO, "the model refused: I can't."),
        (completion("", "content_filter"), FILTERED, NO, "finish_reason content_filter"),
        (completion("Half", "SAFETY"), FILTERED, NO, "finish_reason safety"),
        (completion(None, "sensitive"), FILTERED, NO, "finish_reason sensitive"),
        (completion(None, "guardrail_intervened"), FILTERED, NO, "guardrail"),
        (completion(None, "tool_calls", tool_calls=[{"function": {"name": "f"}}]), FAILED, NO, "a call of a tool"),
        (completion(None), FAILED, NO, "an answer without text"),
        (completion([]), FAILED, NO, "an answer without text"),
        (completion("", reasoning_content="Let me"), FAILED, NO, "thinking alone"),
        ({"id": "x", "choices": []}, FAILED, ONCE, 'no choice: {"id": "x"'),
        ({"id": "x", "choices": [None]}, FAILED, ONCE, "no choice"),
        ({"error": "Unexpected endpoint or method."}, FAILED, NO, f"{ERROR}: Unexpected endpoint"),
        ({"error": {"message": "Overloaded"}}, FAILED, LATER, "Overloaded"),
        ({"error": {"code": 429, "message": "Rate limited"}}, FAILED, LATER, "status 429: Rate limited"),
        ({"error": {"code": 400, "message": "Bad"}}, FAILED, NO, "status 400: Bad"),
        ({"object": "error", "message": "no such model", "code": 40301}, FAILED, NO, "no such model"),
        ({"detail": "Not Found"}, FAILED, NO, f"{ERROR}: Not Found"),
        ({"message": "Forbidden"}, FAILED, NO, f"{ERROR}: Forbidden"),
        ({"error": {"message": "maximum context length is 8 tokens"}}, FAILED, NO, "the question is too long"),
        ({"choices": [{"error": {"code": 502, "message": "Provider"}}]}, FAILED, LATER, "status 502: Provider"),
        (completion("Half", "error"), FAILED, LATER, "broke off its answer (finish_reason error)"),
        (completion("Half", "insufficient_system_resource"), FAILED, LATER, "broke off"),
        (completion("Half", "abort"), FAILED, LATER, "broke off"),
        (completion("Half", "model_context_window_exceeded"), CUT, NO, "cut off"),
        ({"choices": None, "status": 439, "msg": "Your API token has expired."}, FAILED, NO, "Set {key} to a key"),
        ({"message": {"role": "assistant", "content": "Yes"}, "done": True}, FAILED, NO, OTHER),
        ({"response": "Yes", "done": True}, FAILED, NO, OTHER),
        ({"choices": [{"text": "Yes", "finish_reason": "stop"}]}, FAILED, NO, OTHER),
        ([{"generated_text": "Yes"}], FAILED, NO, OTHER),
        ({"content": [text("Yes")], "stop_reason": "end_turn"}, FAILED, NO, OTHER),
        ({"candidates": [{"content": {"parts": [{"text": "Yes"}]}}]}, FAILED, NO, OTHER),
        ([], FAILED, NO, OTHER),
        ("Yes", FAILED, NO, OTHER),
    ],
)
def test_why_there_is_no_answer(body: Any, outcome: Outcome, retry: Retry, words: str) -> None:
    with pytest.raises(AnswerError) as caught:
        read_answer(json.dumps(body).encode())
    assert (caught.value.outcome, caught.value.retry) == (outcome, retry)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("body", "words", "retry"),
    [
        ('data: {"choices":[{"delta":{"content":"fi"}}]}\n\ndata: [DONE]\n', "the server streams", NO),
        (': comment\n\ndata: {"choices": []}\n\n', "the server streams", NO),
        ('{"message": {"content": "Y"}}\n{"message": {"content": "es"}}\n', "the server streams", NO),
        ("<!DOCTYPE html><html><title>Log in</title><script>x</script>", "a web page: Log in", ONCE),
        ("", "an empty body", ONCE),
        ("upstream gone", "no JSON: upstream gone", ONCE),
    ],
)
def test_bodies_that_are_no_json(body: str, words: str, retry: Retry) -> None:
    with pytest.raises(AnswerError) as caught:
        read_answer(body.encode())
    assert words in " ".join(str(caught.value).split())
    assert caught.value.retry == retry


def error(message: str, **more: Any) -> str:
    return json.dumps({"error": {"message": message, **more}})


_, TWICE, UNLESS, ALWAYS = get_args(Stop)
ITEM = {"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs", "input": "a flagged title"}


@pytest.mark.parametrize(
    ("status", "body", "outcome", "retry", "stop"),
    [
        (400, error("The response was filtered", code="content_filter"), FILTERED, NO, "no"),
        (400, error("Your prompt was flagged by our usage policy", code="invalid_prompt"), FILTERED, NO, "no"),
        (400, error("Content Exists Risk"), FILTERED, NO, "no"),
        (400, json.dumps({"code": "data_inspection_failed", "message": "No."}), FILTERED, NO, "no"),
        (403, error("Input flagged", metadata={"reasons": ["violence"]}), FILTERED, NO, "no"),
        (400, error("This model's maximum context length is 8192 tokens"), FAILED, NO, "no"),
        (500, error("the request exceeds the available context size"), FAILED, NO, "no"),
        (422, json.dumps({"error": "`inputs` tokens + `max_new_tokens` must be <= 4096"}), FAILED, NO, "no"),
        (413, "<html>Too Large</html>", FAILED, NO, "no"),
        (400, error("model is missing"), FAILED, NO, TWICE),
        (422, json.dumps({"detail": [ITEM]}), FAILED, NO, TWICE),
        (400, json.dumps([error("bad")]), FAILED, NO, TWICE),
        (400, json.dumps([{"error": {"message": "API key not valid."}}]), FAILED, NO, UNLESS),
        (401, error("wrong key"), FAILED, NO, ALWAYS),
        (403, error("no access"), FAILED, NO, UNLESS),
        (404, error("no such model"), FAILED, NO, UNLESS),
        (402, error("Insufficient credits"), FAILED, NO, ALWAYS),
        (429, error("You exceeded your quota", code="insufficient_quota"), FAILED, NO, ALWAYS),
        (400, error("Your credit balance is too low"), FAILED, NO, ALWAYS),
        (429, error("slow down"), FAILED, LATER, "no"),
        (408, "", FAILED, LATER, "no"),
        (503, error("Loading model"), FAILED, LATER, "no"),
        (529, error("Overloaded"), FAILED, LATER, "no"),
        (501, error("not implemented"), FAILED, NO, UNLESS),
        (301, "", FAILED, NO, UNLESS),
    ],
)  # fmt: skip
def test_statuses(status: int, body: str, outcome: Outcome, retry: Retry, stop: Stop) -> None:
    found = read_status(status, body)
    assert (found.outcome, found.retry, found.stop) == (outcome, retry, stop)
    assert f"status {status}" in found.reason
    assert found.hint or found.retry is LATER or found.outcome is FILTERED
