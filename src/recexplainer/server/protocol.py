"""HTTP as uvicorn speaks it, with times and numbers that it knows no settings for.

A client that takes its time over the headers, or does not read its answer, is cut off, and so is one too many.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from recexplainer.server.answers import Failure, Problem
from recexplainer.server.guard import HEADERS
from recexplainer.server.settings import Limits


class GuardedProtocol(H11Protocol):
    """One connection; `limits` are those of its server."""

    def __init__(self, *arguments: Any, limits: Limits, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._limits = limits
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """A client comes."""
        super().connection_made(transport)
        if len(self.connections) > self._limits.connections:
            transport.abort()
        else:
            self._end_in(self._limits.body_seconds)

    def data_received(self, data: bytes) -> None:
        """A client sends something."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:  # its headers are there
            self._go_on()
        elif self._timer is None:
            self._end_in(self._limits.body_seconds)

    def pause_writing(self) -> None:
        """A client does not read what it is sent."""
        super().pause_writing()
        self._end_in(self._limits.request_seconds)

    def resume_writing(self) -> None:
        """A client reads again."""
        super().resume_writing()
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """A client goes."""
        self._go_on()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, in the shape of all failures."""
        body = Failure(error=Problem(message=msg, location="request", hint="Send a request of HTTP/1.1."))
        content = body.model_dump_json().encode()
        headers = {**HEADERS, "Content-Type": "application/json", "Connection": "close"}
        headers |= {"Content-Length": str(len(content)), "Cache-Control": "no-store"}
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            answer = h11.Response(status_code=400, headers=list(headers.items()), reason=b"Bad Request")
            for event in (answer, h11.Data(data=content), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _end_in(self, seconds: float) -> None:
        self._go_on()
        self._timer = self.loop.call_later(seconds, self.transport.abort)

    def _go_on(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def protocol(limits: Limits) -> type[asyncio.Protocol]:
    """What makes the connections of a server with these limits, as uvicorn takes it."""
    return cast("type[asyncio.Protocol]", partial(GuardedProtocol, limits=limits))
