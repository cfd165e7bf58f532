"""The score predictor: how well is the recommender's score predicted from the text alone (section 3.4, Table 3)?

It does not know what in a text gives the score away; `controls.py` measures how far the verdict alone does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from recexplainer.errors import DataError
from recexplainer.evaluation.discriminator import split_cases
from recexplainer.evaluation.encoder import ENCODER, Predictor
from recexplainer.evaluation.metrics import Values
from recexplainer.evaluation.rows import Row, row
from recexplainer.explanations.record import Explanation, Method

TASK = "score_predictor"
MEAN = "mean_of_training"


def evaluate_score_predictor(
    explanations: Mapping[Method, Sequence[Explanation]], predict: Predictor, seed: int = 0, rater: str = ENCODER
) -> list[Row]:
    """For each method learn on four cases of five the score from the text, and predict that of the fifth.

    Arguments as for `evaluate_discriminator`; one method is enough. The rows have the task `score_predictor`; those of
    the method `mean_of_training` (without rater) are of the mean score of the training cases, whatever the text. `mse`
    and `mae` are of scores standardised by the mean and the standard deviation of all cases, so that predicting the
    mean gives an MSE of about 1; `mse_raw` is in the recommender's own scale, as in Table 3. `pearson` is N/A where the
    predictions or the scores are constant.

    Raises:
        DataError: Fewer than five cases, the methods do not explain the same cases, or all scores are the same.
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


def _rows(method: Method, rater: str | None, predicted: Values, scores: Values, std: float) -> list[Row]:
    """`predicted` and `scores` are `Float[cases]`, standardised; `std` is that of the recommender's own scale."""
    errors = predicted - scores
    values = {"mse": errors**2, "mae": np.abs(errors), "mse_raw": (errors * std) ** 2}
    rows = [row(method, TASK, metric, each, rater=rater) for metric, each in values.items()]

    def correlation(drawn: NDArray[np.int64]) -> Values:
        return pearson(predicted[drawn], scores[drawn])

    return [*rows, row(method, TASK, "pearson", correlation, rater=rater, cases=len(scores))]


def pearson(predicted: Values, scores: Values) -> Values:
    """Pearson's correlation over the last axis of two `Float[..., cases]`; NaN where either is constant."""
    constant = (np.ptp(predicted, axis=-1) == 0) | (np.ptp(scores, axis=-1) == 0)
    first, second = (each - each.mean(axis=-1, keepdims=True) for each in (predicted, scores))
    squares = (first**2).sum(axis=-1) * (second**2).sum(axis=-1)
    correlation = (first * second).sum(axis=-1) / np.sqrt(np.where(constant, np.nan, squares))
    return np.clip(correlation, -1.0, 1.0)
