"""`recexplainer evaluate`."""

from __future__ import annotations

from typing import Annotated

import typer

from recexplainer.cli.arguments import RUNS, RunArgument, RunsOption
from recexplainer.processes import is_first

STAGES = {"alignment": "evaluation"}
"""For each evaluation, the stage that makes it; its rows are in a file of the evaluation's name."""


def evaluate(
    run: RunArgument,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Evaluations; all if none.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Measure anew even if nothing changed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
    runs: RunsOption = RUNS,
) -> None:
    """Measure the surrogates of a run, where that is not done yet, and show the rows."""
    from recexplainer.cli.console import StageLines, show_rows
    from recexplainer.errors import RunError
    from recexplainer.evaluation.rows import read_rows
    from recexplainer.pipeline.folder import find_run, recipe_of, run_recipe
    from recexplainer.pipeline.stages import measurement_stage

    wanted = names or list(STAGES)
    if unknown := [name for name in wanted if name not in STAGES]:
        raise RunError(f"There is no evaluation {unknown[0]!r}.", mend=f"The evaluations are: {', '.join(STAGES)}.")
    folder = find_run(run, runs)
    stages = [STAGES[name] for name in wanted]
    recipe = recipe_of(folder)
    anew = [*map(measurement_stage, recipe.forms), *stages] if again else ()
    run_recipe(recipe, folder, StageLines(), only=stages, again=anew)
    if not is_first():
        return
    for name in wanted:
        path = folder / STAGES[name] / f"{name}.json"
        if as_json:
            typer.echo(path.read_text(encoding="utf-8"), nl=False)
        else:
            show_rows(read_rows(path), name)
