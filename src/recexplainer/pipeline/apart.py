"""Work in a process of its own; it ends with the process that started it, however that ends.

It knows nothing of stages.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from recexplainer.errors import RunError

T = TypeVar("T")
_PR_SET_PDEATHSIG = 1


def run_apart(work: Callable[..., T], *arguments: object) -> T:
    """Call a function in a new process and wait for what it returns; what it raises is raised here.

    Raises:
        RunError: The process was ended from outside.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, _end_with_parent, (os.getpid(),)) as pool:
        try:
            return pool.submit(work, *arguments).result()
        except BrokenProcessPool as error:
            raise RunError(
                "A process of this run was ended from outside.",
                hint="Most often memory ran out: close other programs, or set threads=1. Then start the run again.",
            ) from error


def _end_with_parent(parent: int) -> None:
    """Ask the system to end this process when its parent ends, so that no two ever write into one run folder."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
