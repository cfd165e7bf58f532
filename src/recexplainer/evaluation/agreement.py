"""How far raters agree: Cohen's kappa, Spearman's rho and Krippendorff's alpha (the paper's appendix A.3).

It knows ratings from 0 to 3, or None for a case that was not rated; not what was rated, nor how.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Literal

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
class Agreement:
    """One coefficient.

    Attributes:
        value: The coefficient, 1 for full agreement; None where it is not defined.
        reason: Why there is no value, to be shown; "" where there is one.
    """

    value: float | None
    reason: str = ""


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


def cohen_kappa(
    first: Sequence[int | None], second: Sequence[int | None], weights: Literal["nominal", "quadratic"] = "nominal"
) -> Agreement:
    """Cohen's kappa of two raters, plain (Cohen 1960) or weighted (Cohen 1968).

    Args:
        first: `[cases]`, one rater's ratings.
        second: `[cases]`, the other's.
        weights: What a disagreement costs: 1 whatever it is (as in the paper), or the squared difference.

    Returns:
        No value where no case was rated by both, or both gave the same one rating throughout. A rater who is constant
        beside one who is not has a kappa of 0.

    Raises:
        DataError: A rating is not 0 to 3, or the numbers of cases differ.
    """
    return _of_pair(first, second, "kappa" if weights == "nominal" else "kappa-quadratic")


def spearman(first: Sequence[int | None], second: Sequence[int | None]) -> Agreement:
    """Spearman's rho of two raters; ties share their mean rank.

    Args and errors are those of `cohen_kappa`.

    Returns:
        No value where no case was rated by both, or a rater gave all of those (or the only one) the same rating.
    """
    return _of_pair(first, second, "spearman")


def krippendorff_alpha(
    ratings: Sequence[Sequence[int | None]], scale: Literal["nominal", "ordinal", "interval"]
) -> Agreement:
    """Krippendorff's alpha of any number of raters (Krippendorff 2011, "Computing Krippendorff's alpha-reliability").

    Args:
        ratings: `[raters][cases]`; a case counts where two raters or more have rated it.
        scale: How far two ratings are apart: `nominal` 0 or 1, `ordinal` by how many ratings were given between them,
            `interval` by their difference; the latter two squared.

    Returns:
        No value with fewer than two raters, where no case was rated twice, or all ratings of those cases are the same.

    Raises:
        DataError: A rating is not 0 to 3, or the numbers of cases differ.
    """
    tables = rating_tables.coincidences(rating_tables.rating_matrix(ratings))
    return _agreement([tables], _OF_ALL[f"alpha-{scale}"], _why_empty(len(ratings)))


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
    return [row for row, _ in _measured(ratings, judges)]


def agreement_notes(ratings: Ratings, judges: Sequence[str] = ()) -> list[str]:
    """Why rows of `agreement_rows` have no value, a line each: `ann × bob, spearman: …`."""
    return [f"{row.method}, {row.metric}: {reason}" for row, reason in _measured(ratings, judges) if reason]


def _of_pair(first: Sequence[int | None], second: Sequence[int | None], metric: str) -> Agreement:
    tables = rating_tables.pair_tables(*rating_tables.rating_matrix([first, second]))
    return _agreement([tables], _OF_PAIRS[metric], _NO_COMMON)


def _agreement(tables: Sequence[Floats], coefficient: _Coefficient, empty: str) -> Agreement:
    """The coefficient over all cases, the mean of several where there are several tables."""
    sums = [each.sum(axis=0, keepdims=True) for each in tables]
    if not any(each.any() for each in sums):
        return Agreement(None, empty)
    value = float(rating_tables.mean_statistic(sums, coefficient.statistic)[0])
    return Agreement(None, coefficient.undefined) if np.isnan(value) else Agreement(value)


def _measured(ratings: Ratings, judges: Sequence[str]) -> Iterator[tuple[Row, str]]:
    """Each row, with the reason why it has no value or ""."""
    if unknown := [judge for judge in judges if judge not in ratings]:
        known = ", ".join(ratings) or "none"
        raise DataError(f"The judge {unknown[0]!r} has no ratings.", mend=f"Those who have ratings are: {known}.")
    for comparison in _comparisons(ratings, judges):
        counts = np.any([each.any(axis=(1, 2)) for each in comparison.tables], axis=0)
        tables = [each[counts] for each in comparison.tables]
        for metric, coefficient in comparison.coefficients.items():
            found = _agreement(tables, coefficient, comparison.empty)
            ends = (None, None) if found.value is None else rating_tables.bootstrap(tables, coefficient.statistic)
            yield Row(comparison.name, "agreement", metric, found.value, *ends, int(counts.sum())), found.reason


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
