"""An endpoint on this machine, for what asks a chat model."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response


class ChatServer:
    """Has a server answer chat completions, and the environment name it.

    `answer` is what it says to every question, or a function of the question; what is no text is sent as JSON, and a
    `Response` as it is.
    """

    def __init__(self, http: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answer: Any = []
        self.status = 200
        self.asked: list[dict[str, Any]] = []
        http.clear()
        http.expect_request("/v1/chat/completions", "POST").respond_with_handler(self._handle)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("OPENAI_BASE_URL", http.url_for("/v1"))
        monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")

    @property
    def questions(self) -> list[str]:
        """The last message of each request."""
        return [body["messages"][-1]["content"] for body in self.asked]

    def _handle(self, request: Request) -> Response:
        body = json.loads(request.get_data())
        self.asked.append(body)
        given = self.answer
        if callable(given) and not isinstance(given, Response):
            given = given(body["messages"][-1]["content"])
        if isinstance(given, Response):
            return given
        content = given if isinstance(given, str) else json.dumps(given)
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
        return Response(json.dumps({"choices": [choice]}), status=self.status, mimetype="application/json")
