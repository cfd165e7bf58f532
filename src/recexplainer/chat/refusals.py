"""What an error of an endpoint means: whether it is about one question or all, and whether another try can help.

Errors come as statuses, and as bodies of a success. It reads OpenAI's form of errors and those of FastAPI, Gemini,
Mistral, OpenRouter, vLLM and LM Studio.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, cast

from recexplainer.chat.outcomes import AnswerError, Outcome, Retry, Stop

RIGHT_ADDRESS = "Check the model's name, and {address}, which mostly ends in /v1."

_FILTERED = re.compile(
    r"content[ _-]*(?:filter|policy|management)|content exists risk|responsible ?ai|moderation|\bflagged\b|guardrail"
    r"|data_inspection|inappropriate content|prohibited_content|high[ -]risk|usage polic|safety (?:filter|system)",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(
    r"context[ _]?(?:length|window|size)|maximum context|too many (?:input )?tokens|reduce the length|string_above_max"
    r"|(?:input|request|prompt|messages?)\b.{0,30}\btoo (?:long|large)|exceeds? the (?:available )?context",
    re.IGNORECASE,
)
_TRANSIENT = re.compile(
    r"overload|rate.?limit|too many requests|temporar|unavailable|time[d-]?[ -]?out|try again|retry|busy|loading",
    re.IGNORECASE,
)
_NO_CREDIT = re.compile(
    r"insufficient[ _](?:quota|balance|credit|funds)|credit balance|billing_(?:hard_limit|not_active)", re.IGNORECASE
)
_HINTS = {
    401: "Set {key} to a key that is valid there.",
    403: "Set {key} to a key that may use this model.",
    404: RIGHT_ADDRESS,
    405: RIGHT_ADDRESS,
    407: "Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY: the proxy wants a password.",
}
_SETTINGS = "Check the settings of the endpoint (model, max_tokens, temperature), and {address}."


def read_status(status: int, text: str) -> AnswerError:
    """What a response with such a status means, from the text of its body."""
    message, code = error_text(text)
    return read_error(message, code, status)


def read_error(message: str, code: object = None, status: int | None = None) -> AnswerError:
    """What an error means; without a `status` it came in the body of a success, and its code may be one."""
    status = status or _own_status(code)
    kind = f"status {status}" if status else "an error in place of an answer"
    reason = f"{kind}: {message or 'no reason is given'}"
    if status == 402 or (status in (None, 400, 403, 429) and _NO_CREDIT.search(message)):
        hint = "The account has no credit left: add some and start again; all answers so far are kept."
        return AnswerError(Outcome.FAILED, reason, hint, stop=Stop.ALWAYS)
    if status not in (401, 404, 407, 429) and (about := _about_question(status, message, reason)):
        return about
    if _may_pass(status, message):
        return AnswerError(Outcome.FAILED, reason, retry=Retry.LATER)
    if status in (None, 400, 422):
        hint = RIGHT_ADDRESS if status is None else _SETTINGS
        return AnswerError(Outcome.FAILED, reason, hint, stop=Stop.UNLESS_ANSWERED)
    return AnswerError(Outcome.FAILED, reason, _HINTS.get(status, _SETTINGS), stop=Stop.ALWAYS)


def _own_status(code: object) -> int | None:
    return int(str(code)) if re.fullmatch(r"[345]\d\d", str(code)) else None


def _about_question(status: int | None, message: str, reason: str) -> AnswerError | None:
    """The error if it is about this question, so that others may be answered."""
    if _FILTERED.search(message):
        return AnswerError(Outcome.FILTERED, f"the question was filtered, {reason}")
    if status == 413 or _TOO_LONG.search(message):
        hint = "Choose a server with a longer context, or lower max_tokens."
        return AnswerError(Outcome.FAILED, f"the question is too long, {reason}", hint)
    return None


def _may_pass(status: int | None, message: str) -> bool:
    """Whether the same request may be answered later."""
    if status is None:
        return bool(_TRANSIENT.search(message))
    return status in (408, 409, 425, 429) or (status >= 500 and status not in (501, 505))


def error_text(text: str) -> tuple[str, object]:
    """Message and code in the body of an error, without what it repeats of the question; else its words."""
    try:
        body: Any = json.loads(text)
    except ValueError:
        return page_words(text), None
    while isinstance(body, list) and body:  # Gemini's errors stand in a list
        body = cast("list[Any]", body)[0]
    if not isinstance(body, dict):
        return text, None
    held = cast("dict[str, Any]", body)
    return _message(held.get("error") or held)


def error_in(body: dict[str, Any]) -> tuple[str, object] | None:
    """Message and code of an error that came as a success; None where the body holds none."""
    if error := body.get("error"):
        return _message(error)
    says = any(isinstance(body.get(name), str) for name in ("message", "msg"))
    is_error = says or body.get("object") == "error" or not body.keys().isdisjoint(("detail", "errors"))
    return _message(body) if is_error and "choices" not in body else None


def _message(error: Any) -> tuple[str, object]:
    if not isinstance(error, dict):
        return str(error), None
    held = cast("dict[str, Any]", error)
    named = [str(held[name]) for name in ("code", "type", "param") if held.get(name)]
    named += [json.dumps(held[name]) for name in ("metadata", "innererror") if held.get(name)]
    reasons = next((held[name] for name in ("message", "detail", "msg", "error", "errors") if held.get(name)), None)
    message = "; ".join(_sentences(reasons)) or json.dumps(held)
    return f"{message} ({', '.join(named)})" if named else message, held.get("code")


def _sentences(detail: Any) -> Iterator[str]:
    """Of FastAPI's lists the place and the message, not the input that they repeat."""
    if isinstance(detail, list):
        for each in cast("list[Any]", detail):
            yield from _sentences(each)
    elif isinstance(detail, dict):
        held = cast("dict[str, Any]", detail)
        if inner := held.get("detail") or held.get("message"):
            yield from _sentences(inner)
        else:
            place = ".".join(map(str, cast("list[Any]", held.get("loc") or [])))
            yield f"{place}: {held.get('msg', '')} {held.get('type', '')}".strip(": ") or json.dumps(held)
    elif detail:
        yield str(detail)


def is_page(text: str) -> bool:
    """Whether it is a web page."""
    return bool(re.match(r"\s*(?:<!--.*?-->\s*)*<(?:!doctype|html|head|body)\b", text, re.IGNORECASE | re.DOTALL))


def page_words(text: str) -> str:
    """The words of a web page; any other text as it is."""
    if not is_page(text):
        return text
    return re.sub(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", " ", text, flags=re.DOTALL | re.IGNORECASE)
