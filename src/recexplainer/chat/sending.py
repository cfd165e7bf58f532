"""Requests of an endpoint, sent from several threads: tries, waits, and what the first answers teach.

The first request goes alone until it is known whether the endpoint takes it, so that a wrong address or a parameter
that is refused costs one request. openai and tenacity are imported with it.
"""

from __future__ import annotations

import logging
import re
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from recexplainer.chat.address import Connection
from recexplainer.chat.answers import read_answer
from recexplainer.chat.dialect import Dialect
from recexplainer.chat.model import Conversation
from recexplainer.chat.outcomes import Answer, AnswerError, Outcome, Retry, Stop
from recexplainer.chat.refusals import read_status
from recexplainer.chat.settings import EndpointSettings
from recexplainer.errors import ChatError

if TYPE_CHECKING:
    from openai import APIResponse, APIStatusError

_log = logging.getLogger(__name__)
_UNREACHED = "Check {address}, and whether the server runs."
_SECRET = 8  # characters of a key that is none of those that servers of one's own are given, such as EMPTY
_SHOWN = 300  # characters of what a server sent


class Sender:
    """Sends requests from several threads; `answered`: the endpoint has answered one before.

    A server that asks one of them to wait has all wait, and a parameter that it refuses is not sent by any.
    """

    def __init__(self, settings: EndpointSettings, connection: Connection, dialect: Dialect, *, answered: bool) -> None:
        import tenacity

        self.stop, self.opened, self.dialect, self._not_before = Event(), Event(), dialect, 0.0
        self._settings, self._connection, self._answered = settings, connection, answered
        self._lock, self._said = Lock(), set[Outcome]()
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

        Raises ChatError where the endpoint refuses all requests.
        """
        try:
            return self._retrying(self._send_once, conversation)
        except AnswerError as failed:
            if failed.stop is Stop.ALWAYS or (failed.stop is Stop.UNLESS_ANSWERED and not self._answered):
                self.stop.set()
                what = f"The endpoint refuses: {failed.reason}"
                where = f"{self._settings.model} at {self._connection.address.base} ({self._settings.address_variable})"
                raise ChatError(what, location=where, hint=failed.hint) from failed
            with self._lock:
                is_first = failed.outcome not in self._said
                self._said.add(failed.outcome)
            if is_first and not self.stop.is_set():
                _log.warning(f"{self._settings.model}: {failed}")
            return failed
        finally:
            self.opened.set()

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
                    if failed.retry is Retry.LATER:
                        self.opened.set()
                    self._complete(failed)
                    raise
            else:
                self._answered = True
                self.opened.set()
                return answer, request

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
        try:
            with create(**request, extra_headers=self._connection.headers) as response:
                content = _read_body(response, end)
        except APIConnectionError as error:
            raise _unreached(error.__cause__ or error) from error
        except APIStatusError as error:
            raise self._read_status(error) from error
        return read_answer(content)

    def _read_status(self, error: APIStatusError) -> AnswerError:
        status, sent = error.status_code, error.response.headers
        failed = read_status(status, error.response.text)
        if 300 <= status < 400:
            failed.reason += f", a redirect to {sent.get('Location', 'nowhere')}"
            failed.hint = "Set {address} to where it leads, without the route."
        if failed.retry is Retry.LATER:
            wait = _retry_after(sent.get("Retry-After", ""))
            if wait > self._settings.max_backoff:
                failed.retry = Retry.NO
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
        raise AnswerError(Outcome.FAILED, f"{type(error).__name__} {error}".strip(), retry=Retry.LATER) from error
    return content


def _may_help(state: Any) -> bool:
    """Whether tenacity is to try again."""
    failed = state.outcome.exception()
    if not isinstance(failed, AnswerError):
        return False
    return failed.retry is Retry.LATER or (failed.retry is Retry.ONCE and state.attempt_number == 1)


def _unreached(cause: BaseException) -> AnswerError:
    """What it means that no response came: a host without a name or a certificate will have none in a second either."""
    reason = f"{type(cause).__name__} {cause}".strip()
    if re.search(r"ssl|certificate", reason, re.IGNORECASE):
        hint = "Write http:// in {address} if the server has no certificate, or name yours in SSL_CERT_FILE."
        return AnswerError(Outcome.FAILED, reason, hint, stop=Stop.UNLESS_ANSWERED)
    if re.search(r"not known|getaddrinfo failed|no address associated|unsupportedprotocol", reason, re.IGNORECASE):
        return AnswerError(Outcome.FAILED, reason, _UNREACHED, Retry.ONCE, Stop.UNLESS_ANSWERED)
    return AnswerError(Outcome.FAILED, reason, _UNREACHED, Retry.LATER)


def _retry_after(header: str) -> float:
    """Seconds that `Retry-After` asks for (RFC 9110, section 10.2.3: seconds or a date); 0 where it is neither."""
    if re.fullmatch(r"\s*\d+(\.\d+)?\s*", header):
        return float(header)
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
