"""Any OpenAI-compatible endpoint as a chat model, through the official client; its answers are kept on disk.

It does not know what is asked. openai and tenacity are imported with the first request that must be sent.
"""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from recexplainer.chat.model import Conversation
from recexplainer.chat.settings import EndpointSettings
from recexplainer.chat.spend import Spend, count_tokens
from recexplainer.errors import ChatError
from recexplainer.progress import track
from recexplainer.registry import require_extra
from recexplainer.storage import hash_value, system_errors, write_json

if TYPE_CHECKING:
    from openai import APIResponse, APIStatusError, OpenAI

_log = logging.getLogger(__name__)
_ADDRESS = re.compile(r"https?://[^\s/?#@]+(/[^\s?#@]*)?")
_TRANSIENT = (408, 409, 425, 429)  # and 5xx: another try may be answered
_NO_CREDIT = "insufficient_quota"  # the code of a 429 that waiting does not help
_SHOWN = 300  # characters of what a server writes of an error


class _Answer(BaseModel):
    text: str
    tokens_in: int | None = None
    tokens_out: int | None = None


class _Entry(BaseModel):
    """A file of the cache: the request is kept beside its answer, so that a person can read it."""

    request: dict[str, Any]
    answer: _Answer


class Endpoint:
    """An endpoint with OpenAI's interface for chat completions; `name` is the model's.

    Address and key are read from the environment when the first request is sent, and kept nowhere. Answers are kept in
    `cache_folder`, a JSON file each; one folder may serve many models.
    """

    def __init__(self, settings: EndpointSettings, cache_folder: Path) -> None:
        self.settings, self.name = settings, settings.model
        self._folder = cache_folder

    def answer(self, conversations: Sequence[Conversation]) -> list[str | None]:
        """Its answers, `[conversations]`; the expected spend is logged before the first request.

        None is where all tries failed or the model gave no text; that is not kept, so that the next call asks again.
        Equal conversations are asked once, answered ones not at all. Each answer is on disk when it comes; a run that
        was stopped resumes with the remaining ones. Others that ask with the same cache wait meanwhile, so that no more
        requests are open than the settings allow.

        Raises:
            ChatError: The environment names no endpoint, the endpoint refuses the request or the key, or an answer on
                disk is damaged.
            RunError: The operating system refuses to write.
        """
        from filelock import FileLock

        with system_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self._folder / ".lock"):
                answers = self._cached(conversations)
                _log.info(str(self._spend(answers, len(conversations))))
                answers |= self._ask([one for one, answer in answers.items() if answer is None])
        return [None if (answer := answers[one]) is None else answer.text for one in conversations]

    def estimate(self, conversations: Sequence[Conversation]) -> Spend:
        """What `answer` would take now. Raises ChatError where the tokenizer or an answer on disk cannot be read."""
        return self._spend(self._cached(conversations), len(conversations))

    def _spend(self, cached: Mapping[Conversation, _Answer | None], conversations: int) -> Spend:
        remaining = [one for one, answer in cached.items() if answer is None]
        lengths = [answer.tokens_out for answer in cached.values() if answer and answer.tokens_out is not None]
        expected = sum(lengths) / len(lengths) if lengths else self.settings.expected_tokens
        tokens_out = round(min(expected, self.settings.max_tokens) * len(remaining))
        tokens_in = count_tokens(remaining, self.settings.tokenizer)
        return Spend(self.settings, conversations, len(remaining), tokens_in, tokens_out)

    def _request(self, conversation: Conversation) -> dict[str, Any]:
        """All that decides the answer: it is sent, and the answer is kept under its hash."""
        messages = [asdict(message) for message in conversation]
        request: dict[str, Any] = {"model": self.name, "messages": messages}
        request[self.settings.max_tokens_parameter] = self.settings.max_tokens
        return request if self.settings.temperature is None else request | {"temperature": self.settings.temperature}

    def _cached(self, conversations: Sequence[Conversation]) -> dict[Conversation, _Answer | None]:
        """For each different conversation the answer on disk; None where there is none yet."""
        return {one: self._read(self._request(one)) for one in dict.fromkeys(conversations)}

    def _read(self, request: dict[str, Any]) -> _Answer | None:
        path = self._path(request)
        with system_errors(path):
            if not path.exists():
                return None
            content = path.read_bytes()
        with suppress(ValidationError):
            entry = _Entry.model_validate_json(content)
            if entry.request == request:
                return entry.answer
        what = "A cached answer cannot be read, or is the answer to another request."
        raise ChatError(what, location=str(path), hint="Delete this file; only that request is then sent again.")

    def _path(self, request: dict[str, Any]) -> Path:
        key = hash_value(request)
        return self._folder / key[:2] / f"{key}.json"

    def _ask(self, asked: Sequence[Conversation]) -> dict[Conversation, _Answer | None]:
        """Send some requests at a time; after a refusal or an interrupt, answers that are under way are still kept."""
        if not asked:
            return {}
        answers: dict[Conversation, _Answer | None] = {}
        key = os.environ.get(self.settings.key_variable, "").strip()
        with _open_client(self.settings, key) as client, ThreadPoolExecutor(self.settings.concurrency) as pool:
            sender = _Sender(self.settings, client, key)

            def answer(conversation: Conversation) -> _Answer | None:
                request = self._request(conversation)
                answered = sender.send(request)
                if answered is not None:
                    write_json(self._path(request), _Entry(request=request, answer=answered).model_dump())
                return answered

            futures: dict[Future[_Answer | None], Conversation] = {pool.submit(answer, one): one for one in asked}
            try:
                for done in track(as_completed(futures), f"{self.name} answers", total=len(futures)):
                    answers[futures[done]] = done.result()
            except BaseException:
                sender.stop.set()
                raise
        if failed := sum(answer is None for answer in answers.values()):
            _log.warning(f"{failed:,} of {len(asked):,} requests to {self.name} failed; the last: {sender.failure}")
        return answers


def _open_client(settings: EndpointSettings, key: str) -> OpenAI:
    """A client of the endpoint that the environment names."""
    address = os.environ.get(settings.address_variable, "").strip()
    if not _ADDRESS.fullmatch(address):
        what = "That is no address of an endpoint." if address else "The environment names no endpoint."
        hint = "Set it to where the endpoint is, such as http://localhost:8000/v1; the key does not belong in it."
        raise ChatError(what, location=settings.address_variable, hint=hint)
    if not (key.isascii() and key.isprintable()):
        what = "The key holds characters that cannot be sent."
        raise ChatError(what, location=settings.key_variable, hint="Copy it again.")
    require_extra("openai", "chat")
    from openai import AzureOpenAI, DefaultHttpxClient, OpenAI

    http = DefaultHttpxClient(follow_redirects=False, timeout=settings.timeout)
    shared: dict[str, Any] = {"api_key": key or "none", "max_retries": 0, "http_client": http}
    if settings.azure_api_version is None:
        return OpenAI(base_url=address, **shared)
    return AzureOpenAI(azure_endpoint=address, api_version=settings.azure_api_version, **shared)


class _TryError(Exception):
    """A try that failed; `again`: another one may succeed."""

    def __init__(self, reason: str, *, again: bool = True) -> None:
        super().__init__(reason)
        self.again = again


class _Sender:
    """Sends requests from several threads. A server that asks one of them to wait has all wait."""

    def __init__(self, settings: EndpointSettings, client: OpenAI, key: str) -> None:
        import tenacity

        self.stop, self.failure, self._not_before = Event(), "", 0.0
        self._settings, self._client, self._key = settings, client, key
        half, limit = settings.initial_backoff / 2, settings.max_backoff / 2  # the other half is random
        self._retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(settings.retries + 1),
            wait=tenacity.wait_exponential(half, limit) + tenacity.wait_random_exponential(half, limit),
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, _TryError) and error.again),
            sleep=tenacity.sleep_using_event(self.stop),
            reraise=True,
        )

    def send(self, request: dict[str, Any]) -> _Answer | None:
        """Send a request until it is answered; None where it is not. Raises ChatError where it is refused."""
        try:
            return self._retrying(self._send_once, request)
        except _TryError as error:
            self.failure = str(error)
            return None

    def _send_once(self, request: dict[str, Any]) -> _Answer:
        from openai import APIConnectionError, APIStatusError, Omit

        if self.stop.wait(self._not_before - time.monotonic()):
            raise _TryError("the run was stopped", again=False)
        end = time.monotonic() + self._settings.timeout
        headers: Any = {} if self._key else {"Authorization": Omit()}
        create = self._client.chat.completions.with_streaming_response.create
        try:
            with create(**request, extra_headers=headers) as response:
                content = _read_body(response, end)
        except APIConnectionError as error:
            raise _TryError(f"{type(error.__cause__).__name__} {error.__cause__}".strip()) from error
        except APIStatusError as error:
            raise self._failed(error) from error
        return _parse(content)

    def _failed(self, error: APIStatusError) -> _TryError | ChatError:
        """What a status that is no success means; the key, which some servers repeat, is not shown."""
        status, settings = error.status_code, self._settings
        if (status in _TRANSIENT or status >= 500) and error.code != _NO_CREDIT:
            wait = _retry_after(error.response.headers.get("Retry-After", ""))
            if wait <= settings.max_backoff:
                self._not_before = max(self._not_before, time.monotonic() + wait)
            return _TryError(f"status {status}", again=wait <= settings.max_backoff)
        text = error.response.text.replace("\\/", "/")
        text = " ".join((text.replace(self._key, "…") if self._key else text).split())[:_SHOWN]
        hints = {
            400: "Check the settings of the endpoint: the model may not take such a request, or not one so long.",
            401: f"Set {settings.key_variable} to a key that is valid there.",
            403: f"Set {settings.key_variable} to a key that may use this model.",
            404: f"Check the model's name, and {settings.address_variable}, which mostly ends in /v1.",
            429: "The account has no credit left: add some and start again; all answers so far are kept.",
        }
        what = f"The endpoint refuses, status {status}: {text or 'it gives no reason'}"
        hint = hints.get(status, f"Check the settings of the endpoint and {settings.address_variable}.")
        return ChatError(what, location=f"{settings.model} at {settings.address_variable}", hint=hint)


def _read_body(response: APIResponse[Any], end: float) -> bytes:
    """The body, if it comes in time: a server may send blanks to keep a connection open."""
    content = b""
    try:
        for piece in response.iter_bytes():
            content += piece
            if time.monotonic() > end:
                raise TimeoutError("the time is over")
    except Exception as error:  # here openai passes on the errors of the HTTP library below it
        raise _TryError(f"{type(error).__name__} {error}".strip()) from error
    return content


def _parse(content: bytes) -> _Answer:
    """The answer in a chat completion, checked here because openai's own classes do not check what they read."""
    try:
        completion = json.loads(content)
        usage = completion.get("usage") or {}
        answer = _Answer(
            text=completion["choices"][0]["message"]["content"] or "",
            tokens_in=usage.get("prompt_tokens"),
            tokens_out=usage.get("completion_tokens"),
        )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise _TryError(f"a body that is no chat completion ({type(error).__name__})") from error
    if not answer.text.strip():
        raise _TryError("an answer without text", again=False)
    return answer


def _retry_after(header: str) -> float:
    """Seconds that `Retry-After` asks for (RFC 9110, section 10.2.3: seconds or a date); 0 where it is neither."""
    if re.fullmatch(r"\s*\d+(\.\d+)?\s*", header):
        return float(header)
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
