"""What the commands share: their arguments, where output goes, errors and log lines, and what to type next."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recexplainer.errors import RecExplainerError
from recexplainer.processes import is_first

if TYPE_CHECKING:
    from rich.console import Console

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, or its name in the folder of runs.")]
RunsOption = Annotated[Path, typer.Option("--runs", help="The folder of runs.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a setting: --set surrogate.epochs.hybrid=3."),
]
RUNS = Path("runs")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_STATE_STYLES = {"cached": "dim", "started": "bold", "resumed": "bold", "finished": "green"}


def stdout() -> Console:
    """The console for what was asked for. Like that for errors it shows text as it is, brackets too."""
    return _console(stderr=False, soft_wrap=not sys.stdout.isatty())


def stderr() -> Console:
    """The console for progress and errors."""
    return _console(stderr=True, soft_wrap=True)


def _console(*, stderr: bool, soft_wrap: bool) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, soft_wrap=soft_wrap, highlight=False, markup=False, emoji=False)


class _LogLines(logging.Handler):
    """Shows log records on standard error, those of a stage in the style of its state; only in the first process."""

    def emit(self, record: logging.LogRecord) -> None:
        warns = record.levelno >= logging.WARNING
        style = "bold yellow" if warns else _STATE_STYLES.get(getattr(record, "state", ""))
        if is_first():
            stderr().print(f"{'' if style and not warns else '  '}{self.format(record)}", style=style)


@contextmanager
def log_lines() -> Generator[None]:
    """Show on standard error what the library logs, until the block ends."""
    logger, handler = logging.getLogger("recexplainer"), _LogLines(logging.INFO)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def show_error(error: RecExplainerError) -> None:
    """Show an error: what is wrong, where, and the hint."""
    stderr().print(visible(str(error)), style="red")


def show_part(heading: str, lines: Sequence[str], style: str = "bold") -> None:
    """Print a heading in a style, and lines under it."""
    console = stdout()
    console.print(heading, style=style)
    for line in lines or ("none",):
        console.print(f"  {visible(line)}")


def visible(text: str) -> str:
    """Text that a terminal shows and does not obey: ids and values of files may hold any character."""
    return _CONTROLS.sub("\ufffd", text)


def show_next(*commands: str) -> None:
    """Print what to type next."""
    for command in commands:
        stdout().print(f"next: {command}", style="cyan")
