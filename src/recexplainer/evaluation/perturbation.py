"""Perturbation: how far an attribution orders a history as the recommender itself would, item after item.

History items are removed, the most important first, or inserted into an empty history, the most important first, and
the recommender is asked after each. What it then does with the item asked about is a curve over how many are removed or
inserted. An attribution is as good as its curves; it need not be in any unit. The item should be one that is
recommended: from the score of another there is little to take away.

| metric | what is removed or inserted | the value | better |
| --- | --- | --- | --- |
| `pos` | removed, the most important first | 1 where the item is still among the best `top`, else 0 | lower |
| `neg` | removed, the least important first | 1 where the item is still among the best `top`, else 0 | higher |
| `del` | removed, the most important first | the score of the item | lower |
| `ins` | inserted, the most important first | the score of the item | higher |

`METRIC@K` is the value after K items (all, where the history has fewer), `METRIC_area` the mean of the values after
0, 1, … and all items. Scores are in standard deviations of the recommender's scores over the user's unseen items, above
the score where nothing is left: the mean of the catalogue.

Sources: LXR (Barkan et al., WWW 2024) for all four, there the mean after 0%, 10%, … 100% of a history; its POS@K and
NEG@K name the length of the list, here `top`. Baklanov et al. (SIGIR 2025) for values after a fixed number of items, as
SPINRec (Barkan et al., AAAI 2026) reports them beside the areas. They divide histories of hundreds into tenths; here
each item is a step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recexplainer.errors import SettingsError
from recexplainer.evaluation.metrics import Values
from recexplainer.recommenders.ablation import Masks, lengths, rank_of, subset_rows
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.scoring import score_stds

TOP = 10
"""The length of a list of recommendations."""

_Order = NDArray[np.int64]
_CASES = 16  # whose subsets are held at a time
_MOST_EXHAUSTIVE = 16  # items; 65,536 subsets


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """What becomes of the item of one case: after 0, 1, … and all history items, each `Float[1 + history]`.

    Scores are in standard deviations above the mean of the catalogue. NaN where it was not asked.
    """

    removed_scores: Values  # without so many of the most important items
    kept_scores: Values  # with so many of the most important items alone
    removed_ranks: Values
    kept_ranks: Values


def importance_order(attribution: ArrayLike) -> _Order:
    """Places of a history, the highest of `Float[history]` first; of equal ones the first in the history."""
    return np.argsort(-np.asarray(attribution, np.float64), kind="stable")


def random_orders(users: Sequence[User], seed: int = 0) -> list[_Order]:
    """An order of each history drawn at random, `[cases]`: what an attribution that knows nothing gives."""
    rng = np.random.default_rng(seed)
    return [rng.permutation(n) for n in lengths(users)]


def perturbation_curves(
    recommender: Recommender,
    users: Sequence[User],
    items: Sequence[int],
    orders: Sequence[_Order],
) -> list[Curves]:
    """The curves of each case when its history is removed and inserted in an order, `Int[history]`, `[cases]`.

    Of a history of n items at most 2 n histories are asked. Raises as `ablation.py` says.
    """
    firsts = [_firsts(order) for order in orders]
    masks = [np.vstack([~first, first]) for first in firsts]
    answers = _answers(recommender, users, items, masks)
    return [Curves(*np.split(scores, 2), *np.split(ranks, 2)) for scores, ranks in answers]


def exhaustive_curves(
    recommender: Recommender,
    users: Sequence[User],
    items: Sequence[int],
    *,
    most: int | None = None,
) -> list[Curves]:
    """The best that any attribution could reach at each number of items, by a search through all subsets of that size.

    The best subsets of each size need not be part of each other, so no order has to reach all of it. Each metric has
    its own best subsets. Only up to `most` items are removed, or left, where it is given; the rest is NaN.

    Raises SettingsError for a history of more than 16 items where `most` is not given; else as `ablation.py` says.
    """
    longest = max(lengths(users), default=0)
    if most is None and longest > _MOST_EXHAUSTIVE:
        message = f"All subsets of {longest} history items would be {2**longest:,}."
        raise SettingsError(message, location="most", hint="Say up to how many items are removed: most=3.")
    curves: list[Curves] = []
    for start in range(0, len(users), _CASES):
        some = slice(start, start + _CASES)
        masks = [_subsets(n, n if most is None else most) for n in lengths(users[some])]
        answers = _answers(recommender, users[some], items[some], masks)
        curves += [_best(mask, *answer) for mask, answer in zip(masks, answers, strict=True)]
    return curves


def perturbation_values(
    curves: Sequence[Curves], *, top: int = TOP, numbers: Sequence[int] = (1, 3, 5)
) -> dict[str, Values]:
    """Each metric of each case, `[metric]` of `Float[cases]`: those after as many items as `numbers` say, and areas.

    NaN where the curves have no value.
    """
    each: dict[str, Callable[[Curves], Values]] = {
        "pos": lambda one: _within(one.removed_ranks, top),
        "neg": lambda one: _within(one.kept_ranks, top)[::-1],
        "del": lambda one: one.removed_scores,
        "ins": lambda one: one.kept_scores,
    }
    values: dict[str, Values] = {}
    for name, of in each.items():
        known = [of(one) for one in curves]
        for number in numbers:
            values[f"{name}@{number}"] = np.array([curve[min(number, len(curve) - 1)] for curve in known])
        values[f"{name}_area"] = np.array([curve.mean() for curve in known])
    return values


def _within(ranks: Values, top: int) -> Values:
    return np.where(np.isnan(ranks), np.nan, ranks <= top)


def _firsts(order: _Order) -> Masks:
    """`Bool[1 + history, history]`: the first 0, 1, … and all of an order."""
    return np.argsort(order)[None] < np.arange(len(order) + 1)[:, None]


def _subsets(n: int, most: int) -> Masks:
    """`Bool[subsets, n]`: all subsets with at most `most` items, or without at most so many."""
    sizes = [size for size in range(n + 1) if size <= most or size >= n - most]
    chosen = [subset for size in sizes for subset in combinations(range(n), size)]
    masks = np.zeros((len(chosen), n), bool)
    for mask, subset in zip(masks, chosen, strict=True):
        mask[list(subset)] = True
    return masks


def _best(masks: Masks, scores: Values, ranks: Values) -> Curves:
    """What the best subsets of each size do, removed or kept."""

    def best(values: Values, of: Callable[[Values], float]) -> Values:
        by_size = [values[masks.sum(1) == size] for size in range(masks.shape[1] + 1)]
        return np.array([of(some) if len(some) else np.nan for some in by_size])

    return Curves(best(scores, np.min)[::-1], best(scores, np.max), best(ranks, np.max)[::-1], best(ranks, np.min))


def _answers(
    recommender: Recommender, users: Sequence[User], items: Sequence[int], masks: Sequence[Masks]
) -> list[tuple[Values, Values]]:
    """For each case the standardized score and the rank with each subset kept, `Float[subsets]` each.

    One of the subsets is empty; its score is what the others are above.
    """
    scores = [np.empty(len(one)) for one in masks]
    ranks = [np.empty(len(one)) for one in masks]
    for case, subset, row, score in subset_rows(recommender, users, items, masks, "deletion"):
        scores[case][subset] = score
        ranks[case][subset] = rank_of(row, score, users[case], items[case])
    bases = [score[~one.any(1)][0] for one, score in zip(masks, scores, strict=True)]
    stds = score_stds(recommender, users)
    standardized = [(score - base) / std for score, base, std in zip(scores, bases, stds, strict=True)]
    return list(zip(standardized, ranks, strict=True))
