"""What this machine can do: free cores, bfloat16, an accelerator."""

from __future__ import annotations

import os

import torch


def free_cores() -> int:
    """Cores that nothing else is using now; two threads on one free core are slower than one."""
    return max(1, min(os.cpu_count() or 1, round((os.cpu_count() or 1) - os.getloadavg()[0])))


def has_fast_bfloat16() -> bool:
    """Whether bfloat16 arithmetic is faster than float32 here: on such accelerators, and with AVX-512 BF16 or AMX."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    return torch.cpu._is_avx512_bf16_supported()  # pyright: ignore[reportPrivateUsage]  (no public name yet)
