"""The discriminator: can a reader tell from the text alone whose explanation it is (paper section 3.4, Figure 4)?

It does not know why texts differ; `controls.py` tells how much of it is style.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from recexplainer.errors import DataError
from recexplainer.evaluation.encoder import Predictor
from recexplainer.evaluation.metrics import Values
from recexplainer.evaluation.rows import Row, row
from recexplainer.explanations.record import Explanation

TASK = "discriminator"
SAID_AS = "said-as/"
"""Begins the metrics of the confusion matrix; the method that is said follows."""
_PARTS = 5  # the paper's 4:1


def evaluate_discriminator(
    explanations: Mapping[str, Sequence[Explanation]], predict: Predictor, seed: int = 0
) -> list[Row]:
    """Learn on four cases of five whose text it is, and tell it of the fifth.

    Args:
        explanations: `[methods][cases]`, two methods or more, all on the same cases in the same order.
        predict: What learns and tells: `partial(fit_predict, settings=EncoderSettings())`, or a control.
        seed: Draws the cases that are held out.

    Returns:
        Rows of the task `discriminator`. For each method `recall` (of its texts, the share told as its own),
        `precision` (of the texts told as its own, the share that is; N/A where there is none) and the confusion
        matrix, `said-as/METHOD`, whose shares sum to 1. For the method `all`, `accuracy` with its interval over
        cases; a guess scores one divided by the number of methods.

    Raises:
        DataError: Fewer than two methods or five cases, or the methods do not explain the same cases.
    """
    methods = list(explanations)
    if len(methods) < 2:
        raise DataError(
            f"There is nothing to tell apart: {len(methods)} method.",
            location=", ".join(methods),
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
    said = probabilities.argmax(axis=1).reshape(len(methods), len(test))
    return [row("all", TASK, "accuracy", (said == labels[:, None]).mean(axis=0)), *_rows_of_methods(methods, said)]


def _rows_of_methods(methods: Sequence[str], said: NDArray[np.int64]) -> list[Row]:
    """`said` is `Int[methods, cases]`, the method that each text is told as."""
    rows: list[Row] = []
    for label, method in enumerate(methods):
        true = np.repeat(np.arange(len(methods)), said.shape[1])
        rows.append(row(method, TASK, "recall", _told(said[label], label)))
        rows.append(row(method, TASK, "precision", _told(true[said.ravel() == label], label)))
        rows += [
            row(method, TASK, f"{SAID_AS}{other}", _told(said[label], place)) for place, other in enumerate(methods)
        ]
    return rows


def _told(labels: NDArray[np.int64], label: int) -> Values:
    return (labels == label).astype(np.float64)


def split_cases(
    explanations: Mapping[str, Sequence[Explanation]], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cases to learn from and cases held out, 4:1 as in the paper; all methods' texts of a case are on one side.

    Args:
        explanations: `[methods][cases]`.
        seed: Draws the cases that are held out.

    Returns:
        `(train, test)`: places of cases, rising.

    Raises:
        DataError: There is no method, fewer than five cases, or the methods do not explain the same pairs of user
            and item, with the same score of f, in the same order.
    """
    told = list(explanations.values())
    if not told or len(told[0]) < _PARTS:
        raise DataError(
            f"There are {len(told[0]) if told else 0} cases; a fifth is held out.",
            location=", ".join(explanations),
            hint=f"Explain {_PARTS} cases or more; the paper takes 2,500.",
        )
    cases = [(one.user, one.item) for one in told[0]]
    scores = [one.score for one in told[0]]
    for method, theirs in explanations.items():
        if [(one.user, one.item) for one in theirs] != cases or not np.allclose([one.score for one in theirs], scores):
            raise DataError(
                "The methods do not explain the same cases in the same order.",
                location=f"{method}, beside {next(iter(explanations))}",
                hint="Let every method explain the same pairs of user and item, for the same recommender.",
            )
    order = np.random.default_rng(seed).permutation(len(cases))
    held = len(cases) // _PARTS
    return np.sort(order[held:]), np.sort(order[:held])
