"""Attributions by the field's yardsticks: POS, NEG, DEL and INS of items that a run's recommender puts first.

Each way orders the history items of a case, the most important first; `evaluation/perturbation.py` says what the
metrics are. Two bounds stand beside them: a random order, and the best subset of each size by exhaustive search.
Milliseconds are the processor's, of all cases asked together, divided by their number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import process_time
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from common import Result, arguments, begin, finish
from recexplainer.data.dataset import leave_one_out
from recexplainer.evaluation.perturbation import (
    Curves,
    exhaustive_curves,
    importance_order,
    perturbation_curves,
    perturbation_values,
    random_orders,
)
from recexplainer.pipeline.runs import find_run, open_target
from recexplainer.recommenders.attribution import occlusion_attributions
from recexplainer.recommenders.base import Floats, Recommender, User
from recexplainer.recommenders.gradients import integrated_gradients
from recexplainer.recommenders.neighbours import unit_vectors
from recexplainer.recommenders.removal import greedy_removals
from recexplainer.recommenders.scoring import score_batches, truncate
from recexplainer.recommenders.shapley import shapley_values

T = TypeVar("T")


def cosines(recommender: Recommender, users: Sequence[User], items: Sequence[int]) -> list[Floats]:
    """Of the vectors of each history item and the item asked about, for each case `Float[history]`."""
    vectors = unit_vectors(recommender.item_vectors())
    return [vectors[list(user.history)] @ vectors[item] for user, item in zip(users, items, strict=True)]


Orders = Callable[[Recommender, Sequence[User], Sequence[int]], list[NDArray[np.int64]]]

NUMBERS = (1, 3, 5)  # after how many items removed or inserted
TAKES = 3  # of which the fastest counts
OURS = "sequential removal"
OTHERS: dict[str, Orders] = {
    "occlusion": lambda *cases: [importance_order(one) for one in occlusion_attributions(*cases)],
    "Shapley values": lambda *cases: [importance_order(one.values) for one in shapley_values(*cases)],
    "integrated gradients": lambda *cases: [importance_order(one) for one in integrated_gradients(*cases)],
    "cosine of vectors": lambda *cases: [importance_order(one) for one in cosines(*cases)],
}
WAYS: dict[str, Orders] = {
    **OTHERS,
    OURS: lambda *cases: [one.order for one in greedy_removals(*cases)],
    "random order": lambda _, users, __: random_orders(users),
}


def main() -> None:
    parser = arguments((__doc__ or "").splitlines()[0])
    parser.add_argument("runs", nargs="+", help="runs that have a recommender: their folders, or their names in runs")
    parser.add_argument("--cases", type=int, default=150, help="users drawn of each, with the item ranked first")
    parser.add_argument("--top", type=int, default=10, help="length of the list of POS and NEG")
    parser.add_argument("--most", type=int, default=3, help="of whole histories, up to how many items are searched")
    parser.add_argument("--short", type=int, default=8, help="how many last items make a history searched completely")
    options = begin(parser)
    runs = [find_run(run) for run in options.runs]
    options.runs = [run.name for run in runs]
    results: list[Result] = []
    for run in runs:
        recommender, users = drawn(run, options.cases)
        results += measured(recommender, users, f"{run.name}, whole histories", options.top, options.most)
        short = [User(user.history[-options.short :], user.id) for user in users]
        results += measured(recommender, short, f"{run.name}, last {options.short} items", options.top, None)
    finish(options, results, {})
    areas = {(one.what, one.way): one.value for one in results if one.unit == "del_area"}
    for what, way in areas:
        assert way not in OTHERS or areas[what, OURS] <= areas[what, way], f"{way} lowers the score faster, {what}"


def drawn(run: Path, count: int) -> tuple[Recommender, list[User]]:
    """The recommender of a run, and users of the test with the history that it looks at."""
    dataset, recommender = open_target(run)
    split = leave_one_out(dataset)
    rows = np.random.default_rng(0).permutation(split.test_users)[:count].tolist()
    return recommender, [User(truncate(split.train_history(row), recommender), dataset.user_ids[row]) for row in rows]


def measured(recommender: Recommender, users: list[User], what: str, top: int, most: int | None) -> list[Result]:
    """Means of all metrics, and milliseconds, of each way and of the bounds."""
    items = [best[0] for batch in score_batches(recommender, users) for best in batch.best(1)]
    results: list[Result] = []
    for way, order in WAYS.items():
        seconds, orders = min((timed(order, recommender, users, items) for _ in range(TAKES)), key=lambda one: one[0])
        curves = perturbation_curves(recommender, users, items, orders)
        results += results_of(what, way, curves, top, seconds)
    seconds, curves = timed(partial(exhaustive_curves, most=most), recommender, users, items)
    return results + results_of(what, "exhaustive search", curves, top, seconds)


def timed(ask: Callable[..., T], recommender: Recommender, users: list[User], items: list[int]) -> tuple[float, T]:
    start = process_time()
    answer = ask(recommender, users, items)
    return process_time() - start, answer


def results_of(what: str, way: str, curves: list[Curves], top: int, seconds: float) -> list[Result]:
    values = perturbation_values(curves, top=top, numbers=NUMBERS)
    means = {name: float(value.mean()) for name, value in values.items()}
    known = [Result(what, way, mean, name) for name, mean in means.items() if not np.isnan(mean)]
    return [*known, Result(what, way, 1e3 * seconds / len(curves), "milliseconds a case")]


if __name__ == "__main__":
    main()
