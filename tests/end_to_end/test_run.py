"""The command line as a user types it, on a tiny world: all stages, a second start, and a kill in every stage."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard
from safetensors.torch import load_file
from tests.hub import TOKEN, loopback_hub

pytestmark = pytest.mark.slow

STAGES = (
    "dataset",
    "recommender",
    "examples",
    "surrogate-intention",
    "surrogate-hybrid",
    "alignment-intention",
    "alignment-hybrid",
    "explanations",
    "evaluation",
    "report",
)
SMALL = """
name: small
threads: 1
data: {source: sample, sample: {users: 80, items: 60}}
recommender:
  sasrec: {hidden_sizes: [16], dropouts: [0.2], num_hidden_layers: [1], learning_rates: [0.003], epochs: 3}
examples: {synthetic_history_ratio: 0.5, rationale_surrogate: 60, rationale_evidence: 60, rationale_causes: 60,
  test_users: 12, rationale_test: 4}
forms: [intention, hybrid]
surrogate:
  nano: {hidden_size: 32, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 64, vocab_size: 800}
  connector_width: 32
  connector_warmup_examples: 240
  epochs: {intention: 0.3, hybrid: 0.2}
  checkpoint_minutes: 0.005
explanations: {count: 2}
"""


def command(runs: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "recexplainer", *words, "--runs", str(runs)]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "small.yaml"
    path.write_text(SMALL)
    return path


@pytest.fixture(scope="module")
def whole(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was left alone."""
    runs = tmp_path_factory.mktemp("whole")
    subprocess.run(command(runs, "run", str(recipe)), check=True, capture_output=True)
    return runs


def rows(runs: Path) -> list[dict[str, Any]]:
    return json.loads((runs / "small" / "evaluation" / "alignment.json").read_text())


def test_all_stages_are_there_with_manifests(whole: Path) -> None:
    assert all((whole / "small" / stage / "manifest.json").is_file() for stage in STAGES)
    assert not list((whole / "small").glob("*.partial"))
    assert {row["method"] for row in rows(whole)} == {"random", "popularity", "intention", "hybrid"}


def test_a_second_start_makes_nothing(whole: Path, recipe: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (whole / "small").rglob("manifest.json")}
    again = subprocess.run(command(whole, "run", str(recipe)), check=True, capture_output=True, text=True)
    assert again.stderr.count("cached: ") == len(STAGES)
    assert before == {path: path.stat().st_mtime_ns for path in (whole / "small").rglob("manifest.json")}


def test_killed_in_every_stage_it_ends_with_the_same_rows(whole: Path, recipe: Path, tmp_path: Path) -> None:
    for stage in STAGES:
        _kill_in(stage, command(tmp_path, "run", str(recipe)))
        assert not (tmp_path / "small" / stage / "manifest.json").exists()
    subprocess.run(command(tmp_path, "run", str(recipe)), check=True, capture_output=True)
    assert rows(tmp_path) == rows(whole)
    for shown in ("grounded.json", "from_surrogate.json", "aspects.json"):
        one, other = (runs / "small" / "explanations" / shown for runs in (tmp_path, whole))
        assert one.read_text() == other.read_text()


def _kill_in(stage: str, words: list[str]) -> None:
    """Start a run, and kill it with SIGKILL as soon as it says that the stage has begun."""
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment) as run:
        assert run.stderr is not None
        for line in run.stderr:
            if re.match(rf"{stage}\s+(resumed )?…", line):
                if stage.startswith("surrogate"):
                    _wait_for_a_checkpoint(Path(words[-1]) / "small" / ".work" / stage, run)
                run.send_signal(signal.SIGKILL)
                break
        else:
            pytest.fail(f"the run ended without the stage {stage}")


def _wait_for_a_checkpoint(work: Path, run: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 300
    while run.poll() is None and not list(work.glob("tasks/checkpoint-*/complete")):
        assert time.monotonic() < deadline, "no checkpoint within five minutes"
        time.sleep(0.002)


def test_explain_prints_a_record_that_a_program_can_read(whole: Path) -> None:
    words = command(whole, "explain", "small", "--user", "u0001", "--item", "i003", "--json")
    message = subprocess.run([*words, "--aspect", "by moonlight"], check=True, capture_output=True, text=True)
    (shown,) = json.loads(message.stdout)
    assert "has not learned this aspect" in message.stderr and "in short" in message.stderr
    assert (shown["method"], shown["variant"], shown["user"]) == ("hybrid", "grounded", "u0001")
    assert len(shown["attributions"]) == len(shown["history"])
    assert 1 <= shown["rank"] <= shown["n_ranked"]


def test_a_user_that_is_not_there_is_a_clear_error(whole: Path) -> None:
    words = command(whole, "explain", "small", "--user", "nobody", "--item", "i003")
    shown = subprocess.run(words, check=False, capture_output=True, text=True)
    assert shown.returncode == 2
    assert "nobody" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_an_exported_surrogate_is_whole_has_a_card_and_is_shared(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    words = command(whole, "export", "small", "--to", str(folder), "--merged", "--push", "someone/small", "--private")
    with loopback_hub() as hub:
        environment = os.environ | {"HF_ENDPOINT": hub.endpoint, "HF_TOKEN": TOKEN, "HF_HOME": str(tmp_path / "home")}
        environment["HF_HUB_OFFLINE"] = "0"
        shown = subprocess.run(words, check=True, capture_output=True, text=True, env=environment).stdout
        sent = hub.files("someone/small")
    assert shown == f"surrogate: {folder}\nshared: {hub.endpoint}/someone/small/commit/{hub.sha('someone/small', 1)}\n"
    assert hub.private == {"someone/small": True}
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    assert sent == {name: path.read_bytes() for name, path in files.items()}
    for name in ("connectors.safetensors", "backbone/model.safetensors"):
        own, its = (load_file(one / name) for one in (whole / "small" / "surrogate-hybrid", folder))
        assert all((its[part] == weight).all() for part, weight in own.items())
    hybrid = [row for row in rows(whole) if row["method"] == "hybrid"]
    measured = {(row["task"], row["metric"]): round(row["value"], 4) for row in hybrid}
    card = ModelCard.load(folder / "README.md")
    data: Any = card.data
    assert {(one.task_type, one.metric_type): one.metric_value for one in data.eval_results} == measured
