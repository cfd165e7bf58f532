# pyright: reportUnknownLambdaType=false
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from recexplainer.claims.claim import Claim, ClaimKind
from recexplainer.claims.parser import read_verdict
from recexplainer.data.dataset import Dataset
from recexplainer.data.sample import make_world
from recexplainer.evaluation.rows import Row
from recexplainer.evaluation.synthetic.auroc import ALL, TESTED, auroc, auroc_metric, evaluate_synthetic, right_statuses
from recexplainer.evaluation.synthetic.ground_truth import (
    CORRUPTIONS,
    MILD,
    Corrupter,
    Statement,
    SyntheticCase,
    draw_synthetic_cases,
    true_statement,
    word_statement,
)
from recexplainer.evaluation.synthetic.rules import (
    MAX_HISTORY,
    RULE_NAMES,
    Causes,
    SyntheticRecommender,
    synthetic_recommenders,
)
from recexplainer.evidence.evidence import gather_evidence
from recexplainer.explanations.record import Explanation
from recexplainer.recommenders.attribution import occlusion_attributions
from recexplainer.recommenders.base import Recommender, User

pytestmark = pytest.mark.slow

_QUOTED = re.compile(r"“([^”]*)”|\"([^\"]*)\"")


@cache
def world() -> Dataset:
    return make_world(users=200, items=120, seed=1)


@cache
def recommenders() -> dict[str, SyntheticRecommender]:
    return synthetic_recommenders(world(), seed=3)


@cache
def cases(rule: str) -> list[SyntheticCase]:
    return draw_synthetic_cases(world(), recommenders()[rule], 12, np.random.default_rng(4))


@cache
def rows(pairs: int = 60) -> list[Row]:
    return evaluate_synthetic(by_hand, pairs, seed=2)


def one(metric: str, method: str = ALL, corruption: str = "") -> Row:
    return next(each for each in rows() if (each.metric, each.method, each.variant) == (metric, method, corruption))


def quoted(text: str) -> set[str]:
    return {first or second for first, second in _QUOTED.findall(text)}


def by_hand(explanations: Sequence[Explanation], recommender: Recommender) -> Mapping[str, Sequence[float | None]]:
    """Metrics as a reader without claims can compute them: from the verdict, quoted titles and effects of removal."""
    users = [User(each.history, each.user) for each in explanations]
    attributions = occlusion_attributions(recommender, users, [each.item for each in explanations])
    drops: list[float | None] = []
    for each, of_history in zip(explanations, attributions, strict=True):
        sign = 1 if each.recommended else -1
        known = dict(zip(each.history_titles, sign * of_history, strict=True))
        drops.append(sum(float(known.get(title, 0.0)) for title in quoted(each.text)))
    return {
        "verdict_fidelity": [float(read_verdict(each.text) is each.recommended) for each in explanations],
        "hallucination_rate": [
            float(not quoted(each.text) <= {*each.history_titles, each.item_title}) for each in explanations
        ],
        "comprehensiveness": drops,
        "sufficiency": [0.5 for _ in explanations],
        "simulatability": [None if number % 2 else value for number, value in enumerate(drops)],
        "no-such-metric": [1.0 for _ in explanations],
    }


def test_auroc_by_hand() -> None:
    assert auroc([3, 4], [1, 2]) == 1.0
    assert auroc([1, 2], [3, 4]) == 0.0
    assert auroc([1, 1], [1, 1]) == 0.5
    assert auroc([1, 3], [2, 2]) == 0.5
    assert auroc([2, 3, 1], [2, 1]) == pytest.approx((0.5 + 1 + 1 + 1 + 0 + 0.5) / 6)


def test_auroc_is_the_share_of_comparisons_won() -> None:
    rng = np.random.default_rng(0)
    true, corrupted = rng.integers(0, 9, 40), rng.integers(-2, 7, 31)
    won = [1.0 if t > c else 0.5 if t == c else 0.0 for t in true for c in corrupted]
    assert auroc(true, corrupted) == pytest.approx(np.mean(won))


@pytest.mark.parametrize("rule", RULE_NAMES)
def test_cases_are_clear_and_true(rule: str) -> None:
    found = cases(rule)
    driven = [case for case in found if not case.causes.nothing]
    calm = [case for case in found if case.causes.nothing]
    assert len(driven) == (0 if rule == "popularity" else 12)
    assert [case.recommended for case in calm] == [True, False] * 12
    assert [case.causes.nothing for case in found[:4]] == [not driven, True] * 2
    users, items = [case.user for case in found], [case.item for case in found]
    evidence = gather_evidence(recommenders()[rule], world(), users, items)
    for case, known in zip(found, evidence, strict=True):
        assert 4 <= len(case.user.history) <= MAX_HISTORY
        assert case.item not in case.user.history
        assert case.recommended is known.recommended
        assert abs(known.rank - 1 - known.n_ranked // 5) >= 0.06 * known.n_ranked
        assert case.causes == recommenders()[rule].causes(case.user, case.item)
        assert len(case.causes.positive + case.causes.negative) < len(case.user.history)
        assert case.causes.nothing or case.recommended is bool(case.causes.positive)


@pytest.mark.parametrize("rule", RULE_NAMES)
def test_true_texts_cite_the_causes_and_nothing_else(rule: str) -> None:
    titles = world().titles
    for number, case in enumerate(cases(rule)):
        text = word_statement(true_statement(case, world()), number)
        causes = {*case.causes.positive, *case.causes.negative}
        assert quoted(text) == {titles[item] for item in (case.item, *causes)}
        assert read_verdict(text) is case.recommended
        assert case.causes.nothing is bool(re.search(r"No(thing| item) (in|of) the history", text))
        brand = world().items["brand"][case.item]
        assert (brand in _QUOTED.sub("", text)) is (rule == "same_brand" and not case.causes.nothing)


def test_texts_are_worded_in_several_ways_and_the_same_seed_words_alike() -> None:
    statement = Statement(True, "A", ("B", "C"), ("D",), "Nimbus", popular=True)
    texts = {word_statement(statement, wording) for wording in range(200)}
    assert len(texts) > 100
    for wording in range(20):
        assert word_statement(statement, wording) == word_statement(statement, wording)
        true, turned = (word_statement(replace(statement, verdict=verdict), wording) for verdict in (True, False))
        assert read_verdict(true) is True
        assert read_verdict(turned) is False
        after = [re.split('[“"]B', text, maxsplit=1)[1] for text in (true, turned)]
        assert after[0] == after[1]
        assert after[0].count("B") > 0


@pytest.mark.parametrize("rule", RULE_NAMES)
def test_a_mild_corruption_changes_one_thing(rule: str) -> None:
    rng = np.random.default_rng(0)
    done: set[str] = set()
    for case in cases(rule):
        true = true_statement(case, world())
        corrupter = Corrupter(world(), case, rng)
        for name in CORRUPTIONS:
            corrupted = CORRUPTIONS[name](corrupter, true)
            if corrupted is not None:
                done.add(name)
                assert corrupted.verdict is (true.verdict if name not in {"verdict", "all"} else not true.verdict)
                CHECKS[name](case, true, corrupted)
    cited = {"swap", "direction", "invented", "all"} if rule != "popularity" else set[str]()
    assert done == {"verdict", "cause_for_nothing", *cited, *(["attribute"] if rule == "same_brand" else [])}


def _same_but_for(true: Statement, corrupted: Statement, **changes: object) -> None:
    assert replace(corrupted, **{name: getattr(true, name) for name in changes}) == true
    assert corrupted != true


def _check_swap(case: SyntheticCase, true: Statement, corrupted: Statement) -> None:
    _same_but_for(true, corrupted, positive=0, negative=0)
    (new,) = set(corrupted.cited) - set(true.cited)
    assert len(corrupted.cited) == len(true.cited)
    assert world().titles.index(new) in case.user.history


def _check_direction(case: SyntheticCase, true: Statement, corrupted: Statement) -> None:
    _same_but_for(true, corrupted, positive=0, negative=0)
    assert sorted(corrupted.cited) == sorted(true.cited)
    assert abs(len(corrupted.positive) - len(true.positive)) == 1


def _check_invented(case: SyntheticCase, true: Statement, corrupted: Statement) -> None:
    _same_but_for(true, corrupted, positive=0, negative=0)
    (new,) = set(corrupted.cited) - set(true.cited)
    assert new not in {world().titles[item] for item in (*case.user.history, case.item)}


def _check_attribute(case: SyntheticCase, true: Statement, corrupted: Statement) -> None:
    _same_but_for(true, corrupted, brand=0)
    assert corrupted.brand in set(world().items["brand"].to_list()) - {true.brand}


def _check_cause_for_nothing(case: SyntheticCase, true: Statement, corrupted: Statement) -> None:
    _same_but_for(true, corrupted, positive=0, negative=0)
    assert not true.cited
    assert (len(corrupted.positive), len(corrupted.negative)) == ((1, 0) if true.verdict else (0, 1))
    assert world().titles.index(corrupted.cited[0]) in case.user.history


def _check_all(case: SyntheticCase, true: Statement, corrupted: Statement) -> None:
    assert len(corrupted.positive) == len(true.negative)
    assert len(corrupted.negative) == len(true.positive)
    assert not set(corrupted.cited) & set(true.cited)
    assert set(corrupted.cited) - set(world().titles)


CHECKS = {
    "verdict": lambda case, true, corrupted: _same_but_for(true, corrupted, verdict=0),
    "swap": _check_swap,
    "direction": _check_direction,
    "invented": _check_invented,
    "attribute": _check_attribute,
    "cause_for_nothing": _check_cause_for_nothing,
    "all": _check_all,
}


def test_invented_titles_are_both_made_up_and_of_other_items() -> None:
    case = next(case for case in cases("one_item") if not case.causes.nothing)
    true = true_statement(case, world())
    corrupter = Corrupter(world(), case, np.random.default_rng(0))
    found = [statement.cited[0] for _ in range(40) if (statement := corrupter.invented(true)) is not None]
    assert 5 < sum(title in world().titles for title in found) < 35


def test_a_metric_that_finds_what_it_is_there_to_find() -> None:
    for metric in ("verdict_fidelity", "hallucination_rate"):
        assert one(f"auroc_{metric}") == Row(
            method=ALL, task="synthetic", metric=f"auroc_{metric}", value=1.0, low=1.0, high=1.0, cases=60
        )
    assert one("auroc_verdict_fidelity", "popularity").cases == 10
    assert one("auroc_hallucination_rate", corruption="invented").value == 1.0
    assert one("auroc_hallucination_rate", corruption=ALL).cases == 60


def test_a_metric_that_finds_some_of_it_has_an_interval() -> None:
    swap, direction = (one("auroc_comprehensiveness", corruption=kind) for kind in ("swap", "direction"))
    assert (direction.value, swap.cases + direction.cases) == (pytest.approx(0.5, abs=1e-6), 60)
    assert swap.value is not None
    assert swap.value > 0.85
    both = one("auroc_comprehensiveness")
    assert both.low is not None
    assert both.value is not None
    assert both.high is not None
    assert 0.5 < both.low < both.value < both.high < 1.0
    assert not [each for each in rows() if each.method == "popularity" and "comprehensiveness" in each.metric]


def test_a_metric_that_finds_nothing_is_at_chance() -> None:
    row = one("auroc_sufficiency")
    assert (row.value, row.low, row.high, row.cases) == (0.5, 0.5, 0.5, 60)


def test_pairs_without_a_value_are_left_out() -> None:
    assert 0 < one("auroc_simulatability").cases < 60


def test_only_metrics_that_are_known_have_rows() -> None:
    computed = set(TESTED) & set(by_hand([], recommenders()["same_brand"]))
    metrics = {each.metric for each in rows()} - {"claim_statuses", "claims_read"}
    assert metrics == {auroc_metric(metric) for metric in computed}
    assert {each.task for each in rows()} == {"synthetic"}
    assert set(MILD) >= {name for tested in TESTED.values() for name in tested.corruptions}


def test_the_same_seed_gives_the_same_rows() -> None:
    assert evaluate_synthetic(by_hand, 12, seed=7) == evaluate_synthetic(by_hand, 12, seed=7)


@pytest.mark.parametrize(
    ("kind", "item", "statuses"),
    [
        ("positive", 1, ("supported",)),
        ("negative", 1, ("contradicted",)),
        ("negative", 2, ("supported",)),
        ("positive", 2, ("contradicted",)),
        ("positive", 3, ("unverified", "contradicted")),
        ("negative", 3, ("unverified", "contradicted")),
        ("positive", 9, ()),
        ("positive", None, ()),
        ("verdict", None, ()),
        ("history", 1, ()),
        ("shared", 1, ()),
        ("nothing_positive", None, ("contradicted",)),
        ("nothing_negative", None, ("contradicted",)),
    ],
)
def test_statuses_by_hand(kind: ClaimKind, item: int | None, statuses: tuple[str, ...]) -> None:
    claim = Claim(kind, "supported", "", 0, 1, item)
    assert right_statuses(claim, Causes((1,), (2,)), (1, 2, 3)) == statuses


def test_where_nothing_matters_that_is_right_to_say() -> None:
    claim = Claim("nothing_positive", "supported", "", 0, 1)
    assert right_statuses(claim, Causes(), (1, 2)) == ("supported",)
    assert right_statuses(claim, Causes((), (1,)), (1, 2)) == ("supported",)


def test_the_statuses_of_the_claims_that_are_read_agree_with_the_causes() -> None:
    for method in (ALL, *RULE_NAMES):
        row = one("claim_statuses", method)
        assert row.cases > 10
        assert row.value is not None
        assert row.value >= 0.95  # what is contradicted but read with little confidence is unverified
    assert one("claims_read", "one_item").value == 1.0
