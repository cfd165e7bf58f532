"""The metrics of alignment, one number a case. Pure functions of answers and truths; models are not known here.

Items are compared by equality alone, so they may be item indices, titles, or None for an answer that names no item
of the catalogue. Every function returns `Float[cases]`, so that means and bootstrap intervals can be taken of it;
no cases give an empty array.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Item = Hashable | None
Values = NDArray[np.float64]
Gains = Literal["paper", "standard"]


def first_places(ranked: Sequence[Item]) -> dict[Hashable, int]:
    """The place of each item of a list, 1 the first; an item said twice stands at its first place only.

    Places are never closed up: a repeated or unknown (None) entry has used up its own.
    """
    places: dict[Hashable, int] = {}
    for place, item in enumerate(ranked, start=1):
        if item is not None:
            places.setdefault(item, place)
    return places


def hit_ratio(ranked: Sequence[Sequence[Item]], relevant: Sequence[Hashable], *, k: int) -> Values:
    """1 where the one relevant item is among the first k of the list, else 0 (paper section 3.2, HIT Ratio).

    Args:
        ranked: `[cases][any length]`, best first.
        relevant: `[cases]`, the item that the recommender puts first.
        k: How many places count; at least 1.

    Raises:
        ValueError: If the number of lists and of relevant items differ, or k is below 1.
    """
    return (_relevant_places(ranked, relevant, k) > 0).astype(np.float64)


def ndcg(ranked: Sequence[Sequence[Item]], relevant: Sequence[Hashable], *, k: int) -> Values:
    """`1 / log2(place + 1)` of the one relevant item, 0 beyond place k; the ideal is 1 (paper section 3.2).

    Args and errors are those of `hit_ratio`.
    """
    places = _relevant_places(ranked, relevant, k)
    return np.where(places > 0, 1.0 / np.log2(np.maximum(places, 1) + 1.0), 0.0)


def ranking_ndcg_paper(predicted: Sequence[Sequence[Item]], true_order: Sequence[Sequence[Hashable]]) -> Values:
    """NDCG of a ranking with the gains behind the paper's Table 1: 1000, 100, 10, 1, 0 by true rank.

    The discount is `log2(place + 1)`, and the sum is divided by that of the true order. A random order of five scores
    0.613, the paper's Random row. With n items the gains
    are `10 ** (n - 1 - rank)` for rank 1 to n - 1, and 0 for the last.

    Args:
        predicted: `[cases][any length]`, the order given. Each true item counts once, at its first place; one left out
            gains nothing; an unknown or repeated entry takes up its place. Only the first n places count.
        true_order: `[cases][n]`, the recommender's order, best first; n at least 2, no repeats.

    Raises:
        ValueError: If the numbers of cases differ, or a true order is shorter than 2 or repeats an item.
    """
    return _ranking_ndcg(predicted, true_order, "paper")


def ranking_ndcg_standard(predicted: Sequence[Sequence[Item]], true_order: Sequence[Sequence[Hashable]]) -> Values:
    """NDCG of a ranking with the usual exponential gains `2 ** relevance - 1`, relevance n - 1 (best) to 0 (last).

    For five items the gains are 15, 7, 3, 1, 0. Args and errors are those of `ranking_ndcg_paper`.
    """
    return _ranking_ndcg(predicted, true_order, "standard")


def accuracy(predicted: Sequence[Hashable], truth: Sequence[Hashable]) -> Values:
    """1 where the answer equals the truth, else 0 (paper section 3.2, interest classification).

    Raises:
        ValueError: If the numbers of cases differ.
    """
    _same_length(predicted, truth)
    return np.array([float(p == t) for p, t in zip(predicted, truth, strict=True)], dtype=np.float64)


def history_coverage(predicted: Sequence[Sequence[Item]], history: Sequence[Sequence[Hashable]]) -> Values:
    """HCR: the share of a history's items that the answer names (paper section 3.2, history reconstruction).

    Each item counts once, however often the history or the answer repeats it; items that the history does not hold
    cost nothing, order does not matter.

    Args:
        predicted: `[cases][any length]`, the items named.
        history: `[cases][at least 1]`, the true history.

    Raises:
        ValueError: If the numbers of cases differ, or a history is empty.
    """
    _same_length(predicted, history)
    values = np.zeros(len(history))
    for case, (named, true) in enumerate(zip(predicted, history, strict=True)):
        items = set(true)
        if not items:
            raise ValueError(f"case {case}: the history is empty, so its coverage is not defined")
        values[case] = len(items & set(named)) / len(items)
    return values


def _relevant_places(ranked: Sequence[Sequence[Item]], relevant: Sequence[Hashable], k: int) -> NDArray[np.int64]:
    """`Int[cases]`, the place of the relevant item, 0 where it is not among the first k."""
    _same_length(ranked, relevant)
    if k < 1:
        raise ValueError(f"k must be at least 1; got {k}")
    found = [first_places(list(order)[:k]).get(item, 0) for order, item in zip(ranked, relevant, strict=True)]
    return np.array(found, dtype=np.int64)


def _gains(n: int, kind: Gains) -> Values:
    """`Float[n]`, the gain of each true rank, best first."""
    relevance = np.arange(n - 1, -1, -1, dtype=np.float64)
    if kind == "standard":
        return 2.0**relevance - 1.0
    gains = 10.0 ** (relevance - 1.0)
    gains[-1] = 0.0
    return gains


def _ranking_ndcg(predicted: Sequence[Sequence[Item]], true_order: Sequence[Sequence[Hashable]], kind: Gains) -> Values:
    _same_length(predicted, true_order)
    values = np.zeros(len(true_order))
    for case, (given, true) in enumerate(zip(predicted, true_order, strict=True)):
        n = len(true)
        if n < 2 or len(set(true)) != n:
            raise ValueError(f"case {case}: a true order needs two or more different items; got {list(true)!r}")
        gains, discounts = _gains(n, kind), 1.0 / np.log2(np.arange(n) + 2.0)
        places = first_places(list(given)[:n])
        gained = sum(
            gain * discounts[places[item] - 1] for item, gain in zip(true, gains, strict=True) if item in places
        )
        values[case] = gained / float(gains @ discounts)
    return values


def _same_length(answers: Sequence[object], truths: Sequence[object]) -> None:
    if len(answers) != len(truths):
        raise ValueError(f"{len(answers)} answers for {len(truths)} cases; there must be one each")
