"""`recexplainer serve`: a run's HTTP API and its page."""

from __future__ import annotations

from typing import Annotated

import typer

from recexplainer.cli.console import RUNS, RunArgument, RunsOption


def serve(
    run: RunArgument,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="The port; 0 takes a free one.")] = 8000,
    runs: RunsOption = RUNS,
) -> None:
    """Serve a run: a page in the browser, and an HTTP API."""
    from recexplainer.registry import require_extra

    for package in ("fastapi", "uvicorn", "prometheus_client"):
        require_extra(package, "server")
    import uvicorn

    from recexplainer.pipeline.runs import find_run
    from recexplainer.server.app import create_app
    from recexplainer.server.running import open_service
    from recexplainer.server.settings import Limits

    folder, limits = find_run(run, runs), Limits()
    uvicorn.run(create_app(lambda: open_service(folder, limits), limits), host=host, port=port)
