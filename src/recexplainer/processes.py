"""Several processes that train one surrogate together, as torchrun starts them; without it there is one.

torch is imported only when they communicate. It does not know what they train.
"""

from __future__ import annotations

import atexit
import os
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

from recexplainer.errors import RunError

T = TypeVar("T")

# The others wait while the first one does what needs one process only, such as fitting the recommender.
_PATIENCE = timedelta(days=7)
_LAUNCHED = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


def world_size() -> int:
    """How many processes were asked for (`WORLD_SIZE`, which torchrun sets)."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def processes_here() -> int:
    """How many of them run on this machine (`LOCAL_WORLD_SIZE`); they share its cores."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this is the process that writes and prints; true where there is only one."""
    return int(os.environ.get("RANK", "0")) == 0


def from_first(value: T) -> T:
    """The first process's value, in every process; all of them must call this."""
    if world_size() == 1:
        return value
    import torch

    handed: list[Any] = [value]
    _joined().broadcast_object_list(handed, src=0, device=torch.device("cpu"), group=_waiting())
    return handed[0]


def summed(number: float) -> float:
    """The sum of the processes' numbers; all of them must call this."""
    if world_size() == 1:
        return number
    import torch

    total = torch.tensor(number, dtype=torch.float64)
    _joined().all_reduce(total, group=_waiting())
    return float(total)


def wait_for_all() -> None:
    """Wait until every process has come here."""
    summed(0)


def _joined() -> Any:
    """torch.distributed, once this process has joined the others."""
    import torch
    from torch import distributed

    if not distributed.is_initialized():
        if lacking := [name for name in _LAUNCHED if name not in os.environ]:
            raise RunError(
                f"{world_size()} processes were asked for, but {', '.join(lacking)} is not set.",
                location="WORLD_SIZE",
                hint="Start them with torchrun --nproc-per-node N, or unset WORLD_SIZE.",
            )
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
        atexit.register(distributed.destroy_process_group)
    return distributed


@cache
def _waiting() -> Any:
    """A group of all processes that is patient; training keeps the usual patience, so that a lost process is seen."""
    return _joined().new_group(backend="gloo", timeout=_PATIENCE)
