"""Who asks too much, too slowly or without the key is refused, and nobody else notices."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import httpx2
import pytest
from tests.server.conftest import served

from recexplainer.server.guard import HEADERS
from recexplainer.server.settings import Limits

PAIR = {"user": "u0003", "item": "i021"}
SMALL = Limits(body_bytes=1024, body_seconds=1.0, request_seconds=5.0)


@pytest.fixture(scope="module")
def small(run: Path) -> Iterator[httpx2.Client]:
    """A client of a server that allows little."""
    with served(run, limits=SMALL) as client:
        yield client


def connect(client: httpx2.Client) -> socket.socket:
    return socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=20)


def read(connection: socket.socket) -> bytes:
    """All that a server sends until it ends the connection."""
    parts: list[bytes] = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        parts.append(b"")
    return b"".join(parts)


def raw(client: httpx2.Client, request: bytes) -> bytes:
    with connect(client) as connection:
        connection.sendall(request)
        return read(connection)


@pytest.mark.parametrize("path", ["/health", "/users", "/users/nobody", "/nothing", "/openapi.json", "/metrics", "/"])
def test_every_answer_tells_the_browser_to_run_nothing_else(client: httpx2.Client, path: str) -> None:
    answer = client.get(path)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] in ("no-store", "no-cache")
    assert "server" not in answer.headers


def test_what_is_no_http_is_a_400_with_the_same_headers(client: httpx2.Client) -> None:
    answer = raw(client, b"GARBAGE \x00\r\n\r\n").decode()
    assert answer.startswith("HTTP/1.1 400 ")
    assert all(f"{name}: {value}".lower() in answer.lower() for name, value in HEADERS.items())
    assert json.loads(answer.partition("\r\n\r\n")[2])["error"]["message"]


def test_endless_headers_are_a_400(client: httpx2.Client) -> None:
    assert raw(client, b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000).startswith(b"HTTP/1.1 400 ")


def test_titles_and_texts_with_markup_are_never_html(client: httpx2.Client) -> None:
    text = "<img src=x onerror=alert(1)> Yes, “<script>alert(2)</script>” is why."
    answer = client.post("/check", json={**PAIR, "text": text})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["text"] == text
    for path in ("/users/<script>alert(1)<%2Fscript>", "/users?q=<script>&limit=<script>"):
        assert client.get(path).headers["content-type"] == "application/json"


def test_a_large_body_is_a_413_with_a_length_and_without(small: httpx2.Client) -> None:
    large = b'{"user": "' + b"x" * 10_000_000 + b'"}'
    headers = {"content-type": "application/json"}
    for content in (large, iter([large[:5_000_000], large[5_000_000:]])):
        answer = small.post("/explain", content=content, headers=headers)
        assert answer.status_code == 413
        assert "1,024 bytes" in answer.json()["error"]["hint"]
    assert small.post("/explain", json=PAIR).status_code == 200


def test_a_body_far_too_large_is_refused_by_its_length(small: httpx2.Client) -> None:
    head = b"POST /explain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n"
    assert raw(small, head).startswith(b"HTTP/1.1 413 ")


def test_a_slow_body_is_a_408(small: httpx2.Client) -> None:
    started = monotonic()
    head = b"POST /explain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
    assert raw(small, head).startswith(b"HTTP/1.1 408 ")
    assert monotonic() - started < 10


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: "])
def test_slow_headers_end_the_connection(small: httpx2.Client, begun: bytes) -> None:
    started = monotonic()
    assert raw(small, begun) == b""
    assert monotonic() - started < 10


def test_a_second_request_with_slow_headers_ends_the_connection(small: httpx2.Client) -> None:
    with connect(small) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hea")
        assert read(connection).count(b"HTTP/1.1 200") == 1


def test_slow_clients_do_not_keep_others_waiting(small: httpx2.Client) -> None:
    slow = [connect(small) for _ in range(100)]
    try:
        for connection in slow:
            connection.sendall(b"POST /explain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{")
        assert small.get("/users").status_code == 200
    finally:
        for connection in slow:
            connection.close()


def test_another_name_is_refused_as_a_page_would_use_that_leads_here(client: httpx2.Client) -> None:
    for name in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", ""):
        answer = client.get("/users", headers={"host": name})
        assert answer.status_code == 421
        assert "evil" not in answer.text
    for name in ("localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:8000"):
        assert client.get("/users", headers={"host": name}).status_code == 200


def test_the_key_is_asked_of_all_but_the_page_and_the_probes(run: Path) -> None:
    with served(run, key="a key – ü") as client:
        for path in ("/users", "/metrics", "/audit", "/v1/models", "/nothing"):
            answer = client.get(path)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
        for given in (b"Bearer wrong", b"Bearer", b"", b"Basic a key", b"Bearer \xff"):
            assert client.get("/users", headers={b"authorization": given}).status_code == 401
        right = {b"authorization": "Bearer a key – ü".encode()}
        assert client.get("/users", headers=right).status_code == 200
        for path in ("/health", "/ready", "/openapi.json"):
            assert client.get(path).status_code == 200


def test_more_open_requests_than_allowed_are_a_429(run: Path) -> None:
    with served(run, limits=Limits(open_requests=1, body_seconds=5)) as client, connect(client) as slow:
        slow.sendall(b"POST /explain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{")
        sleep(0.2)
        answer = client.get("/users")
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
        assert client.get("/health").status_code == 200


def test_more_connections_than_allowed_are_closed(run: Path) -> None:
    with served(run, limits=Limits(connections=3)) as client:
        held = [connect(client) for _ in range(6)]
        sleep(0.3)
        ended = 0
        for connection in held:
            connection.settimeout(0.2)
            try:
                ended += connection.recv(1) == b""
            except ConnectionResetError:
                ended += 1
            except TimeoutError:
                continue
            finally:
                connection.close()
        assert ended >= 3
        assert client.get("/health").status_code == 200


def test_more_questions_than_may_wait_are_a_429(run: Path) -> None:
    with served(run, limits=Limits(waiting=2, together=1)) as client:
        statuses: list[tuple[int, str | None]] = []

        def ask(number: int) -> None:
            body = {"user": f"u{number + 1:04}", "item": "i021"}
            answer = httpx2.post(f"{client.base_url}/explain", json=body, timeout=60, trust_env=False)
            statuses.append((answer.status_code, answer.headers.get("retry-after")))

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {status for status, _ in statuses} == {200, 429}
        assert all(int(after or 0) >= 1 for status, after in statuses if status == 429)
        assert client.get("/metrics").text.count("recexplainer_waiting 0.0") == 1
