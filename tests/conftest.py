"""Fixtures that tests of every room may take."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]


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
