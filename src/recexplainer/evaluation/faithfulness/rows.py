"""The rows of faithfulness: means over cases, and where a method stands between random citing and the oracle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from recexplainer.evaluation.faithfulness.cases import CITERS
from recexplainer.evaluation.faithfulness.values import BOUNDED, bounded_metric, faithfulness_values
from recexplainer.evaluation.metrics import Values
from recexplainer.evaluation.rows import Row, row
from recexplainer.explanations.record import Explanation
from recexplainer.recommenders.base import Recommender

TASK = "explanation"
_RESAMPLES = 1000


def evaluate_faithfulness(
    explanations: Mapping[str, Sequence[Explanation]], recommender: Recommender, seed: int = 0
) -> list[Row]:
    """The rows of every method: the mean of each metric, and for those with bounds the share of the way.

    `METRIC-share` is (method - random) / (oracle - random), of means over the cases: 0 is citing at random, 1 is what
    attribution finds; N/A where the bounds are not apart, by their own interval.

    Args:
        explanations: For each method its explanations.
        recommender: f.
        seed: As for `faithfulness_values`.

    Raises:
        DataError: As `faithfulness_values`.
    """
    rows: list[Row] = []
    for method, told in explanations.items():
        values = faithfulness_values(told, recommender, seed)
        known = {name: [value for value in each if value is not None] for name, each in values.items()}
        rows += [row(method, TASK, name, each) for name, each in known.items()]
        for metric in BOUNDED:
            rows.append(_share(method, metric, *(np.array(known[bounded_metric(metric, citer)]) for citer in CITERS)))
    return rows


def _share(method: str, metric: str, own: Values, random: Values, oracle: Values) -> Row:
    """The share of the way from random to the oracle, with its interval over cases drawn anew.

    Draws in which the bounds coincide have no share and are left out.
    """
    name, cases = f"{metric}-share", len(own)
    absent = Row(method=method, task=TASK, metric=name, value=None, low=None, high=None, cases=cases)
    if not cases:
        return absent
    drawn = np.random.default_rng(0).integers(cases, size=(_RESAMPLES, cases))
    means = [each[drawn].mean(axis=1) for each in (own, random, oracle)]
    gained, way = means[0] - means[1], means[2] - means[1]
    low, high = np.percentile(way, [2.5, 97.5]).tolist()
    if low <= 0 <= high:
        return absent
    low, high = np.percentile(gained[way != 0] / way[way != 0], [2.5, 97.5]).tolist()
    value = float((own.mean() - random.mean()) / (oracle.mean() - random.mean()))
    return Row(method=method, task=TASK, metric=name, value=value, low=low, high=high, cases=cases)
