"""Shapley values of the items of a history (Shapley 1953): exact where it is short, else sampled (KernelSHAP).

The recommender is asked again, as in `ablation.py`, which says what arguments are and what is raised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from recexplainer.errors import SettingsError
from recexplainer.recommenders.ablation import (
    Ablation,
    Masks,
    all_subsets,
    check_cases,
    random_subsets,
    score_subsets,
)
from recexplainer.recommenders.base import Floats, Recommender, User

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
    check_cases(recommender, users, items, ablation)
    found: dict[int, Shapley] = {}
    order = sorted(range(len(users)), key=lambda case: (users[case].history, users[case].id))  # like ones share scores
    for start in range(0, len(order), _CASES):
        cases = order[start : start + _CASES]
        kept = [_subsets(users[case].history, exact_up_to, samples, seed) for case in cases]
        some = [users[case] for case in cases], [items[case] for case in cases]
        for case, subsets, scores in zip(cases, kept, score_subsets(recommender, *some, kept, ablation), strict=True):
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
        return all_subsets(n)
    rng = np.random.default_rng([seed, *history])
    sizes = np.arange(2, n - 1)
    kernel = 1 / (sizes * (n - sizes))
    pairs = _GROUPS * (samples // (2 * _GROUPS))
    drawn = random_subsets(rng, rng.choice(sizes, pairs, p=kernel / kernel.sum()), n)
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
