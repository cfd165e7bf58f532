"""Which parameters of a request an endpoint takes; what it refuses is changed once, and said.

Only what leaves the question as it is: the other name of the limit, no temperature, the system message as the first
words of the user, no stream.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import Any

from recexplainer.chat.model import Conversation
from recexplainer.chat.outcomes import AnswerError, Outcome, Stop
from recexplainer.chat.settings import EndpointSettings

_LIMITS = ("max_tokens", "max_completion_tokens")
_UNKNOWN = re.compile(
    r"unsupported|not (?:be )?(?:support|allow|permit|recogni|accept|enabled)|unrecogni|unknown|unexpected|deprecated"
    r"|n[o']t support|extra_forbidden|only (?:the default|user|[\d.]+ is)|must be (?:strictly )?(?:positive|greater)"
    r"|must alternate|invalid parameter",
    re.IGNORECASE,
)
_SYSTEM = re.compile(
    r"system.{0,20}(?:role|message|prompt)|role.{0,60}system|developer instruction"
    r"|roles must alternate|only user and assistant",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a request is written.

    `limit` is the name of the limit on an answer's tokens; `temperature`, `system` and `stream` say what is sent of
    these; `changed` is what has been changed already.
    """

    limit: str
    temperature: bool = True
    system: bool = True
    stream: bool | None = None
    changed: frozenset[str] = frozenset()

    def request(self, settings: EndpointSettings, conversation: Conversation) -> dict[str, Any]:
        """The body of a request."""
        messages = [asdict(message) for message in conversation]
        if not self.system and len(messages) > 1 and messages[0]["role"] == "system":
            first, user, *rest = messages
            messages = [{"role": "user", "content": f"{first['content']}\n\n{user['content']}"}, *rest]
        request: dict[str, Any] = {"model": settings.model, "messages": messages, self.limit: settings.max_tokens}
        if self.temperature and settings.temperature is not None:
            request["temperature"] = settings.temperature
        return request if self.stream is None else request | {"stream": self.stream}

    def adapt(self, refused: AnswerError, request: dict[str, Any]) -> tuple[Dialect, str] | None:
        """The dialect after a refusal of `request`, and what is said of it; None where a change would not help."""
        if refused.streamed:
            return self._change("stream", "says stream: false", stream=False)
        if refused.outcome is not Outcome.FAILED or refused.stop is Stop.ALWAYS or not _UNKNOWN.search(refused.reason):
            return None
        words = refused.reason
        if re.search(rf"\b{self.limit}\b", words):
            other = _LIMITS[self.limit == _LIMITS[0]]
            return self._change("limit", f"sends {other} in place of {self.limit}", limit=other)
        if "temperature" in request and re.search(r"\btemperature\b", words):
            return self._change("temperature", "leaves the temperature to the model", temperature=False)
        if request["messages"][0]["role"] == "system" and _SYSTEM.search(words):
            return self._change("system", "puts the system message before the first question", system=False)
        return None

    def _change(self, what: str, said: str, **to: Any) -> tuple[Dialect, str] | None:
        return None if what in self.changed else (replace(self, changed=self.changed | {what}, **to), said)
