"""`recexplainer run`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from recexplainer.cli.arguments import RUNS, NameOption, RunsOption, SetOption


def run(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A YAML file, or the name of one that comes along.")],
    data: Annotated[Path | None, typer.Option("--data", help="Folder or file with the interactions.")] = None,
    name: NameOption = None,
    runs: RunsOption = RUNS,
    settings: SetOption = None,
) -> None:
    """Carry out a recipe in runs/NAME; a second start does only what is missing or changed."""
    from recexplainer.cli.results import show_end

    show_end(start(recipe, data, name, runs, settings or []), explain=False)


def start(recipe: str, data: Path | None, name: str | None, runs: Path, settings: Sequence[str]) -> Path:
    """Carry out a recipe; returns the run folder."""
    from recexplainer.cli.console import StageLines
    from recexplainer.pipeline.recipe import load_recipe, with_changes
    from recexplainer.pipeline.runs import run_recipe

    changes: dict[str, Any] = {} if name is None else {"name": name}
    if data is not None:
        changes["data"] = {"source": "files", "path": str(data.resolve())}
    read = with_changes(load_recipe(recipe, settings), changes)
    folder = runs / read.name
    run_recipe(read, folder, StageLines())
    return folder
