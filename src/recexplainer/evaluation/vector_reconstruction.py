"""How much of what the recommender knows of a user is in the words of the explanations; it needs no label.

A text encoder that stays as it is reads the explanations of a user, and a ridge regression reads the recommender's user
vector from that, as natural language autoencoders are scored by what of an activation comes back from its description
alone. What is explained, and by whom, is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recexplainer.evaluation.encoder import ENCODER
from recexplainer.evaluation.metrics import Values
from recexplainer.evaluation.predictors import check_same_cases
from recexplainer.evaluation.rows import Row, Statistic, row
from recexplainer.explanations.record import Explanation, Method
from recexplainer.recommenders.base import Recommender, User

VECTOR_RECONSTRUCTION = "vector_reconstruction"
"""The task of its rows."""
HISTORY = "history_titles"
"""The method of the rows of the titles of the history: about the most that words can hold."""
VERDICT_AND_ITEM = "verdict_and_item"
"""The rater of what the verdict and the title of the item tell without reasons."""
SHUFFLED = "shuffled"
"""The rater of texts that belong to other users."""
FEWEST_USERS = 100
"""With fewer users nothing can be said, and the rows are N/A."""
_VERDICTS = {True: "Yes. ", False: "No. ", None: ""}
_RECENT = 3
_FOLDS = 5
_ALPHAS = np.logspace(0, 6, 13)  # of standardised features, weighed for each direction on the training users
_SMALLEST = 1e-3  # of the largest standard deviation: what varies less is no direction of the vectors

Embed = Callable[[Sequence[str]], Values]
"""From texts to `Float[texts, d]`; `partial(embed_texts, settings=EncoderSettings())` is one."""


class _UserVectors(NamedTuple):
    """The recommender's vectors of the users explained, in their principal directions.

    `cases` is `Int[cases]`, the user of each case; `ids` is `Int[users]`, equal where only the history differs;
    `directions` is `Float[users, directions]`, each of mean 0 and variance 1; `variances` is `Float[directions]`.
    """

    cases: NDArray[np.int64]
    ids: NDArray[np.int64]
    directions: Values
    variances: Values


def evaluate_vector_reconstruction(
    explanations: Mapping[Method, Sequence[Explanation]], recommender: Recommender, embed: Embed, seed: int = 0
) -> list[Row]:
    """The share of the variance of user vectors that is explained on held-out users, of five folds.

    The rows have the task `vector_reconstruction`, and two metrics. `variance_explained` is of the vectors as they are:
    a direction counts as far as users differ in it, and so as far as it tells their recommendations apart.
    `variance_explained_whitened` counts every direction the same; recommenders put most of the variance into few
    directions, which say little more than what is popular. 1: all comes back; 0: no more than the mean user; it may be
    below. The rater is `encoder` for the texts, `shuffled` for the texts of other users (about 0), and
    `verdict_and_item` for "Yes. TITLE" or "No. TITLE" in place of the text. The method `history_titles` has the titles
    of the history as its text, newest first, and beside them the three most recent, since a mean over a text says
    little of order. Cases are users, which the interval draws anew; of fewer than 100, or
    where all users have one vector, the rows are N/A.

    Args:
        explanations: `[methods][cases]`, the same cases in the same order; a user may have several.
        recommender: The recommender; there are no rows where it has no vectors.
        embed: The encoder.
        seed: Seed of the folds and of the users whose texts are exchanged.

    Raises:
        DataError: The methods do not explain the same cases.
    """
    if not explanations or not recommender.has_vectors:
        return []
    check_same_cases(explanations)
    first = next(iter(explanations.values()))
    known = _user_vectors(first, recommender)
    if len(np.unique(known.ids)) < FEWEST_USERS or not len(known.variances):
        return _rows(Method(HISTORY), ENCODER, None, known, seed) + [
            each
            for method in explanations
            for rater in (ENCODER, VERDICT_AND_ITEM, SHUFFLED)
            for each in _rows(method, rater, None, known, seed)
        ]
    recent = [one.history_titles[: -recommender.max_history - 1 : -1] for one in first]
    whole, last = (["; ".join(titles[:count]) for titles in recent] for count in (None, _RECENT))
    texts = {method: [one.text for one in own] for method, own in explanations.items()}
    verdicts = {
        method: [f"{_VERDICTS[one.verdict]}{one.item_title}" for one in own] for method, own in explanations.items()
    }
    lists = (whole, last, *texts.values(), *verdicts.values())
    places = {text: place for place, text in enumerate(dict.fromkeys(text for each in lists for text in each))}
    states = embed(list(places))

    def features(texts: Sequence[str]) -> Values:
        return _of_users(states[[places[text] for text in texts]], known)

    rows = _rows(Method(HISTORY), ENCODER, np.hstack([features(whole), features(last)]), known, seed)
    order = np.random.default_rng(seed).permutation(len(known.ids))
    for method in explanations:
        rows += _rows(method, ENCODER, features(texts[method]), known, seed)
        rows += _rows(method, VERDICT_AND_ITEM, features(verdicts[method]), known, seed)
        rows += _rows(method, SHUFFLED, features(texts[method])[order], known, seed)
    return rows


def held_out_errors(
    features: Values, targets: Values, groups: NDArray[np.int64], seed: int = 0
) -> tuple[Values, Values]:
    """`(errors, totals)`, both `Float[users, d]`: squares of what is left by ridge regression, and by the mean alone.

    Of `features`, `Float[users, f]`, and `targets`, `Float[users, d]`, those of four folds are learned from and the
    fifth is predicted; users of one group, `Int[users]`, are in one fold. How strong the penalty is, is chosen for each
    target among the users learned from.
    """
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import GroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    errors, totals = np.zeros(targets.shape), np.zeros(targets.shape)
    for train, test in GroupKFold(_FOLDS, shuffle=True, random_state=seed).split(features, groups=groups):
        model: Any = make_pipeline(StandardScaler(), RidgeCV(_ALPHAS, alpha_per_target=True))
        predicted = model.fit(features[train], targets[train]).predict(features[test])
        errors[test] = (targets[test] - predicted.reshape(len(test), -1)) ** 2
        totals[test] = (targets[test] - targets[train].mean(axis=0)) ** 2
    return errors, totals


def _user_vectors(explanations: Sequence[Explanation], recommender: Recommender) -> _UserVectors:
    keys = [(one.user, one.history) for one in explanations]
    users = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    vectors = recommender.user_vectors([User(history, name) for name, history in users]).astype(np.float64)
    left, scales, _ = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    kept = scales > max(_SMALLEST * scales.max(initial=0.0), np.finfo(np.float64).tiny)
    ids = np.unique([name for name, _ in users], return_inverse=True)[1]
    cases = np.array([users[key] for key in keys])
    return _UserVectors(cases, ids, left[:, kept] * np.sqrt(len(users)), scales[kept] ** 2 / len(users))


def _of_users(embedded: Values, known: _UserVectors) -> Values:
    """`Float[users, d]`: the mean over a user's texts, of `Float[cases, d]`."""
    sums = np.zeros((len(known.ids), embedded.shape[1]))
    np.add.at(sums, known.cases, embedded)
    return sums / np.bincount(known.cases)[:, None]


def _rows(method: Method, rater: str, features: Values | None, known: _UserVectors, seed: int) -> list[Row]:
    """The rows of `Float[users, d]`; N/A where there is none."""
    weights = {"variance_explained": known.variances, "variance_explained_whitened": np.ones(len(known.variances))}
    count = int(known.ids.max()) + 1
    errors, totals = (
        (np.full((len(known.ids), len(known.variances)), np.nan),) * 2
        if features is None
        else held_out_errors(features, known.directions, known.ids, seed)
    )
    rows: list[Row] = []
    for metric, weight in weights.items():
        statistic = _share(*(np.bincount(known.ids, each @ weight).astype(np.float64) for each in (errors, totals)))
        rows.append(row(method, VECTOR_RECONSTRUCTION, metric, statistic, rater=rater, cases=count))
    return rows


def _share(errors: Values, totals: Values) -> Statistic:
    """The share that is explained, of `Float[users]` that is left and `Float[users]` that the mean alone leaves."""
    return lambda drawn: 1.0 - errors[drawn].sum(axis=1) / totals[drawn].sum(axis=1)
