"""What is no success, as an answer: one shape for all, whoever finds the fault."""

from __future__ import annotations

from starlette.responses import Response

from recexplainer.server.answers import Failure, Problem


def failure(status: int, message: str, location: str = "", hint: str = "", after: int | None = None) -> Response:
    """An answer that is no success; `after` says in how many seconds to try again."""
    body = Failure(error=Problem(message=message, location=location, hint=hint))
    headers = {} if after is None else {"Retry-After": str(after)}
    return Response(body.model_dump_json(), status, headers, media_type="application/json")


def busy(after: int) -> Response:
    """Too much is asked at a time."""
    return failure(429, "Too much is asked at a time.", "server", f"Try again in {after} s.", after)
