"""Whether reasons depend on how one asks: directions that count as supported, held against other ways to ask.

For each run given (its folder, with a recommender at least) pairs of a user and an item are drawn, one of the first
five or any. Each directional claim that would count as supported is asked again with fresh random numbers: gap closed,
gap kept, 64 random replacements, Shapley values (exact or sampled), and 50 random sub-histories that hold the item. The
old way, leaving an item out once, stands beside. It asserts what is promised of the stable ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common import Result, arguments, begin, draw_pairs, finish
from recexplainer.evidence.evidence import NEGLIGIBLE, Evidence, gather_evidence
from recexplainer.pipeline.runs import open_target
from recexplainer.recommenders.ablation import history_rows
from recexplainer.recommenders.attribution import occlusion_attributions
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.shapley import shapley_values

PARTS, DRAWN, SURE, PROMISED = 50, 64, 0.9, 0.98


class Direction(NamedTuple):
    """One history item of a case that is said to count for the item (1) or against it (-1)."""

    case: int
    place: int
    sign: int


def main() -> None:
    parser = arguments((__doc__ or "").splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, help="folders of runs")
    parser.add_argument("--pairs", type=int, default=200, help="pairs of each")
    parser.add_argument("--seed", type=int, default=0)
    options = begin(parser)
    results: list[Result] = []
    for run in options.runs:
        results += measured(run, options.pairs, options.seed)
    options.runs = [run.name for run in options.runs]
    finish(options, results, {})
    held = [one.value for one in results if one.way == "stable: one sign by every way, and in nine tenths of parts"]
    assert min(held) >= PROMISED, f"only {min(held):.3f} of the stable effects hold"


def measured(run: Path, count: int, seed: int) -> list[Result]:
    """The rows of one run."""
    dataset, recommender = open_target(run)
    rng = np.random.default_rng(seed)
    users, items = zip(*draw_pairs(dataset, recommender, count, rng), strict=True)
    shares = np.zeros(dataset.n_items, np.float32)  # of no use here
    evidence = gather_evidence(recommender, dataset, users, items, recommended_share=shares)
    old = _directions([one.standardized for one in evidence])
    stable = _directions([one.weights for one in evidence])
    results: list[Result] = []
    for name, directions in (("old way", old), ("stable", stable)):
        every, parts = held(recommender, evidence, directions, rng)
        both = every & (parts >= SURE)
        found = {
            "directional claims": float(len(directions)),
            "one sign by every way": every.mean(),
            "that sign in nine tenths of parts": (parts >= SURE).mean(),
            "one sign by every way, and in nine tenths of parts": both.mean(),
            "pairs with one at least": len({one.case for one in directions}) / len(evidence),
            "against it": np.mean([one.sign < 0 for one in directions]),
        }
        results += [Result(run.name, f"{name}: {what}", float(value), "") for what, value in found.items()]
    return results


def _directions(weights: Sequence[Sequence[float]]) -> list[Direction]:
    return [
        Direction(case, place, 1 if weight > 0 else -1)
        for case, own in enumerate(weights)
        for place, weight in enumerate(own)
        if abs(weight) >= NEGLIGIBLE
    ]


def held(
    recommender: Recommender, evidence: Sequence[Evidence], directions: Sequence[Direction], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """For each direction, whether every way to ask has its sign, and the share of sub-histories that have it."""
    users, items = [User(one.history) for one in evidence], [one.item for one in evidence]
    ways = [occlusion_attributions(recommender, users, items)]
    if hasattr(recommender, "padding_item"):
        ways.append(occlusion_attributions(recommender, users, items, ablation="padding"))
    ways.append([one.values for one in shapley_values(recommender, users, items, samples=512, seed=7)])
    histories: list[list[tuple[int, ...]]] = []
    for one in directions:
        history = evidence[one.case].history
        put = [
            (*history[: one.place], int(new), *history[one.place + 1 :])
            for new in rng.integers(recommender.n_items, size=DRAWN)
        ]
        asked = [history, *put]
        for _ in range(PARTS):
            mask = rng.permutation(len(history)) < rng.integers(len(history) + 1)
            for kept in (True, False):
                mask[one.place] = kept
                asked.append(tuple(item for item, stays in zip(history, mask, strict=True) if stays))
        histories.append(asked)
    cases = [users[one.case] for one in directions], [items[one.case] for one in directions]
    scores = np.empty((len(directions), 1 + DRAWN + 2 * PARTS))
    for row, number, _, score in history_rows(recommender, *cases, histories):
        scores[row, number] = score
    signs = np.array([one.sign for one in directions])
    replaced = scores[:, 0] - scores[:, 1 : DRAWN + 1].mean(axis=1)
    added = scores[:, DRAWN + 1 :: 2] - scores[:, DRAWN + 2 :: 2]
    every = signs * replaced > 0
    for way in ways:
        every &= np.array([one.sign * way[one.case][one.place] > 0 for one in directions])
    return every, (signs[:, None] * added > 0).mean(axis=1)


if __name__ == "__main__":
    main()
