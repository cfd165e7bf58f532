"""Several processes that train one surrogate together, as torchrun starts them; without it there is one.

torch is loaded only when they speak to each other. It knows nothing of what they train.
"""

from __future__ import annotations

import atexit
import os
from datetime import timedelta
from typing import Any, TypeVar

T = TypeVar("T")

# The others wait while the first one does what needs one process only, such as fitting f.
_PATIENCE = timedelta(days=7)


def world_size() -> int:
    """How many processes were asked for."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this is the process that writes and speaks; where there is one, it is."""
    return int(os.environ.get("RANK", "0")) == 0


def from_first(value: T) -> T:
    """What the first process hands over here, in every process; a call that all of them must make."""
    if world_size() == 1:
        return value
    import torch

    handed: list[Any] = [value]
    _joined().broadcast_object_list(handed, src=0, device=torch.device("cpu"))
    return handed[0]


def summed(number: float) -> float:
    """The sum of what the processes give; a call that all of them must make."""
    if world_size() == 1:
        return number
    import torch

    total = torch.tensor(number, dtype=torch.float64)
    _joined().all_reduce(total)
    return float(total)


def wait_for_all() -> None:
    """Go on when every process has come here."""
    summed(0)


def _joined() -> Any:
    """torch.distributed, once this process has joined the others."""
    import torch
    from torch import distributed

    if not distributed.is_initialized():
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        distributed.init_process_group(backend, timeout=_PATIENCE)
        atexit.register(distributed.destroy_process_group)
    return distributed
