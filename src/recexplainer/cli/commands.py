"""The commands about runs: `demo`, `run`, `evaluate`, `report` and `export`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from recexplainer.cli.console import RUNS, RunArgument, RunsOption, SetOption, stderr, stdout
from recexplainer.cli.encoding import json_for_terminal
from recexplainer.processes import is_first

NameOption = Annotated[str | None, typer.Option("--name", help="Name of the run; the recipe's name if left out.")]


def run(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A YAML file, or the name of a recipe included.")],
    data: Annotated[Path | None, typer.Option("--data", help="Folder or file with the interactions.")] = None,
    name: NameOption = None,
    runs: RunsOption = RUNS,
    settings: SetOption = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="STAGE", help="Stop after a stage, such as recommender.")
    ] = None,
) -> None:
    """Run a recipe in runs/NAME; a second start makes only what is missing or changed."""
    _run(recipe, data, name, runs, settings or [], until=until)


def demo(name: NameOption = None, runs: RunsOption = RUNS, settings: SetOption = None) -> None:
    """Run the whole pipeline on the sample data; it ends with an explanation and a report."""
    _run("demo", None, name, runs, settings or [], explain=True)


def _run(
    recipe: str,
    data: Path | None,
    name: str | None,
    runs: Path,
    settings: Sequence[str],
    *,
    explain: bool = False,
    until: str | None = None,
) -> None:
    from recexplainer.cli.results import show_end
    from recexplainer.pipeline.recipe import load_recipe, with_changes
    from recexplainer.pipeline.runs import run_recipe

    changes: dict[str, Any] = {} if name is None else {"name": name}
    if data is not None:
        changes["data"] = {"source": "files", "path": str(data.resolve())}
    changed = with_changes(load_recipe(recipe, settings), changes)
    run_recipe(changed, runs / changed.name, only=None if until is None else [until])
    if until is None:
        show_end(runs / changed.name, explain=explain)
    elif is_first():
        stdout().print(f"{until}: {runs / changed.name / until}")


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
    from recexplainer.pipeline.layout import EVALUATION, REPORT
    from recexplainer.pipeline.recipe import with_changes
    from recexplainer.pipeline.runs import find_run, recipe_of, run_recipe
    from recexplainer.pipeline.spend import planned_spend
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
    run_recipe(recipe, folder, only=[EVALUATION, REPORT], force=forced)
    if is_first():
        _show_evaluations(folder, wanted, as_json)


def _show_evaluations(run: Path, evaluations: Sequence[str], as_json: bool) -> None:
    import json
    from dataclasses import asdict

    from recexplainer.cli.results import show_rows
    from recexplainer.evaluation.rows import Row, read_rows
    from recexplainer.pipeline.layout import EVALUATION, RunLayout, rows_file

    rows: list[Row] = []
    for name in dict.fromkeys("alignment" if one == "baselines" else one for one in evaluations):  # one table has both
        path = RunLayout(run).stage(EVALUATION) / rows_file(name)
        if not path.is_file():
            stderr().print(f"{name}: no rows; the report names what it needs")
        elif as_json:
            rows += read_rows(path)
        else:
            show_rows(read_rows(path), name)
    if as_json:
        typer.echo(json_for_terminal(json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False)))


def report(
    run: RunArgument,
    force: Annotated[bool, typer.Option("--force", help="Write it again even if nothing changed.")] = False,
    runs: RunsOption = RUNS,
) -> None:
    """Write the HTML report and the paper's tables of a run, and make first what is still missing."""
    from recexplainer.cli.results import show_end
    from recexplainer.pipeline.layout import REPORT
    from recexplainer.pipeline.runs import find_run, recipe_of, run_recipe

    folder = find_run(run, runs)
    run_recipe(recipe_of(folder), folder, only=[REPORT], force=[REPORT] if force else ())
    show_end(folder, explain=False)


def export(
    run: RunArgument,
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="The folder to write; a new one.")],
    form: Annotated[
        str | None, typer.Option("--form", help="Which surrogate; the one that explains if left out.")
    ] = None,
    merged: Annotated[bool, typer.Option("--merged", help="Plain weights, LoRA merged into the backbone.")] = False,
    push: Annotated[
        str | None, typer.Option("--push", metavar="OWNER/NAME", help="Share the folder on the Hugging Face Hub, too.")
    ] = None,
    private: Annotated[bool | None, typer.Option(help="Whether a repository made by --push is private.")] = None,
    runs: RunsOption = RUNS,
) -> None:
    """Write a finished run's surrogate with a card of what was measured, ready to be shared or served."""
    from recexplainer.pipeline.runs import export_surrogate, find_run
    from recexplainer.surrogate.hub import share_folder

    export_surrogate(find_run(run, runs), to, form=form, merged=merged, name=push or "")
    stdout().print(f"surrogate: {to}")
    if push:
        stdout().print(f"shared: {share_folder(to, push, private=private)}")
