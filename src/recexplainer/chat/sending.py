"""Sending one request until it is answered, refused or given up.

Tries and waits are ours, on a plain HTTP client, rather than a vendor's library with its own hidden retries: so it can
be said, and tested, how often a request is sent. It knows nothing of what is asked.
"""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Event
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field, ValidationError

from recexplainer.chat.cache import Answer, AnswerCache
from recexplainer.chat.settings import EndpointSettings
from recexplainer.errors import ChatError

if TYPE_CHECKING:
    from httpx2 import Client, Response

Request = dict[str, Any]

_ADDRESS = re.compile(r"https?://[^\s/?#@]+(/[^\s?#@]*)?")
_PASSING = (408, 409, 425, 429)  # and 5xx: another try may be answered
_SPENT = b"insufficient_quota"  # a 429 that no waiting mends
_SHOWN = 300  # characters of what a server says of an error


@contextmanager
def open_client(settings: EndpointSettings) -> Generator[Client]:
    """An HTTP client of the endpoint. Raises ChatError where the environment does not say which."""
    from httpx2 import Client, Limits

    address, key = _from_environment(settings)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    limits = Limits(max_connections=settings.concurrency)
    with Client(base_url=address, headers=headers, timeout=settings.timeout, limits=limits) as client:
        yield client


def _from_environment(settings: EndpointSettings) -> tuple[str, str]:
    address = os.environ.get(settings.address_variable, "").strip()
    if not _ADDRESS.fullmatch(address):
        raise ChatError(
            "The environment names no endpoint." if not address else "That is no address of an endpoint.",
            location=settings.address_variable,
            hint="Set it to where the endpoint is, such as http://localhost:8000/v1; the key does not belong in it.",
        )
    key = _key(settings)
    if not (key.isascii() and key.isprintable()):
        raise ChatError(
            "The key holds characters that cannot be sent.", location=settings.key_variable, hint="Copy it again."
        )
    return address, key


def _key(settings: EndpointSettings) -> str:
    return os.environ.get(settings.key_variable, "").strip()


class _TryError(Exception):
    """A try that failed, though another may succeed; `wait` is what the server wants, in seconds."""

    def __init__(self, why: str, wait: float = 0.0) -> None:
        super().__init__(why)
        self.wait = wait


@dataclass
class Sender:
    """One round of requests, in several threads. A server that wants one of them to wait has all wait."""

    settings: EndpointSettings
    client: Client
    cache: AnswerCache

    def __post_init__(self) -> None:
        self.stop = Event()
        self.failure = ""
        self._not_before = 0.0

    def ask(self, request: Request) -> Answer | None:
        """Try until there is an answer, and keep it; None where there is none."""
        wait = 0.0
        for tried in range(self.settings.retries + 1):
            if self.stop.wait(max(wait, self._not_before - time.monotonic())):
                return None
            try:
                answer = self._try(request)
            except _TryError as failed:
                self.failure = str(failed)
                if failed.wait > self.settings.longest_wait:
                    return None
                self._not_before = max(self._not_before, time.monotonic() + failed.wait)
                wait = max(failed.wait, self._back_off(tried))
                continue
            if answer is not None:
                self.cache.write(request, answer)
            else:
                self.failure = "the model said nothing"
            return answer
        return None

    def _back_off(self, tried: int) -> float:
        """Seconds to wait, doubled from try to try, and spread so that not all come back at once."""
        return random.uniform(0.5, 1.0) * min(self.settings.first_wait * 2**tried, self.settings.longest_wait)

    def _try(self, request: Request) -> Answer | None:
        """Send it once. Raises _TryError, or ChatError where another try would not help."""
        from httpx2 import RequestError

        end = time.monotonic() + self.settings.timeout
        try:
            with self.client.stream("POST", "chat/completions", json=request) as response:
                content = b"".join(_until(end, response))
        except RequestError as error:
            raise _TryError(f"{type(error).__name__} {error}".strip()) from error
        status = response.status_code
        if status == 200:
            return _read(content)
        if (status in _PASSING or status >= 500) and _SPENT not in content:
            raise _TryError(f"status {status}", _asked_to_wait(response.headers.get("Retry-After", "")))
        raise _refused(status, content, self.settings)


def _until(end: float, response: Response) -> Generator[bytes]:
    """The pieces of a body, as long as there is time: a server may send blanks to keep a connection open."""
    for piece in response.iter_bytes():
        if time.monotonic() > end:
            raise _TryError("the time is over")
        yield piece


class _Said(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Said


class _Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Reply(BaseModel):
    """As much of a chat completion as is used here."""

    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


def _read(content: bytes) -> Answer | None:
    """The answer in a body; None where the model said nothing. Raises _TryError where the body is not as it must be."""
    try:
        reply = _Reply.model_validate_json(content)
    except ValidationError as error:
        raise _TryError(f"a body that is no chat completion: {error.errors()[0]['msg']}") from error
    text, usage = reply.choices[0].message.content or "", reply.usage or _Usage()
    return Answer(text, usage.prompt_tokens, usage.completion_tokens) if text.strip() else None


def _asked_to_wait(header: str) -> float:
    """Seconds that a `Retry-After` asks for (RFC 9110, section 10.2.3: seconds or a date); 0 where it says neither."""
    if re.fullmatch(r"\s*\d+(\.\d+)?\s*", header):
        return float(header)
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _refused(status: int, content: bytes, settings: EndpointSettings) -> ChatError:
    """What the endpoint says, without the key, which some repeat."""
    said, key = content.decode(errors="replace").replace("\\/", "/"), _key(settings)
    said = " ".join((said.replace(key, "…") if key else said).split())[:_SHOWN]
    hints = {
        400: "Check the settings of the endpoint: the model may not take such a request, or not one so long.",
        401: f"Set {settings.key_variable} to a key that is valid there.",
        403: f"Set {settings.key_variable} to a key that may use this model.",
        404: f"Check the model's name, and {settings.address_variable}, which mostly ends in /v1.",
        429: "The account has no credit left: add some and start again; what is answered stays.",
    }
    return ChatError(
        f"The endpoint refuses, status {status}: {said or 'it does not say why'}",
        location=f"{settings.model} at {settings.address_variable}",
        hint=hints.get(status, f"Check the settings of the endpoint and {settings.address_variable}."),
    )
