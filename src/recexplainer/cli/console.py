"""What the commands share: their arguments, where output goes, errors, the stages of a run, what to type next."""

from __future__ import annotations

import logging
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
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


def stdout() -> Console:
    """The console for what was asked for."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def stderr() -> Console:
    """The console for progress and errors."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


class _LogLines(logging.Handler):
    """Writes log records to standard error; of several processes only the first one does."""

    def emit(self, record: logging.LogRecord) -> None:
        if is_first():
            sys.stderr.write(f"  {self.format(record)}\n")
            sys.stderr.flush()


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
    stderr().print(str(error), style="red", markup=False)


@dataclass
class StageLines:
    """Shows the stages of a run on standard error: a line when one begins, and one when it is complete."""

    console: Console = field(default_factory=stderr)

    def cached(self, stage: str, summary: str) -> None:
        """A stage is complete from an earlier start."""
        self._line(stage, f"cached: {summary}", "dim")

    def resumed(self, stage: str) -> None:
        """A stage continues from its last checkpoint."""
        self._line(stage, "resumed …", "bold")

    def started(self, stage: str) -> None:
        """A stage begins."""
        self._line(stage, "…", "bold")

    def finished(self, stage: str, seconds: float, summary: str) -> None:
        """A stage is complete."""
        from recexplainer.reports.names import duration

        self._line(stage, f"{duration(seconds)}: {summary}", "green")

    def _line(self, stage: str, text: str, style: str) -> None:
        self.console.print(f"{stage:<20} {text}", style=style, markup=False)


def show_part(heading: str, lines: Sequence[str]) -> None:
    """Print a heading, and lines under it."""
    from rich.text import Text

    console = stdout()
    console.print(Text(heading, style="bold"))
    for line in lines or ("none",):
        console.print(Text(f"  {line}"))


def show_next(*commands: str) -> None:
    """Print what to type next."""
    console = stdout()
    for command in commands:
        console.print(f"next: {command}", style="cyan", markup=False)
