"""`recexplainer evaluate`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from recexplainer.cli.console import RUNS, RunArgument, RunsOption, SetOption
from recexplainer.processes import is_first


def evaluate(
    run: RunArgument,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Evaluations; all if none.")] = None,
    settings: SetOption = None,
    force: Annotated[bool, typer.Option("--force", help="Evaluate again even if nothing changed.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what the endpoint would cost, and stop.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as one JSON list.")] = False,
    runs: RunsOption = RUNS,
) -> None:
    """Make the evaluations of a run that are missing or changed, update its report, and show the rows."""
    from recexplainer.cli.console import StageLines
    from recexplainer.pipeline.layout import EVALUATION, REPORT
    from recexplainer.pipeline.recipe import with_changes
    from recexplainer.pipeline.runs import find_run, planned_spend, recipe_of, run_recipe
    from recexplainer.pipeline.stages import check_evaluations, evaluation_stages, possible_evaluations

    check_evaluations(names or ())
    folder = find_run(run, runs)
    recipe = recipe_of(folder, settings or ())
    wanted = names or possible_evaluations(recipe)
    evaluations = list(dict.fromkeys([*recipe.evaluation.evaluations, *wanted]))
    recipe = with_changes(recipe, {"evaluation": {"evaluations": evaluations}})
    if dry_run:
        typer.echo(planned_spend(recipe, folder))
        return
    forced = [stage.name for name in wanted for stage in evaluation_stages(recipe, name)] if force else ()
    run_recipe(recipe, folder, StageLines(), only=[EVALUATION, REPORT], force=forced)
    if is_first():
        _show(folder, wanted, as_json)


def _show(run: Path, evaluations: Sequence[str], as_json: bool) -> None:
    from recexplainer.cli.console import stderr
    from recexplainer.cli.results import show_rows
    from recexplainer.evaluation.rows import Row, read_rows
    from recexplainer.pipeline.layout import EVALUATION, RunLayout, rows_file

    rows: list[Row] = []
    for name in dict.fromkeys("alignment" if one == "baselines" else one for one in evaluations):  # one table has both
        path = RunLayout(run).stage(EVALUATION) / rows_file(name)
        if not path.is_file():
            stderr().print(f"{name}: no rows; the report names what it needs", markup=False)
        elif as_json:
            rows += read_rows(path)
        else:
            show_rows(read_rows(path), name)
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False))
