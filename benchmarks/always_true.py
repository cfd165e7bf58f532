"""Whether what is shown holds: explanations with evidence for pairs of runs, and how many the evidence itself wrote.

For each run given (its folder) pairs are drawn from all users; each is explained with evidence by the run's surrogate,
or by the wording of the evidence where there is none. Each text shown is checked again by a verifier of its own. It
asserts that none has a fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common import Result, arguments, begin, draw_pairs, finish
from recexplainer.claims.claim import Claim, stated
from recexplainer.claims.verifier import Verifier
from recexplainer.evaluation.faithfulness import evaluate_faithfulness
from recexplainer.evidence.evidence import NEGLIGIBLE
from recexplainer.explanations.explainer import PairExplainer
from recexplainer.explanations.record import Explanation
from recexplainer.explanations.writing import REALISED, problems
from recexplainer.pipeline.runs import has_surrogate, open_surrogate, open_target

FAULTS = "texts with a fault"


def main() -> None:
    parser = arguments((__doc__ or "").splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, help="folders of runs")
    parser.add_argument("--pairs", type=int, default=1250, help="pairs of each")
    parser.add_argument("--seed", type=int, default=0)
    options = begin(parser)
    results: list[Result] = []
    for run in options.runs:
        results += measured(run, options.pairs, options.seed)
    options.runs = [run.name for run in options.runs]
    finish(options, results, {})
    faulty = sum(one.value for one in results if one.way == FAULTS)
    assert not faulty, f"{faulty:.0f} texts have a fault"


def measured(run: Path, count: int, seed: int) -> list[Result]:
    """The rows of one run."""
    dataset, recommender = open_target(run)
    surrogate = open_surrogate(run) if has_surrogate(run) else None
    explainer, checked = PairExplainer(dataset, recommender, surrogate), Verifier.of(dataset, recommender)
    pairs = draw_pairs(dataset, recommender, count, np.random.default_rng(seed))
    evidence = explainer.evidence(pairs)
    shown = explainer.explain(pairs)
    faulty = [wrong(one, checked.claims(one.text, own)) for one, own in zip(shown, evidence, strict=True)]
    rows = {one.metric: one.value for one in evaluate_faithfulness({shown[0].source: shown}, recommender, seed)}
    stable = [max(map(abs, own.weights)) >= NEGLIGIBLE for own in evidence]
    found = {
        "explanations": len(shown),
        FAULTS: sum(faulty),
        "written by the evidence": np.mean([one.writer == REALISED for one in shown]),
        "the verdict alone": np.mean([bool(one.abstained) for one in shown]),
        "pairs with a stable reason": np.mean(stable),
        "comprehensiveness, normalized": rows["comprehensiveness_normalized"],
        "claim precision": rows["claim_precision"],
        "verdict fidelity": rows["verdict_fidelity"],
    }
    return [Result(run.name, what, float(value if value is not None else np.nan), "") for what, value in found.items()]


def wrong(shown: Explanation, claims: Sequence[Claim]) -> bool:
    """Whether a text has a fault; of the verdict alone, which is in words of its own, whether it is not supported."""
    return any(one.status != "supported" for one in stated(claims)) if shown.abstained else bool(problems(claims))


if __name__ == "__main__":
    main()
