"""The 95% percentile bootstrap of a mean. It knows numbers only, not what they measure."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

_MAX_DRAWS_AT_ONCE = 4_000_000  # 32 MB of indices and as much of values, however many the cases


def interval(
    values: ArrayLike, *, resamples: int = 1000, seed: int = 0
) -> tuple[float | None, float | None, float | None]:
    """The mean of the cases and its 95% bootstrap interval.

    Cases are drawn with replacement, as many as there are; the ends are the 2.5% and 97.5% percentiles of the
    resampled means.

    Args:
        values: `Float[cases]`, one number a case.
        resamples: How many times the cases are drawn anew; at least 1.
        seed: The same seed and values give the same interval.

    Returns:
        `(mean, low, high)`; `(None, None, None)` where there is no case.

    Raises:
        ValueError: If `values` is not one-dimensional, holds a number that is not finite, or `resamples` is below 1.
    """
    cases = np.asarray(values, dtype=np.float64)
    if cases.ndim != 1:
        raise ValueError(f"values must be one-dimensional, one number a case; got shape {cases.shape}")
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1; got {resamples}")
    if not np.isfinite(cases).all():
        raise ValueError(f"{int((~np.isfinite(cases)).sum())} of {len(cases)} values are not finite")
    if len(cases) == 0:
        return None, None, None
    if cases.min() == cases.max():
        constant = float(cases[0])
        return constant, constant, constant

    rng = np.random.default_rng(seed)
    at_once = max(1, _MAX_DRAWS_AT_ONCE // len(cases))
    means = np.empty(resamples)
    for start in range(0, resamples, at_once):
        stop = min(start + at_once, resamples)
        drawn = rng.integers(len(cases), size=(stop - start, len(cases)))
        means[start:stop] = cases[drawn].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(cases.mean()), float(low), float(high)
