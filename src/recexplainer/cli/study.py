"""`recexplainer study`: people rate the explanations of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recexplainer.cli.console import RUNS, RunArgument, RunsOption

study = typer.Typer(name="study", help="Have people rate the explanations of a run.", no_args_is_help=True)

FolderOption = Annotated[Path, typer.Option("--folder", metavar="DIR", help="The folder of the study.")]


@study.command("export")
def export_command(
    run: RunArgument,
    folder: FolderOption,
    cases: Annotated[int, typer.Option("--cases", min=1, help="How many cases; each method explains each.")] = 120,
    seed: Annotated[int, typer.Option("--seed", help="Decides which cases are drawn, and the order.")] = 0,
    runs: RunsOption = RUNS,
) -> None:
    """Write a page and a table in which people rate explanations without knowing who wrote them."""
    from recexplainer.cli.console import show_next
    from recexplainer.evaluation.judge import LEVELS
    from recexplainer.pipeline.runs import explained_cases, find_run
    from recexplainer.study.packet import export_study

    key = export_study(explained_cases(find_run(run, runs)), folder, LEVELS, cases, seed)
    methods = list(dict.fromkeys((entry.method, entry.variant) for entry in key.entries))
    drawn = len(key.entries) // len(methods)
    typer.echo(f"{drawn} cases, {len(methods)} methods: {len(key.entries)} explanations to rate")
    typer.echo(f"for raters: {folder / 'packet.html'} or {folder / 'packet.csv'}")
    typer.echo(f"not for raters: {folder / 'key.json'}")
    show_next(f"recexplainer study import {run} FILE... --folder {folder}")


@study.command("import")
def import_command(
    run: RunArgument,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="The raters' files, one each.")],
    folder: FolderOption,
    runs: RunsOption = RUNS,
) -> None:
    """Read the raters' files, keep the ratings in the run, and show the rows and how far raters agree."""
    from recexplainer.cli.results import show_rows
    from recexplainer.pipeline.layout import RunLayout
    from recexplainer.pipeline.runs import find_run
    from recexplainer.study.agreement import agreement_notes, agreement_rows
    from recexplainer.study.packet import human_rows, import_study, ratings_by_rater, write_ratings

    folder_of_run = find_run(run, runs)
    ratings = import_study(folder, files)
    write_ratings(RunLayout(folder_of_run).ratings, ratings)
    by_rater = ratings_by_rater(ratings)
    show_rows(human_rows(ratings), "How people rate the explanations")
    agreement = agreement_rows(by_rater)
    show_rows(agreement, "How far raters agree")
    for note in agreement_notes(agreement):
        typer.echo(f"no value for {note}")
