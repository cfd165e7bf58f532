from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from recexplainer.errors import RunError
from recexplainer.evaluation.rows import Confusion, Row, read_confusion, read_rows, row, to_frame, write_rows
from recexplainer.explanations.record import Method

GOOD: dict[str, Any] = {
    "method": "random",
    "task": "ranking",
    "metric": "ndcg@5",
    "value": 0.6,
    "low": 0.5,
    "high": 0.7,
    "cases": 9,
}


def test_row_takes_mean_and_interval() -> None:
    made = row("hybrid", "retrieval", "hr@5", np.array([0.0, 1.0]))
    assert made == Row(method="hybrid", task="retrieval", metric="hr@5", value=0.5, low=0.0, high=1.0, cases=2)


def test_a_method_gives_its_variant() -> None:
    made = row(Method("hybrid", "grounded"), "explanation", "rating", [2.0], rater="rubric")
    assert (made.method, made.variant, made.rater) == ("hybrid", "grounded", "rubric")


def test_row_of_a_statistic() -> None:
    values = np.array([1.0, 2.0, 3.0])
    made = row("hybrid", "agreement", "largest", lambda drawn: values[drawn].max(axis=1), cases=3)
    assert (made.value, made.high, made.cases) == (3.0, 3.0, 3)
    undefined = row("hybrid", "agreement", "none", lambda drawn: np.full(len(drawn), np.nan), cases=3)
    assert (undefined.value, undefined.low, undefined.high, undefined.cases) == (None, None, None, 3)
    assert row("hybrid", "agreement", "none", lambda drawn: np.full(len(drawn), np.nan)).cases == 0


def test_rows_as_a_table() -> None:
    rows = [row("hybrid", "retrieval", "hr@5", [0, 1]), row("hybrid", "ranking", "ndcg@5", [], rater="x")]
    table = to_frame(rows)
    assert table["value"].to_list() == [0.5, None]
    assert table["rater"].to_list() == [None, "x"]
    assert to_frame([]).schema == table.schema
    assert table.schema["cases"] == pl.Int64


def test_confusion_comes_back_as_written(tmp_path: Path) -> None:
    one = Confusion(method="a", variant="", predicted_method="b", predicted_variant="grounded", share=0.25, cases=4)
    write_rows(tmp_path / "confusion.json", [one])
    assert read_confusion(tmp_path / "confusion.json") == [one]


def test_row_of_no_cases_is_not_available() -> None:
    assert row("hybrid", "retrieval", "hr@5", []) == Row(
        method="hybrid", task="retrieval", metric="hr@5", value=None, low=None, high=None, cases=0
    )


def test_rows_come_back_as_written(tmp_path: Path) -> None:
    rows = [
        row("hybrid", "retrieval", "hr@5", [0, 1, 1]),
        Row(method="é", task="ranking", metric="hcr", value=None, low=None, high=None, cases=0),
    ]
    path = tmp_path / "new" / "alignment.json"
    write_rows(path, rows)
    assert read_rows(path) == rows
    assert isinstance(json.loads(path.read_text()), list)
    assert [each.name for each in path.parent.iterdir()] == ["alignment.json"]


def test_no_rows_come_back_as_no_rows(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.json", [])
    assert read_rows(tmp_path / "rows.json") == []


def test_a_failed_write_leaves_the_old_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    write_rows(path, [Row(**GOOD)])
    with pytest.raises(ValueError, match="JSON"):
        write_rows(path, [Row(method="a", task="b", metric="c", value=float("nan"), low=None, high=None, cases=1)])
    assert read_rows(path) == [Row(**GOOD)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[{", "not JSON"),
        ("{}", "valid list"),
        ("[3]", "dictionary"),
        (json.dumps([{**GOOD, "extra": 1}]), "extra"),
        (json.dumps([{k: v for k, v in GOOD.items() if k != "low"}]), "low"),
        (json.dumps([{**GOOD, "value": "0.6"}]), "value"),
        (json.dumps([{**GOOD, "high": True}]), "high"),
        (json.dumps([{**GOOD, "value": float("nan")}]), "value"),
        (json.dumps([{**GOOD, "cases": -1}]), "cases"),
        (json.dumps([{**GOOD, "task": None}]), "task"),
    ],
)
def test_a_malformed_file_is_refused(tmp_path: Path, text: str, message: Any) -> None:
    path = tmp_path / "rows.json"
    path.write_text(text)
    with pytest.raises(RunError, match=message) as error:
        read_rows(path)
    assert str(path) in error.value.location
    assert error.value.hint


def test_the_bad_row_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([GOOD, {**GOOD, "cases": 1.5}]))
    with pytest.raises(RunError, match=r"1\.cases"):
        read_rows(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="missing"):
        read_rows(tmp_path / "rows.json")
