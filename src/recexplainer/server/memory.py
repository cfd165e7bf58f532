"""Memory that is free is given back to the system, where the C library keeps it.

Scores come in large arrays of all sizes. What glibc keeps of them, between small things that stay, grows for hours.
"""

from __future__ import annotations

import ctypes
import sys
import time
from typing import Any

_EVERY = 1.0  # seconds; giving back takes some milliseconds


class Memory:
    """Gives back free memory, every second at most; does nothing where the C library is not glibc."""

    def __init__(self) -> None:
        library: Any = ctypes.CDLL(None) if sys.platform == "linux" else None
        self._trim: Any = getattr(library, "malloc_trim", None)
        self._last = time.monotonic()

    def give_back(self) -> None:
        """Give back what is free, if that was not done within the last second."""
        if self._trim is not None and time.monotonic() - self._last >= _EVERY:
            self._trim(0)
            self._last = time.monotonic()
