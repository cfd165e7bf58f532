"""README says what was measured, and its library examples run as they stand, one after the other."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from benchmarks.keep_run import as_markdown

from recexplainer.explanations import generator
from recexplainer.surrogate.model import Surrogate

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_results_is_that_of_the_rows_kept() -> None:
    kept = json.loads((ROOT / "benchmarks/results/paper-games-nano.json").read_text(encoding="utf-8"))
    assert as_markdown(kept["rows"]) in README


class Neighbours:
    """A recommender as a reader may have one: items of the same kind as those in the history."""

    def predict(self, histories: list[list[str]], items: list[str]) -> np.ndarray:
        kinds = np.array([item.partition("-")[0] for item in items])
        liked = [[item.partition("-")[0] for item in history] for history in histories]
        own = np.linspace(0, 0.5, len(items))
        return np.stack([own + sum(kinds == kind for kind in one) for one in liked])


@pytest.mark.slow
def test_the_library_examples_run_as_they_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(generator, "MAX_ATTEMPTS", 2)  # after so little training few texts are supported
    items = [f"{kind}-{number}" for kind in ("tea", "book", "lamp") for number in range(8)]
    pl.DataFrame({"item_id": items, "title": [item.title() for item in items]}).write_csv("items.csv")
    drawn = np.random.default_rng(0)
    users = ["ann", *(f"user {number}" for number in range(9))]
    events = [(user, item) for user in users for item in drawn.choice(items, 6, replace=False)]
    pl.DataFrame(events, schema=["user_id", "item_id"], orient="row").write_csv("events.csv")
    names: dict[str, Any] = {"model": Neighbours()}
    explanations: list[Any] = []
    for example in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        exec(compile(example, "README.md", "exec"), names)
        explanations.append(names["explanation"])
    assert explanations[0].writer == "realised"
    explanation = names["explanation"]
    assert (explanation.user, explanation.item_title) == ("ann", "Tea-7")
    assert explanation.text in capsys.readouterr().out
    assert Surrogate.from_pretrained(tmp_path / "surrogate").form == "behavior"
