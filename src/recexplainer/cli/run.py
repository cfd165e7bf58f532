"""`recexplainer run` and `recexplainer demo`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from recexplainer.cli.console import RUNS, RunsOption, SetOption

NameOption = Annotated[str | None, typer.Option("--name", help="Name of the run; the recipe's name if left out.")]


def run(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A YAML file, or the name of a recipe included.")],
    data: Annotated[Path | None, typer.Option("--data", help="Folder or file with the interactions.")] = None,
    name: NameOption = None,
    runs: RunsOption = RUNS,
    settings: SetOption = None,
) -> None:
    """Run a recipe in runs/NAME; a second start makes only what is missing or changed."""
    _run(recipe, data, name, runs, settings or [], explain=False)


def demo(name: NameOption = None, runs: RunsOption = RUNS, settings: SetOption = None) -> None:
    """Run the whole pipeline on the sample data; it ends with an explanation and a report."""
    _run("demo", None, name, runs, settings or [], explain=True)


def _run(
    recipe: str, data: Path | None, name: str | None, runs: Path, settings: Sequence[str], *, explain: bool
) -> None:
    from recexplainer.cli.console import StageLines
    from recexplainer.cli.results import show_end
    from recexplainer.pipeline.recipe import load_recipe, with_changes
    from recexplainer.pipeline.runs import run_recipe

    changes: dict[str, Any] = {} if name is None else {"name": name}
    if data is not None:
        changes["data"] = {"source": "files", "path": str(data.resolve())}
    changed = with_changes(load_recipe(recipe, settings), changes)
    run_recipe(changed, runs / changed.name, StageLines())
    show_end(runs / changed.name, explain=explain)
