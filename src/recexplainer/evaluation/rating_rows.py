"""The rows of ratings from 0 to 3, whoever gave them (Table 2 and Figure 3)."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from recexplainer.evaluation.rating_tables import N_LEVELS
from recexplainer.evaluation.rows import Row, row


def rating_rows(method: str, rater: str, cases: Sequence[Sequence[int | None]]) -> list[Row]:
    """The rows of one method, task `explanation`.

    A case is one explanation; its number is the mean over those who rated it, so that the intervals are over cases
    however many raters there are.

    Args:
        method: Who explained.
        rater: Who rated: a judge's name, or `people`.
        cases: `[cases][raters]`, 0 to 3, None where one who was asked gave no rating.

    Returns:
        Metrics, each with `@RATER` behind it: `rating` is the mean, wrong decisions included (Table 2); `rating-0` to
        `rating-3` are the shares of each (Figure 3); `rating-of-correct` is the mean over ratings above 0, which leaves
        out how often the decision is right; `rated` is the share that was rated. Only that counts the unscored.
    """
    given = [[rating for rating in case if rating is not None] for case in cases]
    rated = [case for case in given if case]
    correct = [[rating for rating in case if rating > 0] for case in rated]
    values = {
        "rating": [fmean(case) for case in rated],
        **{f"rating-{level}": [case.count(level) / len(case) for case in rated] for level in range(N_LEVELS)},
        "rating-of-correct": [fmean(case) for case in correct if case],
        "rated": [len(known) / len(case) for known, case in zip(given, cases, strict=True)],
    }
    return [row(method, "explanation", f"{metric}@{rater}", numbers) for metric, numbers in values.items()]
