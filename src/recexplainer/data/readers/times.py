"""Times of interactions, checked to be possible. It knows columns of times, not which data set they are from."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from recexplainer.errors import DataError

_YEARS = (1970, 2100)
_LATEST = 4_102_444_800  # the first second of 2100


def unix_times(times: pl.Series, path: Path, *, per_second: int = 1) -> pl.Series:
    """Times as whole numbers since 1970.

    Args:
        times: `[interactions]`, numbers or text of numbers; null where there is none.
        path: The file they are from, for the error.
        per_second: 1 for seconds, 1000 for milliseconds.

    Returns:
        `Int64[interactions]`.

    Raises:
        DataError: One is no whole number, is negative, or is after 2100; names the first.
    """
    text = times.str.strip_chars().replace("", None) if times.dtype == pl.String else times
    whole = text.cast(pl.Int64, strict=False)
    possible = whole.is_between(0, _LATEST * per_second, closed="left")
    return _all_possible(whole, text, possible, path)


def dates(times: pl.Series, path: Path) -> pl.Series:
    """Dates written as 2020-01-31.

    Args:
        times: `[interactions]`, text; null where there is none.
        path: The file they are from, for the error.

    Returns:
        `Date[interactions]`.

    Raises:
        DataError: One is no date, or is not between 1970 and 2100; names the first.
    """
    parsed = times.str.to_date("%Y-%m-%d", strict=False)
    return _all_possible(parsed, times, parsed.dt.year().is_between(*_YEARS, closed="left"), path)


def _all_possible(parsed: pl.Series, written: pl.Series, possible: pl.Series, path: Path) -> pl.Series:
    wrong = (written.is_not_null() & ~possible.fill_null(value=False)).arg_true()
    if len(wrong):
        row = int(wrong[0])
        raise DataError(
            f"'{written[row]}' is no time between {_YEARS[0]} and {_YEARS[1]}; such times: {len(wrong):,}",
            location=f"{path}, data row {row + 1}",
            hint="correct or remove these rows, or read a table without times: data.columns.timestamp: null",
        )
    return parsed
