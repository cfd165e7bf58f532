import json

import numpy as np
import pytest

from recexplainer.errors import RunError
from recexplainer.evaluation.rows import Row, read_rows, row, write_rows

GOOD = {"method": "random", "task": "ranking", "metric": "ndcg@5", "value": 0.6, "low": 0.5, "high": 0.7, "cases": 9}


def test_row_takes_mean_and_interval():
    made = row("hybrid", "retrieval", "hr@5", np.array([0.0, 1.0]))
    assert made == Row(method="hybrid", task="retrieval", metric="hr@5", value=0.5, low=0.0, high=1.0, cases=2)


def test_row_of_no_cases_is_not_available():
    assert row("hybrid", "retrieval", "hr@5", []) == Row(
        method="hybrid", task="retrieval", metric="hr@5", value=None, low=None, high=None, cases=0
    )


def test_rows_come_back_as_written(tmp_path):
    rows = [
        row("hybrid", "retrieval", "hr@5", [0, 1, 1]),
        Row(method="é", task="ranking", metric="hcr", value=None, low=None, high=None, cases=0),
    ]
    path = tmp_path / "new" / "alignment.json"
    write_rows(path, rows)
    assert read_rows(path) == rows
    assert isinstance(json.loads(path.read_text()), list)
    assert [each.name for each in path.parent.iterdir()] == ["alignment.json"]


def test_no_rows_come_back_as_no_rows(tmp_path):
    write_rows(tmp_path / "rows.json", [])
    assert read_rows(tmp_path / "rows.json") == []


def test_a_failed_write_leaves_the_old_rows(tmp_path):
    path = tmp_path / "rows.json"
    write_rows(path, [Row(**GOOD)])
    with pytest.raises(ValueError, match="JSON"):
        write_rows(path, [Row(method="a", task="b", metric="c", value=float("nan"), low=None, high=None, cases=1)])
    assert read_rows(path) == [Row(**GOOD)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[{", "not JSON"),
        ("{}", "not a JSON list"),
        ("[3]", "not a JSON object"),
        (json.dumps([{**GOOD, "extra": 1}]), "extra"),
        (json.dumps([{k: v for k, v in GOOD.items() if k != "low"}]), "low"),
        (json.dumps([{**GOOD, "value": "0.6"}]), "value"),
        (json.dumps([{**GOOD, "high": True}]), "high"),
        (json.dumps([{**GOOD, "value": float("nan")}]), "value"),
        (json.dumps([{**GOOD, "cases": -1}]), "cases"),
        (json.dumps([{**GOOD, "task": None}]), "task"),
    ],
)
def test_a_malformed_file_is_refused(tmp_path, text, says):
    path = tmp_path / "rows.json"
    path.write_text(text)
    with pytest.raises(RunError, match=says) as error:
        read_rows(path)
    assert str(path) in error.value.location
    assert error.value.hint


def test_the_bad_row_is_named(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([GOOD, {**GOOD, "cases": 1.5}]))
    with pytest.raises(RunError, match="row 2"):
        read_rows(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RunError, match="missing"):
        read_rows(tmp_path / "rows.json")
