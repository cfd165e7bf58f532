"""`recexplainer evaluate` as a user types it, on a tiny run, with a loopback server as the chat model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from tests.end_to_end.test_run import SMALL
from werkzeug import Request, Response

from recexplainer.pipeline.layout import RunLayout

pytestmark = pytest.mark.slow

MODEL = "loopback"
WANTED = ("baselines", "judge", "ablation", "faithfulness", "synthetic")
CHANGES = (
    "evaluation.n_cases=10",
    "evaluation.n_judged=6",
    "evaluation.n_faithfulness=8",
    "evaluation.n_simulatability=3",
    "evaluation.n_synthetic=40",
    "evaluation.student.epochs=2",
    "evaluation.ablation.steps=2",
    "evaluation.ablation.cases=5",
    f"evaluation.endpoint.model={MODEL}",
    "evaluation.endpoint.initial_backoff=0",
    "evaluation.endpoint.retries=4",
)


class Server:
    """Speaks the protocol; every tenth request fails once."""

    def __init__(self, server: HTTPServer) -> None:
        self.seen: list[str] = []
        self.address = server.url_for("/v1")
        server.expect_request("/v1/chat/completions").respond_with_handler(self.respond)

    def respond(self, request: Request) -> Response:
        body: Any = json.loads(request.data)
        message = json.dumps(body["messages"], sort_keys=True)
        self.seen.append(message)
        if len(self.seen) % 10 == 0:
            return Response("busy", 500)
        text = "<br>RATING-2</br>" if "RATING" in message else "Yes, it fits."
        text = "<br>ANSWER-NEITHER</br>" if "ANSWER-x" in message else text
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        usage = {"prompt_tokens": len(message), "completion_tokens": 5}
        return Response(json.dumps({"choices": [choice], "usage": usage}), content_type="application/json")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with HTTPServer(threaded=True) as httpserver:
        yield Server(httpserver)


def command(runs: Path, server: Server, *words: str) -> str:
    shown = launch(runs, server, *words)
    return shown.stdout + shown.stderr


def launch(runs: Path, server: Server, *words: str, path: str = "") -> subprocess.CompletedProcess[str]:
    shown = subprocess.run(
        [sys.executable, "-m", "recexplainer", *words, "--runs", str(runs)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ
        | {"OPENAI_BASE_URL": server.address, "OPENAI_API_KEY": "secret"}
        | {"PYTHONPATH": os.pathsep.join(filter(None, (path, os.environ.get("PYTHONPATH"))))},
    )
    assert shown.returncode == 0, shown.stderr
    assert "secret" not in shown.stdout + shown.stderr
    return shown


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Path:
    runs = tmp_path_factory.mktemp("runs")
    recipe = runs / "small.yaml"
    recipe.write_text(SMALL)
    command(runs, server, "run", str(recipe))
    changes = [word for change in CHANGES for word in ("--set", change)]
    planned = command(runs, server, "evaluate", "small", *WANTED, *changes, "--dry-run")
    assert not server.seen, "a dry run asks nobody"
    assert f"to {MODEL}" in planned and "tokens in" in planned
    shown = command(runs, server, "evaluate", "small", *WANTED, *changes)
    assert f"to {MODEL}" in shown, "what it takes is said before it is asked"
    return runs / "small"


def rows(run: Path, name: str) -> dict[tuple[str, str, str, str | None], Any]:
    """The rows of an evaluation by method, variant, metric and rater."""
    loaded: list[dict[str, Any]] = json.loads((run / "evaluation" / f"{name}.json").read_text())
    return {(row["method"], row["variant"], row["metric"], row["rater"]): row for row in loaded}


METHODS = (
    ("unaligned", "direct"),
    (MODEL, ""),
    ("intention", "direct"),
    ("hybrid", "self_attribution"),
    ("hybrid", "direct"),
    ("hybrid", "grounded"),
)


def test_table_1_has_all_methods(run: Path) -> None:
    found = rows(run, "alignment")
    methods = {(method, variant) for method, variant, _, _ in found}
    assert methods >= {(name, "") for name in ("random", "popularity", "unaligned", "student", MODEL)}
    assert methods >= {("intention", ""), ("hybrid", ""), ("unaligned", "icl"), (MODEL, "icl")}
    assert found[MODEL, "", "accuracy", None]["value"] == pytest.approx(0.5, abs=0.3), "it always says yes"


def test_every_method_is_judged_by_rules_and_by_the_model(run: Path) -> None:
    found = rows(run, "judge")
    for method in METHODS:
        folder = run / "-".join(("explanations", *filter(None, method)))
        texts = [one["text"] for one in json.loads((folder / RunLayout.CASE_EXPLANATIONS).read_text())[:6]]
        written = sum(bool(text.strip()) for text in texts)  # hardly trained, it may write nothing
        assert found[*method, "rated_share", MODEL]["value"] == pytest.approx(written / 6)
        assert found[*method, "rating", MODEL]["value"] == 2
        assert found[*method, "rating", "rubric"]["cases"] == 6


def test_what_each_task_is_good_for_is_measured(run: Path) -> None:
    found = {(method, variant) for method, variant, _, _ in rows(run, "ablation")}
    assert len(found) == 7 and {("hybrid", ""), ("hybrid", "without_retrieval_and_ranking")} <= found


def test_the_faithfulness_of_every_method_stands_beside_templates(run: Path) -> None:
    found = rows(run, "faithfulness")
    recent = ("template_recent", "")
    others = {("hybrid", "without_rationale"), recent, ("template_popular", "")}
    assert {(method, variant) for method, variant, _, _ in found} >= {*METHODS, *others}
    for method in (("hybrid", "grounded"), recent):
        assert 0 <= found[*method, "claim_precision", None]["value"] <= 1
        oracle, own = (found[*method, f"comprehensiveness{bound}", None]["value"] for bound in ("_oracle", ""))
        assert oracle >= own - 1e-6
    assert found[*recent, "verdict_fidelity", None]["value"] == 1
    assert found[*recent, "n_cited", None]["value"] > 1


def test_the_model_predicts_the_recommender_by_every_methods_explanations(run: Path) -> None:
    found = rows(run, "faithfulness")
    for method in (("unaligned", "direct"), (MODEL, ""), ("hybrid", "grounded"), ("template_popular", "")):
        row = found[*method, "simulatability", MODEL]
        assert (row["value"], row["cases"]) == (0.5, 3), "it sees no difference, which counts half"
    kept = json.loads((run / "faithfulness" / "simulations.json").read_text())[MODEL]
    assert {one["choice"] for one in kept} == {"NEITHER"}


def test_the_metrics_separate_true_from_corrupted(run: Path) -> None:
    found = rows(run, "synthetic")
    for metric in ("verdict_fidelity", "hallucination_rate", "claim_precision", "comprehensiveness", "simulatability"):
        assert found["all", "", f"auroc_{metric}", None]["value"] > 0.9
    assert found["all", "", "claim_statuses", None]["value"] > 0.98


def test_tables_figures_and_what_is_missing_are_in_the_report(run: Path) -> None:
    made = {path.name for path in (run / "report").rglob("*") if path.is_file()}
    assert {
        "table-1.csv",
        "table-2.tex",
        "table-b1.csv",
        "figure-3.svg",
        "figure-7.png",
        "table-faithfulness.csv",
        "01.html",
    } <= made
    page = (run / "report" / "index.html").read_text()
    assert "recexplainer study export" in page, "people were not asked"


def test_the_rows_of_several_evaluations_are_one_list_for_a_program(run: Path, server: Server) -> None:
    shown = launch(run.parent, server, "evaluate", "small", "baselines", "synthetic", "agreement", "--json")
    listed: list[dict[str, Any]] = json.loads(shown.stdout)
    written = [json.loads((run / "evaluation" / f"{name}.json").read_text()) for name in ("alignment", "synthetic")]
    assert listed == written[0] + written[1], "those of the baselines stand in the alignment's table"
    assert "agreement: no rows; the report names what it needs" in shown.stderr


def test_nothing_is_asked_twice(run: Path, server: Server) -> None:
    before = len(server.seen)
    shown = command(run.parent, server, "evaluate", "small", *WANTED)
    assert len(server.seen) == before
    assert "…" not in shown.split("cached: ", 1)[1].split("method", 1)[0], "every stage is cached"
    answers = [message for number, message in enumerate(server.seen, 1) if number % 10]
    assert len(answers) == len(set(answers)), "no answered request was sent again"
    forced = command(run.parent, server, "evaluate", "small", "judge", "--force")
    assert len(server.seen) == before and "judge" in forced


OWN = """
from recexplainer.evaluation.rows import row

def words(explanations, dataset, recommender, seed):
    return [row(method, "words", "n_words", [len(one.text.split()) for one in own])
            for method, own in explanations.items()]
"""


def test_an_evaluation_that_another_package_registers_is_one_of_all(run: Path, server: Server, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "own-1.0.dist-info").mkdir()
    (tmp_path / "own-1.0.dist-info" / "METADATA").write_text("Name: own\nVersion: 1.0\n")
    points = "[recexplainer.evaluations]\nwords = own:words\n"
    (tmp_path / "own-1.0.dist-info" / "entry_points.txt").write_text(points)
    shown = launch(run.parent, server, "evaluate", "small", "words", "--json", path=str(tmp_path))
    assert {(row["method"], row["variant"]) for row in json.loads(shown.stdout)} >= set(METHODS)
    with pytest.raises(AssertionError, match="there is no evaluation 'words'"):
        launch(run.parent, server, "evaluate", "small", "judge")
