"""`recexplainer evaluate`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from recexplainer.cli.arguments import RUNS, RunArgument, RunsOption, SetOption
from recexplainer.processes import is_first


def evaluate(
    run: RunArgument,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Evaluations; all if none.")] = None,
    settings: SetOption = None,
    again: Annotated[bool, typer.Option("--again", help="Measure anew even if nothing changed.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what asking the endpoint would take, and stop.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as one JSON list.")] = False,
    runs: RunsOption = RUNS,
) -> None:
    """Evaluate a run as the paper does, where that is not done yet, bring its report up to date, and show the rows."""
    from recexplainer.cli.console import StageLines, stderr
    from recexplainer.cli.results import show_rows
    from recexplainer.evaluation.rows import Row, read_rows
    from recexplainer.pipeline.asking import planned_spend
    from recexplainer.pipeline.evaluations import evaluations_named, possible, stages_of
    from recexplainer.pipeline.folder import find_run, recipe_of, run_recipe
    from recexplainer.pipeline.recipe import with_changes

    wanted = evaluations_named(names)
    folder = find_run(run, runs)
    recipe = recipe_of(folder, settings or ())
    if not names:
        wanted = possible(wanted, recipe)
    recipe = with_changes(recipe, {"evaluation": {"made": list(dict.fromkeys([*recipe.evaluation.made, *wanted]))}})
    if dry_run:
        typer.echo(planned_spend(recipe, folder))
        return
    anew = [stage for name in wanted for stage in stages_of(recipe, name)] if again else ()
    run_recipe(recipe, folder, StageLines(), only=["evaluation", "report"], again=anew)
    if not is_first():
        return
    rows: list[Row] = []
    for name in dict.fromkeys("alignment" if name == "baselines" else name for name in wanted):  # one table holds both
        path = folder / "evaluation" / f"{name}.json"
        if not path.is_file():
            stderr().print(f"{name}: no rows; the report says what it needs", markup=False)
        elif as_json:
            rows += read_rows(path)
        else:
            show_rows(read_rows(path), name)
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False))
