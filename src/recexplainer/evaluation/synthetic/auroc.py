"""Whether a metric of explanations can tell true ones from false ones, where the truth is known by construction.

Planted recommenders are explained truly and with one thing changed; a metric is as good as its AUROC (Hanley and
McNeil 1982) at telling which is which. It knows what each metric is there to find, not how it is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product

import numpy as np
from numpy.typing import ArrayLike

from recexplainer.data.sample import make_world
from recexplainer.evaluation.faithfulness import LOWER_IS_BETTER
from recexplainer.evaluation.rows import Row, row
from recexplainer.evaluation.synthetic.cases import in_turn
from recexplainer.evaluation.synthetic.corruptions import CORRUPTIONS, MILD
from recexplainer.evaluation.synthetic.marks import marked_as_planted, read_as_written
from recexplainer.evaluation.synthetic.pairs import Planting, Said, Sort, plant
from recexplainer.evaluation.synthetic.rules import KINDS
from recexplainer.explanations.record import Explanation
from recexplainer.recommenders.base import Recommender

TASK = "planted"
ALL = "all"
"""The method of rows over all recommenders; also the corruption that changes several things."""
ITEMS, FEWEST_USERS, MOST_USERS = 120, 400, 5000
_RESAMPLES = 1000

MetricValues = Callable[[Sequence[Explanation], Recommender], Mapping[str, Sequence[float | None]]]
"""For each metric the value of each explanation, None where it has none; `faithfulness_values` is one."""


@dataclass(frozen=True, slots=True)
class Tested:
    """What a metric is there to find.

    Attributes:
        corruptions: The mild corruptions that it is put to.
        blind: Recommenders and corruptions that by its definition it cannot tell.
    """

    corruptions: tuple[str, ...]
    blind: frozenset[Sort] = frozenset()

    @property
    def sorts(self) -> list[Sort]:
        """The sorts of pairs that it is put to."""
        return [sort for sort in product(KINDS, self.corruptions) if sort not in self.blind]


# Without either of two items that only count together the score falls as far as without both.
_HALF_IS_ENOUGH = frozenset({("two-together", "swap")})
TESTED: dict[str, Tested] = {
    "verdict-fidelity": Tested(("verdict",)),
    "hallucination-rate": Tested(("invented",)),
    "borne-out": Tested(MILD),
    "comprehensiveness": Tested(("swap", "direction"), _HALF_IS_ENOUGH),
    "comprehensiveness-aopc": Tested(("swap", "direction"), _HALF_IS_ENOUGH),
    "sufficiency": Tested(("swap",)),
    "simulatability": Tested(("swap", "direction")),
}
"""The metrics that are tested; of those in `LOWER_IS_BETTER` true explanations should have less, of others more."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What a metric gives a true explanation and a corrupted one, so turned that the true one should have more."""

    sort: Sort
    true: float
    corrupted: float


def evaluate_planted(values: MetricValues, pairs: int = 1000, seed: int = 0) -> list[Row]:
    """How well each metric tells true explanations from mildly corrupted ones, and whether marks are right.

    Rows of task `planted`, of method `all` and of each recommender:

    - `auroc/METRIC`: the AUROC over all pairs of a true and a mildly corrupted explanation; cases are pairs, which the
      interval draws anew. Pairs where the metric has no value are left out.
    - `auroc/METRIC/CORRUPTION`, of method `all`: the same for one way to corrupt alone; `all` is several at once.
    - `marks`: the share of claims about what matters whose mark is what the planted causes say.
    - `claims-read`: the share of texts of which the verdict, the cited causes with their direction, and that they share
      a brand are read as written.

    Args:
        values: Computes the metrics; those in `TESTED` have rows, if it has them.
        pairs: How many pairs each metric is put to.
        seed: Of the world, the recommenders, the cases and the texts.
    """
    world = make_world(users=min(max(FEWEST_USERS, pairs), MOST_USERS), items=ITEMS, seed=seed)
    severe = [(kind, ALL) for kind in KINDS]
    plantings = plant(world, [*(tested.sorts for tested in TESTED.values()), severe], pairs, seed)
    measured = [values([one.record for one in each.said], each.recommender) for each in plantings]
    rows: list[Row] = []
    for metric, tested in TESTED.items():
        if all(metric in each for each in measured):
            told = _told(metric, plantings, measured)
            mild, worst = (
                list(islice(in_turn(*(told[sort] for sort in sorts)), pairs)) for sorts in (tested.sorts, severe)
            )
            rows += _auroc_rows(f"auroc/{metric}", mild, worst)
    rows += _said_rows("marks", plantings, marked_as_planted)
    return rows + _said_rows("claims-read", plantings, lambda one: [read_as_written(one)])


def auroc(true: ArrayLike, corrupted: ArrayLike) -> float:
    """How often a true explanation has more than a corrupted one, over all of both; ties count as half.

    Args:
        true: `Float[true]`, at least one.
        corrupted: `Float[corrupted]`, at least one.
    """
    ordered, asked = np.sort(np.asarray(corrupted, np.float64)), np.asarray(true, np.float64)
    places = [np.searchsorted(ordered, asked, side) for side in ("left", "right")]
    return float(np.mean(places) / len(ordered))


def _told(
    metric: str, plantings: Sequence[Planting], measured: Sequence[Mapping[str, Sequence[float | None]]]
) -> dict[Sort, list[_Told]]:
    """What the metric gives the pairs of each sort, those left out where it has no value."""
    turn = -1.0 if metric in LOWER_IS_BETTER else 1.0
    told: dict[Sort, list[_Told]] = {}
    for planting, values in zip(plantings, measured, strict=True):
        for corruption, pairs in planting.pairs.items():
            sort = (planting.recommender.kind, corruption)
            both = [(values[metric][true], values[metric][corrupted]) for true, corrupted in pairs]
            told[sort] = [_Told(sort, turn * t, turn * c) for t, c in both if t is not None and c is not None]
    return told


def _auroc_rows(metric: str, mild: Sequence[_Told], worst: Sequence[_Told]) -> list[Row]:
    rows = [_auroc_row(ALL, metric, mild)]
    rows += [_auroc_row(kind, metric, [one for one in mild if one.sort[0] == kind]) for kind in KINDS]
    for corruption in CORRUPTIONS:
        each = [one for one in (*mild, *worst) if one.sort[1] == corruption]
        rows.append(_auroc_row(ALL, f"{metric}/{corruption}", each))
    return [one for one in rows if one.cases]


def _auroc_row(method: str, metric: str, told: Sequence[_Told]) -> Row:
    """The AUROC with its 95% percentile bootstrap interval over pairs."""
    if not told:
        return Row(method=method, task=TASK, metric=metric, value=None, low=None, high=None, cases=0)
    true, corrupted = (np.array(each) for each in ([one.true for one in told], [one.corrupted for one in told]))
    drawn = np.random.default_rng(0).integers(len(told), size=(_RESAMPLES, len(told)))
    low, high = np.percentile([auroc(true[each], corrupted[each]) for each in drawn], [2.5, 97.5])
    return Row(
        method=method,
        task=TASK,
        metric=metric,
        value=auroc(true, corrupted),
        low=float(low),
        high=float(high),
        cases=len(told),
    )


def _said_rows(metric: str, plantings: Sequence[Planting], measure: Callable[[Said], Iterable[float]]) -> list[Row]:
    """The mean of what a text gives, over all recommenders and over each."""
    found = {each.recommender.kind: [value for one in each.said for value in measure(one)] for each in plantings}
    whole = row(ALL, TASK, metric, [value for each in found.values() for value in each])
    return [whole, *(row(kind, TASK, metric, each) for kind, each in found.items())]
