"""A hub on this machine: as much of the Hugging Face Hub's HTTP API as its client uses to share and fetch a model."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from huggingface_hub import constants

TOKEN = "hf_" + "t" * 34


@dataclass
class Hub:
    """What is stored: for each repository its commits, oldest first, each a mapping of paths to contents."""

    endpoint: str = ""
    commits: dict[str, list[dict[str, bytes]]] = field(default_factory=dict)
    private: dict[str, bool] = field(default_factory=dict)

    def files(self, name: str) -> dict[str, bytes]:
        return self.commits[name][-1]

    def sha(self, name: str, number: int) -> str:
        return hashlib.sha1(f"{name} {number}".encode()).hexdigest()

    def at(self, name: str, revision: str) -> int | None:
        shas = [self.sha(name, number) for number in range(len(self.commits[name]))]
        return len(shas) - 1 if revision == "main" else shas.index(revision) if revision in shas else None


@contextmanager
def loopback_hub() -> Generator[Hub]:
    """A running hub; writing to it needs TOKEN."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def use_endpoint(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What HF_ENDPOINT does, which is read once when the client is loaded."""
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._answer(401, {"error": "Invalid credentials in Authorization header"})
        path = unquote(urlsplit(self.path).path)
        if path == "/api/validate-yaml":
            return self._answer(200, {"errors": [], "warnings": []})
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        found = re.fullmatch(r"/api/models/([^/]+/[^/]+)/(preupload|commit)/main", path)
        assert found, path
        name, what = found.groups()
        if what == "commit":
            return self._commit(name, [json.loads(line) for line in body.splitlines()])
        files = json.loads(body)["files"]
        modes = [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in files]
        return self._answer(200, {"files": modes})

    def _create(self, asked: dict[str, Any]) -> None:
        name = f"{asked['organization']}/{asked['name']}"
        status = 409 if name in self.hub.commits else 200
        self.hub.commits.setdefault(name, [{}])
        self.hub.private.setdefault(name, asked.get("visibility") == "private")
        self._answer(status, {"url": f"{self.hub.endpoint}/{name}"})

    def _commit(self, name: str, lines: list[dict[str, Any]]) -> None:
        assert lines[0]["key"] == "header"
        values: dict[str, list[dict[str, Any]]] = {"file": [], "deletedFile": []}
        for line in lines[1:]:
            values[line["key"]].append(line["value"])
        gone = {value["path"] for value in values["deletedFile"]}
        kept = {path: content for path, content in self.hub.files(name).items() if path not in gone}
        new = {value["path"]: base64.b64decode(value["content"]) for value in values["file"]}
        self.hub.commits[name].append(kept | new)
        sha = self.hub.sha(name, len(self.hub.commits[name]) - 1)
        self._answer(200, {"commitUrl": f"{self.hub.endpoint}/{name}/commit/{sha}", "commitOid": sha})

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        api = re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree)/([^/]+))?", path)
        read = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        assert api or read, path
        name, revision = (api[1], api[3] or "main") if api else (read[1], read[2])  # type: ignore[index]
        if name not in self.hub.commits:
            return self._answer(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
        number = self.hub.at(name, revision)
        if number is None:
            return self._answer(404, {"error": "Invalid rev id"}, {"X-Error-Code": "RevisionNotFound"})
        files, sha = self.hub.commits[name][number], self.hub.sha(name, number)
        if api and api[2] == "tree":
            return self._answer(200, [_listed(one, content) for one, content in files.items()])
        if api:
            return self._answer(200, {"id": name, "sha": sha, "siblings": [{"rfilename": one} for one in files]})
        content = files[read[3]]  # type: ignore[index]
        return self._send(200, content, {"ETag": f'"{_oid(content)}"', "X-Repo-Commit": sha})

    do_HEAD = do_GET  # noqa: N815, the server's own name

    def _answer(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json"} | (headers or {}))

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _listed(path: str, content: bytes) -> dict[str, Any]:
    return {"type": "file", "path": path, "size": len(content), "oid": _oid(content)}
