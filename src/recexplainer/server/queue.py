"""The queue in front of the model: bounded, and what waits for the same thing is asked together.

One thread asks the model. It does not know what is asked.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from recexplainer.errors import RecExplainerError

Ask = Callable[[Hashable, Sequence[Any]], Sequence[Any]]
"""Answers questions of one kind together, in their order."""
_FIRST_GUESS = 0.05  # seconds that a pair takes, until it is known
_LATE = 0.2  # the share of what was asked last in the pace of late
_log = logging.getLogger("recexplainer.server")


class BusyError(Exception):
    """The queue is full; `seconds` says when to try again."""

    def __init__(self, seconds: int) -> None:
        super().__init__("the queue is full")
        self.seconds = seconds


@dataclass(slots=True, eq=False)
class _Job:
    kind: Hashable
    question: Any
    weight: int
    future: asyncio.Future[Any]


class ModelQueue:
    """Asks the model, in a thread of its own, what waits together; used from one event loop.

    Args:
        ask: Answers questions of one kind.
        waiting: How much may wait, in pairs of a user and an item.
        seconds: How long what waits may take, at the pace of late.
        together: How much is asked together, in pairs; one question that is larger is asked alone.
        asked: Is told how many questions were asked together, and how many seconds that took.
    """

    def __init__(
        self, ask: Ask, waiting: int, seconds: float, together: int, asked: Callable[[int, float], None]
    ) -> None:
        self._ask, self._together, self._asked = ask, together, asked
        self._most, self._most_seconds = waiting, seconds
        self._quick, self._jobs, self._condition = deque[_Job](), deque[_Job](), threading.Condition()
        self._waiting, self._pace, self._ended, self._was_quick = 0, _FIRST_GUESS, False, False
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._work, name="model", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How much waits or is being asked, in pairs."""
        return self._waiting

    @property
    def alive(self) -> bool:
        """Whether the thread that asks is there."""
        return self._thread.is_alive()

    async def ask(self, kind: Hashable, question: Any, weight: int = 1, *, quick: bool = False) -> Any:
        """The answer to a question; `weight` is how many pairs it has.

        Questions that are `quick` do not wait for all others: they are asked in turn with them. Raises BusyError where
        too much waits already, and what the model raises.
        """
        with self._condition:
            after = self._waiting + weight
            if self._waiting and (after > self._most or after * self._pace > self._most_seconds):
                raise BusyError(max(1, round(self._waiting * self._pace)))
            job = _Job(kind, question, weight, self._loop.create_future())
            self._waiting += weight
            (self._quick if quick else self._jobs).append(job)
            self._condition.notify()
        return await job.future

    def close(self) -> None:
        """End the thread after what it asks now; what waits is given up."""
        with self._condition:
            self._ended = True
            self._condition.notify()
        self._thread.join(timeout=10)

    def _work(self) -> None:
        while (jobs := self._next()) is not None:
            started = time.perf_counter()
            outcomes = self._answers(jobs[0].kind, [job.question for job in jobs]) if jobs else []
            seconds, weight = time.perf_counter() - started, sum(job.weight for job in jobs)
            with self._condition:
                self._waiting -= weight
                if jobs and not self._was_quick:
                    self._pace += _LATE * (seconds / weight - self._pace)
            self._loop.call_soon_threadsafe(self._give, jobs, outcomes, seconds)

    def _next(self) -> list[_Job] | None:
        """The oldest question, and others of its kind that wait, as many as go together; None at the end."""
        with self._condition:
            while not (self._quick or self._jobs or self._ended):
                self._condition.wait()
            if self._ended:
                return None
            self._was_quick = bool(self._quick) and not (self._was_quick and self._jobs)  # in turn with the others
            lane = self._quick if self._was_quick else self._jobs
            taken: list[_Job] = []
            kept: list[_Job] = []
            weight = 0
            for job in lane:
                if job.future.cancelled():  # nobody waits for it any more
                    self._waiting -= job.weight
                elif not taken or (job.kind == taken[0].kind and weight + job.weight <= self._together):
                    taken.append(job)
                    weight += job.weight
                else:
                    kept.append(job)
            lane.clear()
            lane.extend(kept)
            return taken

    def _answers(self, kind: Hashable, questions: Sequence[Any]) -> list[Any]:
        """The answers, or the error of each; where one of several is at fault, each is asked by itself."""
        try:
            return list(self._ask(kind, questions))
        except Exception as error:
            if not isinstance(error, RecExplainerError):
                _log.exception("the model failed")
            if len(questions) == 1:
                return [error]
        return [self._answers(kind, [one])[0] for one in questions]

    def _give(self, jobs: Sequence[_Job], outcomes: Sequence[Any], seconds: float) -> None:
        if jobs:
            self._asked(len(jobs), seconds)
        for job, outcome in zip(jobs, outcomes, strict=True):
            if job.future.cancelled():
                continue
            if isinstance(outcome, Exception):
                job.future.set_exception(outcome)
            else:
                job.future.set_result(outcome)
