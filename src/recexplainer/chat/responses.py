"""What an endpoint sends, told apart: a whole answer, or why there is none, and whether that is so for all questions.

It reads chat completions, and errors in the forms of OpenAI, FastAPI, Gemini, Mistral, OpenRouter, vLLM and LM Studio,
which come as statuses and as bodies of a success. openai's own classes do not check what they read.
"""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, cast

from pydantic import BaseModel

from recexplainer.chat.thinking import split_thinking

_log = logging.getLogger(__name__)
_ADDRESS = "Check the model's name, and {address}, which mostly ends in /v1."
_PAGE = f"{_ADDRESS} Or a proxy is between."
_OTHER = "not the answer of a chat completion in OpenAI's form"
_KEY = "Set {key} to a key that is valid there."
_SETTINGS = "Check the settings of the endpoint (model, max_tokens, temperature), and {address}."
_HINTS = {
    401: _KEY,
    403: "Set {key} to a key that may use this model.",
    407: "Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY: the proxy wants a password.",
    404: _ADDRESS,
    405: _ADDRESS,
    None: _ADDRESS,
}

_REPEATED = ("input", "ctx", "url")  # what FastAPI's errors repeat of the question, and its documentation
_WHOLE = re.compile(
    r"|stop.*|eos.*|end|end_?turn|(task_?)?complete|completed|done|finish(ed)?|null|none|unknown|.*_unspecified"
)
_CUT = re.compile(r"length|max_|context_window|token_?limit|incomplete")
_FINISH_FILTERED = re.compile(r"content.?filter|safety|sensitive|prohibited|recitation|blocklist|spii|guardrail")
_THOUGHTS = ("reasoning_content", "reasoning", "thinking", "reasoning_details")

_FILTERED = re.compile(
    r"content[ _-]*(?:filter|policy|management)|content exists risk|responsible ?ai|moderation|\bflagged\b|guardrail"
    r"|data_inspection|inappropriate content|prohibited_content|high[ -]risk|usage polic|safety (?:filter|system)",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(
    r"context[ _]?(?:length|window|size)|maximum context|too many (?:input )?tokens|reduce the length|string_above_max"
    r"|(?:input|request|prompt|messages?)\b.{0,30}\btoo (?:long|large)|exceeds? the (?:available )?context"
    r"|`inputs`|maximum prompt length|exceeds? the maximum number of tokens",
    re.IGNORECASE,
)
_TRANSIENT = re.compile(
    r"overload|rate.?limit|too many requests|temporar|unavailable|time[d-]?[ -]?out|try again|retry|busy|loading",
    re.IGNORECASE,
)
_NO_CREDIT = re.compile(
    r"insufficient[ _](?:quota|balance|credit|funds)|credit balance|billing_(?:hard_limit|not_active)", re.IGNORECASE
)
_NO_KEY = re.compile(
    r"\b(?:api|access|secret)[ _-]?(?:key|token)|unauthori[sz]ed|authentication|credentials", re.IGNORECASE
)


Retry = Literal["no", "once", "later", "too late"]
"""Whether another try can help; too late is later than the settings wait."""
Stop = Literal["no", "if repeated", "unless answered", "always"]
"""Whether other requests would end in the same way, so that no more are sent; answered: another request was."""
_STOPS: dict[int | None, Stop] = {401: "always", 407: "always", 400: "if repeated", 422: "if repeated"}
_PASSING = {408, 409, 425, 429, *range(500, 600)} - {501, 505}


class Outcome(StrEnum):
    """What became of a request."""

    ANSWERED = "answered"
    CUT_OFF = "cut off"
    REFUSED = "refused"
    FILTERED = "filtered"
    FAILED = "failed"


class Answer(BaseModel):
    """A whole answer, without what was thought before it, and its tokens as the server counts them."""

    text: str
    tokens_in: int | None = None
    tokens_out: int | None = None


@dataclass
class AnswerError(Exception):
    """A try without an answer: `reason` shows what the server sent, `hint` says what to do.

    `{address}` and `{key}` in a hint stand for the environment variables with them, `{more}` for a larger limit on
    tokens.
    """

    outcome: Outcome
    reason: str
    hint: str = ""
    retry: Retry = "no"
    stop: Stop = "no"

    @property
    def is_general(self) -> bool:
        """Whether it is not the fault of this question alone."""
        return self.stop != "no" or self.retry != "no"

    def __str__(self) -> str:
        return f"{self.reason.rstrip('.')}.{f' {self.hint}' if self.hint else ''}"


def log_summary(model: str, outcomes: Sequence[Outcome], hint: str = "") -> None:
    """Log one line for a batch: how many were answered, and of the others how many ended in which way."""
    counts = Counter(outcomes)
    line = f"{model} answered {counts.pop(Outcome.ANSWERED, 0):,} of {len(outcomes):,} requests"
    others = ", ".join(f"{counts[kind]:,} {kind}" for kind in Outcome if kind in counts)
    if others:
        _log.warning(f"{line}; unscored: {others}.{f' {hint}' if hint else ''}")
    elif outcomes:
        _log.info(f"{line}.")


def read_answer(content: bytes, max_tokens: int | None = None) -> Answer:
    """The answer in the body of a chat completion; raises AnswerError where there is none, or not a whole one.

    One that is as long as it may be, `max_tokens`, is cut off, whatever the server says.
    """
    text = content.decode("utf-8-sig", errors="replace").strip()
    try:
        body: Any = json.loads(content.decode("utf-8-sig"))
    except ValueError:
        raise _no_json(text) from None
    held = _dict(body)
    if error := _error_in(held):
        raise _read_error(error)
    choices = held.get("choices")
    if not isinstance(choices, list):
        raise AnswerError(Outcome.FAILED, f"{_OTHER}: {text}", _ADDRESS, stop="unless answered")
    choice = _dict(next(iter(cast("list[Any]", choices)), None))
    if not choice:
        raise AnswerError(Outcome.FAILED, f"the server sent no choice: {text}", retry="once")
    if error := _error_in(choice):
        raise _read_error(error)
    if not isinstance(choice.get("message"), dict):
        raise AnswerError(Outcome.FAILED, f"{_OTHER}: {text}", _ADDRESS, stop="unless answered")
    tokens_in, tokens_out = _tokens(_dict(held.get("usage")))
    finish = str(choice.get("finish_reason") or "").lower()
    finish = "length" if tokens_out is not None and tokens_out == max_tokens else finish
    answer = _read_message(_dict(choice["message"]), finish, tokens_out, text)
    return Answer(text=answer, tokens_in=tokens_in, tokens_out=tokens_out)


def _read_message(message: dict[str, Any], finish: str, tokens: int | None, sent: str) -> str:
    content = message.get("content")
    text, unfinished = split_thinking(written := _joined(content, "text"))
    thoughts = (text != written, _joined(content, "thinking"), *map(message.get, _THOUGHTS))
    if withheld := _withheld(message, finish, text or sent):
        raise withheld
    if _CUT.search(finish) or unfinished:
        raise _cut_off(tokens, thinking=any(thoughts), begun=bool(text))
    if message.get("tool_calls") or message.get("function_call"):
        hint = "Turn off the tools that the server or a proxy adds."
        raise AnswerError(Outcome.FAILED, f"a call of a tool in place of an answer: {sent}", hint)
    if not _WHOLE.fullmatch(finish):
        reason = f"the server broke off its answer (finish_reason {finish}): {sent}"
        raise AnswerError(Outcome.FAILED, reason, retry="later")
    if text.strip():
        return text
    if any(thoughts):
        hint = "Raise max_tokens, or give the server the reasoning parser that suits the model."
        raise AnswerError(Outcome.FAILED, f"thinking alone, an answer without text: {sent}", hint)
    raise AnswerError(Outcome.FAILED, f"an answer without text: {sent}")


def _withheld(message: dict[str, Any], finish: str, sent: str) -> AnswerError | None:
    """The error if the model refused, or its answer was filtered."""
    refusal = str(message.get("refusal") or "") or _joined(message.get("content"), "refusal")
    if refusal or finish == "refusal":
        return AnswerError(Outcome.REFUSED, f"the model refused: {refusal or sent}")
    if _FINISH_FILTERED.search(finish):
        return AnswerError(Outcome.FILTERED, f"the answer was filtered (finish_reason {finish})")
    return None


def _cut_off(tokens: int | None, *, thinking: bool, begun: bool) -> AnswerError:
    after = "" if tokens is None else f" after {tokens:,} tokens"
    after += " while it was thinking" if thinking and not begun else ""
    less = ", or have the server think less" if thinking else ""
    hint = f"Raise max_tokens, as with --set evaluation.endpoint.max_tokens={{more}}{less}."
    return AnswerError(Outcome.CUT_OFF, f"the answer was cut off{after}", hint)


def _joined(content: Any, kind: str) -> str:
    """The parts of a content that are of such a kind, as one text; a plain string is of the kind `text`."""
    texts: list[str] = []
    for part in cast("list[Any]", content) if isinstance(content, list) else [content]:
        held = {"text": part} if isinstance(part, str) else _dict(part)
        named = str(held.get("type", "text")).replace("output_text", "text").replace("reasoning", "thinking")
        value = held.get(kind, held.get("text", "…")) if held and named == kind else ""
        texts.append(value if isinstance(value, str) else "…" if value and kind != "text" else "")
    return "".join(texts)


def _tokens(usage: dict[str, Any]) -> tuple[int | None, int | None]:
    """Tokens that were read and written; some servers write 0 or -1 where they do not count.

    Where more tokens came from the server's cache than were read, those are not among these.
    """
    details = _dict(usage.get("prompt_tokens_details"))
    numbers = (usage.get("prompt_tokens"), usage.get("completion_tokens"), details.get("cached_tokens"))
    read, written, cached = (one if isinstance(one, int) and one > 0 else None for one in numbers)
    return (read + cached if read and cached and cached > read else read), written


def _no_json(text: str) -> AnswerError:
    if _is_page(text):
        reason = f"the server sent a web page: {_words(text)}"
        return AnswerError(Outcome.FAILED, reason, _PAGE, "once", "unless answered")
    if re.match(r"(?:data|event|id|retry)?:|\{[^\n]*\}\s*\n\s*\{", text):
        hint = "Turn streaming off in the settings of the server or of the proxy before it."
        reason = f"the server streams its answer, though it is asked not to: {text}"
        return AnswerError(Outcome.FAILED, reason, hint, stop="unless answered")
    return AnswerError(Outcome.FAILED, f"a body that is no JSON: {text}" if text else "an empty body", retry="once")


def read_status(status: int, text: str) -> AnswerError:
    """What a response with such a status means, from the text of its body."""
    held: dict[str, Any] = {}
    with suppress(ValueError):
        body = json.loads(text, object_hook=lambda one: {key: one[key] for key in one if key not in _REPEATED})
        while isinstance(body, list) and body:  # Gemini's errors stand in a list
            body = cast("list[Any]", body)[0]
        held = _dict(body)
    failed = _read_error(held.get("error") or held or _words(text), status)
    failed.hint = _PAGE if status == 403 and _is_page(text) else failed.hint
    return failed


def _read_error(error: Any, status: int | None = None) -> AnswerError:
    """What an error means; without a `status` it came in the body of a success, and its code may be one."""
    message, code = _message(error), str(_dict(error).get("code"))
    status = status or (int(code) if re.fullmatch(r"[345]\d\d", code) else None)
    kind = f"status {status}" if status else "an error in place of an answer"
    reason = f"{kind}: {message or 'no reason is given'}"
    if status == 402 or (status in (None, 400, 403, 429) and _NO_CREDIT.search(message)):
        hint = "The account has no credit left: add some and start again; all answers so far are kept."
        return AnswerError(Outcome.FAILED, reason, hint, stop="always")
    if status not in (401, 404, 407, 429) and (about := _about_question(status, message, reason)):
        return about
    if status in _PASSING or (status is None and _TRANSIENT.search(message)):
        return AnswerError(Outcome.FAILED, reason, retry="later")
    if status in (None, 400) and _NO_KEY.search(message):
        return AnswerError(Outcome.FAILED, reason, _KEY, stop="unless answered")
    stop = _STOPS.get(status, "unless answered")
    return AnswerError(Outcome.FAILED, reason, _HINTS.get(status, _SETTINGS), stop=stop)


def _about_question(status: int | None, message: str, reason: str) -> AnswerError | None:
    """The error if it is about this question, so that others may be answered."""
    if _FILTERED.search(message):
        return AnswerError(Outcome.FILTERED, f"the question was filtered, {reason}")
    if status == 413 or _TOO_LONG.search(message):
        hint = "Choose a server with a longer context, or lower max_tokens."
        return AnswerError(Outcome.FAILED, f"the question is too long, {reason}", hint)
    return None


def _error_in(body: dict[str, Any]) -> Any:
    """An error that came as a success; None where the body holds none."""
    says = any(isinstance(body.get(name), str) for name in ("message", "msg"))
    is_error = says or body.get("object") == "error" or not body.keys().isdisjoint(("detail", "errors"))
    return body.get("error") or (body if is_error and not body.get("choices") else None)


def _message(error: Any) -> str:
    """What an error says, with the names that it goes by."""
    if not (held := _dict(error)):
        return str(error)
    named = [str(held[name]) for name in ("code", "type", "param") if held.get(name)]
    named += [json.dumps(held[name]) for name in ("metadata", "innererror") if held.get(name)]
    said = next(filter(None, map(held.get, ("message", "detail", "msg", "error", "errors"))), held)
    said = _dict(said).get("message", said)
    message = said if isinstance(said, str) else json.dumps(said)
    return f"{message} ({', '.join(named)})" if named else message


def _dict(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _is_page(text: str) -> bool:
    return bool(re.match(r"\s*(?:<!--.*?-->\s*)*<(?:!doctype|html|head|body)\b", text, re.IGNORECASE | re.DOTALL))


def _words(text: str) -> str:
    """The words of a web page; any other text as it is."""
    marks = r"<(script|style)\b.*?</\1\s*>|<[^>]*>"
    return re.sub(marks, " ", text, flags=re.DOTALL | re.IGNORECASE) if _is_page(text) else text
