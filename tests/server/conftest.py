"""A run of the tiny world, served on this machine."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from time import monotonic, sleep

import httpx2
import pytest
from tests.tiny import run_until_recommender, sasrec

from recexplainer.server.running import Serving
from recexplainer.server.settings import Limits


@contextmanager
def served(run: Path, *, ready: bool = True, limits: Limits | None = None, key: str = "") -> Generator[httpx2.Client]:
    """A client of a server of a run, on a free port of this machine."""
    serving = Serving(run, "127.0.0.1", limits or Limits(), key=key)
    addresses: Queue[str] = Queue()
    thread = threading.Thread(target=serving.run, args=(0, addresses.put), daemon=True)
    thread.start()
    try:
        with httpx2.Client(base_url=addresses.get(timeout=10), timeout=60, trust_env=False) as client:
            end = monotonic() + 60
            while ready and client.get("/ready").status_code != 200:
                assert monotonic() < end, "the server is not ready"
                sleep(0.05)
            yield client
    finally:
        serving.stop()
        thread.join(timeout=30)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that ends at a recommender."""
    return run_until_recommender(tmp_path_factory.mktemp("runs") / "tiny", sasrec())


@pytest.fixture(scope="session")
def client(run: Path) -> Generator[httpx2.Client]:
    """A client of a server with the usual limits, shared by tests that leave it as it is."""
    with served(run) as client:
        yield client
