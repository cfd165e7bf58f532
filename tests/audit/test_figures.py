"""Figures by hand: lists together, over users, and when a figure supports a sentence."""

from __future__ import annotations

import numpy as np
import pytest
from tests.audit.recommenders import ScoredBy, shop

from recexplainer.audit.catalogue import Exposure, most_popular
from recexplainer.audit.changed_histories import places_that_stay, random_items
from recexplainer.audit.deciding import CLASSES, deciding
from recexplainer.audit.findings import Condition, difference_side, points, shown
from recexplainer.audit.measured import Measured, collective_row
from recexplainer.audit.sample import AuditSettings, Sample, draw_rows, take_sample
from recexplainer.errors import RecommenderError
from recexplainer.evaluation.rows import Row
from recexplainer.recommenders.base import Floats, User


def sample_of(lists: list[list[int]], histories: list[tuple[int, ...]]) -> Sample:
    users = tuple(User(history, f"u{at}") for at, history in enumerate(histories))
    count = len(users)
    return Sample(users, np.arange(count), np.array(lists), np.ones(count))


def made(low: float, high: float, cases: int = 100, task: str = "audit", metric: str = "coverage") -> Row:
    value = (low + high) / 2
    return Row(method="recommender", task=task, metric=metric, value=value, low=low, high=high, cases=cases)


def test_coverage_concentration_and_difference_of_lists() -> None:
    exposure = Exposure(np.array([[0, 1], [0, 2], [0, 1]]), 4)
    everyone = np.arange(3)
    assert exposure.counts(everyone).tolist() == [3, 2, 1, 0]
    assert exposure.coverage(everyone) == 0.75
    assert exposure.coverage(np.array([0])) == 0.5
    # sum of (2 rank - n - 1) count over n times the sum: (-3 * 0 - 1 * 1 + 1 * 2 + 3 * 3) / (4 * 6)
    assert exposure.gini(everyone) == pytest.approx(10 / 24)
    assert exposure.top_tenth(everyone) == 0.5  # at least one item
    assert exposure.difference(everyone) == pytest.approx((0.5 + 0.5 + 0.0) / 3)
    assert exposure.difference(np.array([0])) == 0.0


def test_the_most_popular_that_a_user_has_not_had_with_ties() -> None:
    counts = np.array([9, 5, 5, 1, 0])
    found = most_popular(sample_of([[1, 3], [2, 4]], [(0,), (3,)]), counts)
    # without item 0 the two most popular are 1 and 2; without item 3 they are 0 and, tied, 1 and 2
    assert (found.top / found.of).tolist() == [0.5, 0.5]


def test_a_figure_is_a_mean_over_users_or_a_ratio_of_sums() -> None:
    assert Measured.mean("m", [0.0, 1.0, np.nan]).row().value == 0.5
    assert Measured.mean("m", [0.0, 1.0, np.nan]).row().cases == 2
    ratio = Measured.ratio("m", [1, 3, 0], [1, 9, 0])
    assert (ratio.row().value, ratio.row().cases) == (pytest.approx(0.4), 2)
    assert ratio.row(np.array([2])).value is None
    assert ratio.difference(np.array([0]), np.array([1]), "g").value == pytest.approx(1 - 1 / 3)
    assert ratio.difference(np.array([0]), np.array([1]), "g").cases == 1
    assert ratio.difference(np.array([0]), np.array([2]), "g").value is None
    assert ratio.change(Measured.ratio("m", [0, 9, 4], [1, 9, 4])).value == pytest.approx(9 / 10 - 4 / 10)


def test_the_interval_of_a_collective_figure_is_about_what_samples_differ_by() -> None:
    rng = np.random.default_rng(3)
    share = np.array([1 / rank for rank in range(1, 101)])

    def drawn() -> Exposure:
        lists = [rng.choice(100, 5, replace=False, p=share / share.sum()) for _ in range(60)]
        return Exposure(np.array(lists), 100)

    everyone = np.arange(60)
    found = np.array([drawn().coverage(everyone) for _ in range(200)])
    row = collective_row("coverage", drawn().coverage, everyone)
    assert row.low is not None and row.high is not None and row.value is not None
    assert row.low <= row.value <= row.high
    assert (row.high - row.low) / (4 * found.std()) == pytest.approx(1.0, abs=0.45)
    assert collective_row("coverage", drawn().coverage, everyone[:0]).value is None


@pytest.mark.parametrize(
    ("low", "high", "cases", "status"),
    [(0.8, 0.9, 30, "supported"), (0.8, 0.9, 29, "unverified"), (0.79, 0.9, 99, "unverified"),
     (0.1, 0.79, 99, "contradicted"), (0.7, 0.8, 99, "unverified")],
)  # fmt: skip
def test_a_sentence_needs_the_whole_interval(low: float, high: float, cases: int, status: str) -> None:
    assert Condition(metric="m", least=0.8).status(made(low, high, cases)) == status


def test_the_most_that_a_figure_may_be() -> None:
    condition = Condition(metric="m", most=0.5)
    intervals = [(0.1, 0.5), (0.4, 0.6), (0.51, 0.6)]
    statuses = [condition.status(made(*ends)) for ends in intervals]
    assert statuses == ["supported", "unverified", "contradicted"]
    assert condition.status(None) == "unverified"


def test_a_difference_has_a_side_where_its_interval_is_beyond_the_margin() -> None:
    sides = [difference_side(made(*ends), 0.1) for ends in [(0.1, 0.3), (-0.3, -0.1), (0.09, 0.3), (-0.3, 0.3)]]
    assert sides == ["higher", "lower", "", ""]


def test_how_figures_are_shown() -> None:
    assert shown(made(0.79, 0.85)) == "82% (79–85%)"
    assert shown(made(0.4, 0.5, metric="gini")) == "0.45 (0.40–0.50)"
    assert shown(made(-0.08, -0.04, task="audit_difference")) == "−6 points (−8 to −4)"
    assert shown(made(-0.1, 0.3, metric="raised_by_brand")) == "+0.10 (−0.10 to +0.30)"
    assert points(made(-0.08, -0.04)) == "4 to 8 percentage points"
    none = Row(method="recommender", task="audit", metric="m", value=None, low=None, high=None, cases=0)
    assert shown(none) == "not measured"


def by_last(user: User) -> Floats:
    """The items after the last one of the history, in order, then the others."""
    return np.roll(np.arange(400, 0, -1), user.history[-1] + 1).astype(np.float32)


def test_which_places_stay_with_a_changed_history() -> None:
    recommender, sample = ScoredBy(400, by_last), sample_of([[6, 7, 8]], [(3, 5)])
    stayed = places_that_stay(recommender, sample, [0, 0, 0], [(5,), (6,), (30,)])
    # after 5 come 6, 7, 8; after 6 come 7, 8, 9, and 6 cannot be recommended; after 30 come others
    np.testing.assert_array_equal(stayed, [[1, 1, 1], [np.nan, 1, 1], [0, 0, 0]])


def test_the_last_item_decides_each_place() -> None:
    recommender, sample = ScoredBy(400, by_last), sample_of([[6, 7, 8], [21, 22, 23]], [(300, 5), (20,)])
    found = deciding(recommender, sample, seed=0)
    assert {CLASSES[one] for one in found.classes.ravel().tolist()} == {"last_item"}
    # without 300 the whole list stays, without 5 nothing of it
    assert found.stays_without_one[0] == 0.5
    assert np.isnan(found.stays_without_one[1])


def test_random_items_are_none_that_are_taken() -> None:
    rng = np.random.default_rng(0)
    assert sorted(random_items(rng, 6, 9, {1, 3})) == [0, 2, 4, 5]
    assert random_items(rng, 2, 1, {0, 1}) == ()


def test_users_with_too_few_items_left_are_left_out_and_counted() -> None:
    def score(user: User) -> Floats:
        scores = np.arange(160, dtype=np.float32)
        if user.id == shop().user_ids[0]:
            scores[10:] = -np.inf
        return scores

    rows = np.arange(5)
    sample = take_sample(shop(), ScoredBy(160, score), rows, 12)
    assert (len(sample), sample.too_few_items) == (4, 1)
    with pytest.raises(RecommenderError, match="For none of 1 users"):
        take_sample(shop(), ScoredBy(160, score), rows[:1], 12)


def test_so_many_users_are_drawn_that_the_questions_suffice() -> None:
    recommender = ScoredBy(160, by_last)
    counts = [len(draw_rows(shop(), recommender, AuditSettings(questions=many))) for many in (500, 5000, 10**6)]
    assert 0 < counts[0] < counts[1] < counts[2] == 200
    with pytest.raises(RecommenderError, match="100 questions do not suffice"):
        draw_rows(shop(), recommender, AuditSettings(questions=100))
