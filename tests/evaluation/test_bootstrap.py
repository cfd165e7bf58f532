from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recexplainer.evaluation.rows import interval, resample


def test_no_cases_have_no_mean() -> None:
    assert interval([]) == (None, None, None)


def test_a_constant_has_no_width() -> None:
    assert interval([0.3] * 7) == (0.3, 0.3, 0.3)
    assert interval([1]) == (1.0, 1.0, 1.0)


def test_interval_agrees_with_the_normal_approximation() -> None:
    values = np.random.default_rng(1).binomial(1, 0.4, size=2000)
    mean, low, high = interval(values)
    assert mean == pytest.approx(values.mean())
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert low == pytest.approx(values.mean() - half, abs=0.004)
    assert high == pytest.approx(values.mean() + half, abs=0.004)


def test_ends_are_percentiles_of_the_possible_means() -> None:
    # Two cases: a resample's mean is 0, 1/2 or 1 with chances 1/4, 1/2, 1/4, so the interval is the whole range.
    assert interval([0, 1]) == (0.5, 0.0, 1.0)


def test_same_seed_same_interval_and_another_seed_another() -> None:
    values = np.random.default_rng(2).random(50)
    assert interval(values, seed=3) == interval(values, seed=3)
    assert interval(values, seed=3) != interval(values, seed=4)


def test_blocks_do_not_change_the_answer() -> None:
    """So many cases that they are drawn in blocks: the same as all draws of the generator at once."""
    values = np.random.default_rng(2).random(1_500_000)
    drawn = np.random.default_rng(0).integers(len(values), size=(5, len(values)))
    means = [values[each].mean() for each in drawn]
    assert interval(values, resamples=5)[1:] == pytest.approx(np.percentile(means, [2.5, 97.5]), abs=1e-12)


def test_resamples_in_which_a_statistic_is_not_defined_are_left_out() -> None:
    values = np.array([0.0, 0.0, 3.0])

    def share_of_the_last(drawn: Any) -> Any:
        total = values[drawn].sum(axis=1)
        return np.where(total > 0, 3.0, np.nan)

    assert resample(share_of_the_last, 3) == (3.0, 3.0)
    assert resample(lambda drawn: np.full(len(drawn), np.nan), 3) == (None, None)


@pytest.mark.parametrize("values", [[[1.0, 2.0]], [1.0, float("nan")], [float("inf")]])
def test_refuses_what_has_no_mean(values: Any) -> None:
    with pytest.raises(ValueError, match=r"one-dimensional|not finite"):
        interval(values)


def test_refuses_no_resamples() -> None:
    with pytest.raises(ValueError, match="resamples"):
        interval([0, 1], resamples=0)
