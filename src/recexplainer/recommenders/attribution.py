"""Attribution: what each history item does to the recommender's score and rank of an item.

The recommender is asked again, with some history items left out. Where nothing is left, the item counts as an average
one: its score is the mean score of the catalogue for the whole history, its rank the one that this score has there.
An item that is never recommended for what is left (a score of -inf) counts as the last, with the lowest score there is.

All functions here take `users`, the histories of the cases, each at most `max_history` long and not empty, and `items`,
the item asked about in each case. Scores and attributions are in units of the recommender's score. A RecommenderError
is raised where the recommender cannot answer for a changed history or has no padding, a history is empty or too long,
an item is not in the catalogue, or the numbers of cases differ.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from math import comb
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from recexplainer.errors import RecommenderError, SettingsError
from recexplainer.recommenders.base import Floats, Recommender, User
from recexplainer.recommenders.scoring import score_batches

Ablation = Literal["deletion", "padding"]
"""What becomes of an ablated item's place: `deletion` closes the gap; `padding` keeps the other items at their
positions, for recommenders with a `padding_item`, such as SASRec."""

Masks = NDArray[np.bool_]
"""`Bool[subsets, history]`: for each subset of a history, which items are kept."""

_CASES = 16  # whose subsets are held at a time; at 12 items each has 4,096
_GROUPS = 16  # of the jackknife
_MOST_EXACT = 16  # items; 65,536 subsets


@dataclass(frozen=True, slots=True, eq=False)
class Shapley:
    """The Shapley values of one history for the score of one item."""

    values: Floats  # `Float[history]`, in score units; they sum to the score for the whole history minus `baseline`
    errors: Floats  # `Float[history]`, the standard error of each value; zero where they are exact
    baseline: float  # the score where nothing is left
    exact: bool  # whether all subsets were scored


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
    scores = _score_subsets(recommender, users, items, _kept(users, ablated), ablation)
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
    for case, _, row, score in _subset_rows(recommender, users, items, _kept(users, ablated), ablation):
        ranks[case] = _rank(row, score, users[case], items[case])
    return ranks


@dataclass(frozen=True, slots=True, eq=False)
class Occlusion:
    """What leaving out each history item does, one at a time (leave-one-out)."""

    attributions: Floats  # `Float[history]`, the score with the item minus the score without it
    ranks: NDArray[np.int64]  # `Int[history]`, the rank without it, as of `ablated_ranks`


def occlusions(
    recommender: Recommender, users: Sequence[User], items: Sequence[int], *, ablation: Ablation = "deletion"
) -> list[Occlusion]:
    """For each case, what the item's score loses and where it stands without each history item."""
    kept = [np.vstack([np.ones((1, n), bool), ~np.eye(n, dtype=bool)]) for n in _lengths(users)]
    scores = [np.empty(len(subsets)) for subsets in kept]
    ranks = [np.empty(len(subsets), np.int64) for subsets in kept]
    for case, subset, row, score in _subset_rows(recommender, users, items, kept, ablation):
        scores[case][subset] = score
        ranks[case][subset] = _rank(row, score, users[case], items[case])
    return [
        Occlusion((score[0] - score[1:]).astype(np.float32), rank[1:])
        for score, rank in zip(scores, ranks, strict=True)
    ]


def occlusion_attributions(
    recommender: Recommender, users: Sequence[User], items: Sequence[int], *, ablation: Ablation = "deletion"
) -> list[Floats]:
    """The attribution of each history item alone, for each case `Float[history]` (leave-one-out, occlusion)."""
    return [one.attributions for one in occlusions(recommender, users, items, ablation=ablation)]


def pair_attributions(
    recommender: Recommender, users: Sequence[User], items: Sequence[int], *, ablation: Ablation = "deletion"
) -> list[Floats]:
    """The attribution of each two history items, for each case `Float[history, history]`.

    It is the score with all minus the score without both; symmetric, and on the diagonal `occlusion_attributions`.
    """
    pairs = [np.triu_indices(n) for n in _lengths(users)]
    kept = [
        np.vstack([np.ones((1, n), bool), (np.arange(n) != first[:, None]) & (np.arange(n) != second[:, None])])
        for (first, second), n in zip(pairs, _lengths(users), strict=True)
    ]
    attributions = [np.empty((n, n), np.float32) for n in _lengths(users)]
    scores = _score_subsets(recommender, users, items, kept, ablation)
    for attribution, (first, second), score in zip(attributions, pairs, scores, strict=True):
        attribution[first, second] = attribution[second, first] = score[0] - score[1:]
    return attributions


def interactions(attributions: Floats) -> Floats:
    """What two history items do together beyond what each does alone, from `pair_attributions` of one case.

    It is the attribution of both minus the two alone. Where both are positive: positive if one makes up for the other,
    negative if the two count only together. `Float[history, history]`, symmetric, 0 on the diagonal.
    """
    alone = attributions.diagonal()
    between = attributions - alone - alone[:, None]
    np.fill_diagonal(between, 0.0)
    return between


def shapley_values(
    recommender: Recommender,
    users: Sequence[User],
    items: Sequence[int],
    *,
    exact_up_to: int = 12,
    samples: int = 256,
    seed: int = 0,
    ablation: Ablation = "deletion",
) -> list[Shapley]:
    """The Shapley value of each history item for the score of the item asked about, `[cases]` (Shapley 1953).

    Sampled values are the weighted least squares fit of an additive game with the sum held (KernelSHAP: Lundberg and
    Lee, NIPS 2017). Subsets are drawn with their complements, so that interactions of two items bring no error (Covert
    and Lee, AISTATS 2021), as they do where permutations are drawn with their reverses (Mitchell et al., JMLR 2022).
    With as many questions to a SASRec the squared error is about a quarter of theirs. The standard error is the
    jackknife's over 16 groups of pairs.

    All subsets of a history of at most `exact_up_to` items are scored, and of a longer one where that scores no more
    than sampling would. Else `samples` are drawn, rounded down to a multiple of 32; of a history of n items at most
    `samples + 2 n + 1` histories are scored. The same seed and history draw the same subsets, whatever else is asked.

    Raises SettingsError where there are too few samples, or `exact_up_to` is above 16.
    """
    if exact_up_to > _MOST_EXACT:
        message = f"All subsets of {exact_up_to} items would be {2**exact_up_to:,}."
        raise SettingsError(message, location="exact_up_to", hint=f"Longer than {_MOST_EXACT} items: sample.")
    if samples < 2 * _GROUPS:
        message = f"{samples} samples are too few for a standard error."
        raise SettingsError(message, location="samples", hint=f"Draw at least {2 * _GROUPS}.")
    _check(recommender, users, items, ablation)
    found: dict[int, Shapley] = {}
    order = sorted(range(len(users)), key=lambda case: (users[case].history, users[case].id))  # like ones share scores
    for start in range(0, len(order), _CASES):
        cases = order[start : start + _CASES]
        kept = [_subsets(users[case].history, exact_up_to, samples, seed) for case in cases]
        some = [users[case] for case in cases], [items[case] for case in cases]
        for case, subsets, scores in zip(cases, kept, _score_subsets(recommender, *some, kept, ablation), strict=True):
            exact = len(subsets) == 2 ** subsets.shape[1]
            found[case] = _exact_values(subsets, scores) if exact else _sampled_values(subsets, scores)
    return [found[case] for case in range(len(users))]


def _subsets(history: Sequence[int], exact_up_to: int, samples: int, seed: int) -> Masks:
    """All subsets of a short history in binary order, or those drawn of a longer one.

    Drawn: none, all, each item alone, all but each item; then subsets of 2 to n - 2 items, each followed by its
    complement, with sizes drawn by the Shapley kernel.
    """
    n = len(history)
    if n <= exact_up_to or 2**n <= samples + 2 * n + 2:
        return (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(bool)
    rng = np.random.default_rng([seed, *history])
    sizes = np.arange(2, n - 1)
    kernel = 1 / (sizes * (n - sizes))
    pairs = _GROUPS * (samples // (2 * _GROUPS))
    size = rng.choice(sizes, pairs, p=kernel / kernel.sum())
    drawn = rng.random((pairs, n)).argsort(1).argsort(1) < size[:, None]
    alone = np.eye(n, dtype=bool)
    ends = np.array([[False], [True]]).repeat(n, 1)
    return np.vstack([ends, alone, ~alone, np.stack([drawn, ~drawn], 1).reshape(-1, n)])


def _exact_values(kept: Masks, scores: NDArray[np.float64]) -> Shapley:
    """Each subset counts with the share of the orders of the items in which it comes first."""
    n = kept.shape[1]
    joins = np.array([1 / (n * comb(n - 1, size)) for size in range(n)])
    sizes = kept.sum(1)
    weights = np.where(kept, joins[sizes - 1][:, None], -joins[np.minimum(sizes, n - 1)][:, None])
    values = (weights.T @ scores).astype(np.float32)
    return Shapley(values, np.zeros_like(values), float(scores[0]), exact=True)


def _sampled_values(kept: Masks, scores: NDArray[np.float64]) -> Shapley:
    """The least squares fit of all that `_subsets` draws, and the jackknife over groups of it."""
    n = kept.shape[1]
    masks, gains = kept[2:].astype(np.float64), scores[2:, None] - scores[0]
    sizes = np.arange(1, n)
    kernel = 1 / (sizes * (n - sizes))
    weight = (kernel[0] + kernel[-1]) / (2 * n), kernel[1:-1].sum() / (len(masks) - 2 * n)
    fixed = weight[0] * masks[: 2 * n].T @ np.column_stack([masks, gains])[: 2 * n]
    drawn = masks[2 * n :].reshape(_GROUPS, -1, n)
    groups = weight[1] * drawn.mT @ np.concatenate([drawn, gains[2 * n :].reshape(_GROUPS, -1, 1)], 2)
    leave_one_out = (groups.sum(0) - groups) * (_GROUPS / (_GROUPS - 1))
    normal = fixed + np.concatenate([groups.sum(0)[None], leave_one_out])  # equations of the fit and of the jackknife
    inverse = np.linalg.inv(normal[..., :n])
    free, ones = (inverse @ normal[..., n:])[..., 0], inverse.sum(-1)
    excess = (free.sum(1) - scores[1] + scores[0]) / ones.sum(1)  # over the sum that is held
    fits = free - ones * excess[:, None]
    squares = ((fits[1:] - fits[1:].mean(0)) ** 2).sum(0)
    errors = np.sqrt(squares * (_GROUPS - 1) / _GROUPS).astype(np.float32)
    return Shapley(fits[0].astype(np.float32), errors, float(scores[0]), exact=False)


def _rank(row: Floats, score: float, user: User, item: int) -> int:
    """The rank of a score among those of the items that the whole history lacks."""
    others = [*{*user.history, item}]
    return 1 + int((row > score).sum()) - int((row[others] > score).sum())


def _lengths(users: Sequence[User]) -> list[int]:
    return [len(user.history) for user in users]


def _kept(users: Sequence[User], ablated: Sequence[Collection[int]]) -> list[Masks]:
    """One subset a case: the history without what is ablated."""
    _check_count(len(users), len(ablated), "sets of ablated items")
    pairs = zip(users, ablated, strict=True)
    return [np.array([[item not in left_out for item in user.history]]) for user, left_out in pairs]


def _score_subsets(
    recommender: Recommender, users: Sequence[User], items: Sequence[int], kept: Sequence[Masks], ablation: Ablation
) -> list[NDArray[np.float64]]:
    """For each case `Float[subsets]`, the score of its item for the subsets of its history."""
    scores = [np.empty(len(subsets)) for subsets in kept]
    for case, subset, _, score in _subset_rows(recommender, users, items, kept, ablation):
        scores[case][subset] = score
    return scores


def _subset_rows(
    recommender: Recommender, users: Sequence[User], items: Sequence[int], kept: Sequence[Masks], ablation: Ablation
) -> Iterator[tuple[int, int, Floats, float]]:
    """Each case and subset, the scores of all items for it, and that of the case's item, in any order.

    What comes several times, with whatever items, is scored once; where nothing is left, the whole history is scored.
    """
    _check(recommender, users, items, ablation)
    questions: defaultdict[User, list[tuple[int, int, bool]]] = defaultdict(list)
    for case, (user, subsets) in enumerate(zip(users, kept, strict=True)):
        for subset, mask in enumerate(subsets.tolist()):
            remaining = _remaining(recommender, user.history, mask, ablation)
            questions[User(remaining or user.history, user.id)].append((case, subset, bool(remaining)))
    for batch in score_batches(recommender, list(questions)):
        for asked, row, mean in zip(batch.users, batch.scores, batch.means.tolist(), strict=True):
            for case, subset, left in questions[asked]:
                yield case, subset, row, float(row[items[case]]) if left else mean


def _remaining(
    recommender: Recommender, history: tuple[int, ...], kept: Sequence[bool], ablation: Ablation
) -> tuple[int, ...]:
    """What is kept of a history; padding stands only before the last item kept, as after it there is no gap."""
    if ablation == "deletion" or not any(kept):
        return tuple(compress(history, kept))
    padding: int = recommender.padding_item  # type: ignore[attr-defined]
    length = len(kept) - list(reversed(kept)).index(True)
    return tuple(item if stays else padding for item, stays in zip(history[:length], kept, strict=False))


def _check(recommender: Recommender, users: Sequence[User], items: Sequence[int], ablation: Ablation) -> None:
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
