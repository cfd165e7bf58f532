"""Tables of ratings, what is computed from them, and its bootstrap over cases.

Kappa, rho and alpha are functions of a 4 x 4 table of pairs of ratings that is a sum over cases, so that all resamples
of the cases are one product of matrices. It knows neither raters nor cases by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from recexplainer.errors import DataError

N_LEVELS = 4
"""How many ratings there are: 0, 1, 2, 3."""

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
"""From `Float[samples, 4, 4]`, sums over cases, to `Float[samples]`, NaN where it is not defined."""


def rating_matrix(ratings: Sequence[Sequence[int | None]]) -> Floats:
    """`Float[raters, cases]`, NaN where a case was not rated.

    Raises:
        DataError: A rating is not 0 to 3, or the raters have different numbers of cases.
    """
    for number, given in enumerate(ratings, start=1):
        if len(given) != len(ratings[0]):
            raise DataError(
                f"There are {len(given)} ratings for {len(ratings[0])} cases.",
                location=f"rater {number}",
                hint="Give one rating a case, None where there is none.",
            )
        if wrong := [rating for rating in given if rating is not None and not is_rating(rating)]:
            raise DataError(
                f"{wrong[0]!r} is no rating.", location=f"rater {number}", hint="A rating is 0, 1, 2, 3 or None."
            )
    cases = len(ratings[0]) if ratings else 0
    rows = [[np.nan if rating is None else rating for rating in given] for given in ratings]
    return np.array(rows, dtype=np.float64).reshape(len(ratings), cases)


def is_rating(value: object) -> bool:
    """Whether it is one of the whole numbers 0 to 3."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < N_LEVELS


def pair_tables(first: Floats, second: Floats) -> Floats:
    """`Float[cases, 4, 4]`, 1 at (first's rating, second's rating); all 0 where one of them is missing."""
    return _one_hot(first)[:, :, None] * _one_hot(second)[:, None, :]


def coincidences(matrix: Floats) -> Floats:
    """`Float[cases, 4, 4]`, Krippendorff's coincidences: each ordered pair of a case's m ratings counts 1 / (m - 1).

    Args:
        matrix: `Float[raters, cases]`, NaN where a case was not rated.
    """
    counts = _one_hot(matrix).sum(axis=0)
    rated = counts.sum(axis=1)
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(N_LEVELS)
    return pairs / np.maximum(rated - 1, 1)[:, None, None]


def kappa(tables: Floats, power: int) -> Floats:
    """Cohen's kappa: disagreements weigh their difference to the power given, 0 for 1 each and 2 for the square."""
    rows, columns = tables.sum(axis=2), tables.sum(axis=1)
    levels = np.arange(N_LEVELS, dtype=np.float64)
    apart = np.abs(levels[:, None] - levels) ** power * (1 - np.eye(N_LEVELS))
    expected = rows[:, :, None] * columns[:, None, :]
    return _over_chance(tables, expected, apart, rows.sum(axis=1))


def spearman_rho(tables: Floats) -> Floats:
    """Spearman's rho: the correlation of mean ranks."""
    rows, columns = tables.sum(axis=2), tables.sum(axis=1)
    first, second = (_middles(each) - each.sum(axis=1, keepdims=True) / 2 for each in (rows, columns))
    together = np.einsum("sij,si,sj->s", tables, first, second)
    spreads = (rows * first**2).sum(axis=1) * (columns * second**2).sum(axis=1)
    return _ratio(together, np.sqrt(spreads))


def alpha(tables: Floats, scale: str) -> Floats:
    """Krippendorff's alpha of coincidences; `scale` is nominal, ordinal or interval."""
    counts = tables.sum(axis=2)
    places = _middles(counts) if scale == "ordinal" else np.arange(N_LEVELS, dtype=np.float64)[None]
    apart: Floats = (places[:, :, None] - places[:, None, :]) ** 2
    if scale == "nominal":
        apart = 1 - np.eye(N_LEVELS)[None]
    expected = counts[:, :, None] * counts[:, None, :]
    return _over_chance(tables, expected, apart, counts.sum(axis=1) - 1)


def mean_statistic(tables: Sequence[Floats], statistic: Statistic) -> Floats:
    """`Float[samples]`, the mean of a statistic over those of several tables for which it is defined, else NaN.

    Args:
        tables: One or more `Float[samples, 4, 4]`.
        statistic: What is taken of each.
    """
    values = np.array([statistic(each) for each in tables])
    return _ratio(np.nansum(values, axis=0), (~np.isnan(values)).sum(axis=0).astype(np.float64))


def bootstrap(
    tables: Sequence[Floats], statistic: Statistic, *, resamples: int = 1000, seed: int = 0
) -> tuple[float | None, float | None]:
    """The 95% percentile bootstrap of `mean_statistic` over cases.

    Args:
        tables: One or more `Float[cases, 4, 4]` of the same cases, at least one.
        statistic: What is taken of the sums over the cases drawn.
        resamples: How many times the cases are drawn anew, with replacement, as many as there are.
        seed: The same seed and tables give the same interval.

    Returns:
        The 2.5% and 97.5% percentiles over the resamples in which the statistic is defined; `(None, None)` if none.
    """
    cases = len(tables[0])
    times = np.random.default_rng(seed).multinomial(cases, np.full(cases, 1 / cases), size=resamples)
    drawn = [(times @ each.reshape(cases, -1)).reshape(resamples, N_LEVELS, N_LEVELS) for each in tables]
    values = mean_statistic(drawn, statistic)
    defined = values[~np.isnan(values)]
    if len(defined) == 0:
        return None, None
    low, high = np.percentile(defined, [2.5, 97.5])
    return float(low), float(high)


def _one_hot(ratings: Floats) -> Floats:
    """`Float[..., 4]`; a missing rating has no 1."""
    return (ratings[..., None] == np.arange(N_LEVELS)).astype(np.float64)


def _middles(counts: Floats) -> Floats:
    """`Float[samples, 4]`, for each rating the middle of the places that its cases take when all are sorted."""
    return counts.cumsum(axis=1) - counts / 2


def _over_chance(tables: Floats, expected: Floats, apart: Floats, size: Floats) -> Floats:
    """1 - observed / expected disagreement, `expected` being products of counts to be divided by `size`."""
    observed = (tables * apart).sum(axis=(1, 2))
    return 1 - _ratio(observed * size, (expected * apart).sum(axis=(1, 2)))


def _ratio(upper: Floats, lower: Floats) -> Floats:
    return np.divide(upper, lower, out=np.full(upper.shape, np.nan), where=lower > 0)
