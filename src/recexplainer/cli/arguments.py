"""Arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, or its name in the folder of runs.")]
RunsOption = Annotated[Path, typer.Option("--runs", help="The folder of runs.")]
NameOption = Annotated[str | None, typer.Option("--name", help="Name of the run; the recipe's name if left out.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a setting: --set surrogate.epochs.hybrid=3."),
]
RUNS = Path("runs")
