"""How connectors start: at random and whitened, with item vectors that read as their titles, and with users, too.

Each way is aligned for the same steps, on the same examples, from the same seed. What is compared is the loss on
held-out questions of each task, and how often yes or no is right. The backbone is `nano`, or any other.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from common import CONNECTOR_WIDTH, NANO, Result, arguments, begin, finish
from recexplainer.pipeline import layout
from recexplainer.pipeline.layout import RunLayout
from recexplainer.pipeline.runs import find_run
from recexplainer.surrogate.batching import encode_answers, encode_questions
from recexplainer.surrogate.connector import Connector
from recexplainer.surrogate.decoding import Decoder
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.settings import SurrogateSettings
from recexplainer.surrogate.training import train_surrogate
from recexplainer.tasks.example import LabelledExamples

TASKS = ("retrieval", "ranking", "classification", "reconstruction")
ITEMS, USERS = "items as titles", "items as titles, users as items"
WAYS = ("at random", ITEMS, USERS)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("run", help="a run with examples")
    parser.add_argument("--backbone", default="nano", help="as surrogate.backbone")
    parser.add_argument("--steps", type=int, default=450, help="steps of all tasks together")
    parser.add_argument("--named", type=int, default=2000, help="items named before")
    parser.add_argument("--seeds", type=int, default=2, help="seeds of each way")
    parser.add_argument("--cases", type=int, default=200, help="held-out questions of a task")
    options = begin(parser)
    stages = {name: RunLayout(find_run(options.run)).complete_stage(name) for name in layout.ALIGNED_TO}
    alignment, test = layout.load_alignment(stages), layout.load_test_cases(stages)
    results: list[Result] = []
    values: dict[tuple[str, str], float] = {}
    for way in WAYS:
        each = [measure(aligned(way, alignment, seed, options), test, options.cases) for seed in range(options.seeds)]
        for name in each[0]:
            values[way, name] = float(np.mean([one[name] for one in each]))
            results.append(Result(name, way, values[way, name], "right" if name == "accuracy" else "nats a token"))
    ratios = {f"{task}: loss at random over {USERS}": values[WAYS[0], task] / values[USERS, task] for task in TASKS}
    finish(options, results, ratios)
    assert ratios[f"retrieval: loss at random over {USERS}"] > 1, "a start with a meaning helps no more"


def aligned(way: str, alignment: LabelledExamples, seed: int, options: Any) -> Surrogate:
    """A surrogate of the intention form after some steps."""
    settings = SurrogateSettings(
        backbone=options.backbone,
        nano=NANO.model_copy(update={"vocab_size": 8000}),
        connector_width=CONNECTOR_WIDTH if options.backbone == "nano" else 1024,
        connector_warmup_examples=options.named,
        seed=seed,
    )
    with TemporaryDirectory() as folder, ExitStack() as changed:
        kept: Callable[..., None] = Connector.read_as

        def some(self: Connector, vectors: torch.Tensor, embeddings: torch.Tensor, *, known: bool) -> None:
            if known and way == ITEMS:
                kept(self, vectors, embeddings, known=known)

        if way != USERS:
            changed.enter_context(patch.object(Connector, "read_as", some))
        return train_surrogate("intention", alignment, settings, None, Path(folder), steps=options.steps)


@torch.no_grad()
def measure(surrogate: Surrogate, test: LabelledExamples, count: int) -> dict[str, float]:
    """The loss of each task on held-out questions, and the accuracy of classification."""
    found: dict[str, float] = {}
    for task in TASKS:
        data = encode_answers(surrogate, test.dataset, test.recommender, test.of(task)[:count])
        losses: list[float] = []
        labels: list[int] = []
        for start in range(0, len(data), 32):
            batch = data.collate(data.encoded[start : start + 32])
            losses.append(float(surrogate(**batch)["loss"]))
            labels.append(len(batch["labels"]))
        found[task] = float(np.average(losses, weights=labels))
    asked = test.of("classification")[:count]
    questions = encode_questions(surrogate, test.dataset, test.recommender, asked)
    said = Decoder(surrogate, test.dataset.titles).yes_probabilities(questions) > 0.5
    found["accuracy"] = float(np.mean(said == [one.answer_text.startswith("Yes") for one in asked]))
    return found


if __name__ == "__main__":
    main()
