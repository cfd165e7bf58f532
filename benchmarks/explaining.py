"""Explaining with evidence: milliseconds a pair by the wording of the evidence and by the surrogate, pairs a second.

Milliseconds are those of the processor, for one pair at a time; others on the machine hardly change them. A batch is
timed by the clock, too. The run needs a recommender; without a surrogate only the wording is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from common import Result, arguments, begin, finish
from recexplainer.data.dataset import leave_one_out
from recexplainer.evaluation.cases import draw_cases
from recexplainer.explanations import generator
from recexplainer.explanations.explainer import PairExplainer
from recexplainer.explanations.writing import REALISED, SURROGATE, Style, Writer, Written, problems
from recexplainer.pipeline.runs import find_run, has_surrogate, open_surrogate, open_target
from recexplainer.recommenders.base import User

Pairs = list[tuple[User, int]]


def main() -> None:
    parser = arguments((__doc__ or "").splitlines()[0])
    parser.add_argument("run", help="a run with a recommender: its folder, or its name in runs")
    parser.add_argument("--surrogate", type=Path, help="the folder of another surrogate than the one that explains")
    parser.add_argument("--pairs", type=int, default=200, help="pairs explained one at a time, and then together")
    options = begin(parser)
    explainer = opened(options)
    split = leave_one_out(explainer.dataset)
    pairs = draw_cases(explainer.dataset, split, explainer.recommender, options.pairs + 2, seed=0)
    results = measured(explainer, REALISED, explainer.realised, pairs)
    if explainer.surrogate is not None:
        results += measured(explainer, SURROGATE, explainer.writer(), pairs)
    finish(options, results, {})


def opened(options: Any) -> PairExplainer:
    run = find_run(options.run)
    if options.surrogate is None:
        return PairExplainer(*open_target(run), open_surrogate(run) if has_surrogate(run) else None)
    from recexplainer.surrogate.model import Surrogate

    return PairExplainer(*open_target(run), Surrogate.from_pretrained(options.surrogate))


def measured(explainer: PairExplainer, way: str, writer: Writer, pairs: Pairs) -> list[Result]:
    """Milliseconds a pair, evidence included, pairs a second in a batch, and how many texts there were."""

    def explain(some: Pairs) -> list[Written]:
        return writer.write([user.id for user, _ in some], explainer.evidence(some), Style())

    explain(pairs[:2])  # the first loads and caches
    pairs = pairs[2:]
    milliseconds = [1e3 * seconds(process_time, explain, [pair]) for pair in pairs]
    taken = {clock: seconds(clock, explain, pairs) for clock in (process_time, perf_counter)}
    written = explain(pairs)
    check(written)
    own = [one for one in written if one.writer == way]
    return [
        Result("one pair, median", way, float(np.median(milliseconds)), "milliseconds"),
        Result("one pair, 99th percentile", way, float(np.quantile(milliseconds, 0.99)), "milliseconds"),
        Result("a batch, by the processor", way, len(pairs) / taken[process_time], "pairs a second"),
        Result("a batch, by the clock", way, len(pairs) / taken[perf_counter], "pairs a second"),
        Result("its own text is shown", way, 100 * len(own) / len(pairs), "% of pairs"),
        Result("texts finished, mean", way, float(np.mean([one.attempts for one in written])), "a pair"),
        Result("questions", way, len(written), "in all"),
    ]


def seconds(clock: Callable[[], float], explain: Callable[[Pairs], Any], pairs: Pairs) -> float:
    start = clock()
    explain(pairs)
    return clock() - start


def check(written: Sequence[Written]) -> None:
    assert max(one.attempts for one in written) <= generator.MAX_ATTEMPTS, "more texts than are allowed"
    assert not any(problems(one.claims) for one in written), "a text with a problem is given back"
    assert all(one.writer in (REALISED, SURROGATE) for one in written), "somebody else wrote"


if __name__ == "__main__":
    main()
