"""README says what was measured."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.keep_run import as_markdown

ROOT = Path(__file__).resolve().parents[1]


def test_the_table_of_results_is_that_of_the_rows_kept() -> None:
    kept = json.loads((ROOT / "benchmarks/results/paper-games-nano.json").read_text(encoding="utf-8"))
    assert as_markdown(kept["rows"]) in (ROOT / "README.md").read_text(encoding="utf-8")
