"""Fixtures that tests of every package may take."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.fakes import LinearRecommender

from recexplainer import hardware
from recexplainer.data.dataset import ITEM_COLUMNS, Dataset, Split, leave_one_out

_ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = Path("/usr/bin/chromium")
os.environ["HF_HUB_OFFLINE"] = "1"  # read once: else each unknown name waits for a hub


def forget_measured() -> None:
    """What was measured of this machine is measured again."""
    for measured in (hardware.has_fast_bfloat16, hardware.has_fast_int8, hardware._product_seconds):  # pyright: ignore[reportPrivateUsage]
        getattr(measured, "cache_clear", lambda: None)()


def _equally_fast(dtype: object) -> float:
    return 1.0


@pytest.fixture(scope="session", autouse=True)
def in_float32() -> Generator[None]:
    """Tests compute in float32 on every machine: what bfloat16 rounds would decide between logits that are close."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(hardware, "_product_seconds", _equally_fast)
        forget_measured()
        yield


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """`real_data(name)` is the folder or file of that name in the real data; without it the test is skipped."""
    folder = Path(os.environ.get("RECEXPLAINER_REAL_DATA", str(_ROOT.parent / "shared" / "data")))

    def find(name: str) -> Path:
        path = folder / name
        if not path.exists():
            pytest.skip(f"no real data '{name}': set RECEXPLAINER_REAL_DATA to the folder that holds it")
        return path

    return find


@pytest.fixture(scope="module")
def browser() -> Generator[Any]:
    """A browser of Playwright; without one the test is skipped.

    It lasts no longer than a module: while it is there, the thread has an event loop, and a test cannot run another.
    """
    driver = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install recexplainer[browser]")
    if not CHROMIUM.is_file():
        pytest.skip(f"no browser at {CHROMIUM}")
    options = ["--no-sandbox", "--disable-background-networking"]
    with driver.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), headless=True, args=options)
        yield opened
        opened.close()


@pytest.fixture
def dataset() -> Dataset:
    """Twenty items and eight users; some items lack a description, a brand, genres, platforms or features."""
    n_items = 20
    brands = ["Nimbus", "Orrery", "", "Kestrel"]
    genres = [["puzzle"], ["racing", "puzzle"], [], ["strategy"]]
    names = ["Emberfall", "Quiet Harbor", "Lantern Road", "Copper Sky"]
    items = pl.DataFrame(
        {
            "item_id": [f"i{item}" for item in range(n_items)],
            "title": [f"{names[item % 4]} {item}" for item in range(n_items)],
            "description": [f"A tale of {names[item % 4]}. " * 12 if item % 2 else "" for item in range(n_items)],
            "brand": [brands[item % 4] for item in range(n_items)],
            "genres": [genres[item % 4] for item in range(n_items)],
            "platforms": [["Orbit"] if item % 3 else [] for item in range(n_items)],
            "features": [["two players", "a map"] if item % 5 == 0 else [] for item in range(n_items)],
        },
        schema=ITEM_COLUMNS,
    )
    rng = np.random.default_rng(7)
    histories = [rng.permutation(n_items)[:length].astype(np.int32) for length in (3, 4, 5, 6, 7, 8, 5, 4)]
    offsets = np.concatenate([[0], np.cumsum([len(history) for history in histories])]).astype(np.int64)
    return Dataset("tiny", items, tuple(f"u{user}" for user in range(8)), offsets, np.concatenate(histories))


@pytest.fixture
def split(dataset: Dataset) -> Split:
    return leave_one_out(dataset)


@pytest.fixture
def recommender() -> LinearRecommender:
    return LinearRecommender(n_items=20)
