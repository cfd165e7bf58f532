"""What reading, cleaning and filtering say about the data: what was done, how often, and what may be wrong."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """One thing that loading or filtering did, with its count, for the report.

    A `warning` is about what may be wrong though it could be read, such as times of two units; it is shown first.
    """

    what: str
    count: int
    warning: bool = False


def counted(*notes: tuple[str, int]) -> tuple[Note, ...]:
    """A note of each count above zero."""
    return tuple(Note(what, count) for what, count in notes if count > 0)
