"""How a surrogate's alignment grows with the tokens that it learned from: checkpoints of a training, each measured.

Copy checkpoints aside while `recexplainer run` trains a form: RUN/.work/surrogate-FORM/tasks/checkpoint-STEP.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from safetensors.torch import load_file
from transformers.utils import SAFE_WEIGHTS_NAME

from common import Result, arguments, begin, finish
from recexplainer.evaluation.alignment import evaluate_surrogate
from recexplainer.pipeline import layout
from recexplainer.pipeline.recipe import load_recipe
from recexplainer.progress import track
from recexplainer.storage import read_json
from recexplainer.surrogate.pretrained import merge_lora
from recexplainer.surrogate.training import new_surrogate

SHOWN = (("retrieval", "hr@5"), ("ranking", "ndcg@5"), ("classification", "accuracy"), ("reconstruction", "hcr"))


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("form", help="intention, hybrid or behavior")
    parser.add_argument("checkpoints", type=Path, help="folder of the copied checkpoints")
    parser.add_argument("--cases", type=int, default=150, help="test cases of each task")
    options = begin(parser)
    recipe = load_recipe(str(options.run / "recipe.yaml"))
    folders = {name: options.run / name for name in ("dataset", "recommender", "examples")}
    alignment, test = layout.load_alignment(folders), layout.load_test_cases(folders)
    some = [one for task, _ in SHOWN for one in test.of(task)[: options.cases]]
    results: list[Result] = []
    every = sorted(options.checkpoints.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    for folder in track(every, f"checkpoints of {options.form}"):
        state = read_json(folder / "trainer_state.json")
        surrogate = new_surrogate(options.form, alignment, recipe.surrogate)
        surrogate.load_state_dict(load_file(folder / SAFE_WEIGHTS_NAME), strict=False)
        merge_lora(surrogate.backbone)
        rows = evaluate_surrogate(surrogate, replace(test, examples=some))
        values = {(row.task, row.metric): row.value for row in rows}
        tokens = state["global_step"] * recipe.surrogate.tokens_per_batch
        way = f"{options.form}, {tokens:,} tokens of {state['max_steps'] * recipe.surrogate.tokens_per_batch:,}"
        results += [
            Result(f"{task} {metric}", way, value, "mean")
            for task, metric in SHOWN
            if (value := values.get((task, metric))) is not None
        ]
    finish(options, results, {})


if __name__ == "__main__":
    main()
