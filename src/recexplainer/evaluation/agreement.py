"""How far raters agree: Cohen's kappa, Spearman's rho and Krippendorff's alpha (the paper's appendix A.3).

Sources: Cohen 1960 and, weighted by squared differences, 1968; Krippendorff 2011, "Computing Krippendorff's
alpha-reliability". It knows ratings from 0 to 3, or None for a case that was not rated; not what was rated, nor how.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np

from recexplainer.errors import DataError
from recexplainer.evaluation import rating_tables
from recexplainer.evaluation.rating_tables import Floats, Statistic
from recexplainer.evaluation.rows import Row

Ratings = Mapping[str, Mapping[str, int | None]]
"""For each rater, the rating of each case; a case that is left out counts as None."""

PEOPLE, ALL = "people", "all raters"
_NO_COMMON = "no case was rated by both"
_ONE_RATER = "there are fewer than two raters"
_NO_PAIRS = "no case was rated twice"


@dataclass(frozen=True, slots=True)
class _Coefficient:
    """A statistic, and why it may be undefined for ratings that are there."""

    statistic: Statistic
    undefined: str


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Who is compared, `Float[cases, 4, 4]` for each pair (or once for all), what is asked, and why it may be empty."""

    name: str
    tables: Sequence[Floats]
    coefficients: Mapping[str, _Coefficient]
    empty: str


@dataclass(frozen=True, slots=True)
class _Measured:
    """One coefficient, the mean of several where there are several tables, or the reason why there is none.

    Attributes:
        name: Who is compared.
        metric: The coefficient's name.
        tables: Those of the comparison, without the cases that do not count.
        statistic: What is taken of them.
        value: The coefficient, 1 for full agreement; None where it is not defined.
        reason: Why there is no value; "" where there is one.
    """

    name: str
    metric: str
    tables: Sequence[Floats]
    statistic: Statistic
    value: float | None
    reason: str

    def row(self) -> Row:
        low, high = (None, None) if self.value is None else rating_tables.bootstrap(self.tables, self.statistic)
        return Row(
            method=self.name,
            task="agreement",
            metric=self.metric,
            value=self.value,
            low=low,
            high=high,
            cases=len(self.tables[0]),
        )


_SAME_BY_BOTH = "both raters gave every common case the same one rating"
_OF_PAIRS = {
    "kappa": _Coefficient(partial(rating_tables.kappa, power=0), _SAME_BY_BOTH),
    "kappa-quadratic": _Coefficient(partial(rating_tables.kappa, power=2), _SAME_BY_BOTH),
    "spearman": _Coefficient(rating_tables.spearman_rho, "a rater gave every common case the same rating"),
}
_OF_ALL = {
    f"alpha-{scale}": _Coefficient(partial(rating_tables.alpha, scale=scale), "all ratings are the same")
    for scale in ("nominal", "ordinal", "interval")
}


def agreement_rows(ratings: Ratings, judges: Sequence[str] = ()) -> list[Row]:
    """Agreement between raters, task `agreement`, with 95% bootstrap intervals over cases.

    Args:
        ratings: All raters' ratings.
        judges: Those raters who are no people; the means over pairs are taken apart for them, as in the paper.

    Returns:
        For each pair, method `A × B`, the metrics `kappa`, `kappa-quadratic` and `spearman` over their common cases;
        their means over pairs, methods `people × people` (from three people on) and `JUDGE × people` (from two on);
        for `all raters` the metrics `alpha-nominal`, `alpha-ordinal` and `alpha-interval` over the cases rated twice.
        What is not defined has no value; `agreement_notes` says why.

    Raises:
        DataError: A rating is not 0 to 3, or a judge is no rater.
    """
    return [one.row() for one in _measured(ratings, judges)]


def agreement_notes(ratings: Ratings, judges: Sequence[str] = ()) -> list[str]:
    """Why rows of `agreement_rows` have no value, a line each: `ann × bob, spearman: …`."""
    return [f"{one.name}, {one.metric}: {one.reason}" for one in _measured(ratings, judges) if one.reason]


def _measured(ratings: Ratings, judges: Sequence[str]) -> Iterator[_Measured]:
    if unknown := [judge for judge in judges if judge not in ratings]:
        known = ", ".join(ratings) or "none"
        raise DataError(f"The judge {unknown[0]!r} has no ratings.", hint=f"Those who have ratings are: {known}.")
    for comparison in _comparisons(ratings, judges):
        counts = np.any([each.any(axis=(1, 2)) for each in comparison.tables], axis=0)
        tables = [each[counts] for each in comparison.tables]
        for metric, coefficient in comparison.coefficients.items():
            value, reason = None, comparison.empty
            if counts.any():
                value, reason = _value(tables, coefficient)
            yield _Measured(comparison.name, metric, tables, coefficient.statistic, value, reason)


def _value(tables: Sequence[Floats], coefficient: _Coefficient) -> tuple[float | None, str]:
    """The coefficient over all cases, or why there is none."""
    sums = [each.sum(axis=0, keepdims=True) for each in tables]
    value = float(rating_tables.mean_statistic(sums, coefficient.statistic)[0])
    return (None, coefficient.undefined) if np.isnan(value) else (value, "")


def _comparisons(ratings: Ratings, judges: Sequence[str]) -> Iterator[_Comparison]:
    cases = list(dict.fromkeys(case for given in ratings.values() for case in given))
    matrix = rating_tables.rating_matrix([[given.get(case) for case in cases] for given in ratings.values()])
    pairs: dict[str, list[Floats]] = {}
    for (one, first), (other, second) in combinations(zip(ratings, matrix, strict=True), 2):
        tables = rating_tables.pair_tables(first, second)
        yield _Comparison(f"{one} × {other}", [tables], _OF_PAIRS, _NO_COMMON)
        kinds = {one, other}.intersection(judges)
        if len(kinds) < 2:
            pairs.setdefault(kinds.pop() if kinds else PEOPLE, []).append(tables)
    for who, tables in pairs.items():
        if len(tables) > 1:
            yield _Comparison(f"{who} × {PEOPLE}", tables, _OF_PAIRS, _NO_COMMON)
    yield _Comparison(ALL, [rating_tables.coincidences(matrix)], _OF_ALL, _why_empty(len(ratings)))


def _why_empty(raters: int) -> str:
    return _NO_PAIRS if raters > 1 else _ONE_RATER
