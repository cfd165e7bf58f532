"""The audit of the run that is served: made once, in a process of its own, while questions are answered."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any

from recexplainer.errors import RecExplainerError, RunError
from recexplainer.pipeline.execution import end_with_parent


class Auditing:
    """The audit of a run, begun when it is first asked for; where it fails, the next who asks begins it again.

    `surrogate`: the run's surrogate is asked too, where it is trained.
    """

    def __init__(self, run: Path, *, surrogate: bool = True) -> None:
        self._run, self._surrogate = run, surrogate
        self._made: asyncio.Task[bytes] | None = None

    async def answer(self) -> bytes | None:
        """The audit as JSON; None while it is made. Raises what the audit raises."""
        if self._made is None:
            self._made = asyncio.create_task(asyncio.to_thread(_in_process, self._run, self._surrogate))
        done, _ = await asyncio.wait([self._made], timeout=1)
        if not done:
            return None
        try:
            return self._made.result()
        except RecExplainerError:
            self._made = None
            raise


def _in_process(run: Path, surrogate: bool) -> bytes:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_audit, args=(run, surrogate, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        answer: bytes | RecExplainerError = ours.recv()
    except EOFError:
        hint = "What it raised stands in the server's log; ask again."
        answer = RunError("The process that made the audit has ended.", location=str(run), hint=hint)
    process.join()
    if isinstance(answer, RecExplainerError):
        raise answer
    return answer


def _audit(run: Path, surrogate: bool, pipe: Connection[Any, Any]) -> None:
    """What the process does; it gives way to the server, and ends with it."""
    Thread(target=end_with_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(10)
    from recexplainer.hardware import use_threads
    from recexplainer.pipeline.runs import audit_run
    from recexplainer.reports.audit_files import audit_json

    try:
        use_threads(1)
        found = audit_run(run, surrogate=surrogate)
        pipe.send(json.dumps(audit_json(found), ensure_ascii=False).encode())
    except RecExplainerError as error:
        pipe.send(error)
