"""Parts of a batch made by several processes, each of which holds the recommender once.

A process that is ended from outside is replaced, and its part is made by another. Each has one thread, so that what is
written does not depend on how many there are.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Any

from recexplainer.batch.question import Job
from recexplainer.errors import RecExplainerError, RunError
from recexplainer.pipeline.execution import end_with_parent

ATTEMPTS = 3
"""How often a part is begun whose process is ended from outside."""
ONE_THREAD: dict[str, str] = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1"
)
"""The environment of a process with one thread; the libraries read it when they are imported."""
_log = logging.getLogger("recexplainer.batch")


@dataclass(slots=True)
class _Worker:
    """A process, the end of its pipe that is ours, and the part that it makes."""

    process: BaseProcess
    pipe: Connection[Any, Any]
    part: int


def in_processes(job: Job, parts: Sequence[int], processes: int) -> Iterator[tuple[int, int]]:
    """Make parts in at most so many processes; yields each part that is there, with its pairs, in any order.

    Raises what a process raises, and RunError where a part's process was ended from outside three times, or failed.
    """
    waiting, begun = deque(parts), Counter[int]()
    workers: list[_Worker] = []
    try:
        while waiting or workers:
            while waiting and len(workers) < processes:
                workers.append(_start(job, waiting.popleft()))
            ready = connection.wait([worker.pipe for worker in workers])
            for worker in [one for one in workers if one.pipe in ready]:
                if (answer := _received(worker)) is None:
                    workers.remove(worker)
                    _again(worker, waiting, begun)
                    continue
                if isinstance(answer, RecExplainerError):
                    raise answer
                yield worker.part, answer
                if waiting:
                    worker.part = waiting.popleft()
                    _send(worker)
                else:
                    workers.remove(worker)
                    _end(worker)
    finally:
        for worker in workers:
            _end(worker)


def _start(job: Job, part: int) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_make_parts, args=(job, theirs), daemon=True)
    with _environment(ONE_THREAD):
        process.start()
    theirs.close()  # so that its end is seen when the process ends
    worker = _Worker(process, ours, part)
    _send(worker)
    return worker


def _send(worker: _Worker) -> None:
    """Hand over a part; that the process has ended meanwhile is seen when it is waited for."""
    try:
        worker.pipe.send(worker.part)
    except (BrokenPipeError, ConnectionResetError):
        _log.debug("part %d: its process has ended", worker.part)


def _received(worker: _Worker) -> int | RecExplainerError | None:
    """What a process answers; None: it has ended."""
    try:
        return worker.pipe.recv()
    except (EOFError, ConnectionResetError):
        return None


def _again(worker: _Worker, waiting: deque[int], begun: Counter[int]) -> None:
    """Have the part of a process that has ended made by another. Raises RunError where that is of no use."""
    worker.process.join()
    code, part = worker.process.exitcode or 0, worker.part
    begun[part] += 1
    if code > 0:  # Python has shown why
        hint = "What it raised stands above; the parts that are there stay, and the next start makes the others."
        raise RunError(f"A process failed (exit status {code}).", location=f"part {part}", hint=hint)
    if begun[part] >= ATTEMPTS:
        hint = "Most often memory ran out: give fewer --processes, then start again; what is there stays."
        what = f"The process of a part was ended from outside {ATTEMPTS} times (signal {-code})."
        raise RunError(what, location=f"part {part}", hint=hint)
    _log.warning("A process was ended from outside (signal %d); another one makes its part %d.", -code, part)
    waiting.appendleft(part)


def _end(worker: _Worker) -> None:
    worker.pipe.close()
    worker.process.terminate()
    worker.process.join()


@contextmanager
def _environment(values: dict[str, str]) -> Generator[None]:
    """Set variables of the environment for processes that begin in the block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _make_parts(job: Job, pipe: Connection[Any, Any]) -> None:
    """What a process does: make the parts that it is given, until the other end is closed or its parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process is told, and ends this one
    Thread(target=end_with_parent, daemon=True).start()
    from recexplainer.batch.part import open_part_writer

    try:
        writer = open_part_writer(job)
        while True:
            pipe.send(writer.write(pipe.recv()))
    except RecExplainerError as error:
        pipe.send(error)
    except EOFError:  # there is no more to do
        return
