"""The hardware of this machine: free cores, GPUs, bfloat16, memory. torch is imported only where it is needed."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from dataclasses import dataclass
from functools import cache
from time import monotonic, perf_counter
from typing import Any

_LOOK = 0.5  # seconds; the load average would still show what has just ended
_TIMED_WIDTH, _TIMED_PRODUCTS = 512, 24  # of square matrices; some milliseconds
_WORTHWHILE = 1.2  # numbers must be converted, too
_WORTHWHILE_INTEGERS = 1.75  # these must be scaled as well, both ways
_GARBAGE = (100_000, 20, 100)  # new objects until the collector looks through the young ones, and how often further
_GIVEN_BACK_EVERY = 1.0  # seconds; it takes some milliseconds


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU that torch can use: its memory and what is free of it in bytes, and whether it computes in bfloat16."""

    name: str
    memory: int
    free: int
    bfloat16: bool


def gpus() -> tuple[Gpu, ...]:
    """The GPUs that torch can use here."""
    import torch

    return tuple(
        Gpu(
            name=torch.cuda.get_device_name(device),
            memory=torch.cuda.mem_get_info(device)[1],
            free=torch.cuda.mem_get_info(device)[0],
            bfloat16=torch.cuda.get_device_capability(device) >= (8, 0),
        )
        for device in range(torch.cuda.device_count())
    )


def free_cores() -> int:
    """Threads to use: `OMP_NUM_THREADS` if it is set, else the number of idle cores.

    Two threads on one free core are slower than one.
    """
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdecimal() and int(wanted):
        return int(wanted)
    import psutil

    cores = os.cpu_count() or 1
    return max(1, round(cores * (1 - psutil.cpu_percent(interval=_LOOK) / 100)))


def use_threads(count: int | None) -> None:
    """Set the number of torch's processor threads; None: as many as there are idle cores."""
    import torch

    torch.set_num_threads(count or free_cores())


def best_device() -> Any:
    """Torch's device to compute on: the GPU if there is one."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@cache
def has_fast_bfloat16() -> bool:
    """Whether arithmetic is faster in bfloat16 than in float32 here; on a processor two products of matrices are timed.

    Its instructions say too little: with AVX-512 BF16, but without AMX, bfloat16 may take twice the time of float32.
    """
    import torch

    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    return _product_seconds(torch.bfloat16) * _WORTHWHILE < _product_seconds(torch.float32)


@cache
def has_fast_int8() -> bool:
    """Whether this processor multiplies 8-bit integers so much faster that training gains by it; False with a GPU."""
    import torch

    if torch.cuda.is_available():
        return False
    others = min(_product_seconds(torch.bfloat16), _product_seconds(torch.float32))
    return _product_seconds(torch.int8) * _WORTHWHILE_INTEGERS < others


@cache
def _product_seconds(dtype: Any) -> float:
    """The least time that a product of two square matrices took on the processor."""
    import torch

    matrix = torch.ones(_TIMED_WIDTH, _TIMED_WIDTH, dtype=dtype)
    product: Any = torch.ops.aten._int_mm if dtype == torch.int8 else torch.mm
    times: list[float] = []
    for _ in range(_TIMED_PRODUCTS):
        start = perf_counter()
        product(matrix, matrix)
        times.append(perf_counter() - start)
    return min(times)


def collect_garbage_seldom() -> None:
    """Let the collector of garbage look seldom, and never at what is there now: for a process that has all it needs.

    Looking through a recommender and its catalogue again and again took a fifth of the time of a batch.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE)


class FreeMemory:
    """Gives free memory back to the system, where the C library keeps it; does nothing where that is not glibc.

    Scores come in large arrays of all sizes. What glibc keeps of them, between small things that stay, grows for hours.
    """

    def __init__(self) -> None:
        library: Any = ctypes.CDLL(None) if sys.platform == "linux" else None
        self._trim: Any = getattr(library, "malloc_trim", None)
        self._last = monotonic()

    def give_back(self) -> None:
        """Give back what is free, if that was not done within the last second."""
        if self._trim is not None and monotonic() - self._last >= _GIVEN_BACK_EVERY:
            self._trim(0)
            self._last = monotonic()
