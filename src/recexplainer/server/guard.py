"""What stands before the application: who may ask, how much, and for how long. It knows no routes but open ones.

Every answer gets the headers that tell a browser to run nothing but the page's own files, and is counted.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recexplainer.server.failures import busy, failure
from recexplainer.server.metrics import Metrics
from recexplainer.server.settings import Limits

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; "
        "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
"""Headers of every answer."""
OPEN_PATHS = ("/", "/health", "/ready", "/openapi.json")
"""What needs no key, besides the files of the page."""
_PAGE = "/page/"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_DISCARDED = 32 * 1024 * 1024  # of a body that is too large is read, so that its sender sees the answer
_log = logging.getLogger("recexplainer.server")


class Guard:
    """An ASGI application around another.

    Args:
        app: What answers.
        limits: What is allowed.
        metrics: Counts the answers.
        key: What a client must know; "" for nothing.
        hosts: The names by which the server is asked for, without a port; None: any. A page of somebody else, whose
            name was made to lead here, is so kept from asking.
    """

    def __init__(
        self, app: ASGIApp, limits: Limits, metrics: Metrics, *, key: str = "", hosts: Collection[str] | None = None
    ) -> None:
        self._app, self._limits, self._metrics = app, limits, metrics
        self._key, self._hosts = key.encode(), hosts
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(scope, send)
        started = time.perf_counter()
        self._open += 1
        self._metrics.open.inc()
        try:
            refused = self._refused(scope)
            if refused is None:
                await self._within_time(scope, receive, answer)
            else:
                await refused(scope, receive, answer)
        finally:
            self._open -= 1
            self._metrics.open.dec()
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.answered(route, answer.method, answer.status, time.perf_counter() - started)

    def _refused(self, scope: Scope) -> Response | None:
        """The answer to a request that is not looked at further."""
        headers, path = Headers(scope=scope), scope["path"]
        if self._hosts is not None and _host(headers.get("host", "")) not in self._hosts:
            hint = "Ask by the name that it was started with, or start it with --allow-host NAME."
            return failure(421, "This server is not known by that name.", "Host", hint)
        if self._open > self._limits.open_requests and path != "/health":
            return busy(1)
        if self._key and path not in OPEN_PATHS and not path.startswith(_PAGE) and not self._knows_key(headers):
            answer = failure(401, "This server needs a key.", "Authorization", "Send Authorization: Bearer KEY.")
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        return None

    def _knows_key(self, headers: Headers) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and hmac.compare_digest(given.strip().encode("latin-1"), self._key)

    async def _within_time(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        """Read the body and answer, both within their times; given up when the client goes."""
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                body = await self._read(scope, receive)
        except TimeoutError:
            answer.closes = True
            await failure(408, "The body took too long.", "body", "Send it faster, or less.")(scope, receive, answer)
            return
        if body is None:
            answer.closes = True
            hint = f"Send at most {self._limits.body_bytes:,} bytes."
            await failure(413, "The body is too large.", "body", hint)(scope, receive, answer)
            return
        try:
            async with asyncio.timeout(self._limits.request_seconds):
                await self._until_gone(scope, _Given(body, receive), answer)
        except TimeoutError:
            if not answer.started:
                await busy(5)(scope, receive, answer)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """The body; None where it is too large. The rest of such a body is read as well, to some extent."""
        most = self._limits.body_bytes
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdecimal() and int(declared) > most + _DISCARDED:
            return None
        body, size, more = bytearray(), 0, True
        while more and size <= most + _DISCARDED:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            size += len(message.get("body", b""))
            if size <= most:
                body += message.get("body", b"")
            more = message.get("more_body", False)
        return bytes(body) if size <= most else None

    async def _until_gone(self, scope: Scope, given: _Given, answer: _Answer) -> None:
        """Answer, unless the client goes before."""
        answering = asyncio.ensure_future(self._app(scope, given, answer))
        watching = asyncio.ensure_future(given.watch())
        try:
            await asyncio.wait((answering, watching), return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                answering.result()
        finally:
            answering.cancel()
            watching.cancel()
            await asyncio.gather(answering, watching, return_exceptions=True)


class _Given:
    """The body that was read, as the application receives it; then that the client has gone, once it has."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive, self.gone = receive, asyncio.Event()

    async def __call__(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def watch(self) -> None:
        """Wait until the client has gone."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone.set()


class _Answer:
    """Sends an answer, with the headers of all answers; `closes`: the connection ends with it."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._path: str = scope["path"]
        self._send, self.method = send, scope["method"] if scope["method"] in _METHODS else "other"
        self.started, self.closes, self.status = False, False, 499

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started, self.status = True, message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            of_page = self._path == "/" or self._path.startswith(_PAGE)
            headers.setdefault("Cache-Control", "no-cache" if of_page else "no-store")
            if self.closes:
                headers["Connection"] = "close"
        await self._send(message)


def _host(header: str) -> str:
    """The name in a Host header, without its port, in small letters; of an IPv6 address without its brackets."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower()
