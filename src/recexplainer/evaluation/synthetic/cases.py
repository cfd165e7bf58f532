"""Users and items to ask planted recommenders about, with the truth about each pair. It knows no texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from recexplainer.data.dataset import Dataset
from recexplainer.evaluation.synthetic.recommender import MAX_HISTORY, Causes, Planted
from recexplainer.recommenders.base import User
from recexplainer.recommenders.scoring import ScoreBatch, score_batches

T = TypeVar("T")

# A verdict is clear where the rank is at least this share of the list away from where the top 20% ends.
_MARGIN = 0.06
_SHORTEST_HISTORY = 4


@dataclass(frozen=True, slots=True)
class Case:
    """A pair of a user and an item, with the truth about it.

    Attributes:
        user: The user.
        item: The item asked about, not in the history.
        recommended: f's verdict.
        causes: What in the history matters to f, by construction.
        by_brand: Whether the rule behind the causes is that of the item's brand.
    """

    user: User
    item: int
    recommended: bool
    causes: Causes
    by_brand: bool


def draw_cases(dataset: Dataset, recommender: Planted, count: int, rng: np.random.Generator) -> list[Case]:
    """Cases where what f says is clear, in turn such with causes and such without.

    No rank is near the end of the top 20%; an item that something speaks for is recommended, one that something speaks
    against is not, and every history has an item that is no cause. Of cases without causes half are recommended.

    Args:
        dataset: Its histories are drawn from, the last 4 to 9 items of each.
        recommender: f.
        count: How many of each of the three sorts, at most; a recommender without causes has none of the first.
        rng: Draws users, lengths and items.
    """
    sorts: dict[tuple[bool, bool], list[Case]] = {}
    for case in _clear_cases(dataset, recommender, rng):
        driven = not case.causes.nothing
        same = sorts.setdefault((driven, case.recommended and not driven), [])
        if len(same) < count:
            same.append(case)
        elif len(sorts) == 3 and all(len(each) >= count for each in sorts.values()):
            break
    driven, liked, disliked = (sorts.get(sort, []) for sort in ((True, False), (False, True), (False, False)))
    return list(in_turn(driven, list(in_turn(liked, disliked))))


def _clear_cases(dataset: Dataset, recommender: Planted, rng: np.random.Generator) -> Iterator[Case]:
    """All of them, in random order."""
    lengths = rng.integers(_SHORTEST_HISTORY, MAX_HISTORY + 1, size=dataset.n_users)
    users = [
        User(tuple(dataset.history(user)[-length:].tolist()), dataset.user_ids[user])
        for user, length in enumerate(lengths.tolist())
    ]
    clear = np.concatenate([_clear_pairs(batch) for batch in score_batches(recommender, users)])
    for user, item, recommended in rng.permutation(clear).tolist():
        causes = recommender.causes(users[user], item)
        case = Case(users[user], item, bool(recommended), causes, recommender.kind == "same_brand")
        if _is_sensible(case):
            yield case


def _clear_pairs(batch: ScoreBatch) -> NDArray[np.int64]:
    """`Int[pairs, 3]`: user, unseen item whose rank is not near the end of the top 20%, and f's verdict."""
    top, _ = batch.thresholds()
    ranked = np.argsort(np.argsort(np.where(batch.unseen, -batch.scores, np.inf), axis=1), axis=1)
    n_unseen = batch.unseen.sum(axis=1, keepdims=True)
    users, items = np.nonzero(batch.unseen & (np.abs(ranked - n_unseen // 5) >= _MARGIN * n_unseen))
    recommended = batch.scores[users, items] > top[users]
    return np.stack([users + batch.start, items, recommended.astype(np.int64)], axis=1)


def _is_sensible(case: Case) -> bool:
    causes = case.causes
    if len(causes.for_items) + len(causes.against_items) == len(case.user.history):
        return False
    return causes.nothing or case.recommended is bool(causes.for_items)


def in_turn(*several: Sequence[T]) -> Iterator[T]:
    """The first of each, the second of each, and so on; the shorter ones end sooner."""
    return (one for each in zip_longest(*several) for one in each if one is not None)
