"""How far raters agree: Cohen's kappa, Spearman's rho and Krippendorff's alpha (the paper's appendix A.3).

Sources: Cohen 1960 and, weighted by squared differences, 1968; Krippendorff 2011, "Computing Krippendorff's
alpha-reliability". It knows ratings from 0 to 3, or None for a case that was not rated; not what was rated, nor how.

Each coefficient is a function of a 4 x 4 table of pairs of ratings that is a sum over cases, so all resamples of the
bootstrap are one product of matrices; calls of scikit-learn, scipy and krippendorff, a thousand a row, would take
minutes. The tests compare with those libraries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from recexplainer.errors import DataError
from recexplainer.evaluation.judge import N_LEVELS
from recexplainer.evaluation.rows import Row, row

PEOPLE, ALL = "people", "all raters"
Ratings = Mapping[str, Mapping[str, int | None]]
"""For each rater, the rating of each case; a case that is missing counts as None."""

Floats = NDArray[np.float64]
Coefficients = Mapping[str, Callable[[Floats], Floats]]
"""By name, from `Float[samples, 4, 4]`, sums over cases, to `Float[samples]`, NaN where it is not defined."""


def agreement_rows(ratings: Ratings, judges: Sequence[str] = ()) -> list[Row]:
    """Agreement between raters, task `agreement`, with 95% bootstrap intervals over cases.

    For each pair, method `A × B`, there are the metrics `kappa`, `kappa_quadratic` and `spearman` over their common
    cases; their means over pairs, methods `people × people` (from three people on) and `JUDGE × people` (from two on);
    for `all raters` the metrics `alpha_nominal`, `alpha_ordinal` and `alpha_interval` over the cases rated twice. What
    is not defined has no value; `agreement_notes` gives the reason.

    `judges` are those raters who are no people; the means over pairs are taken apart for them, as in the paper. Raises
    DataError where a rating is not 0 to 3, or a judge is no rater.
    """
    if unknown := [judge for judge in judges if judge not in ratings]:
        known = ", ".join(ratings) or "none"
        raise DataError(f"The judge {unknown[0]!r} has no ratings.", hint=f"Those who have ratings are: {known}.")
    one_hot = _one_hot(ratings)
    rows: list[Row] = []
    pairs: dict[str, list[Floats]] = {}
    for one, other in combinations(ratings, 2):
        tables = one_hot[one][:, :, None] * one_hot[other][:, None, :]
        rows += _rows(f"{one} × {other}", [tables], _OF_PAIRS)
        kinds = {one, other}.intersection(judges)
        if len(kinds) < 2:
            pairs.setdefault(kinds.pop() if kinds else PEOPLE, []).append(tables)
    for who, several in pairs.items():
        if len(several) > 1:
            rows += _rows(f"{who} × {PEOPLE}", several, _OF_PAIRS)
    # Krippendorff's coincidences: each ordered pair of a case's m ratings counts 1 / (m - 1)
    counts: Floats = sum(one_hot.values(), start=np.zeros((1, N_LEVELS)))
    coincidences = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(N_LEVELS)
    coincidences /= np.maximum(counts.sum(axis=1) - 1, 1)[:, None, None]
    return [*rows, *_rows(ALL, [coincidences], _OF_ALL)]


def agreement_notes(rows: Sequence[Row]) -> list[str]:
    """Why some of the rows of `agreement_rows` have no value, a line each: `ann × bob, spearman: …`."""
    notes: list[str] = []
    for one in rows:
        if not one.cases and one.metric in _OF_PAIRS:
            reason = "no case was rated by both"
        elif not one.cases:
            reason = "no case was rated twice" if len(rows) > len(_OF_ALL) else "there are fewer than two raters"
        else:
            reason = _UNDEFINED.get(one.metric, "all ratings are the same")
        if one.value is None:
            notes.append(f"{one.method}, {one.metric}: {reason}")
    return notes


def is_rating(value: object) -> bool:
    """Whether it is one of the whole numbers 0 to 3."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < N_LEVELS


def kappa(tables: Floats, power: int) -> Floats:
    """Cohen's kappa: disagreements weigh their difference to the power given, 0 for 1 each and 2 for the square."""
    rows, columns = tables.sum(axis=2), tables.sum(axis=1)
    levels = np.arange(N_LEVELS, dtype=np.float64)
    distances = np.abs(levels[:, None] - levels) ** power * (1 - np.eye(N_LEVELS))
    return _over_chance(tables, rows[:, :, None] * columns[:, None, :], distances, rows.sum(axis=1))


def spearman_rho(tables: Floats) -> Floats:
    """Spearman's rho: the correlation of mean ranks."""
    rows, columns = tables.sum(axis=2), tables.sum(axis=1)
    first, second = (_middle_ranks(each) - each.sum(axis=1, keepdims=True) / 2 for each in (rows, columns))
    covariance = np.einsum("sij,si,sj->s", tables, first, second)
    return _ratio(covariance, np.sqrt((rows * first**2).sum(axis=1) * (columns * second**2).sum(axis=1)))


def alpha(tables: Floats, scale: str) -> Floats:
    """Krippendorff's alpha of coincidences; `scale` is nominal, ordinal or interval."""
    counts = tables.sum(axis=2)
    positions = _middle_ranks(counts) if scale == "ordinal" else np.arange(N_LEVELS, dtype=np.float64)[None]
    distances: Floats = (positions[:, :, None] - positions[:, None, :]) ** 2
    if scale == "nominal":
        distances = 1 - np.eye(N_LEVELS)[None]
    return _over_chance(tables, counts[:, :, None] * counts[:, None, :], distances, counts.sum(axis=1) - 1)


_OF_PAIRS: Coefficients = {
    "kappa": partial(kappa, power=0),
    "kappa_quadratic": partial(kappa, power=2),
    "spearman": spearman_rho,
}
_OF_ALL: Coefficients = {f"alpha_{scale}": partial(alpha, scale=scale) for scale in ("nominal", "ordinal", "interval")}
_CONSTANT = "both raters gave every common case the same one rating"
_UNDEFINED = {
    "kappa": _CONSTANT,
    "kappa_quadratic": _CONSTANT,
    "spearman": "a rater gave every common case the same rating",
}


def _rows(raters: str, tables: Sequence[Floats], coefficients: Coefficients) -> list[Row]:
    """Each coefficient's mean over `tables`, `[pairs of raters]` of `Float[cases, 4, 4]`, and over cases in any."""
    rated = np.any([each.any(axis=(1, 2)) for each in tables], axis=0)
    flat = [each[rated].reshape(-1, N_LEVELS * N_LEVELS) for each in tables]
    cases = int(rated.sum())

    def of_draws(drawn: NDArray[np.int64], metric: str) -> Floats:
        cells = drawn + np.arange(len(drawn))[:, None] * cases
        times = np.bincount(cells.ravel(), minlength=drawn.size).reshape(drawn.shape)
        values = np.array([coefficients[metric]((times @ each).reshape(-1, N_LEVELS, N_LEVELS)) for each in flat])
        return _ratio(np.nansum(values, axis=0), (~np.isnan(values)).sum(axis=0).astype(np.float64))

    return [row(raters, "agreement", metric, partial(of_draws, metric=metric), cases=cases) for metric in coefficients]


def _one_hot(ratings: Ratings) -> dict[str, Floats]:
    """For each rater `Float[cases, 4]`, 1 at the rating; a case that was not rated has none."""
    for number, own in enumerate(ratings.values(), start=1):
        for one in own.values():
            if one is not None and not is_rating(one):
                hint = "A rating is 0, 1, 2, 3 or None."
                raise DataError(f"{one!r} is no rating.", location=f"rater {number}", hint=hint)
    cases = list(dict.fromkeys(case for own in ratings.values() for case in own))
    levels = range(N_LEVELS)
    return {
        rater: np.array([own.get(case) == level for case in cases for level in levels], float).reshape(-1, N_LEVELS)
        for rater, own in ratings.items()
    }


def _middle_ranks(counts: Floats) -> Floats:
    """`Float[samples, 4]`, for each rating the middle of the ranks that its cases take when all are sorted."""
    return counts.cumsum(axis=1) - counts / 2


def _over_chance(tables: Floats, expected: Floats, distances: Floats, size: Floats) -> Floats:
    """1 - observed / expected disagreement, `expected` being products of counts to be divided by `size`."""
    observed = (tables * distances).sum(axis=(1, 2))
    return 1 - _ratio(observed * size, (expected * distances).sum(axis=(1, 2)))


def _ratio(upper: Floats, lower: Floats) -> Floats:
    return np.divide(upper, lower, out=np.full(upper.shape, np.nan), where=lower > 0)
