"""`recexplainer serve`: what it is given is checked before it listens; then it tells where, and ends as it is told."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import httpx2
import pytest
from tests.tiny import run_until_recommender, sasrec, world

from recexplainer.cli import main
from recexplainer.storage import hash_files


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_until_recommender(tmp_path_factory.mktemp("runs") / "tiny", sasrec())


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main(["serve", *arguments])
    assert caught.value.code == 2
    return capsys.readouterr().err


def test_an_unknown_run_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "There is no such run." in refused(capsys, "none", "--runs", str(tmp_path))


def test_a_run_without_a_recommender_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run = run_until_recommender(tmp_path / "tiny", sasrec())
    (run / "recommender" / "manifest.json").unlink()
    assert "'recommender'" in refused(capsys, str(run))


@pytest.mark.parametrize(
    ("change", "said"), [("waitin=5", "waiting"), ("waiting=0", "waiting"), ("waiting", "form key.sub=value")]
)
def test_a_wrong_limit_is_refused(capsys: pytest.CaptureFixture[str], run: Path, change: str, said: str) -> None:
    assert said in refused(capsys, str(run), "--set", change)


def test_an_address_that_cannot_be_listened_on_is_refused(capsys: pytest.CaptureFixture[str], run: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert "--port" in refused(capsys, str(run), "--port", port)
    assert "--host" in refused(capsys, str(run), "--host", "no.such.host.invalid", "--port", "0")


def test_a_run_that_cannot_be_opened_ends_the_server_with_the_reason(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run = run_until_recommender(tmp_path / "tiny", sasrec())
    (run / "dataset" / "items.parquet").write_bytes(b"damaged")
    assert "a saved dataset cannot be read" in refused(capsys, str(run), "--port", "0")


def start(run: Path) -> tuple[subprocess.Popen[str], str]:
    """A server in a process of its own, and its address."""
    command = [sys.executable, "-m", "recexplainer", "serve", str(run), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    assert process.stdout is not None
    return process, process.stdout.readline().split()[-1]


def wait_until_ready(address: str) -> None:
    end = monotonic() + 120
    while httpx2.get(f"{address}/ready", trust_env=False).status_code != 200:
        assert monotonic() < end
        sleep(0.1)


@pytest.mark.slow
def test_after_a_kill_there_is_nothing_to_repair(run: Path) -> None:
    before, body = hash_files(run), {"user": world().user_ids[2], "item": "i021"}
    texts: list[str] = []
    for how in (signal.SIGKILL, signal.SIGTERM):
        process, address = start(run)
        try:
            wait_until_ready(address)
            texts.append(httpx2.post(f"{address}/explain", json=body, trust_env=False, timeout=60).text)
            process.send_signal(how)
            assert process.wait(timeout=30) in (-signal.SIGKILL, -signal.SIGTERM, 0)
        finally:
            process.kill()
            process.communicate()
    assert texts[0] == texts[1]
    assert hash_files(run) == before
