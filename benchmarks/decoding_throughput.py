"""Retrieval as it is evaluated: five beams, free and held to the catalogue; cases a second, and what comes back.

The surrogate is a nano aligned for a few minutes to an f on the embedded world, or that of a run.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np

from common import CONNECTOR_WIDTH, NANO, Result, arguments, ask_world, begin, finish
from recexplainer.data.dataset import Dataset
from recexplainer.evaluation.alignment import RETURNED
from recexplainer.pipeline.layout import RunLayout
from recexplainer.pipeline.runs import find_run
from recexplainer.recommenders.loading import load_recommender
from recexplainer.surrogate.batching import EncodedSet, encode_questions
from recexplainer.surrogate.decoding import Decoder
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.settings import SurrogateSettings
from recexplainer.surrogate.training import train_surrogate
from recexplainer.tasks.example import load_examples


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--run", help="measure the surrogate of this run, in place of one aligned here")
    parser.add_argument("--form", default="hybrid", choices=("behavior", "intention", "hybrid"))
    parser.add_argument("--users", type=int, default=800, help="people of the embedded world")
    parser.add_argument("--epochs", type=float, default=0.5, help="passes over the examples when aligning here")
    parser.add_argument("--cases", type=int, default=200, help="test histories a round")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each way, in turn")
    options = begin(parser)
    surrogate, dataset, recommender, test = from_run(options) if options.run else from_world(options)
    asked = [example for example in test if example.task == "retrieval"]
    questions = encode_questions(surrogate, dataset, recommender, asked)
    decoder = Decoder(surrogate, dataset.titles)
    results = [
        Result("weights", "both", sum(weight.numel() for weight in surrogate.parameters()) / 1e6, "million"),
        Result("titles in the catalogue", "both", dataset.n_items, "titles"),
    ]
    rates: dict[str, float] = {}
    shares: dict[str, float] = {}
    for way, (rate, share) in measure(decoder, questions, dataset.titles, options).items():
        results.append(Result("retrieval, cases", way, rate, "a second"))
        results.append(Result("five distinct catalogue titles", way, 100 * share, "% of cases"))
        rates[way], shares[way] = rate, share
    finish(options, results, {"cases a second, constrained over free": rates["constrained"] / rates["free"]})
    assert shares["constrained"] == 1.0, "constrained beams came back with other than five distinct catalogue titles"


def measure(decoder: Decoder, questions: EncodedSet, titles: list[str], options: Any) -> dict[str, tuple[float, float]]:
    """For each way the cases a second, and the share of cases that came back as five distinct catalogue titles."""
    random = np.random.default_rng(0)
    seconds, good, cases = {"free": 0.0, "constrained": 0.0}, {"free": 0, "constrained": 0}, 0
    known = set(titles)
    assert len(decoder.catalogue.tokens), "the catalogue is empty"
    for round_ in range(options.rounds + 1):  # the first, short round is not counted
        size = min(options.cases if round_ else 8, len(questions))
        rows = random.choice(len(questions), size, replace=False)
        some = questions.subset(rows.tolist())
        cases += size if round_ else 0
        for way in seconds:
            start = perf_counter()
            said = decoder.titles(some, RETURNED, constrained=way == "constrained")
            if round_:
                seconds[way] += perf_counter() - start
                good[way] += sum(len(set(texts)) == RETURNED and known.issuperset(texts) for texts in said)
    return {way: (cases / seconds[way], good[way] / cases) for way in seconds}


def from_world(options: Any) -> tuple[Surrogate, Dataset, Any, Any]:
    """Align a nano to an f on the embedded world."""
    asked = ask_world(options.users)
    settings = SurrogateSettings(
        nano=NANO,
        connector_width=CONNECTOR_WIDTH,
        learning_rate=2e-3,
        connector_warmup_examples=4000,
        tokens_per_batch=1024,
        epochs={options.form: options.epochs},
    )
    with TemporaryDirectory() as folder:
        surrogate = train_surrogate(options.form, asked.alignment, settings, Path(folder, "made"), Path(folder, "work"))
    return surrogate, asked.alignment.dataset, asked.alignment.recommender, asked.test


def from_run(options: Any) -> tuple[Surrogate, Dataset, Any, Any]:
    """The surrogate of a run, with its data, its f and its test questions."""
    run = find_run(options.run)
    layout = RunLayout(run)
    surrogate = Surrogate.from_pretrained(layout.complete_stage(f"surrogate-{options.form}"))
    dataset = Dataset.load(layout.complete_stage("dataset"))
    recommender = load_recommender(layout.complete_stage("recommender"))
    return surrogate, dataset, recommender, load_examples(layout.complete_stage("examples")).test


if __name__ == "__main__":
    main()
