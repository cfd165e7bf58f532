"""What each history item does to f's score and rank of an item: questions to f alone, whatever f is.

Every question here is a history with some items left out. Where nothing is left, the item counts as an average one: its
score is the mean score of the catalogue for the whole history, its rank the one that this score has there. How a
Shapley value is made of the answers is not known here (`shapley.py`), nor how f is asked (`without.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from recexplainer.recommenders.base import Floats, Recommender, User
from recexplainer.recommenders.occlusion import Absence, ablated_questions, answers, check, scores_of, subset_scores
from recexplainer.recommenders.shapley import Shapley, subsets_for

_USERS = 16  # users whose subsets are held at a time; at 12 items each has 4,096


def ablated_scores(
    recommender: Recommender,
    users: Sequence[User],
    items: Sequence[int],
    left_out: Sequence[Collection[int]],
    *,
    absence: Absence = "removal",
) -> Floats:
    """The score of each item when some items of the history are left out.

    Args:
        recommender: f.
        users: The histories, `[cases]`; each at most `max_history` long and not empty. A user may come several times.
        items: The item asked about in each case, `[cases]`.
        left_out: The items left out in each case, `[cases]`; what the history does not hold makes no difference.
        absence: What becomes of the gap. `padding` is for recommenders with a `padding_item`, such as SASRec.

    Returns:
        `Float[cases]`, in units of f's score. Where nothing is left, the mean score of the catalogue for the whole
        history.

    Raises:
        RecommenderError: f cannot answer for a changed history or has no padding; a history is empty or too long; an
            item is not in the catalogue; or the numbers of cases differ.
    """
    questions = ablated_questions(recommender, users, items, left_out, absence)
    return scores_of(recommender, questions).astype(np.float32)


def ablated_ranks(
    recommender: Recommender,
    users: Sequence[User],
    items: Sequence[int],
    left_out: Sequence[Collection[int]],
    *,
    absence: Absence = "removal",
) -> NDArray[np.int64]:
    """The rank of each item, 1 the best, when some items of the history are left out.

    It is ranked among the items that the whole history lacks, so what is left out does not compete; ties are to its
    favour. Where nothing is left, it has the rank of the mean score among the scores for the whole history.

    Args and errors are those of `ablated_scores`.

    Returns:
        `Int[cases]`.
    """
    questions = ablated_questions(recommender, users, items, left_out, absence)
    ranks = np.empty(len(questions), np.int64)
    for place, row, score in answers(recommender, questions):
        others = [*{*questions[place].user.history, questions[place].item}]
        ranks[place] = 1 + int((row > score).sum()) - int((row[others] > score).sum())
    return ranks


def occlusion_attributions(
    recommender: Recommender, users: Sequence[User], items: Sequence[int], *, absence: Absence = "removal"
) -> list[Floats]:
    """The effect of each history item by leaving it out.

    Args:
        recommender: f.
        users: The histories, `[cases]`; each at most `max_history` long and not empty.
        items: The item asked about in each case, `[cases]`.
        absence: As in `ablated_scores`.

    Returns:
        For each case `Float[history]`: the score with the item minus the score without it, in units of f's score. A
        history of one item cannot be shortened; its effect is the score minus the mean score of the catalogue.

    Raises:
        RecommenderError: As `ablated_scores`.
    """
    kept = [np.vstack([np.ones((1, n), bool), ~np.eye(n, dtype=bool)]) for n in _lengths(users)]
    scores = subset_scores(recommender, users, items, kept, absence)
    return [(one[0] - one[1:]).astype(np.float32) for one in scores]


def pair_attributions(
    recommender: Recommender, users: Sequence[User], items: Sequence[int], *, absence: Absence = "removal"
) -> list[Floats]:
    """The effect of each two history items by leaving out both.

    Args and errors are those of `occlusion_attributions`.

    Returns:
        For each case `Float[history, history]`: the score with all minus the score without both, in units of f's
        score; symmetric, and on the diagonal `occlusion_attributions`.
    """
    pairs = [np.triu_indices(n) for n in _lengths(users)]
    kept = [np.ones((len(one) + 1, n), bool) for (one, _), n in zip(pairs, _lengths(users), strict=True)]
    for (one, other), subsets in zip(pairs, kept, strict=True):
        row = np.arange(1, len(subsets))
        subsets[row, one] = subsets[row, other] = False
    attributions = [np.empty((n, n), np.float32) for n in _lengths(users)]
    scores = subset_scores(recommender, users, items, kept, absence)
    for attribution, (one, other), score in zip(attributions, pairs, scores, strict=True):
        attribution[one, other] = attribution[other, one] = score[0] - score[1:]
    return attributions


def interactions(attributions: Floats) -> Floats:
    """What two history items do together beyond what each does alone, from `pair_attributions` of one case.

    It is the effect of both minus the two effects alone. Where both speak for the item: positive if one makes up for
    the other, negative if the two count only together.

    Returns:
        `Float[history, history]`, symmetric, 0 on the diagonal.
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
    absence: Absence = "removal",
) -> list[Shapley]:
    """The Shapley value of each history item for the score of the item asked about (Shapley 1953).

    The players are the places of the history, the worth of some of them is f's score when the others are left out. The
    values sum to the score for the whole history minus the score where nothing is left, exact or sampled.

    Args:
        recommender: f.
        users: The histories, `[cases]`; each at most `max_history` long and not empty.
        items: The item asked about in each case, `[cases]`.
        exact_up_to: The longest history of which all subsets are asked. A longer one is exact, too, where that asks no
            more than sampling would.
        samples: Subsets drawn of a longer history, rounded down to a multiple of 32; a history of n items is asked for
            at most `samples + 2 n + 1` histories. See `shapley.SampledSubsets` for the estimator and its source.
        seed: The same seed and history draw the same subsets, whatever else is asked.
        absence: As in `ablated_scores`.

    Returns:
        `[cases]`, in units of f's score, each with its standard errors.

    Raises:
        RecommenderError: As `ablated_scores`.
        SettingsError: There are too few samples, or `exact_up_to` is above what can be asked.
    """
    check(recommender, users, items, absence)
    cases: dict[User, list[int]] = {}
    for case, user in enumerate(users):
        cases.setdefault(user, []).append(case)
    found: dict[int, Shapley] = {}
    distinct = list(cases)
    for start in range(0, len(distinct), _USERS):
        some = distinct[start : start + _USERS]
        subsets = {user: subsets_for(user.history, exact_up_to, samples, seed) for user in some}
        portion = [case for user in some for case in cases[user]]
        theirs, asked = [users[case] for case in portion], [items[case] for case in portion]
        scores = subset_scores(recommender, theirs, asked, [subsets[user].kept for user in theirs], absence)
        found |= {case: subsets[users[case]].shapley(worth) for case, worth in zip(portion, scores, strict=True)}
    return [found[case] for case in range(len(users))]


def _lengths(users: Sequence[User]) -> list[int]:
    return [len(user.history) for user in users]
