"""`recexplainer export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recexplainer.cli.console import RUNS, RunArgument, RunsOption


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
    from recexplainer.cli.console import stdout
    from recexplainer.pipeline.runs import export_surrogate, find_run
    from recexplainer.surrogate.hub import share_folder

    export_surrogate(find_run(run, runs), to, form=form, merged=merged, name=push or "")
    stdout().print(f"surrogate: {to}", markup=False)
    if push:
        stdout().print(f"shared: {share_folder(to, push, private=private)}", markup=False)
