"""How far raters agree: Cohen's kappa, Spearman's rho and Krippendorff's alpha (the paper's appendix A.3).

Sources: Cohen 1960 and, weighted by squared differences, 1968; Krippendorff 2011, "Computing Krippendorff's
alpha-reliability". It knows ratings from 0 to 3, or None for a case that was not rated; not what was rated, nor how.

Each coefficient is a function of a 4 x 4 table of pairs of ratings that is a sum over cases, so all resamples of the
bootstrap are one product of matrices; calls of scikit-learn, scipy and krippendorff, a thousand a row, would take
minutes. The tests compare with those libraries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recexplainer.errors import DataError
from recexplainer.evaluation.rows import Row, row

N_LEVELS = 4
"""How many ratings there are: 0, 1, 2, 3."""
PEOPLE, ALL = "people", "all raters"
Ratings = Mapping[str, Mapping[str, int | None]]
"""For each rater, the rating of each case; a case that is missing counts as None."""

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
"""From `Float[samples, 4, 4]`, sums over cases, to `Float[samples]`, NaN where it is not defined."""


class _Coefficient(NamedTuple):
    """One coefficient between certain raters.

    Attributes:
        raters: Who is compared.
        metric: The coefficient's name.
        statistic: The coefficient of a table.
        tables: `Float[cases, 4, 4]` for each pair of raters (or once for all); the mean over them is taken.
        empty: Why it has no value where no case counts.
        undefined: Why it may have none all the same.
    """

    raters: str
    metric: str
    statistic: Statistic
    tables: Sequence[Floats]
    empty: str
    undefined: str

    def row(self) -> Row:
        return row(self.raters, "agreement", self.metric, self._of_draws, cases=len(self.tables[0]))

    def why_none(self) -> str:
        """Why there is no value; "" where there is one."""
        if not len(self.tables[0]):
            return self.empty
        return self.undefined if np.isnan(self._of_draws(np.arange(len(self.tables[0]))[None])).any() else ""

    def _of_draws(self, drawn: NDArray[np.int64]) -> Floats:
        samples, cases = drawn.shape
        places = drawn + np.arange(samples)[:, None] * cases
        times = np.bincount(places.ravel(), minlength=samples * cases).reshape(samples, cases)
        sums = [(times @ each.reshape(cases, -1)).reshape(samples, N_LEVELS, N_LEVELS) for each in self.tables]
        return _mean(self.statistic, sums)


def agreement_rows(ratings: Ratings, judges: Sequence[str] = ()) -> list[Row]:
    """Agreement between raters, task `agreement`, with 95% bootstrap intervals over cases.

    Args:
        ratings: All raters' ratings.
        judges: Those raters who are no people; the means over pairs are taken apart for them, as in the paper.

    Returns:
        For each pair, method `A × B`, the metrics `kappa`, `kappa_quadratic` and `spearman` over their common cases;
        their means over pairs, methods `people × people` (from three people on) and `JUDGE × people` (from two on);
        for `all raters` the metrics `alpha_nominal`, `alpha_ordinal` and `alpha_interval` over the cases rated twice.
        What is not defined has no value; `agreement_notes` says why.

    Raises:
        DataError: A rating is not 0 to 3, or a judge is no rater.
    """
    return [one.row() for one in _coefficients(ratings, judges)]


def agreement_notes(ratings: Ratings, judges: Sequence[str] = ()) -> list[str]:
    """Why rows of `agreement_rows` have no value, a line each: `ann × bob, spearman: …`."""
    reasons = ((f"{one.raters}, {one.metric}", one.why_none()) for one in _coefficients(ratings, judges))
    return [f"{name}: {reason}" for name, reason in reasons if reason]


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
    together = np.einsum("sij,si,sj->s", tables, first, second)
    return _ratio(together, np.sqrt((rows * first**2).sum(axis=1) * (columns * second**2).sum(axis=1)))


def alpha(tables: Floats, scale: str) -> Floats:
    """Krippendorff's alpha of coincidences; `scale` is nominal, ordinal or interval."""
    counts = tables.sum(axis=2)
    places = _middle_ranks(counts) if scale == "ordinal" else np.arange(N_LEVELS, dtype=np.float64)[None]
    distances: Floats = (places[:, :, None] - places[:, None, :]) ** 2
    if scale == "nominal":
        distances = 1 - np.eye(N_LEVELS)[None]
    return _over_chance(tables, counts[:, :, None] * counts[:, None, :], distances, counts.sum(axis=1) - 1)


_CONSTANT = "both raters gave every common case the same one rating"
_OF_PAIRS: Mapping[str, tuple[Statistic, str]] = {
    "kappa": (partial(kappa, power=0), _CONSTANT),
    "kappa_quadratic": (partial(kappa, power=2), _CONSTANT),
    "spearman": (spearman_rho, "a rater gave every common case the same rating"),
}
_OF_ALL: Mapping[str, tuple[Statistic, str]] = {
    f"alpha_{scale}": (partial(alpha, scale=scale), "all ratings are the same")
    for scale in ("nominal", "ordinal", "interval")
}


def _coefficients(ratings: Ratings, judges: Sequence[str]) -> Iterator[_Coefficient]:
    if unknown := [judge for judge in judges if judge not in ratings]:
        known = ", ".join(ratings) or "none"
        raise DataError(f"The judge {unknown[0]!r} has no ratings.", hint=f"Those who have ratings are: {known}.")
    one_hot = _one_hot(ratings)
    pairs: dict[str, list[Floats]] = {}
    for one, other in combinations(ratings, 2):
        tables = one_hot[one][:, :, None] * one_hot[other][:, None, :]
        yield from _between(f"{one} × {other}", [tables], _OF_PAIRS, "no case was rated by both")
        kinds = {one, other}.intersection(judges)
        if len(kinds) < 2:
            pairs.setdefault(kinds.pop() if kinds else PEOPLE, []).append(tables)
    for who, several in pairs.items():
        if len(several) > 1:
            yield from _between(f"{who} × {PEOPLE}", several, _OF_PAIRS, "no case was rated by both")
    why = "no case was rated twice" if len(ratings) > 1 else "there are fewer than two raters"
    yield from _between(ALL, [_coincidences(list(one_hot.values()))], _OF_ALL, why)


def _between(
    raters: str, tables: Sequence[Floats], coefficients: Mapping[str, tuple[Statistic, str]], empty: str
) -> Iterator[_Coefficient]:
    """The coefficients of certain raters, over the cases that are in one of the tables."""
    counts = np.any([each.any(axis=(1, 2)) for each in tables], axis=0)
    kept = [each[counts] for each in tables]
    for metric, (statistic, undefined) in coefficients.items():
        yield _Coefficient(raters, metric, statistic, kept, empty, undefined)


def _one_hot(ratings: Ratings) -> dict[str, Floats]:
    """For each rater `Float[cases, 4]`, 1 at the rating; a case that was not rated has none."""
    cases = list(dict.fromkeys(case for given in ratings.values() for case in given))
    for number, given in enumerate(ratings.values(), start=1):
        if wrong := [one for one in given.values() if one is not None and not is_rating(one)]:
            raise DataError(
                f"{wrong[0]!r} is no rating.", location=f"rater {number}", hint="A rating is 0, 1, 2, 3 or None."
            )
    return {
        rater: np.array([[float(given.get(case) == level) for level in range(N_LEVELS)] for case in cases]).reshape(
            len(cases), N_LEVELS
        )
        for rater, given in ratings.items()
    }


def _coincidences(one_hot: Sequence[Floats]) -> Floats:
    """`Float[cases, 4, 4]`, Krippendorff's coincidences: each ordered pair of a case's m ratings counts 1 / (m - 1)."""
    counts: Floats = np.sum(one_hot, axis=0) if one_hot else np.zeros((0, N_LEVELS))
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(N_LEVELS)
    return pairs / np.maximum(counts.sum(axis=1) - 1, 1)[:, None, None]


def _mean(statistic: Statistic, tables: Sequence[Floats]) -> Floats:
    """`Float[samples]`, the mean of a statistic over those of several tables for which it is defined, else NaN."""
    values = np.array([statistic(each) for each in tables])
    return _ratio(np.nansum(values, axis=0), (~np.isnan(values)).sum(axis=0).astype(np.float64))


def _middle_ranks(counts: Floats) -> Floats:
    """`Float[samples, 4]`, for each rating the middle of the places that its cases take when all are sorted."""
    return counts.cumsum(axis=1) - counts / 2


def _over_chance(tables: Floats, expected: Floats, distances: Floats, size: Floats) -> Floats:
    """1 - observed / expected disagreement, `expected` being products of counts to be divided by `size`."""
    observed = (tables * distances).sum(axis=(1, 2))
    return 1 - _ratio(observed * size, (expected * distances).sum(axis=(1, 2)))


def _ratio(upper: Floats, lower: Floats) -> Floats:
    return np.divide(upper, lower, out=np.full(upper.shape, np.nan), where=lower > 0)
