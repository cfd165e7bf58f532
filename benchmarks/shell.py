"""`recexplainer explain` from the shell: seconds of a start, with what is imported, for recommenders of several kinds.

Each start is a new process; the median of some starts counts. Every run is of the embedded world. Without a language
model nothing of one may be imported, and without a network as recommender no torch: that is asserted, seconds are not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from common import Result, arguments, begin, finish
from recexplainer.data.dataset import Dataset
from recexplainer.pipeline.recipe import load_recipe
from recexplainer.pipeline.runs import open_target, run_recipe

SMALL = ("sasrec.epochs=6", "sasrec.hidden_sizes=[32]", "sasrec.num_hidden_layers=[1]", "sasrec.dropouts=[0.2]")
NEVER = ("transformers", "sklearn", "openai", "recexplainer.surrogate.model", "recexplainer.evaluation.faithfulness")
CODE = """
import sys
from recexplainer.cli import main
try:
    main(sys.argv[1:])
finally:
    import json
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def make_runs(folder: Path) -> dict[str, Path]:
    """A run of a SASRec, and one of its vectors, each up to the recommender."""
    fitted = load_recipe("demo", [f"recommender.{setting}" for setting in SMALL])
    run_recipe(fitted, folder / "sasrec", only=["recommender"])
    _, recommender = open_target(folder / "sasrec")
    np.save(folder / "items.npy", recommender.item_vectors())
    (folder / "items.txt").write_text("\n".join(_dataset(folder / "sasrec").item_ids), encoding="utf-8")
    files = [f"recommender.vectors.items={folder / 'items.npy'}", "recommender.vectors.fold_in=mean"]
    run_recipe(load_recipe("demo", ["recommender.kind=vectors", *files]), folder / "vectors", only=["recommender"])
    return {name: folder / name for name in ("sasrec", "vectors")}


def _dataset(run: Path) -> Dataset:
    return open_target(run)[0]


def measure(run: Path, starts: int, *more: str) -> tuple[float, list[str]]:
    """The median of the seconds of some starts, and the modules that one of them imports."""
    dataset = _dataset(run)
    lacked = next(item for item in range(dataset.n_items) if item not in dataset.history(0))
    asked = ["explain", str(run), "--user", dataset.user_ids[0], "--item", dataset.item_ids[lacked], *more]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    seconds: list[float] = []
    for _ in range(starts + 1):  # the first one fills the caches of the system
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-m", "recexplainer", *asked], check=True, capture_output=True, env=environment)
        seconds.append(time.perf_counter() - begun)
    told = subprocess.run([sys.executable, "-c", CODE, *asked], check=True, capture_output=True, env=environment)
    return median(seconds[1:]), json.loads(told.stderr.splitlines()[-1])


def main() -> None:
    """Make the runs, and measure each."""
    parser = arguments(__doc__)
    parser.add_argument("--starts", type=int, default=5, help="starts of each kind")
    options = begin(parser)
    results: list[Result] = []
    with TemporaryDirectory() as folder:
        for name, run in make_runs(Path(folder)).items():
            seconds, modules = measure(run, options.starts)
            results += [
                Result("explain one pair, realised", name, seconds, "s"),
                Result("modules imported", name, len(modules), ""),
            ]
            wrong = [module for module in NEVER if module in modules]
            assert not wrong, f"{name}: {wrong}"
            assert name == "sasrec" or "torch" not in modules, name
    finish(options, results, {})


if __name__ == "__main__":
    main()
