"""The body of a chat completion: a whole answer, or why there is none.

It reads bytes; it sends nothing and does not know what was asked. openai's own classes do not check what they read.
"""

from __future__ import annotations

import json
import re
from typing import Any, cast

from recexplainer.chat.outcomes import Answer, AnswerError, Outcome, Retry, Stop
from recexplainer.chat.refusals import RIGHT_ADDRESS, error_in, is_page, page_words, read_error
from recexplainer.chat.thinking import split_thinking

_CUT = ("length", "max_tokens", "model_length", "max_output_tokens")
_FILTERED = re.compile(r"content.?filter|safety|sensitive|prohibited|recitation|blocklist|spii|guardrail")
_THOUGHTS = ("reasoning_content", "reasoning", "thinking", "reasoning_details")
_INTERFACES = {  # a key of another interface's answer, and the interface
    "candidates": "Gemini's own interface",
    "output": "OpenAI's responses",
    "generated_text": "a text generation",
    "response": "Ollama's /api/generate",
    "message": "Ollama's /api/chat",
    "content": "Anthropic's messages, or llama.cpp's /completion",
    "text": "a text completion",
}


def read_answer(content: bytes) -> Answer:
    """The answer in the body of a chat completion; raises AnswerError where there is none, or not a whole one."""
    text = content.decode("utf-8-sig", errors="replace").strip()
    try:
        body: Any = json.loads(content.decode("utf-8-sig"))
    except ValueError:
        raise _no_json(text) from None
    held = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    if error := error_in(held):
        raise read_error(*error)
    choices = held.get("choices")
    if not isinstance(choices, list):
        raise _other_interface(body, text)
    first: Any = choices[0] if choices else None
    if not isinstance(first, dict):
        raise AnswerError(Outcome.FAILED, f"the server sent no choice: {text}", retry=Retry.ONCE)
    return _read_choice(cast("dict[str, Any]", first), held.get("usage"), text)


def _read_choice(choice: dict[str, Any], usage: Any, sent: str) -> Answer:
    finish = str(choice.get("finish_reason") or "").lower()
    if (error := error_in(choice)) or finish == "error":
        raise read_error(*(error or (sent, 500)))
    if not isinstance(choice.get("message"), dict):
        raise _other_interface(choice, sent)
    message = cast("dict[str, Any]", choice["message"])
    tokens_in, tokens_out = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    text, unfinished = split_thinking(written := _joined(message.get("content"), "text"))
    if refusal := _refusal(message, finish, text or sent):
        raise refusal
    thought = text != written or _has_thoughts(message)
    if finish in _CUT or unfinished:
        raise _cut_off(tokens_out, thinking=thought, begun=bool(text))
    if not text.strip():
        raise _without_text(message, thought, sent)
    return Answer(text=text, tokens_in=tokens_in, tokens_out=tokens_out)


def _refusal(message: dict[str, Any], finish: str, sent: str) -> AnswerError | None:
    refusal = str(message.get("refusal") or "") or _joined(message.get("content"), "refusal")
    if refusal or finish == "refusal":
        return AnswerError(Outcome.REFUSED, f"the model refused: {refusal or sent}")
    if _FILTERED.search(finish):
        return AnswerError(Outcome.FILTERED, f"the answer was filtered (finish_reason {finish})")
    return None


def _has_thoughts(message: dict[str, Any]) -> bool:
    """Whether the server tells thinking from the answer, and some came."""
    return any(message.get(name) for name in _THOUGHTS) or bool(_joined(message.get("content"), "thinking"))


def _joined(content: Any, kind: str) -> str:
    """The parts of a content that are of such a kind, as one text; a plain string is of the kind `text`."""
    if isinstance(content, str):
        return content if kind == "text" else ""
    texts: list[str] = []
    for part in cast("list[Any]", content) if isinstance(content, list) else [content]:
        if isinstance(part, str):
            texts.append(part if kind == "text" else "")
        elif isinstance(part, dict):
            held = cast("dict[str, Any]", part)
            named = str(held.get("type", "text")).replace("output_text", "text").replace("reasoning", "thinking")
            value = held.get(kind, held.get("text", "…")) if named == kind else ""
            texts.append(value if isinstance(value, str) else "…" if value and kind != "text" else "")
    return "".join(texts)


def _count(usage: Any, name: str) -> int | None:
    """A number of tokens; some servers write 0 or -1 where they do not count."""
    value: Any = cast("dict[str, Any]", usage).get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) and value > 0 else None


def _cut_off(tokens: int | None, *, thinking: bool, begun: bool) -> AnswerError:
    after = "" if tokens is None else f" after {tokens:,} tokens"
    when = " while it was thinking" if thinking and not begun else ""
    less = ", or have the server think less" if thinking else ""
    hint = f"Raise max_tokens, as with --set evaluation.endpoint.max_tokens={{more}}{less}."
    return AnswerError(Outcome.CUT_OFF, f"the answer was cut off{after}{when}", hint)


def _without_text(message: dict[str, Any], thought: bool, sent: str) -> AnswerError:
    if message.get("tool_calls") or message.get("function_call"):
        hint = "Turn off the tools that the server or a proxy adds."
        return AnswerError(Outcome.FAILED, f"a call of a tool in place of an answer: {sent}", hint)
    if thought:
        hint = "Raise max_tokens, or give the server the reasoning parser that suits the model."
        return AnswerError(Outcome.FAILED, f"thinking alone, an answer without text: {sent}", hint)
    return AnswerError(Outcome.FAILED, f"an answer without text: {sent}")


def _other_interface(body: Any, sent: str) -> AnswerError:
    while isinstance(body, list) and body:
        body = cast("list[Any]", body)[0]
    keys = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    interface = next((name for key, name in _INTERFACES.items() if key in keys), "no known interface")
    reason = f"no chat completion but an answer of {interface}: {sent}"
    return AnswerError(Outcome.FAILED, reason, RIGHT_ADDRESS, stop=Stop.UNLESS_ANSWERED)


def _no_json(text: str) -> AnswerError:
    if is_page(text):
        reason, hint = f"the server sent a web page: {page_words(text)}", f"{RIGHT_ADDRESS} Or a proxy is between."
        return AnswerError(Outcome.FAILED, reason, hint, Retry.ONCE, Stop.UNLESS_ANSWERED)
    lines = [line for line in text.splitlines() if line.strip()]
    if re.match(r"(data|event|id|retry)?:", text) or (len(lines) > 1 and all(_is_json(line) for line in lines)):
        hint = "Turn streaming off in the settings of the server or of the proxy before it."
        reason = f"the server streams its answer, though it is asked without stream: {text}"
        return AnswerError(Outcome.FAILED, reason, hint, stop=Stop.UNLESS_ANSWERED, streamed=True)
    return AnswerError(Outcome.FAILED, f"a body that is no JSON: {text}" if text else "an empty body", retry=Retry.ONCE)


def _is_json(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
