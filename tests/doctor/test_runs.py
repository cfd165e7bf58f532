"""What the doctor says of a run."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from recexplainer.cli import main
from recexplainer.doctor import checkup
from recexplainer.doctor.checkup import Checkup
from recexplainer.doctor.runs import check_run
from recexplainer.errors import RunError
from recexplainer.pipeline.recipe import Recipe
from recexplainer.pipeline.runs import run_recipe

KINDS = 4


@pytest.fixture(autouse=True)
def no_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(runs: Path, *, network: bool) -> Checkup:
        return Checkup((), None, (), ())

    monkeypatch.setattr(checkup, "check_up", nothing)


@pytest.fixture
def mixed_up(tmp_path: Path) -> Path:
    """A run as far as its recommender, whose item ids were sorted as text and whose rows were not."""
    rng, ids = np.random.default_rng(0), [f"i{item}" for item in range(40)]
    kinds, own = rng.permutation(40) % KINDS, rng.permutation(60) % KINDS
    (tmp_path / "data").mkdir()
    rows = [
        f"u{user},{ids[item]}"
        for user in range(60)
        for item in rng.permutation(np.flatnonzero(kinds == own[user]))[:6].tolist()
    ]
    (tmp_path / "data" / "interactions.csv").write_text("\n".join(["user_id,item_id", *rows]), encoding="utf-8")
    titles = [f"{one},Title {one}" for one in ids]
    (tmp_path / "data" / "items.csv").write_text("\n".join(["item_id,title", *titles]), encoding="utf-8")
    for name, names, vectors in (
        ("items", sorted(ids), np.eye(KINDS)[kinds]),
        ("users", [f"u{user}" for user in range(60)], np.eye(KINDS)[own]),
    ):
        noisy = vectors + rng.normal(scale=0.05, size=vectors.shape)
        pl.DataFrame({"id": names, "vector": noisy.tolist()}).write_parquet(tmp_path / f"{name}.parquet")
    recipe = Recipe.model_validate(
        {
            "name": "mixed",
            "threads": 1,
            "data": {"source": "files", "path": str(tmp_path / "data"), "filter": {"min_history": 3}},
            "recommender": {
                "kind": "vectors",
                "vectors": {name: str(tmp_path / f"{name}.parquet") for name in ("items", "users")},
            },
        }
    )
    run_recipe(recipe, tmp_path / "runs" / "mixed", only=["recommender"])
    return tmp_path / "runs"


def doctor(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as left:
        main(["doctor", *arguments])
    assert left.value.code == 0
    return capsys.readouterr().out


def test_a_run_whose_ids_and_rows_are_in_different_orders(mixed_up: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = doctor(capsys, "mixed", "--runs", str(mixed_up))
    assert "It ranks a user's held-out item above" in shown
    assert "warnings\n  This recommender ranks held-out items no better than chance." in shown
    assert "their ids in that of ids sorted as text" in shown
    found = json.loads(doctor(capsys, "mixed", "--runs", str(mixed_up), "--json"))["run"]
    assert found["ranking"]["warnings"]
    assert found["summary"] in shown
    rows = json.loads((mixed_up / "mixed" / "recommender" / "quality.json").read_text(encoding="utf-8"))
    assert [row["method"] for row in rows if row["metric"] == "auc"] == ["recommender", "popularity", "random"]
    assert all(row["low"] <= row["value"] <= row["high"] for row in rows)


def test_a_run_of_before_it_was_checked_is_checked_now(mixed_up: Path) -> None:
    before = asdict(check_run(mixed_up / "mixed"))
    (mixed_up / "mixed" / "recommender" / "ranking_check.json").unlink()
    after = asdict(check_run(mixed_up / "mixed"))
    assert after == before


def test_a_run_without_a_recommender_yet(mixed_up: Path) -> None:
    (mixed_up / "mixed" / "recommender" / "manifest.json").unlink()
    with pytest.raises(RunError, match="'recommender' of this run is not complete"):
        check_run(mixed_up / "mixed")
