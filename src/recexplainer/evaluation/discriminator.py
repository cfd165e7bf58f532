"""The discriminator: can a reader tell from the text alone whose explanation it is (paper section 3.4, Figure 4)?

It does not know why texts differ; `controls.py` measures how much of it is style.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recexplainer.errors import DataError
from recexplainer.evaluation.encoder import ENCODER, Predictor
from recexplainer.evaluation.rows import Confusion, Row, row
from recexplainer.explanations.record import Explanation, Method

TASK = "discriminator"
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
    """Learn on four cases of five whose text it is, and predict it of the fifth.

    Args:
        explanations: `[methods][cases]`, two methods or more, all on the same cases in the same order.
        predict: Learns and predicts: `partial(fit_predict, settings=EncoderSettings())`, or a control.
        seed: Draws the cases that are held out.
        rater: The name of the predictor in the rows.

    Raises:
        DataError: Fewer than two methods or five cases, or the methods do not explain the same cases.
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
    rows = [row(ALL_METHODS, TASK, "accuracy", right.mean(axis=0), rater=rater)]
    for label, method in enumerate(methods):
        for metric, values in (("recall", right[label]), ("precision", right[predicted == label])):
            rows.append(row(method, TASK, metric, values, rater=rater))
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
    cases = [(one.user, one.item) for one in first]
    scores = [one.score for one in first]
    for method, own in explanations.items():
        if [(one.user, one.item) for one in own] != cases or not np.allclose([one.score for one in own], scores):
            raise DataError(
                "The methods do not explain the same cases in the same order.",
                location=f"{method}, beside {next(iter(explanations))}",
                hint="Let every method explain the same pairs of user and item, for the same recommender.",
            )
    order = np.random.default_rng(seed).permutation(len(cases))
    held = len(cases) // _PARTS
    return np.sort(order[held:]), np.sort(order[:held])
