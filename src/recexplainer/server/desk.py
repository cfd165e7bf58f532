"""Where questions come in: what was answered before is given again, the rest waits for the model.

The same question, asked while it is being answered, is asked once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from recexplainer.explanations.writing import Style
from recexplainer.hardware import FreeMemory
from recexplainer.server.answers import Answer
from recexplainer.server.cache import AnswerCache
from recexplainer.server.metrics import Metrics
from recexplainer.server.queue import ModelQueue
from recexplainer.server.service import Service
from recexplainer.server.settings import Limits

_NO_STYLE = Style()
_QUICK = ("what_if", "compare")  # of these the recommender scores no more than two histories


@dataclass(frozen=True, slots=True)
class Kind:
    """What is asked: the name of a method of the Service, and of `explain` who writes, and how."""

    name: str
    writer: str = ""
    style: Style = _NO_STYLE


@dataclass(slots=True)
class _Asked:
    """A question that is being answered, and how many wait for the answer."""

    task: asyncio.Task[bytes]
    waiting: int = 0


class Desk:
    """Answers questions to a Service, as bytes of JSON; used from one event loop."""

    def __init__(self, service: Service, limits: Limits, metrics: Metrics) -> None:
        self.service, self.limits, self._metrics = service, limits, metrics
        self._cache, self._memory = AnswerCache(limits.cache_bytes), FreeMemory()
        self._open: dict[bytes, _Asked] = {}
        self.queue = ModelQueue(self._ask, limits.waiting, limits.waiting_seconds, limits.together, metrics.asked)
        metrics.watch(self.queue, self._cache)

    async def answer(self, kind: Kind, question: Hashable, weight: int = 1) -> bytes:
        """The answer to a question; `weight` is how many pairs of a user and an item it has.

        Raises BusyError where too much waits already, and what the model raises.
        """
        key = blake2b(repr((self.service.version, kind, question)).encode(), digest_size=20).digest()
        known = self._cache.get(key)
        self._metrics.looked_up(known is not None)
        if known is not None:
            return known
        asked = self._open.get(key)
        if asked is None:
            asked = self._open[key] = _Asked(asyncio.create_task(self._made(key, kind, question, weight)))
            asked.task.add_done_callback(lambda _: self._open.pop(key, None))
        asked.waiting += 1
        try:
            return await asyncio.shield(asked.task)
        finally:
            asked.waiting -= 1
            if not asked.waiting:  # nobody waits for it any more
                asked.task.cancel()

    async def _made(self, key: bytes, kind: Kind, question: Hashable, weight: int) -> bytes:
        answer = await self.queue.ask(kind, question, weight, quick=kind.name in _QUICK)
        self._cache.put(key, answer)
        return answer

    def _ask(self, kind: Hashable, questions: Sequence[Any]) -> list[bytes]:
        assert isinstance(kind, Kind)
        method: Callable[..., Sequence[Answer]] = getattr(self.service, kind.name)
        how = (kind.writer, kind.style) if kind.writer else ()
        try:
            return [answer.model_dump_json().encode() for answer in method(questions, *how)]
        finally:
            self._memory.give_back()
