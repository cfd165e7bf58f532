# pyright: reportUnknownLambdaType=false
"""A real server of a tiny run whose titles hold markup, and a browser that looks at its page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
import pytest
from tests.page.api import Api
from tests.tiny import run_until_recommender, sasrec, world

from recexplainer.pipeline.layout import RunLayout

MARKUP = """ <img src=x onerror="document.title='run'"><script>document.title='run'</script>"""
ASTRAL = " 🎮"


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny world; every other title ends in markup, the others in a character beyond the basic plane."""
    folder = run_until_recommender(tmp_path_factory.mktemp("runs") / "tiny", sasrec())
    odd = pl.int_range(pl.len()) % 2 == 1
    titles = pl.col("title") + pl.when(odd).then(pl.lit(MARKUP)).otherwise(pl.lit(ASTRAL))
    replace(world(), items=world().items.with_columns(titles)).save(RunLayout(folder).stage("dataset"))
    return folder


def start(run: Path, **environment: str) -> tuple[subprocess.Popen[bytes], str]:
    """`recexplainer serve` in a process of its own, and its address."""
    command = [sys.executable, "-m", "recexplainer", "serve", run.name, "--runs", str(run.parent), "--port", "0"]
    own = {**os.environ, "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1", **environment}
    log = run.parent / f"serve-{uuid4()}.log"
    with log.open("wb") as written:
        process = subprocess.Popen(command, stdout=written, stderr=subprocess.STDOUT, env=own)
    while process.poll() is None:
        if found := re.search(r"http://127\.0\.0\.1:\d+", log.read_text(encoding="utf-8")):
            return process, found[0]
        time.sleep(0.1)
    raise AssertionError(log.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def api(run: Path) -> Generator[Api]:
    process, address = start(run)
    api = Api(address)
    api.wait_until_ready()
    yield api
    process.terminate()
    process.wait(timeout=20)


@pytest.fixture(scope="session")
def axe() -> Any:
    why = "no axe: pip install recexplainer[browser]"
    return pytest.importorskip("axe_playwright_python.sync_playwright", reason=why).Axe()


@pytest.fixture
def visit(browser: Any, api: Api) -> Generator[Callable[..., Any]]:
    """Open the page at an address; in the end nothing must have failed, or been asked of anybody else."""
    asked: list[str] = []
    errors: list[str] = []
    contexts: list[Any] = []

    def open_page(address: str = "", *, expect_errors: bool = False, server: str = "", **options: Any) -> Any:
        options = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce", **options}
        context = browser.new_context(permissions=["clipboard-read", "clipboard-write"], **options)
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        if not expect_errors:
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto((server or api.address) + "/" + address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not errors
    strangers = [url for url in asked if not re.match(r"(http://127\.0\.0\.1:\d+/|blob:)", url)]
    assert not strangers
