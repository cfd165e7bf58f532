from __future__ import annotations

from typing import Any

import krippendorff
import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import cohen_kappa_score

from recexplainer.errors import DataError
from recexplainer.study.agreement import agreement_notes, agreement_rows

SCALES = ("nominal", "ordinal", "interval")
ANN, BOB = [0, 1, 2, 3, 3, None], [0, 1, 3, 3, 2, 1]


def draw(seed: int, raters: Any = 2, cases: Any = 40, missing: Any = 0.15) -> Any:
    """Ratings of raters who lean to a common one, as lists with None and as an array with NaN."""
    random = np.random.default_rng(seed)
    common = random.integers(4, size=cases)
    given = np.clip(common + random.integers(-1, 2, size=(raters, cases)), 0, 3).astype(float)
    given[random.random(given.shape) < missing] = np.nan
    return [[None if np.isnan(one) else int(one) for one in row] for row in given], given


def by_rater(*lists: Any) -> Any:
    return {f"rater {n}": {f"case {at}": one for at, one in enumerate(given)} for n, given in enumerate(lists, start=1)}


def coefficient(metric: Any, *lists: Any) -> Any:
    """The last row of a metric: that of the pair, or of all raters."""
    return next(row.value for row in reversed(agreement_rows(by_rater(*lists))) if row.metric == metric)


def why_not(metric: Any, *lists: Any) -> Any:
    """Why there is no value."""
    assert coefficient(metric, *lists) is None
    return next(
        note.split(": ")[1] for note in agreement_notes(agreement_rows(by_rater(*lists))) if f", {metric}: " in note
    )


def kappa_of(first: Any, second: Any) -> Any:
    return coefficient("kappa", first, second)


def quadratic(first: Any, second: Any) -> Any:
    return coefficient("kappa_quadratic", first, second)


def spearman(first: Any, second: Any) -> Any:
    return coefficient("spearman", first, second)


def alpha(table: Any, scale: Any) -> Any:
    return coefficient(f"alpha_{scale}", *table)


def test_kappa_by_hand() -> None:
    # 3 of 5 agree; chance (1*1 + 1*1 + 1*1 + 2*2) / 25 = 0.28
    assert kappa_of(ANN, BOB) == pytest.approx((0.6 - 0.28) / (1 - 0.28))
    # squares seen: 1 + 1 = 2; by chance over all 25 pairs: differences of {0,1,2,3,3} and {0,1,3,3,2}
    expected = sum((a - b) ** 2 for a in (0, 1, 2, 3, 3) for b in (0, 1, 3, 3, 2)) / 5
    assert quadratic(ANN, BOB) == pytest.approx(1 - 2 / expected)


def test_spearman_by_hand() -> None:
    # ranks 1, 2, 3, 4.5, 4.5 and 1, 2, 4.5, 4.5, 3, less 3: products 4 + 1 + 0 + 2.25 + 0, squares 9.5 each
    assert spearman(ANN, BOB) == pytest.approx(7.25 / 9.5)


def test_alpha_by_hand() -> None:
    # Two raters, cases (0,0), (1,1), (0,1), one more rated once. Coincidences: 00 2, 11 2, 01 1, 10 1; n = 6.
    # observed 2 / 6; expected 2 * 3 * 3 / (6 * 5) = 0.6
    table = [[0, 1, 0, None], [0, 1, 1, 3]]
    assert alpha(table, "nominal") == pytest.approx(1 - (2 / 6) / 0.6)
    assert alpha(table, "interval") == pytest.approx(1 - (2 / 6) / 0.6)
    # Ordinal: 0 and 1 lie 3 places apart, whatever the labels; the same ratio.
    assert alpha(table, "ordinal") == pytest.approx(1 - (2 / 6) / 0.6)


def test_a_far_disagreement_costs_more_where_differences_count() -> None:
    near, far = [[0, 1, 2, 3], [0, 1, 2, 2]], [[0, 1, 2, 3], [0, 1, 2, 0]]
    assert quadratic(*near) > quadratic(*far)
    assert alpha(near, "interval") > alpha(far, "interval")


@pytest.mark.parametrize("seed", range(20))
def test_the_same_as_scikit_learn_and_scipy(seed: int) -> None:
    (first, second), given = draw(seed)
    both = given[:, ~np.isnan(given).any(axis=0)].astype(int)
    for ours, theirs in ((kappa_of, None), (quadratic, "quadratic")):
        expected = cohen_kappa_score(*both, labels=[0, 1, 2, 3], weights=theirs)
        assert ours(first, second) == pytest.approx(expected, abs=1e-12)
    result: Any = spearmanr(*both)
    assert spearman(first, second) == pytest.approx(result.statistic, abs=1e-12)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("seed", range(20))
def test_the_same_as_the_krippendorff_package(seed: int, scale: Any) -> None:
    lists, given = draw(seed, raters=2 + seed % 4, missing=0.4)
    expected = krippendorff.alpha(reliability_data=given, level_of_measurement=scale)
    assert alpha(lists, scale) == pytest.approx(expected, abs=1e-12)


def test_bounds() -> None:
    same, turned = [0, 1, 2, 3], [3, 2, 1, 0]
    assert kappa_of(same, same) == quadratic(same, same) == pytest.approx(1)
    assert spearman(same, same) == pytest.approx(1)
    assert spearman(same, turned) == quadratic(same, turned) == pytest.approx(-1)
    for scale in SCALES:
        assert alpha([same, same, same], scale) == pytest.approx(1)


def test_a_constant_rater() -> None:
    assert "same one rating" in why_not("kappa", [2, 2, 2], [2, 2, 2])
    assert kappa_of([2, 2, 2], [1, 2, 3]) == kappa_of([2, 2], [1, 1]) == 0.0
    assert "same rating" in why_not("spearman", [2, 2, 2], [1, 2, 3])
    for scale in SCALES:
        assert why_not(f"alpha_{scale}", [2, 2], [2, 2]) == "all ratings are the same"


@pytest.mark.parametrize(("first", "second"), [([], []), ([1, None], [None, 2]), ([None], [None])])
def test_no_common_case(first: Any, second: Any) -> None:
    for metric in ("kappa", "kappa_quadratic", "spearman"):
        assert why_not(metric, first, second) == "no case was rated by both"
    assert why_not("alpha_ordinal", first, second) == "no case was rated twice"


@pytest.mark.parametrize("raters", [[], [[1, 2, 3]]])
def test_one_rater_or_none(raters: Any) -> None:
    assert why_not("alpha_nominal", *raters) == "there are fewer than two raters"


@pytest.mark.parametrize("bad", [4, -1, 1.5, True, "2", float("nan")])
def test_what_is_no_rating_is_refused(bad: Any) -> None:
    with pytest.raises(DataError, match="no rating") as error:
        agreement_rows(by_rater([1, 2], [0, bad]))
    assert error.value.location == "rater 2"
    assert error.value.hint


def ratings(raters: Any = 3) -> Any:
    lists, _ = draw(1, raters)
    names = ("ann", "bob", "cas", "dot")[:raters]
    return {name: {f"case {n}": one for n, one in enumerate(given)} for name, given in zip(names, lists, strict=True)}


def test_rows_of_pairs_their_mean_and_all() -> None:
    given = ratings()
    rows = agreement_rows(given)
    found: dict[tuple[str, str], Any] = {(row.method, row.metric): row for row in rows}
    pairs = ["ann × bob", "ann × cas", "bob × cas"]
    assert list(dict.fromkeys(row.method for row in rows)) == [*pairs, "people × people", "all raters"]
    assert {row.task for row in rows} == {"agreement"}
    lists = [list(each.values()) for each in given.values()]
    assert found["ann × cas", "kappa"].value == kappa_of(lists[0], lists[2])
    assert found["ann × cas", "kappa_quadratic"].value == quadratic(lists[0], lists[2])
    assert found["bob × cas", "spearman"].value == spearman(lists[1], lists[2])
    assert found["all raters", "alpha_ordinal"].value == alpha(lists, "ordinal")
    for metric in ("kappa", "kappa_quadratic", "spearman"):
        mean = np.mean([found[pair, metric].value for pair in pairs])
        assert found["people × people", metric].value == pytest.approx(mean)
    for row in found.values():
        assert row.low < row.value < row.high
    common = sum(a is not None and b is not None for a, b in zip(lists[0], lists[1], strict=True))
    assert found["ann × bob", "kappa"].cases == common
    twice = sum(sum(one is not None for one in case) > 1 for case in zip(*lists, strict=True))
    assert found["all raters", "alpha_nominal"].cases == found["people × people", "kappa"].cases == twice
    assert agreement_notes(rows) == []
    assert agreement_rows(given) == rows


def test_a_judge_is_compared_with_people_apart() -> None:
    given = ratings(4)
    rows = agreement_rows(given, judges=["dot"])
    found: dict[tuple[str, str], Any] = {(row.method, row.metric): row.value for row in rows}
    people, judged = ("ann × bob", "ann × cas", "bob × cas"), ("ann × dot", "bob × dot", "cas × dot")
    for name, pairs in (("people × people", people), ("dot × people", judged)):
        assert found[name, "spearman"] == pytest.approx(np.mean([found[pair, "spearman"] for pair in pairs]))
    with pytest.raises(DataError, match="eve") as error:
        agreement_rows(given, judges=["eve"])
    assert "ann, bob, cas, dot" in error.value.hint


def test_rows_without_a_value_are_explained() -> None:
    given = {"ann": {"a": 1, "b": 1}, "bob": {"a": 1, "b": 1, "c": None}, "cas": {"c": 2}}
    rows = agreement_rows(given)
    assert all(row.value is row.low is row.high is None for row in rows)
    cases = {row.method: row.cases for row in rows}
    assert cases == {"ann × bob": 2, "ann × cas": 0, "bob × cas": 0, "people × people": 2, "all raters": 2}
    notes = agreement_notes(rows)
    assert len(notes) == len(rows)
    assert "ann × cas, kappa: no case was rated by both" in notes
    assert "all raters, alpha_nominal: all ratings are the same" in notes


@pytest.mark.parametrize("given", [{}, {"ann": {}}, {"ann": {"a": 1}}])
def test_rows_of_fewer_than_two_raters(given: Any) -> None:
    rows = agreement_rows(given)
    assert [(row.method, row.metric, row.value, row.cases) for row in rows] == [
        ("all raters", f"alpha_{scale}", None, 0) for scale in SCALES
    ]
    assert agreement_notes(rows)[0] == "all raters, alpha_nominal: there are fewer than two raters"


def test_the_bootstrap_is_that_of_the_cases_themselves() -> None:
    (first, second), _ = draw(3, cases=60, missing=0)
    row = next(row for row in agreement_rows(by_rater(first, second)) if row.metric == "kappa")
    random = np.random.default_rng(9)
    drawn = []
    for _ in range(400):
        at = random.integers(60, size=60)
        drawn.append(cohen_kappa_score(np.array(first)[at], np.array(second)[at]))
    assert (row.low, row.high) == pytest.approx(np.percentile(drawn, [2.5, 97.5]), abs=0.05)


def test_resamples_without_a_value_are_left_out() -> None:
    row = agreement_rows(by_rater([0, 0, 1], [0, 0, 1]))[0]
    assert (row.metric, row.value, row.low, row.high) == ("kappa", 1.0, 1.0, 1.0)
    row = agreement_rows(by_rater([0], [0]))[0]
    assert (row.value, row.low, row.high) == (None, None, None)
