"""What is predicted from the text of an explanation alone (paper section 3.4).

The discriminator predicts whose it is (Figure 4), the score predictor the recommender's score (Table 3). What in a text
gives these away is not known here; `controls.py` measures how much of it is style, and how much the verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recexplainer.errors import DataError
from recexplainer.evaluation.encoder import ENCODER, Predictor
from recexplainer.evaluation.metrics import Values
from recexplainer.evaluation.rows import Confusion, Row, Statistic, row
from recexplainer.explanations.record import Explanation, Method

_DISCRIMINATOR, _SCORE_PREDICTOR = "discriminator", "score_predictor"  # tasks
MEAN = "mean_of_training"
"""The method of the rows of the mean score, whatever the text."""
ALL_METHODS = "all"
"""The method of the row over all methods."""
_PARTS = 5  # the paper's 4:1


class Discrimination(NamedTuple):
    """The rows of the task `discriminator`, and for each pair of methods how often one is taken for the other.

    The rows of each method are `recall` (of its texts, the share taken for its own) and `precision` (of the texts taken
    for its own, the share that is; N/A where there is none). That of the method `all` is `accuracy`, with its interval
    over cases; a guess scores one divided by the number of methods.
    """

    rows: list[Row]
    confusion: list[Confusion]


def evaluate_discriminator(
    explanations: Mapping[Method, Sequence[Explanation]], predict: Predictor, seed: int = 0, rater: str = ENCODER
) -> Discrimination:
    """Learn on four cases of five whose text it is, and predict it of the fifth; `seed` draws those held out.

    `explanations` are `[methods][cases]`, two methods or more, all on the same cases in the same order. `predict` is
    `partial(fit_predict, settings=EncoderSettings())`, or a control; `rater` names it in the rows. Raises DataError
    where there are fewer than two methods or five cases, or the methods do not explain the same cases.
    """
    methods = list(explanations)
    if len(methods) < 2:
        raise DataError(
            f"There is nothing to discriminate between: {len(methods)} method.",
            location=", ".join(map(str, methods)),
            hint="Give the explanations of two methods or more.",
        )
    train, test = split_cases(explanations, seed)
    labels = np.arange(len(methods))
    probabilities = predict(
        [explanations[method][case].text for method in methods for case in train],
        np.repeat(labels, len(train)),
        [explanations[method][case].text for method in methods for case in test],
        classes=len(methods),
    )
    predicted = probabilities.argmax(axis=1).reshape(len(methods), len(test))  # Int[methods, cases]
    right = predicted == labels[:, None]
    rows = [row(ALL_METHODS, _DISCRIMINATOR, "accuracy", right.mean(axis=0), rater=rater)]
    for label, method in enumerate(methods):
        for metric, values in (("recall", right[label]), ("precision", right[predicted == label])):
            rows.append(row(method, _DISCRIMINATOR, metric, values, rater=rater))
    confusion = [
        Confusion(
            method=method.name,
            variant=method.variant,
            predicted_method=other.name,
            predicted_variant=other.variant,
            share=float((predicted[label] == place).mean()),
            cases=len(test),
        )
        for label, method in enumerate(methods)
        for place, other in enumerate(methods)
    ]
    return Discrimination(rows, confusion)


def evaluate_score_predictor(
    explanations: Mapping[Method, Sequence[Explanation]], predict: Predictor, seed: int = 0, rater: str = ENCODER
) -> list[Row]:
    """For each method learn on four cases of five the score from the text, and predict that of the fifth.

    Arguments as for `evaluate_discriminator`; one method is enough. The rows have the task `score_predictor`; those of
    the method `mean_of_training` (without rater) are of the mean score of the training cases, whatever the text. `mse`
    and `mae` are of scores standardised by the mean and the standard deviation of all cases, so that predicting the
    mean gives an MSE of about 1; `mse_raw` is in the recommender's own scale, as in Table 3. `pearson` is N/A where the
    predictions or the scores are constant. Raises DataError where there are fewer than five cases, the methods do not
    explain the same cases, or all scores are the same.
    """
    train, test = split_cases(explanations, seed)
    raw = np.array([one.score for one in next(iter(explanations.values()))], dtype=np.float64)
    std = float(raw.std())
    if not std > 0:
        raise DataError(
            f"The recommender's scores are all the same: {raw[0]:g}, or not a number.",
            location=", ".join(map(str, explanations)),
            hint="Explain items that the recommender scores differently.",
        )
    scores = (raw - raw.mean()) / std
    rows = _rows(Method(MEAN), None, np.full(len(test), scores[train].mean()), scores[test], std)
    for method, own in explanations.items():
        texts_train, texts_test = ([own[case].text for case in part] for part in (train, test))
        predicted = predict(texts_train, scores[train], texts_test, classes=None)
        rows += _rows(method, rater, predicted, scores[test], std)
    return rows


def pearson(predicted: Values, scores: Values) -> Values:
    """Pearson's correlation over the last axis of two `Float[..., cases]`; NaN where either is constant."""
    constant = (np.ptp(predicted, axis=-1) == 0) | (np.ptp(scores, axis=-1) == 0)
    first, second = (each - each.mean(axis=-1, keepdims=True) for each in (predicted, scores))
    squares = (first**2).sum(axis=-1) * (second**2).sum(axis=-1)
    correlation = (first * second).sum(axis=-1) / np.sqrt(np.where(constant, np.nan, squares))
    return np.clip(correlation, -1.0, 1.0)


def split_cases(
    explanations: Mapping[Method, Sequence[Explanation]], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`(train, test)`, places of cases, rising, 4:1 as in the paper; all methods' texts of a case are on one side.

    Raises:
        DataError: There is no method, fewer than five cases, or the methods do not explain the same pairs of user
            and item, with the same score of the recommender, in the same order.
    """
    first = next(iter(explanations.values()), ())
    if len(first) < _PARTS:
        raise DataError(
            f"There are {len(first)} cases; a fifth is held out.",
            location=", ".join(map(str, explanations)),
            hint=f"Explain {_PARTS} cases or more; the paper takes 2,500.",
        )
    check_same_cases(explanations)
    order = np.random.default_rng(seed).permutation(len(first))
    held = len(first) // _PARTS
    return np.sort(order[held:]), np.sort(order[:held])


def check_same_cases(explanations: Mapping[Method, Sequence[Explanation]]) -> None:
    """Raise DataError where the methods do not explain the same pairs, with the same scores, in the same order."""
    first = next(iter(explanations.values()), ())
    cases = [(one.user, one.item) for one in first]
    scores = [one.score for one in first]
    for method, own in explanations.items():
        if [(one.user, one.item) for one in own] != cases or not np.allclose([one.score for one in own], scores):
            raise DataError(
                "The methods do not explain the same cases in the same order.",
                location=f"{method}, beside {next(iter(explanations))}",
                hint="Let every method explain the same pairs of user and item, for the same recommender.",
            )


def _rows(method: Method, rater: str | None, predicted: Values, scores: Values, std: float) -> list[Row]:
    """`predicted` and `scores` are `Float[cases]`, standardised; `std` is that of the recommender's own scale."""
    errors = predicted - scores
    values: dict[str, Values | Statistic] = {"mse": errors**2, "mae": np.abs(errors), "mse_raw": (errors * std) ** 2}
    values["pearson"] = lambda drawn: pearson(predicted[drawn], scores[drawn])
    return [row(method, _SCORE_PREDICTOR, name, each, rater=rater, cases=len(scores)) for name, each in values.items()]
