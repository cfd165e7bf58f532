"""The score predictor: how well can a reader tell f's score from the text alone (paper section 3.4, Table 3)?

It does not know what in a text gives the score away; `controls.py` tells how far the verdict alone does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from recexplainer.errors import DataError
from recexplainer.evaluation.discriminator import split_cases
from recexplainer.evaluation.encoder import Predictor
from recexplainer.evaluation.metrics import Values
from recexplainer.evaluation.rows import Row, row
from recexplainer.explanations.record import Explanation

TASK = "score-predictor"
MEAN = "mean-of-training"
_RESAMPLES = 1000


def evaluate_score_predictor(
    explanations: Mapping[str, Sequence[Explanation]], predict: Predictor, seed: int = 0
) -> list[Row]:
    """For each method learn on four cases of five f's score from the text, and predict that of the fifth.

    Args:
        explanations: `[methods][cases]`, all on the same cases in the same order.
        predict: What learns and predicts: `partial(fit_predict, settings=EncoderSettings())`, or a control.
        seed: Draws the cases that are held out.

    Returns:
        Rows of the task `score-predictor`, for each method and for `mean-of-training`, which predicts the mean score
        of the training cases whatever the text. `mse` and `mae` are of scores standardised by the mean and the spread
        (standard deviation) of all cases, so that predicting the mean gives an MSE of about 1; `mse-raw` is in f's
        own scale, as in Table 3. `pearson` is N/A where the predictions or the scores are all the same.

    Raises:
        DataError: Fewer than five cases, the methods do not explain the same cases, or all scores are the same.
    """
    train, test = split_cases(explanations, seed)
    raw = np.array([one.score for one in next(iter(explanations.values()))], dtype=np.float64)
    if not raw.std() > 0:
        raise DataError(
            f"f's scores have no spread: {raw[0]:g}, or not a number.",
            location=", ".join(explanations),
            hint="Explain items that f scores differently.",
        )
    spread = float(raw.std())
    scores = (raw - raw.mean()) / spread
    rows = _rows(MEAN, np.full(len(test), scores[train].mean()), scores[test], spread)
    for method, told in explanations.items():
        texts = [one.text for one in told]
        predicted = predict(
            [texts[case] for case in train], scores[train], [texts[case] for case in test], classes=None
        )
        rows += _rows(method, predicted, scores[test], spread)
    return rows


def _rows(method: str, predicted: Values, scores: Values, spread: float) -> list[Row]:
    """`predicted` and `scores` are `Float[cases]`, standardised; `spread` is that of f's own scale."""
    errors = predicted - scores
    return [
        row(method, TASK, "mse", errors**2),
        row(method, TASK, "mae", np.abs(errors)),
        row(method, TASK, "mse-raw", (errors * spread) ** 2),
        _pearson_row(method, predicted, scores),
    ]


def _pearson_row(method: str, predicted: Values, scores: Values) -> Row:
    """Pearson's correlation, and its interval over cases drawn anew; draws that leave it undefined are left out."""
    rng, cases = np.random.default_rng(0), len(scores)
    resampled = [pearson(predicted[drawn], scores[drawn]) for drawn in rng.integers(cases, size=(_RESAMPLES, cases))]
    defined = [one for one in resampled if one is not None]
    low, high = np.percentile(defined, [2.5, 97.5]).tolist() if defined else (None, None)
    return Row(
        method=method, task=TASK, metric="pearson", value=pearson(predicted, scores), low=low, high=high, cases=cases
    )


def pearson(predicted: Values, scores: Values) -> float | None:
    """Pearson's correlation of two `Float[cases]`; None where either is constant."""
    if predicted.min() == predicted.max() or scores.min() == scores.max():
        return None
    return float(np.clip(np.corrcoef(predicted, scores)[0, 1], -1.0, 1.0))
