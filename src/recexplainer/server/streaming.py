"""Server-sent events for a question that takes its time: that it waits, then the text in pieces, then all of it.

A text is sent when it has been checked, not while it is written: what does not hold is never shown.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Awaitable
from typing import Any

from recexplainer.errors import RecExplainerError
from recexplainer.server.queue import BusyError, ModelQueue

MEDIA_TYPE = "text/event-stream"
_SENTENCE = re.compile(r".+?(?:[.!?][”\"]?\s+|$)", re.DOTALL)
_BEAT = 2.0  # seconds after which a client hears that its question still waits


async def events(answer: Awaitable[bytes], queue: ModelQueue) -> AsyncGenerator[bytes]:
    """The events of an answer: `waiting` until it is there, `text` a sentence, `claims` the whole answer, `done`.

    Where there is none, `error` with what is wrong in the shape of all failures.
    """
    task = asyncio.ensure_future(answer)
    try:
        while True:
            yield _event("waiting", {"pairs": queue.waiting})
            done, _ = await asyncio.wait([task], timeout=_BEAT)
            if done:
                break
        whole = json.loads(task.result())
        for sentence in _SENTENCE.findall(whole["text"]):
            yield _event("text", sentence)
        yield _event("claims", whole)
        yield _event("done", {})
    except RecExplainerError as error:
        yield _event("error", {"error": {"message": error.what, "location": error.location, "hint": error.hint}})
    except BusyError as error:
        hint = f"Try again in {error.seconds} s."
        yield _event("error", {"error": {"message": "Too many questions wait.", "location": "queue", "hint": hint}})
    finally:
        task.cancel()


def _event(name: str, data: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
