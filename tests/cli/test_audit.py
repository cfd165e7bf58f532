"""`recexplainer audit`: what it prints and writes, and what it refuses; on runs that end at the recommender."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from markupsafe import escape
from tests.tiny import complete, run_until_recommender, sasrec, world

from recexplainer.audit.findings import metric_meaning, metric_title
from recexplainer.cli import main
from recexplainer.data.sample import make_world
from recexplainer.pipeline.layout import RunLayout

FEW = ("--users", "40", "--questions", "8000")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for name in ("shop", "twin", "elsewhere"):
        run_until_recommender(folder / name, sasrec())
    make_world(users=70, items=60).save(complete(RunLayout(folder / "elsewhere").stage("dataset")))
    return folder


def call(runs: Path, *arguments: str) -> None:
    main(["audit", *arguments, "--runs", str(runs)])


def refused(runs: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as left:
        call(runs, *arguments)
    assert left.value.code == 2
    return capsys.readouterr().err


def test_an_audit_is_printed_and_written(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "users.csv"
    lines = [f"{user},{'free' if at % 2 else '<b>paid</b>'}" for at, user in enumerate(world().user_ids)]
    table.write_text("\n".join(["user_id,plan", *lines]), encoding="utf-8")
    with pytest.raises(SystemExit) as left:
        call(runs, "shop", *FEW, "--groups", str(table), "--by", "plan")
    assert left.value.code == 0
    printed = capsys.readouterr().out
    assert "shop: 40 of 60 users, lists of 6 items" in printed
    assert "what decides lists" in printed and "not measured" in printed
    folder = runs / "shop" / "audit"
    kept = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    assert kept["rules"] == [] and kept["questions"] <= 8000
    assert kept["metrics"]["raised_by_genres"]["unit"] == "standard deviations"
    assert kept["metrics"]["any_history"] == {
        "title": metric_title("any_history"),
        "meaning": metric_meaning("any_history"),
        "unit": "share",
    }
    assert kept["parts"]["plan: free"] == "plan: free"
    assert kept["parts"]["short histories"] == "users with short histories"
    assert kept["metrics"].keys() == {row["metric"] for row in kept["rows"]}
    rows = pl.read_csv(folder / "audit.csv")
    assert rows.height == len(kept["rows"])
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert kept["lead"] in page
    assert "What decides lists" in page and "http" not in page.replace("http-equiv", "")
    assert "plan: &lt;b&gt;paid&lt;/b&gt;" in page and "<b>paid" not in page
    for finding in kept["findings"]:
        assert escape(finding["text"]) in page
    assert (folder / "main-parameters.md").read_text(encoding="utf-8").startswith("**Draft")


def test_json_of_two_runs(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        call(runs, "shop", "twin", *FEW, "--to", str(tmp_path / "both"), "--json")
    assert left.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert found["findings"][0]["text"] == "More than half of a list is as before."
    assert {found["before"]["name"], found["after"]["name"]} == {"shop", "twin"}
    assert json.loads((tmp_path / "both" / "comparison.json").read_text(encoding="utf-8")) == found
    assert "No list changed." in (tmp_path / "both" / "index.html").read_text(encoding="utf-8")


def test_what_is_refused(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "The runs in" in refused(runs, capsys, "nowhere")
    assert "not of the same data" in refused(runs, capsys, "shop", "elsewhere")
    assert "Give --groups FILE" in refused(runs, capsys, "shop", "--by", "plan")
    table = tmp_path / "users.csv"
    table.write_text("user_id,plan\nu0001,free\n", encoding="utf-8")
    assert "Give --by COLUMN" in refused(runs, capsys, "shop", "--groups", str(table))
    assert "the columns there are: plan" in refused(runs, capsys, "shop", "--groups", str(table), "--by", "age")
