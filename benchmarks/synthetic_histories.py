"""Do synthetic histories help alignment? The same number of steps, with and without them.

Two surrogates see equally many examples: one the real prefixes several times, one synthetic histories beside them.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from recexplainer.data.dataset import leave_one_out
from recexplainer.data.sample import make_world
from recexplainer.evaluation.alignment import evaluate_surrogate
from recexplainer.evaluation.rows import Row, write_rows
from recexplainer.hardware import use_threads
from recexplainer.recommenders.fitting import SASRecSearchSettings, fit_towers
from recexplainer.recommenders.sasrec import SASRec
from recexplainer.surrogate.settings import NanoSettings, SurrogateSettings
from recexplainer.surrogate.training import train_surrogate
from recexplainer.tasks.example import LabelledExamples
from recexplainer.tasks.mixture import MixtureSettings, build_examples

TASKS = ("retrieval", "ranking", "classification", "discrimination")


def measure(form: str, users: int, examples: int, ratio: float) -> list[Row]:
    """Rows of the two surrogates; the variant names the ratio of synthetic histories."""
    world = make_world(users=users)
    split = leave_one_out(world)
    search = SASRecSearchSettings(
        hidden_sizes=(64,), dropouts=(0.3,), num_hidden_layers=(1,), learning_rates=(3e-3,), batch_size=256
    )
    recommender, _ = fit_towers(SASRec, world, split, search)
    rows: list[Row] = []
    for synthetic in (0.0, ratio):
        mixture = MixtureSettings(tasks=TASKS, synthetic_history_ratio=synthetic, synthetic_classification_share=1.0)
        built = build_examples(world, split, recommender, mixture)
        settings = SurrogateSettings(
            connector_warmup_examples=10_000,
            epochs={form: examples / len(built.train)},
            nano=NanoSettings(
                hidden_size=128, num_hidden_layers=2, num_attention_heads=2, intermediate_size=256, vocab_size=3000
            ),
        )
        with TemporaryDirectory() as folder:
            alignment = LabelledExamples(world, recommender, built.train)
            surrogate = train_surrogate(form, alignment, settings, Path(folder) / "surrogate", Path(folder) / "work")
        found = evaluate_surrogate(surrogate, LabelledExamples(world, recommender, built.test))
        variant = f"synthetic_history_ratio_{synthetic:g}"
        rows += [replace(row, variant=variant) for row in found if row.value is not None]
    return rows


def main() -> None:
    """Measure and print; `--out` writes the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--form", default="intention")
    parser.add_argument("--users", type=int, default=1600)
    parser.add_argument("--examples", type=int, default=150_000)
    parser.add_argument("--ratio", type=float, default=4.0)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    use_threads(None)
    rows = measure(given.form, given.users, given.examples, given.ratio)
    for row in rows:
        name = f"{row.method:<12} {row.variant:<28} {row.task:<16} {row.metric:<20}"
        print(f"{name} {row.value:.3f} [{row.low:.3f}, {row.high:.3f}]")
    if given.out:
        write_rows(given.out, rows)


if __name__ == "__main__":
    main()
