import numpy as np
import pytest

from recexplainer.evaluation import bootstrap
from recexplainer.evaluation.bootstrap import interval


def test_no_cases_have_no_mean():
    assert interval([]) == (None, None, None)


def test_a_constant_has_no_width():
    assert interval([0.3] * 7) == (0.3, 0.3, 0.3)
    assert interval([1]) == (1.0, 1.0, 1.0)


def test_interval_agrees_with_the_normal_approximation():
    values = np.random.default_rng(1).binomial(1, 0.4, size=2000)
    mean, low, high = interval(values)
    assert mean == pytest.approx(values.mean())
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert low == pytest.approx(values.mean() - half, abs=0.004)
    assert high == pytest.approx(values.mean() + half, abs=0.004)


def test_ends_are_percentiles_of_the_possible_means():
    # Two cases: a resample's mean is 0, 1/2 or 1 with chances 1/4, 1/2, 1/4, so the interval is the whole range.
    assert interval([0, 1]) == (0.5, 0.0, 1.0)


def test_same_seed_same_interval_and_another_seed_another():
    values = np.random.default_rng(2).random(50)
    assert interval(values, seed=3) == interval(values, seed=3)
    assert interval(values, seed=3) != interval(values, seed=4)


def test_blocks_do_not_change_the_answer(monkeypatch):
    values = np.random.default_rng(2).random(50)
    whole = interval(values)
    monkeypatch.setattr(bootstrap, "_MAX_DRAWS_AT_ONCE", 70)
    assert interval(values) == whole


@pytest.mark.parametrize("values", [[[1.0, 2.0]], [1.0, float("nan")], [float("inf")]])
def test_refuses_what_has_no_mean(values):
    with pytest.raises(ValueError, match=r"one-dimensional|not finite"):
        interval(values)


def test_refuses_no_resamples():
    with pytest.raises(ValueError, match="resamples"):
        interval([0, 1], resamples=0)
