"""Answers that are kept: as bytes, the least recently used go first. Used from the event loop alone."""

from __future__ import annotations

from collections import OrderedDict

_OVERHEAD = 200  # bytes of an entry beyond its answer


class AnswerCache:
    """Keeps answers by their keys, at most so many bytes in all."""

    def __init__(self, most_bytes: int) -> None:
        self._most, self._kept = most_bytes, OrderedDict[bytes, bytes]()
        self.size = 0

    def get(self, key: bytes) -> bytes | None:
        """The answer of a key; None where it is not kept."""
        if (answer := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
        return answer

    def put(self, key: bytes, answer: bytes) -> None:
        """Keep an answer; one that is larger than a tenth of all is not kept."""
        cost = len(answer) + _OVERHEAD
        if key in self._kept or cost * 10 > self._most:
            return
        self._kept[key] = answer
        self.size += cost
        while self.size > self._most:
            _, gone = self._kept.popitem(last=False)
            self.size -= len(gone) + _OVERHEAD

    def __len__(self) -> int:
        return len(self._kept)
