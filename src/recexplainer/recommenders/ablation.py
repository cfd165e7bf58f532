"""Ablation: the recommender is asked again, with some history items left out or replaced.

Where nothing is left, the item counts as an average one: its score is the mean score of the catalogue for the whole
history, its rank the one that this score has there.
An item that is never recommended for what is left (a score of -inf) counts as the last, with the lowest score there is.

All functions here take `users`, the histories of the cases, each at most `max_history` long and not empty, and `items`,
the item asked about in each case. Scores and attributions are in units of the recommender's score. A RecommenderError
is raised where the recommender cannot answer for a changed history or has no padding, a history is empty or too long,
an item is not in the catalogue, or the numbers of cases differ.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from itertools import compress
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Floats, Recommender, User
from recexplainer.recommenders.scoring import score_batches

Ablation = Literal["deletion", "padding"]
"""What becomes of an ablated item's place: `deletion` closes the gap; `padding` keeps the other items at their
positions, for recommenders with a `padding_item`, such as SASRec."""

Masks = NDArray[np.bool_]
"""`Bool[subsets, history]`: for each subset of a history, which items are kept."""


def ablated_scores(
    recommender: Recommender,
    users: Sequence[User],
    items: Sequence[int],
    ablated: Sequence[Collection[int]],
    *,
    ablation: Ablation = "deletion",
) -> Floats:
    """The score of each item, `Float[cases]`, when some items of the history are ablated.

    `ablated` are those of each case, `[cases]`; what the history does not hold makes no difference.
    """
    scores = score_subsets(recommender, users, items, _kept(users, ablated), ablation)
    return np.array([one[0] for one in scores], np.float32)


def ablated_ranks(
    recommender: Recommender,
    users: Sequence[User],
    items: Sequence[int],
    ablated: Sequence[Collection[int]],
    *,
    ablation: Ablation = "deletion",
) -> NDArray[np.int64]:
    """The rank of each item, `Int[cases]`, 1 the best, when some items of the history are ablated.

    It is ranked among the items that the whole history lacks, so ablated items do not compete; ties are to its favor.
    Arguments are those of `ablated_scores`.
    """
    ranks = np.empty(len(users), np.int64)
    for case, _, row, score in subset_rows(recommender, users, items, _kept(users, ablated), ablation):
        ranks[case] = rank_of(row, score, users[case], items[case])
    return ranks


def all_subsets(n: int) -> Masks:
    """`Bool[2 ** n, n]`: all subsets of a history of n items, in binary order."""
    return (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(bool)


def random_subsets(rng: np.random.Generator, sizes: NDArray[np.int64], n: int) -> Masks:
    """`Bool[subsets, n]`: a random subset of each of the sizes, `Int[subsets]`, of a history of n items."""
    return rng.random((len(sizes), n)).argsort(1).argsort(1) < sizes[:, None]


def rank_of(row: Floats, score: float, user: User, item: int) -> int:
    """The rank of a score among those of the items that the whole history lacks."""
    others = [*{*user.history, item}]
    return 1 + int((row > score).sum()) - int((row[others] > score).sum())


def lengths(users: Sequence[User]) -> list[int]:
    """How many items each history has."""
    return [len(user.history) for user in users]


def _kept(users: Sequence[User], ablated: Sequence[Collection[int]]) -> list[Masks]:
    """One subset a case: the history without what is ablated."""
    _check_count(len(users), len(ablated), "sets of ablated items")
    pairs = zip(users, ablated, strict=True)
    return [np.array([[item not in left_out for item in user.history]]) for user, left_out in pairs]


def score_subsets(
    recommender: Recommender, users: Sequence[User], items: Sequence[int], kept: Sequence[Masks], ablation: Ablation
) -> list[NDArray[np.float64]]:
    """For each case `Float[subsets]`, the score of its item for the subsets of its history."""
    scores = [np.empty(len(subsets)) for subsets in kept]
    for case, subset, _, score in subset_rows(recommender, users, items, kept, ablation):
        scores[case][subset] = score
    return scores


def subset_rows(
    recommender: Recommender, users: Sequence[User], items: Sequence[int], kept: Sequence[Masks], ablation: Ablation
) -> Iterator[tuple[int, int, Floats, float]]:
    """Each case and subset, the scores of all items for it, and that of the case's item, in any order."""
    check_cases(recommender, users, items, ablation)
    histories = [
        [remaining(recommender, user.history, mask, ablation) for mask in subsets.tolist()]
        for user, subsets in zip(users, kept, strict=True)
    ]
    yield from history_rows(recommender, users, items, histories)


def history_rows(
    recommender: Recommender,
    users: Sequence[User],
    items: Sequence[int],
    histories: Sequence[Sequence[tuple[int, ...]]],
) -> Iterator[tuple[int, int, Floats, float]]:
    """Each case and each of the histories to ask it with, `[cases][histories]`, scored as in `subset_rows`.

    What comes several times, with whatever items, is scored once; in place of an empty history the whole one is scored.
    """
    questions: defaultdict[User, list[tuple[int, int, bool]]] = defaultdict(list)
    for case, (user, own) in enumerate(zip(users, histories, strict=True)):
        for number, history in enumerate(own):
            questions[User(history or user.history, user.id)].append((case, number, bool(history)))
    alike = sorted(questions, key=lambda user: len(user.history))  # a batch is as wide as its longest history
    for batch in score_batches(recommender, alike):
        for asked, row, mean in zip(batch.users, batch.scores, batch.means.tolist(), strict=True):
            for case, number, left in questions[asked]:
                yield case, number, row, float(row[items[case]]) if left else mean


def history_scores(
    recommender: Recommender,
    users: Sequence[User],
    items: Sequence[int],
    histories: Sequence[Sequence[tuple[int, ...]]],
) -> list[NDArray[np.float64]]:
    """The score of each case's item with each of its histories, `[cases]` of `Float[histories]`, as `history_rows`."""
    numbers: dict[tuple[str, tuple[int, ...]], int] = {}  # plain tuples: there are many, and they are compared fast
    cases = zip(users, histories, strict=True)
    asked = ((user.id, history or user.history) for user, own in cases for history in own)
    question = np.array([numbers.setdefault(one, len(numbers)) for one in asked], np.int64)
    counts = [len(own) for own in histories]
    item = np.repeat(np.asarray(items, np.int64), counts)
    emptied = np.array([not history for own in histories for history in own], np.bool_)
    alike = sorted(numbers, key=lambda one: len(one[1]))  # a batch is as wide as its longest history
    place = np.empty(len(alike), np.int64)
    place[[numbers[one] for one in alike]] = np.arange(len(alike))
    place = place[question]
    order = np.argsort(place, kind="stable")
    scores, placed = np.empty(len(place)), place[order]
    for batch in score_batches(recommender, [User(history, own_id) for own_id, history in alike]):
        first, last = np.searchsorted(placed, [batch.span.start, batch.span.stop])
        own = order[first:last]
        rows = place[own] - batch.start
        scores[own] = np.where(emptied[own], batch.means[rows], batch.scores[rows, item[own]])
    return np.split(scores, np.cumsum(counts, dtype=np.int64))[:-1]


def remaining(
    recommender: Recommender, history: tuple[int, ...], kept: Sequence[bool], ablation: Ablation
) -> tuple[int, ...]:
    """What is kept of a history; padding stands only before the last item kept, as after it there is no gap."""
    if ablation == "deletion" or not any(kept):
        return tuple(compress(history, kept))
    padding: int = recommender.padding_item  # type: ignore[attr-defined]
    length = len(kept) - list(reversed(kept)).index(True)
    return tuple(item if stays else padding for item, stays in zip(history[:length], kept, strict=False))


def check_cases(
    recommender: Recommender, users: Sequence[User], items: Sequence[int], ablation: Ablation = "deletion"
) -> None:
    """Raise RecommenderError where the cases cannot be asked about."""
    if not recommender.answers_changed_history:
        message = "This recommender knows users by id alone and cannot answer for a changed history."
        raise RecommenderError(message, hint="Use a recommender that takes histories, or leave attribution out.")
    if ablation == "padding" and not hasattr(recommender, "padding_item"):
        message = "This recommender has no padding that could stand where an item was."
        raise RecommenderError(message, location=type(recommender).__name__, hint="Ablate items by deletion.")
    _check_count(len(users), len(items), "items")
    for user, item in zip(users, items, strict=True):
        if not 0 < len(user.history) <= recommender.max_history:
            message = f"A history has {len(user.history)} items, where 1 to {recommender.max_history} are allowed."
            hint = "Ask about users with at least one item, and cut histories to the last max_history."
            raise RecommenderError(message, location=f"user {user.id!r}", hint=hint)
        if not 0 <= item < recommender.n_items:
            message = f"Item {item} was asked about, but the catalogue has {recommender.n_items:,}."
            hint = "Give the item's index in the catalogue."
            raise RecommenderError(message, location=f"user {user.id!r}", hint=hint)


def _check_count(users: int, others: int, what: str) -> None:
    if users != others:
        raise RecommenderError(f"There are {users} users and {others} {what}.", hint="Give one for each case.")
