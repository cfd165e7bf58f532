"""Two processes, as torchrun starts them, train as one does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.end_to_end.test_run import SMALL

pytestmark = pytest.mark.slow

TWO = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
# Of an odd number of labels, of lone long examples and of a first phase nothing is left out.
CHANGED = {"threads: 1\n": "", "checkpoint_minutes: 0.005": "precision: float32\n  tokens_per_batch: 300"}
RECIPE = reduce(lambda recipe, change: recipe.replace(*change), CHANGED.items(), SMALL)
PATH = os.pathsep.join(filter(None, (".", os.environ.get("PYTHONPATH"))))
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": PATH}
FIT = """
import sys
from transformers import TrainerCallback
from tests.tiny import MIXTURE, SETTINGS, sasrec, world
from recexplainer import Explainer
from recexplainer.processes import is_first
from recexplainer.storage import write_json
from pathlib import Path


class Keep(TrainerCallback):
    def on_train_end(self, args, state, control, **kwargs):
        if is_first():
            write_json(Path(sys.argv[1]) / "training.json", state.log_history)


Explainer.fit(world(), sasrec(), form="intention", mixture=MIXTURE, settings=SETTINGS, callbacks=[Keep()])
"""
PRECISION = """
import os, sys
from pathlib import Path
from recexplainer.surrogate import precision
from recexplainer.surrogate.settings import SurrogateSettings

precision.has_fast_int8 = lambda: os.environ["RANK"] == "0"  # measured on a busy machine, each has another answer
precision.has_fast_bfloat16 = lambda: False
taken = precision.choose_precision(SurrogateSettings(backbone="smollm2"), True)
(Path(sys.argv[1]) / os.environ["RANK"]).write_text(taken)
"""


def start(words: list[str]) -> None:
    shown = subprocess.run(words, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert shown.returncode == 0, shown.stderr


def losses(surrogate: Path) -> list[float]:
    log: list[dict[str, Any]] = json.loads((surrogate / "training.json").read_text())
    return [entry["loss"] for entry in log if "loss" in entry]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same recipe carried out by one process and by two."""
    recipe = tmp_path_factory.mktemp("recipe") / "small.yaml"
    recipe.write_text(RECIPE)
    folders = {name: tmp_path_factory.mktemp(name) for name in ("one", "two")}
    for name, folder in folders.items():
        launch = TWO if name == "two" else [sys.executable]
        start([*launch, "-m", "recexplainer", "run", str(recipe), "--runs", str(folder)])
    return {name: folder / "small" for name, folder in folders.items()}


@pytest.mark.parametrize("form", ["intention", "hybrid"])
def test_two_processes_have_the_losses_of_one(form: str, runs: dict[str, Path]) -> None:
    one, two = (losses(runs[name] / f"surrogate-{form}") for name in ("one", "two"))
    assert len(one) == len(two) > 3
    assert two == pytest.approx(one, rel=1e-3)
    assert one[-1] < 0.9 * one[0], "it learns something, else the losses would be alike anyway"


def test_a_run_of_two_processes_ends_as_one_of_one_does(runs: dict[str, Path]) -> None:
    files = [
        sorted(str(path.relative_to(run)) for path in run.rglob("*") if "events" not in path.name)
        for run in runs.values()
    ]
    assert files[0] == files[1]
    assert [yaml.safe_load((run / "recipe.yaml").read_text())["threads"] for run in runs.values()] == [1, 2]
    tables = [json.loads((run / "evaluation" / "alignment.json").read_text()) for run in runs.values()]
    assert [row["metric"] for row in tables[0]] == [row["metric"] for row in tables[1]]


def test_align_works_in_two_processes(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(FIT)
    for launch, folder in ((TWO, "two"), ([sys.executable], "one")):
        start([*launch, str(script), str(tmp_path / folder)])
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-3)


def test_processes_compute_in_one_precision(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(PRECISION)
    start([*TWO, str(script), str(tmp_path)])
    assert [(tmp_path / rank).read_text() for rank in "01"] == ["int8", "int8"]


def test_a_world_size_that_does_not_run_is_an_error(tmp_path: Path) -> None:
    """WORLD_SIZE says two, but nothing tells the Trainer so."""
    script = tmp_path / "script.py"
    script.write_text(
        "import os; from tests.tiny import *; from transformers import TrainingArguments\n"
        "from recexplainer.surrogate.batching import EncodedSet\n"
        "from recexplainer.surrogate.trainer import TokenBudgetTrainer\n"
        "arguments = TrainingArguments(use_cpu=True); os.environ['WORLD_SIZE'] = '2'\n"
        "TokenBudgetTrainer(fresh('behavior'), arguments, EncodedSet([], None, None), 100)\n"
    )
    shown = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert "SurrogateError: 2 processes were asked for, but 1 would train." in shown.stderr
