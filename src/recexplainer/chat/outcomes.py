"""What can become of a request to an endpoint, and how a batch of them is summed up."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum

from pydantic import BaseModel

_log = logging.getLogger(__name__)


class Outcome(StrEnum):
    """What became of a request."""

    ANSWERED = "answered"
    CUT_OFF = "cut off"
    REFUSED = "refused"
    FILTERED = "filtered"
    FAILED = "failed"


class Retry(Enum):
    """Whether another try can help."""

    NO = "no"
    ONCE = "once"
    LATER = "later"


class Stop(Enum):
    """Whether other requests would end in the same way, so that no more are sent."""

    NO = "no"
    UNLESS_ANSWERED = "unless another one was answered"
    ALWAYS = "always"


class Answer(BaseModel):
    """A whole answer, without what was thought before it, and its tokens as the server counts them."""

    text: str
    tokens_in: int | None = None
    tokens_out: int | None = None


@dataclass
class AnswerError(Exception):
    """A try without an answer: `reason` shows what the server sent, `hint` says what to do.

    `{address}` and `{key}` in a hint stand for the environment variables with them, `{more}` for a larger limit on
    tokens. `streamed`: the server sent a
    stream that it was not asked for.
    """

    outcome: Outcome
    reason: str
    hint: str = ""
    retry: Retry = Retry.NO
    stop: Stop = Stop.NO
    streamed: bool = False

    def __str__(self) -> str:
        return f"{self.reason.rstrip('.')}.{f' {self.hint}' if self.hint else ''}"


def log_summary(model: str, outcomes: Sequence[Outcome], hint: str = "") -> None:
    """Log one line for a batch: how many were answered, and of the others how many ended in which way."""
    counts = Counter(outcomes)
    line = f"{model} answered {counts.pop(Outcome.ANSWERED, 0):,} of {len(outcomes):,} requests"
    others = ", ".join(f"{counts[kind]:,} {kind}" for kind in Outcome if kind in counts)
    if not outcomes:
        return
    if others:
        _log.warning(f"{line}; unscored: {others}.{f' {hint}' if hint else ''}")
    else:
        _log.info(f"{line}.")
