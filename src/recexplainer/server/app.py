"""The application: the API, errors as answers, and the page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse

import recexplainer
from recexplainer.errors import RecExplainerError
from recexplainer.server.auditing import Auditing
from recexplainer.server.failures import failure
from recexplainer.server.finding import NotFoundError
from recexplainer.server.guard import Guard
from recexplainer.server.queue import BusyError
from recexplainer.server.routes import open_router, router
from recexplainer.server.service import Service
from recexplainer.server.settings import Limits
from recexplainer.server.state import NotReadyError, State

_THREADS = 4  # that search the data, and read the files of the page
PAGE = Path(__file__).with_name("page")


def create_app(
    open_service: Callable[[], Service],
    auditing: Auditing,
    limits: Limits,
    *,
    key: str = "",
    hosts: Collection[str] | None = None,
    failed: Callable[[Exception], None] | None = None,
) -> Guard:
    """The application of a run, with what guards it.

    Args:
        open_service: Opens the run; called in a thread, while the server answers that it is not ready.
        auditing: Audits the run.
        limits: What is allowed.
        key: What a client must know; "" for nothing.
        hosts: The names by which the server is asked for; None: any.
        failed: Is told where the run cannot be opened.
    """
    state = State(limits, auditing)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        current_default_thread_limiter().total_tokens = _THREADS

        async def opened() -> None:
            try:
                state.open(await asyncio.to_thread(open_service))
            except Exception as error:
                if failed is None:
                    raise
                failed(error)

        opening = asyncio.create_task(opened())
        yield
        opening.cancel()
        state.close()

    about: Any = {
        "title": "RecExplainer",
        "description": recexplainer.server.__doc__,
        "version": recexplainer.__version__,
    }
    app = FastAPI(**about, lifespan=lifespan, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.server = state
    app.include_router(router)
    app.include_router(open_router)
    _answer_errors(app)
    if PAGE.is_dir():
        app.mount("/page", StaticFiles(directory=PAGE), name="page")

        @app.get("/", include_in_schema=False)
        async def page() -> FileResponse:
            return FileResponse(PAGE / "index.html")

    return Guard(app, limits, state.metrics, key=key, hosts=hosts)


def _answer_errors(app: FastAPI) -> None:
    @app.exception_handler(RecExplainerError)
    async def of_package(_: Request, error: RecExplainerError) -> Response:
        return failure(404 if isinstance(error, NotFoundError) else 422, error.what, error.location, error.hint)

    @app.exception_handler(RequestValidationError)
    async def of_request(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return failure(422, str(first["msg"]), ".".join(str(part) for part in first["loc"]), "See /openapi.json.")

    @app.exception_handler(HTTPException)
    async def of_http(_: Request, error: HTTPException) -> Response:
        answer = failure(error.status_code, str(error.detail))
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(BusyError)
    async def of_queue(_: Request, error: BusyError) -> Response:
        return failure(429, "Too many questions wait.", "queue", f"Try again in {error.seconds} s.", error.seconds)

    @app.exception_handler(Exception)
    async def of_nobody(_: Request, error: Exception) -> Response:
        hint = "Report it, with what the server logged."
        return failure(500, f"This should not happen: {type(error).__name__}.", "server", hint)

    @app.exception_handler(NotReadyError)
    async def of_state(_: Request, error: NotReadyError) -> Response:
        return failure(503, "The run is not open yet.", "", "Try again in a second.", 1)
