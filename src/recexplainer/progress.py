"""Progress on standard error: a bar with the time left on a terminal, nothing elsewhere.

It knows nothing of the work whose progress it shows.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from recexplainer.processes import is_first

T = TypeVar("T")


def say(text: str) -> None:
    """One line on standard error; of several processes the first one speaks."""
    if is_first():
        sys.stderr.write(f"  {text}\n")
        sys.stderr.flush()


def track(iterable: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Hand on the elements of an iterable, and show how far along they are.

    Args:
        iterable: What to go through.
        label: What is being done, in a few words.
        total: How many elements there are; taken from the iterable's length where it has one.

    Yields:
        The elements, unchanged.
    """
    if not (sys.stderr.isatty() and is_first()):
        yield from iterable
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    if total is None and isinstance(iterable, Sized):
        total = len(iterable)
    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield from bar.track(iterable, total=total, description=label)
