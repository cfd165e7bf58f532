"""Requests of an endpoint, sent from several threads: tries, waits, and what the first answers teach.

The first request goes alone until it is known whether the endpoint takes it, so that a wrong address or a parameter
that is refused costs one request, and what may be the fault of one question two. openai and tenacity are imported with
it.
"""

from __future__ import annotations

import logging
import re
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from recexplainer.chat.address import Connection
from recexplainer.chat.model import Conversation
from recexplainer.chat.responses import Answer, AnswerError, Outcome, read_answer, read_status
from recexplainer.chat.settings import EndpointSettings
from recexplainer.errors import ChatError

if TYPE_CHECKING:
    from openai import APIResponse, APIStatusError

_log = logging.getLogger(__name__)
_UNREACHED = "Check {address}, and whether the server runs."
_SLOW = "Raise timeout, or lower concurrency; or a proxy is between."
_SECRET = 8  # characters of a key that is none of those that servers of one's own are given, such as EMPTY
_SHOWN = 300  # characters of what a server sent
_IN_A_ROW = 20  # requests without an answer: that many are no chance
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
_WAIT = re.compile(
    r"(?:try again|retry) (?:in|after) (?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?) ?(m?)s)?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """Which parameters the endpoint takes: the other name of the limit on tokens, a temperature, a system message.

    What it refuses is changed once, which leaves the question as it is; the system message becomes the first words of
    the user.
    """

    other_limit: bool = False
    temperature: bool = True
    system: bool = True

    def request(self, settings: EndpointSettings, conversation: Conversation) -> dict[str, Any]:
        """The body of a request."""
        messages = [asdict(message) for message in conversation]
        if not self.system and len(messages) > 1 and messages[0]["role"] == "system":
            first, user, *rest = messages
            messages = [{"role": "user", "content": f"{first['content']}\n\n{user['content']}"}, *rest]
        limit = settings.max_tokens_parameter
        limit = _LIMITS[limit == _LIMITS[0]] if self.other_limit else limit
        request: dict[str, Any] = {"model": settings.model, "messages": messages, limit: settings.max_tokens}
        if self.temperature and settings.temperature is not None:
            request["temperature"] = settings.temperature
        return request

    def adapt(self, refused: AnswerError, request: dict[str, Any]) -> tuple[Dialect, str] | None:
        """The dialect after a refusal of `request`, and what is said of it; None where a change would not help."""
        words = refused.reason
        if refused.outcome is not Outcome.FAILED or refused.stop == "always" or not _UNKNOWN.search(words):
            return None
        limit, other = _LIMITS if _LIMITS[0] in request else _LIMITS[::-1]
        if not self.other_limit and re.search(rf"\b{limit}\b", words):
            return replace(self, other_limit=True), f"sends {other} in place of {limit}"
        if "temperature" in request and re.search(r"\btemperature\b", words):
            return replace(self, temperature=False), "leaves the temperature to the model"
        if request["messages"][0]["role"] == "system" and self.system and _SYSTEM.search(words):
            return replace(self, system=False), "puts the system message before the first question"
        return None


class Sender:
    """Sends `asked` requests from several threads; `answered`: the endpoint has answered one before.

    Until it `is_known` how the endpoint treats requests, the next one is to wait until the sender `is_free`.
    A server that asks one of them to wait has all wait, and a parameter that it refuses is not sent by any.
    """

    def __init__(
        self, settings: EndpointSettings, connection: Connection, dialect: Dialect, asked: int, *, answered: bool
    ) -> None:
        import tenacity

        self.stop, self.is_free, self.is_known, self.dialect = Event(), Event(), answered, dialect
        self._settings, self._connection, self._asked, self._answered = settings, connection, asked, answered
        self._lock, self._said, self._in_a_row, self._not_before = Lock(), set[Outcome](), 0, 0.0
        self.is_free.set()
        half, limit = settings.initial_backoff / 2, settings.max_backoff / 2  # the other half is random
        self._retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(settings.retries + 1),
            wait=tenacity.wait_exponential(half, limit) + tenacity.wait_random_exponential(half, limit),
            retry=_may_help,
            sleep=tenacity.sleep_using_event(self.stop),
            reraise=True,
        )

    def send(self, conversation: Conversation) -> tuple[Answer, dict[str, Any]] | AnswerError:
        """Send a request until it is answered: the answer and the request as it was sent, or why there is none.

        Raises ChatError where the endpoint refuses all requests, or has answered none of many in a row.
        """
        try:
            return self._retrying(self._send_once, conversation)
        except AnswerError as failed:
            with self._lock:
                self.is_known |= failed.stop != "if repeated"
                self._in_a_row += 1
                is_over, is_first = self._is_over(failed), failed.outcome not in self._said
                self._said.add(failed.outcome)
            if is_over and not self.stop.is_set():
                self.stop.set()
                none = f"answered none of {self._in_a_row} requests in a row, the last"
                what = f"The endpoint {none if failed.stop == 'no' else 'refuses'}: {failed.reason}"
                where = f"{self._settings.model} at {self._connection.address.base} ({self._settings.address_variable})"
                hint = failed.hint or "Start again later; all answers so far are kept."
                raise ChatError(what, location=where, hint=hint) from failed
            if is_first and not self.stop.is_set():
                _log.warning(f"{self._settings.model}: {failed}")
            return failed
        finally:
            self.is_free.set()

    def _is_over(self, failed: AnswerError) -> bool:
        """Whether no more requests are worth sending. A question's own fault counts only until one was answered."""
        if failed.stop == "always" or (self._in_a_row >= _IN_A_ROW and (failed.is_general or not self._answered)):
            return True
        enough = {"unless answered": 1, "if repeated": min(2, self._asked)}.get(failed.stop, _IN_A_ROW)
        return not self._answered and self._in_a_row >= enough

    def _send_once(self, conversation: Conversation) -> tuple[Answer, dict[str, Any]]:
        """One try; more than one request only while the endpoint refuses parameters that can be changed."""
        while True:
            if self.stop.wait(self._not_before - time.monotonic()):
                raise AnswerError(Outcome.FAILED, "the run was stopped")
            dialect = self.dialect
            request = dialect.request(self._settings, conversation)
            try:
                answer = self._post(request)
            except AnswerError as failed:
                if not self._adapt(failed, dialect, request):
                    if failed.retry == "later":
                        self._know()
                    self._complete(failed)
                    raise
            else:
                self._answered, self._in_a_row = True, 0
                self._know()
                return answer, request

    def _know(self) -> None:
        self.is_known = True
        self.is_free.set()

    def _adapt(self, failed: AnswerError, dialect: Dialect, request: dict[str, Any]) -> bool:
        """Whether the request is to be sent once more, because its parameters have been changed."""
        with self._lock:
            changed = dialect.adapt(failed, request)
            if changed and self.dialect == dialect:
                self.dialect, said = changed
                reason = self._show(failed.reason).rstrip(".")
                _log.warning(f"{self._settings.model}: {reason}. Every request {said} from now on.")
        return changed is not None

    def _post(self, request: dict[str, Any]) -> Answer:
        from openai import APIConnectionError, APIStatusError

        end = time.monotonic() + self._settings.timeout
        create = self._connection.client.chat.completions.with_streaming_response.create
        try:  # some servers stream unless they are told not to
            with create(**request, stream=False, extra_headers=self._connection.headers) as response:
                content = _read_body(response, end)
        except APIConnectionError as error:
            raise _unreached(error.__cause__ or error) from error
        except APIStatusError as error:
            raise self._read_status(error) from error
        return read_answer(content, self._settings.max_tokens)

    def _read_status(self, error: APIStatusError) -> AnswerError:
        status, sent = error.status_code, error.response.headers
        failed = read_status(status, error.response.text)
        if 300 <= status < 400:
            failed.reason += f", a redirect to {sent.get('Location', 'nowhere')}"
            failed.hint = "Set {address} to where it leads, without the route."
        if failed.retry == "later":
            wait = _wait(sent, failed.reason)
            if wait > self._settings.max_backoff:
                failed.retry = "too late"
                failed.hint = f"The server asks to wait {wait:,.0f} seconds: start again then, or raise max_backoff."
            else:
                self._not_before = max(self._not_before, time.monotonic() + wait)
        return failed

    def _complete(self, failed: AnswerError) -> None:
        """Shorten what the server sent, hide the key that some servers repeat, and name the variables in the hint."""
        failed.reason = self._show(failed.reason)
        names = {"{address}": self._settings.address_variable, "{key}": self._settings.key_variable}
        names["{more}"] = str(max(4096, 4 * self._settings.max_tokens))
        for mark, name in names.items():
            failed.hint = failed.hint.replace(mark, name)

    def _show(self, text: str) -> str:
        key, text = self._connection.key, text.replace("\\/", "/")
        text = " ".join((text.replace(key, "…") if len(key) >= _SECRET else text).split())
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _read_body(response: APIResponse[Any], end: float) -> bytes:
    """The body, if it comes in time: a server may send blanks to keep a connection open."""
    content = b""
    try:
        for piece in response.iter_bytes():
            content += piece
            if time.monotonic() > end:
                raise TimeoutError("the time is over")
    except Exception as error:  # here openai passes on the errors of the HTTP library below it
        raise _unreached(error) from error
    return content


def _may_help(state: Any) -> bool:
    """Whether tenacity is to try again."""
    failed = state.outcome.exception()
    if not isinstance(failed, AnswerError):
        return False
    return failed.retry == "later" or (failed.retry == "once" and state.attempt_number == 1)


def _unreached(cause: BaseException) -> AnswerError:
    """What it means that no response came: a host without a name or a certificate will have none in a second either."""
    reason = f"{type(cause).__name__} {cause}".strip()
    if re.search(r"ssl|certificate", reason, re.IGNORECASE):
        hint = "Write http:// in {address} if the server has no certificate, or name yours in SSL_CERT_FILE."
        return AnswerError(Outcome.FAILED, reason, hint, stop="unless answered")
    if re.search(r"not known|getaddrinfo failed|no address associated|unsupportedprotocol", reason, re.IGNORECASE):
        return AnswerError(Outcome.FAILED, reason, _UNREACHED, "once", "unless answered")
    slow = re.match(r"(?:Read|Write)?Timeout", reason)
    return AnswerError(Outcome.FAILED, reason, _SLOW if slow else _UNREACHED, retry="later")


def _wait(headers: Any, message: str) -> float:
    """Seconds that a server asks to wait: the longest that headers and words say, 0 where they say none.

    `Retry-After` holds seconds or a date (RFC 9110, section 10.2.3), `X-RateLimit-Reset` of OpenRouter milliseconds
    since 1970; the words are such as "try again in 7m12.5s" (OpenAI, Groq, Gemini).
    """
    after, reset = headers.get("Retry-After", ""), headers.get("X-RateLimit-Reset", "")
    waits = [float(reset) / 1000 - time.time()] if re.fullmatch(r"\d{13}", reset) else [0.0]
    if re.fullmatch(r"\s*\d+(\.\d+)?\s*", after):
        waits.append(float(after))
    else:
        with suppress(ValueError):
            date = parsedate_to_datetime(after)
            waits.append((date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
    if found := _WAIT.search(message):
        hours, minutes, seconds, milli = found.groups()
        waits.append(3600 * int(hours or 0) + 60 * int(minutes or 0) + float(seconds or 0) / (1000 if milli else 1))
    return max(0.0, *waits)
