"""The 95% percentile bootstrap over cases, for all statistics of this package. It knows numbers only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Statistic = Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""From `Int[resamples, cases]`, the places of the cases drawn, to `Float[resamples]`, NaN where it is not defined."""

_MAX_DRAWS = 4_000_000  # drawn together: 32 MB of indices and as much of values, however many the cases


def resample(
    statistic: Statistic, cases: int, *, resamples: int = 1000, seed: int = 0
) -> tuple[float | None, float | None]:
    """`(low, high)`: the 2.5% and 97.5% percentiles of a statistic over `cases` (>= 1) cases drawn with replacement.

    Resamples in which it is not defined are left out; `(None, None)` where it is defined in none. Raises ValueError if
    `resamples` is below 1.
    """
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1; got {resamples}")
    rng = np.random.default_rng(seed)
    block = max(1, _MAX_DRAWS // cases)
    sizes = [min(block, resamples - start) for start in range(0, resamples, block)]
    values = np.concatenate([statistic(rng.integers(cases, size=(size, cases))) for size in sizes])
    defined = values[~np.isnan(values)]
    if not len(defined):
        return None, None
    low, high = np.percentile(defined, [2.5, 97.5])
    return float(low), float(high)


def interval(
    values: ArrayLike, *, resamples: int = 1000, seed: int = 0
) -> tuple[float | None, float | None, float | None]:
    """`(mean, low, high)` of `Float[cases]`, with the interval of `resample`; `(None, None, None)` without a case.

    Raises ValueError if `values` is not one-dimensional, holds a number that is not finite, or `resamples` is below 1.
    """
    cases = np.asarray(values, dtype=np.float64)
    if cases.ndim != 1:
        raise ValueError(f"values must be one-dimensional, one number a case; got shape {cases.shape}")
    if not np.isfinite(cases).all():
        raise ValueError(f"{int((~np.isfinite(cases)).sum())} of {len(cases)} values are not finite")
    if len(cases) == 0:
        return None, None, None
    if cases.min() == cases.max() and resamples > 0:
        return float(cases[0]), float(cases[0]), float(cases[0])
    low, high = resample(lambda drawn: cases[drawn].mean(axis=1), len(cases), resamples=resamples, seed=seed)
    return float(cases.mean()), low, high
