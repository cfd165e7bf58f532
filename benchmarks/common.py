"""What the benchmarks share: the embedded world with a recommender fitted to it, and how results are shown and kept."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from recexplainer.data.dataset import Dataset, leave_one_out
from recexplainer.data.sample import make_world
from recexplainer.hardware import use_threads
from recexplainer.pipeline.execution import package_versions
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.fitting import SASRecSearchSettings, fit_towers
from recexplainer.recommenders.sasrec import SASRec
from recexplainer.recommenders.scoring import score_batches, truncate
from recexplainer.storage import write_text
from recexplainer.surrogate.settings import NanoSettings
from recexplainer.tasks.example import Example, LabelledExamples
from recexplainer.tasks.mixture import MixtureSettings, build_examples

NANO = NanoSettings(hidden_size=224, num_hidden_layers=3, num_attention_heads=4, intermediate_size=640, vocab_size=3400)
CONNECTOR_WIDTH = 448
_SEARCH = SASRecSearchSettings(
    hidden_sizes=(64,), dropouts=(0.2,), num_hidden_layers=(1,), learning_rates=(3e-3,), epochs=6, batch_size=256
)
_MIXTURE = MixtureSettings(rationale_surrogate=800, rationale_evidence=800, chat_train=100, rationale_test=0)


@dataclass(frozen=True)
class Result:
    """One measured number: what was measured, how, its value and its unit."""

    what: str
    way: str
    value: float
    unit: str


@dataclass(frozen=True)
class Asked:
    """The embedded world with a recommender fitted to it, and its answers, for training and for test."""

    alignment: LabelledExamples
    test: Sequence[Example]


def ask_world(users: int) -> Asked:
    """Make the embedded world, fit a SASRec for a few epochs, and ask it what the surrogate learns from."""
    dataset = make_world(users=users)
    split = leave_one_out(dataset)
    recommender, _ = fit_towers(SASRec, dataset, split, _SEARCH)
    examples = build_examples(dataset, split, recommender, _MIXTURE)
    return Asked(LabelledExamples(dataset, recommender, examples.train), examples.test)


def draw_pairs(
    dataset: Dataset, recommender: Recommender, count: int, rng: np.random.Generator
) -> list[tuple[User, int]]:
    """Random users, each as often as any other, with one of the items ranked first to fifth, or any, half and half."""
    rows = [row for _ in range(0, count, dataset.n_users) for row in rng.permutation(dataset.n_users).tolist()][:count]
    users = [User(truncate(dataset.history(row), recommender), dataset.user_ids[row]) for row in rows]
    ranked = [order for batch in score_batches(recommender, users) for order in batch.best(recommender.n_items)]
    return [
        (user, order[int(rng.integers(5 if rng.random() < 0.5 else len(order)))])
        for user, order in zip(users, ranked, strict=True)
    ]


def arguments(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options that every benchmark has."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--threads", type=int, default=1, help="processor threads")
    parser.add_argument("--out", type=Path, help="write the results as JSON, by custom benchmarks/results/NAME.json")
    return parser


def begin(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Read the options, and fix threads and seed."""
    options = parser.parse_args()
    use_threads(options.threads)
    torch.manual_seed(0)
    return options


def finish(options: argparse.Namespace, results: Sequence[Result], ratios: dict[str, float]) -> None:
    """Print the results, and write them with the machine and the settings, a line each, if a file is named."""
    for one in results:
        print(f"{one.what:<34} {one.way:<28} {one.value:>12,.2f} {one.unit}")
    for name, ratio in ratios.items():
        print(f"{name:<63} {ratio:>12,.2f} times")
    if options.out is not None:
        settings = {name: value for name, value in vars(options).items() if name != "out"}
        written = {
            "machine": _machine(),
            "versions": package_versions(),
            "settings": {name: str(value) if isinstance(value, Path) else value for name, value in settings.items()},
            "ratios": ratios,
        }
        lines = ",\n    ".join(json.dumps(vars(one), ensure_ascii=False, allow_nan=False) for one in results)
        head = json.dumps(written, indent=2, ensure_ascii=False, allow_nan=False).removesuffix("\n}")
        write_text(options.out, f'{head},\n  "results": [\n    {lines}\n  ]\n}}\n')


def _machine() -> dict[str, Any]:
    """What the figures were taken on."""
    known = Path("/proc/cpuinfo")
    lines = known.read_text(encoding="utf-8").splitlines() if known.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 2),
    }
