"""`recexplainer report`."""

from __future__ import annotations

from typing import Annotated

import typer

from recexplainer.cli.console import RUNS, RunArgument, RunsOption


def report(
    run: RunArgument,
    force: Annotated[bool, typer.Option("--force", help="Write it again even if nothing changed.")] = False,
    runs: RunsOption = RUNS,
) -> None:
    """Write the HTML report and the paper's tables of a run, and make first what is still missing."""
    from recexplainer.cli.console import StageLines
    from recexplainer.cli.results import show_end
    from recexplainer.pipeline.layout import REPORT
    from recexplainer.pipeline.runs import find_run, recipe_of, run_recipe

    folder = find_run(run, runs)
    run_recipe(recipe_of(folder), folder, StageLines(), only=[REPORT], force=[REPORT] if force else ())
    show_end(folder, explain=False)
