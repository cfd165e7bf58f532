"""Whether a metric of explanations can tell true ones from false ones, where the truth is known by construction.

Synthetic recommenders are explained truly and with one thing changed; a metric is as good as its AUROC (Hanley and
McNeil 1982) at telling which is which. It knows what each metric is there to find, not how it is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice, product
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from recexplainer.data.sample import make_world
from recexplainer.evaluation.faithfulness import LOWER_IS_BETTER
from recexplainer.evaluation.metrics import Values
from recexplainer.evaluation.rows import Row, row
from recexplainer.evaluation.synthetic.ground_truth import (
    GroundTruth,
    Sort,
    SyntheticExplanation,
    in_turn,
    make_ground_truth,
)
from recexplainer.evaluation.synthetic.marks import read_as_written, status_values
from recexplainer.evaluation.synthetic.rules import RULE_NAMES
from recexplainer.evaluation.synthetic.texts import CORRUPTIONS, MILD
from recexplainer.explanations.record import Explanation, Method
from recexplainer.recommenders.base import Recommender

TASK = "synthetic"
ALL = "all"
"""The method of rows over all recommenders; also the corruption that changes several things."""
ITEMS, FEWEST_USERS, MOST_USERS = 120, 400, 5000

MetricValues = Callable[[Sequence[Explanation], Recommender], Mapping[str, Sequence[float | None]]]
"""For each metric the value of each explanation, None where it has none; `faithfulness_values` is one."""


class Tested(NamedTuple):
    """What a metric is there to find.

    Attributes:
        corruptions: The mild corruptions that it is tested by.
        blind: Recommenders and corruptions that by its definition it cannot tell.
    """

    corruptions: tuple[str, ...]
    blind: frozenset[Sort] = frozenset()

    @property
    def sorts(self) -> list[Sort]:
        """The sorts of pairs that it is tested by."""
        return [sort for sort in product(RULE_NAMES, self.corruptions) if sort not in self.blind]


# Without either of two items that only count together the score falls as far as without both.
_HALF_IS_ENOUGH = frozenset({("two_together", "swap")})
TESTED: dict[str, Tested] = {
    "verdict_fidelity": Tested(("verdict",)),
    "hallucination_rate": Tested(("invented",)),
    "claim_precision": Tested(MILD),
    "comprehensiveness": Tested(("swap", "direction"), _HALF_IS_ENOUGH),
    "aopc_comprehensiveness": Tested(("swap", "direction"), _HALF_IS_ENOUGH),
    "sufficiency": Tested(("swap",)),
    "simulatability": Tested(("swap", "direction")),
}
"""The metrics that are tested; of those in `LOWER_IS_BETTER` true explanations should have less, of others more."""

Measured = tuple[Sort, float, float]
"""What a metric gives a true explanation and a corrupted one, with the sign such that the true one should have more."""


def auroc_metric(metric: str) -> str:
    """The name of the AUROC of a metric."""
    return f"auroc_{metric}"


def evaluate_synthetic(values: MetricValues, pairs: int = 1000, seed: int = 0) -> list[Row]:
    """How well each metric tells true explanations from mildly corrupted ones, and whether claims are verified rightly.

    Rows of task `synthetic`, of method `all` and of each rule of a recommender:

    - `auroc_METRIC`: the AUROC over all pairs of a true and a mildly corrupted explanation; cases are pairs, which the
      interval draws anew. Pairs where the metric has no value are left out. Of method `all` also with the variant of
      one kind of corruption alone; the kind `all` is several together.
    - `claim_statuses`: the share of claims about attributions whose status is what the true causes imply.
    - `claims_read`: the share of texts of which the verdict, the cited causes with their direction, and that they share
      a brand are read as written.

    Args:
        values: Computes the metrics; those in `TESTED` have rows, if it has them.
        pairs: How many pairs each metric is tested by.
        seed: Of the world, the recommenders, the cases and the texts.
    """
    world = make_world(users=min(max(FEWEST_USERS, pairs), MOST_USERS), items=ITEMS, seed=seed)
    severe = [(rule, ALL) for rule in RULE_NAMES]
    truths = make_ground_truth(world, [*(tested.sorts for tested in TESTED.values()), severe], pairs, seed)
    measured = [values([one.record for one in each.explanations], each.recommender) for each in truths]
    rows: list[Row] = []
    for metric, tested in TESTED.items():
        if all(metric in each for each in measured):
            by_sort = _measured(metric, truths, measured)
            mild, worst = (
                list(islice(in_turn(*(by_sort[sort] for sort in sorts)), pairs)) for sorts in (tested.sorts, severe)
            )
            rows += _auroc_rows(auroc_metric(metric), mild, worst)
    rows += _mean_rows("claim_statuses", truths, status_values)
    return rows + _mean_rows("claims_read", truths, lambda one: [read_as_written(one)])


def auroc(true: ArrayLike, corrupted: ArrayLike) -> Values:
    """How often a true explanation has more than a corrupted one, over all of both; ties count as half.

    Args:
        true: `Float[..., true]`, at least one.
        corrupted: `Float[..., corrupted]`, at least one.
    """
    from scipy.stats import rankdata

    first, second = np.asarray(true, np.float64), np.asarray(corrupted, np.float64)
    n, m = first.shape[-1], second.shape[-1]
    ranks = np.asarray(rankdata(np.concatenate([first, second], axis=-1), axis=-1))[..., :n].sum(axis=-1)
    return (ranks - n * (n + 1) / 2) / (n * m)


def _measured(
    metric: str, truths: Sequence[GroundTruth], measured: Sequence[Mapping[str, Sequence[float | None]]]
) -> dict[Sort, list[Measured]]:
    """What the metric gives the pairs of each sort, without those where it has no value."""
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    found: dict[Sort, list[Measured]] = {}
    for truth, values in zip(truths, measured, strict=True):
        for corruption, pairs in truth.pairs.items():
            sort = (truth.recommender.rule, corruption)
            both = [(values[metric][true], values[metric][corrupted]) for true, corrupted in pairs]
            found[sort] = [(sort, sign * t, sign * c) for t, c in both if t is not None and c is not None]
    return found


def _auroc_rows(metric: str, mild: Sequence[Measured], worst: Sequence[Measured]) -> list[Row]:
    groups = {Method(ALL): mild}
    groups |= {Method(rule): [one for one in mild if one[0][0] == rule] for rule in RULE_NAMES}
    groups |= {Method(ALL, name): [one for one in (*mild, *worst) if one[0][1] == name] for name in CORRUPTIONS}
    return [_auroc_row(method, metric, group) for method, group in groups.items() if group]


def _auroc_row(method: Method, metric: str, group: Sequence[Measured]) -> Row:
    true, corrupted = (np.array([one[place] for one in group]) for place in (1, 2))
    return row(method, TASK, metric, lambda drawn: auroc(true[drawn], corrupted[drawn]), cases=len(group))


def _mean_rows(
    metric: str, truths: Sequence[GroundTruth], measure: Callable[[SyntheticExplanation], Iterable[float]]
) -> list[Row]:
    """The mean of what a text gives, over all recommenders and over each."""
    found = {each.recommender.rule: [value for one in each.explanations for value in measure(one)] for each in truths}
    whole = row(ALL, TASK, metric, [value for each in found.values() for value in each])
    return [whole, *(row(rule, TASK, metric, each) for rule, each in found.items())]
