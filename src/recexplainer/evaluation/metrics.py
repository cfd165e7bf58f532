"""The metrics of alignment, one number a case. Pure functions of answers and truths; models are not known here.

Items are compared by equality alone, so they may be item indices, titles, or None for an answer that names no item
of the catalogue. Every function returns `Float[cases]`, and raises ValueError if the numbers of cases differ.
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
    """The place of each item of a list, 1 the first; of a repeated item its first place.

    Places are never closed up: a repeated or unknown (None) entry has used up its own.
    """
    places: dict[Hashable, int] = {}
    for place, item in enumerate(ranked, start=1):
        if item is not None:
            places.setdefault(item, place)
    return places


def hit_ratio(ranked: Sequence[Sequence[Item]], relevant: Sequence[Hashable], *, k: int) -> Values:
    """1 where the one relevant item is among the first k of the list, else 0 (paper section 3.2, HIT Ratio).

    `ranked` is `[cases][any length]`, best first, `relevant` the item that the recommender puts first, `[cases]`.
    Raises ValueError also where k is below 1.
    """
    return (_relevant_places(ranked, relevant, k) > 0).astype(np.float64)


def ndcg(ranked: Sequence[Sequence[Item]], relevant: Sequence[Hashable], *, k: int) -> Values:
    """`1 / log2(place + 1)` of the one relevant item, 0 beyond place k; else as `hit_ratio` (paper section 3.2)."""
    places = _relevant_places(ranked, relevant, k)
    return np.where(places > 0, 1.0 / np.log2(np.maximum(places, 1) + 1.0), 0.0)


def ranking_ndcg(
    predicted: Sequence[Sequence[Item]], true_order: Sequence[Sequence[Hashable]], gains: Gains = "paper"
) -> Values:
    """NDCG of a ranking: gains by true rank, discounted by `log2(place + 1)`, divided by the sum of the true order.

    Args:
        predicted: `[cases][any length]`, the order given. Each true item counts once, at its first place; a missing one
            gains nothing; an unknown or repeated entry takes up its place. Only the first n places count.
        true_order: `[cases][n]`, the recommender's order, best first; n at least 2, no repeats.
        gains: `paper`: those behind the paper's Table 1, `10 ** (n - 1 - rank)` for rank 1 to n - 1 and 0 for the last,
            so 1000, 100, 10, 1, 0; a random order of five then scores 0.613, the paper's Random row. `standard`: the
            usual `2 ** relevance - 1`, relevance n - 1 (best) to 0, so 15, 7, 3, 1, 0.

    Raises:
        ValueError: If a true order is shorter than 2 or repeats an item, or the numbers of cases differ.
    """
    _check_length(predicted, true_order)
    values = np.zeros(len(true_order))
    for case, (given, true) in enumerate(zip(predicted, true_order, strict=True)):
        n = len(true)
        if n < 2 or len(set(true)) != n:
            raise ValueError(f"case {case}: a true order needs two or more different items; got {list(true)!r}")
        relevance, discounts = np.arange(n - 1, -1, -1, dtype=np.float64), 1.0 / np.log2(np.arange(n) + 2.0)
        of_rank = np.where(relevance > 0, 10.0 ** (relevance - 1), 0) if gains == "paper" else 2.0**relevance - 1
        places = first_places(list(given)[:n])
        gained = sum(
            gain * discounts[places[item] - 1] for item, gain in zip(true, of_rank, strict=True) if item in places
        )
        values[case] = gained / float(of_rank @ discounts)
    return values


def accuracy(predicted: Sequence[Hashable], truth: Sequence[Hashable]) -> Values:
    """1 where the answer equals the truth, else 0 (paper section 3.2, interest classification)."""
    _check_length(predicted, truth)
    return np.array([float(p == t) for p, t in zip(predicted, truth, strict=True)], dtype=np.float64)


def history_coverage(predicted: Sequence[Sequence[Item]], history: Sequence[Sequence[Hashable]]) -> Values:
    """HCR: the share of a history's items that the answer names (paper section 3.2, history reconstruction).

    Each item counts once, however often the history or the answer repeats it; items that the history does not hold
    cost nothing, order does not matter.

    `predicted` is `[cases][any length]`, `history` `[cases][at least 1]`; an empty one raises ValueError.
    """
    _check_length(predicted, history)
    items = [set(true) for true in history]
    if set() in items:
        raise ValueError(f"case {items.index(set())}: the history is empty, so its coverage is not defined")
    return np.array([len(true & set(named)) / len(true) for true, named in zip(items, predicted, strict=True)])


def _relevant_places(ranked: Sequence[Sequence[Item]], relevant: Sequence[Hashable], k: int) -> NDArray[np.int64]:
    """`Int[cases]`, the place of the relevant item, 0 where it is not among the first k."""
    _check_length(ranked, relevant)
    if k < 1:
        raise ValueError(f"k must be at least 1; got {k}")
    found = [first_places(list(order)[:k]).get(item, 0) for order, item in zip(ranked, relevant, strict=True)]
    return np.array(found, dtype=np.int64)


def _check_length(answers: Sequence[object], truths: Sequence[object]) -> None:
    if len(answers) != len(truths):
        raise ValueError(f"{len(answers)} answers for {len(truths)} cases; there must be one each")
