"""Progress on standard error: a bar with the time left on a terminal, nothing elsewhere.

It does not know the work. Of several processes only the first one shows a bar.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import TypeVar

from recexplainer.processes import is_first

T = TypeVar("T")


def track(iterable: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Yield the elements of an iterable, and show how many of `total` are done; None: of its length, if it has one."""
    if not (sys.stderr.isatty() and is_first()):
        yield from iterable
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    if total is None and isinstance(iterable, Sized):
        total = len(iterable)
    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as bar:  # output may go to a file
        yield from bar.track(iterable, total=total, description=label)


@contextmanager
def track_bytes(label: str, total: int | None, done: int = 0) -> Generator[Callable[[int], None], None, None]:
    """Show how many bytes of `total` (None: unknown) are downloaded, of which `done` are there already.

    It hands out a function to call with the number of new bytes.
    """
    if not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("  {task.description}"), BarColumn(), DownloadColumn())
    with Progress(
        *columns, TransferSpeedColumn(), TimeRemainingColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task(label, total=total, completed=done)
        yield lambda count: bar.advance(task, count)
