"""`recexplainer doctor`."""

from __future__ import annotations

from typing import Annotated

import typer

from recexplainer.cli.arguments import RUNS, RunsOption


def doctor(
    runs: RunsOption = RUNS,
    network: Annotated[bool, typer.Option("--network", help="Ask the hub whether it can be reached, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what this machine can run, what is missing, and how to get it; status 1 if nothing can run."""
    from recexplainer.pipeline.checkup import check_up

    found = check_up(runs, network=network)
    if as_json:
        import json
        from dataclasses import asdict

        typer.echo(json.dumps(asdict(found), indent=2, ensure_ascii=False))
    else:
        from recexplainer.cli.console import show_checkup

        show_checkup(found)
    if found.broken:
        raise typer.Exit(1)
