"""`recexplainer serve`: a run's page in the browser and its HTTP API."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from recexplainer.cli.console import RUNS, RunArgument, RunsOption, stderr, stdout

KEY = "RECEXPLAINER_SERVER_KEY"
"""The variable of the environment with the key that clients must send."""


def serve(
    run: RunArgument,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="The port; 0 takes a free one.")] = 8000,
    surrogate: Annotated[
        bool,
        typer.Option(
            "--surrogate/--no-surrogate", help="Also let the run's surrogate write, and audit it, if trained."
        ),
    ] = True,
    allow_host: Annotated[
        list[str] | None, typer.Option("--allow-host", metavar="NAME", help="A name by which it may be asked for.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change what is allowed: --set waiting=512."),
    ] = None,
    runs: RunsOption = RUNS,
) -> None:
    """Serve a run: a page in the browser, and an HTTP API. A key in RECEXPLAINER_SERVER_KEY is asked of clients."""
    from recexplainer.registry import require_extra

    for package in ("fastapi", "uvicorn", "prometheus_client"):
        require_extra(package, "server")
    from recexplainer.pipeline.runs import find_run
    from recexplainer.pipeline.settings_reader import default_settings
    from recexplainer.server.running import Serving, is_loopback
    from recexplainer.server.settings import Limits

    folder, key = find_run(run, runs), os.environ.get(KEY, "")
    limits = default_settings(Limits, settings or ())
    if not (key or is_loopback(host)):
        warning = f"Whoever can reach {host} can ask: set {KEY} to a key that clients must send."
        stderr().print(warning, style="bold yellow")

    def listening(address: str) -> None:
        stdout().print(f"serving {folder.name}: {address}")

    serving = Serving(folder, host, limits, key=key, names=allow_host or (), surrogate=surrogate)
    serving.run(port, listening)
