from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import combinations

import numpy as np
import pytest
from tests.contracts.recommender import RecommenderContract

from recexplainer.data.dataset import Dataset
from recexplainer.data.sample import make_world
from recexplainer.errors import RecommenderError
from recexplainer.evaluation.synthetic.rules import (
    LIFT,
    MAX_HISTORY,
    NOISE,
    RULE_NAMES,
    SMALLEST_CATALOGUE,
    Causes,
    OneItemRule,
    OpponentRule,
    PopularityRule,
    RecencyRule,
    SameBrandRule,
    SyntheticRecommender,
    TwoTogetherRule,
    synthetic_recommenders,
)
from recexplainer.evidence.evidence import NEGLIGIBLE
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.scoring import score_batches

ITEMS = 64
BRANDS = ["", *(f"brand {item % 16}" for item in range(1, ITEMS))]
POPULARITY = np.arange(ITEMS) % 10


@cache
def world() -> Dataset:
    return make_world(users=200, items=120, seed=2)


@cache
def recommenders() -> dict[str, SyntheticRecommender]:
    return synthetic_recommenders(world(), seed=5)


def users(count: int = 200) -> list[User]:
    return [User(tuple(world().history(user)[-(4 + user % 6) :].tolist()), f"u{user}") for user in range(count)]


MAKERS: dict[str, Callable[[], SyntheticRecommender]] = {
    "one_item": lambda: OneItemRule(POPULARITY, 1),
    "two_together": lambda: TwoTogetherRule(POPULARITY, 1),
    "same_brand": lambda: SameBrandRule(POPULARITY, BRANDS, 1),
    "recency": lambda: RecencyRule(POPULARITY, 1),
    "opponent": lambda: OpponentRule(POPULARITY, 1),
    "popularity": lambda: PopularityRule(POPULARITY, 1),
}


@pytest.mark.parametrize("rule", RULE_NAMES)
class TestSyntheticRecommender(RecommenderContract):
    @pytest.fixture
    def recommender(self, rule: str) -> Recommender:
        return MAKERS[rule]()

    @pytest.fixture
    def saved(self, rule: str) -> Recommender:
        return MAKERS[rule]()  # it is never saved: the same seed makes it anew


def test_one_recommender_of_each_kind_is_recommenders() -> None:
    assert list(recommenders()) == list(RULE_NAMES)
    for one, other in zip(recommenders().values(), synthetic_recommenders(world(), seed=5).values(), strict=True):
        np.testing.assert_array_equal(one.scores(users(20)), other.scores(users(20)))
    other_seed = synthetic_recommenders(world(), seed=6)
    assert not np.array_equal(recommenders()["one_item"].scores(users(20)), other_seed["one_item"].scores(users(20)))


@pytest.mark.parametrize("rule", RULE_NAMES)
def test_causes_are_what_removal_does_and_nothing_else_counts(rule: str) -> None:
    """The rule's own causes against f asked anew: every effect is a cause's, or far below what counts."""
    recommender = recommenders()[rule]
    seen = {"positive": 0, "negative": 0, "nothing": 0}
    for user in users(60):
        past = user.history
        shorter = [User(past[:place] + past[place + 1 :]) for place in range(len(past))]
        whole, *without = recommender.scores([user, *shorter])
        attributions = (whole - np.array(without)) / whole.std()
        for item in set(range(recommender.n_items)) - set(past):
            causes = recommender.causes(user, item)
            for one, attribution in zip(past, attributions[:, item], strict=True):
                if one in causes.positive:
                    assert attribution > 3 * NEGLIGIBLE
                elif one in causes.negative:
                    assert attribution < -3 * NEGLIGIBLE
                else:
                    assert abs(attribution) < NEGLIGIBLE / 25
            seen["positive"] += bool(causes.positive)
            seen["negative"] += bool(causes.negative)
            seen["nothing"] += causes.nothing
    assert seen["nothing"] > 0
    assert (seen["positive"] > 0) is (rule in {"one_item", "two_together", "same_brand", "recency"})
    assert (seen["negative"] > 0) is (rule in {"recency", "opponent"})


@pytest.mark.parametrize("rule", ["one_item", "two_together", "recency", "opponent"])
def test_causes_decide_the_verdict(rule: str) -> None:
    """What a rule lifts is always in the user's top 20%, what it lowers never."""
    recommender = recommenders()[rule]
    driven = 0
    for batch in score_batches(recommender, users(80)):
        top, _ = batch.thresholds()
        for row, user in enumerate(batch.users):
            for item in np.flatnonzero(batch.eligible[row]).tolist():
                causes = recommender.causes(user, item)
                if causes.positive:
                    assert batch.scores[row, item] > top[row]
                elif causes.negative and rule == "opponent":
                    assert batch.scores[row, item] < np.sort(batch.scores[row])[MAX_HISTORY]
                driven += not causes.nothing
    assert driven > 20


def test_without_causes_the_more_popular_item_stands_higher() -> None:
    recommender = recommenders()["popularity"]
    counts = np.bincount(world().sequence, minlength=world().n_items)
    for scores in recommender.scores(users(30)):
        assert (np.diff(counts[np.argsort(scores)]) >= 0).all()
        assert scores.min() > -MAX_HISTORY * NOISE
        assert scores.max() < 1 + MAX_HISTORY * NOISE


def test_one_item_by_hand() -> None:
    recommender = OneItemRule(POPULARITY, 3)
    plain = PopularityRule(POPULARITY, 3)  # the same popularity and noise, without the rule
    user = User((4, 9, 30))
    lifted = np.flatnonzero(recommender.scores([user])[0] - plain.scores([user])[0] > LIFT / 2)
    assert len(lifted) == 3
    partners = [recommender.causes(user, item).positive for item in lifted.tolist()]
    assert sorted(partners) == [(4,), (9,), (30,)]
    assert all(recommender.causes(user, item) == Causes() for item in range(ITEMS) if item not in lifted)


def test_two_together_needs_both() -> None:
    recommender = TwoTogetherRule(POPULARITY, 3)
    pairs = list(combinations(range(ITEMS), 2))
    lifted = np.argwhere(recommender.scores([User(pair) for pair in pairs]) > 1 + 2 * NOISE)
    found = {item: pairs[place] for place, item in lifted.tolist()}
    assert len(found) == len(lifted) == ITEMS
    for item, (one, other) in found.items():
        both, first, second = recommender.scores([User((one, other)), User((one,)), User((other,))])[:, item]
        assert both - max(first, second) > LIFT - 4 * NOISE
        between = next(i for i in range(ITEMS) if i not in {one, other})
        assert recommender.causes(User((one, between, other)), item) == Causes((one, other), depends=(one, other))
        assert recommender.causes(User((one,)), item).nothing
        assert recommender.causes(User((other,)), item).nothing


def test_brand_counts_its_items_alike_and_no_brand_is_no_brand() -> None:
    recommender, plain = SameBrandRule(POPULARITY, BRANDS, 3), PopularityRule(POPULARITY, 3)
    user = User((17, 2, 33, 0))
    lift = (recommender.scores([user]) - plain.scores([user]))[0]
    assert lift[1] == pytest.approx(2 * LIFT, abs=1e-5)
    assert lift[18] == pytest.approx(LIFT, abs=1e-5)
    assert lift[[0, 3]] == pytest.approx([0, 0], abs=1e-5)
    assert recommender.causes(user, 1) == Causes(positive=(17, 33))
    assert recommender.causes(user, 0) == Causes()


def test_recency_weighs_the_last_against_the_one_before() -> None:
    recommender = RecencyRule(POPULARITY, 3)
    alone = recommender.scores([User((item,)) for item in range(ITEMS)])
    last = 7
    near = int(np.argmax(alone[last]))
    far, farther = [item for item in range(ITEMS) if item != last and alone[item, near] < 1 + NOISE][:2]
    assert recommender.causes(User((last,)), near) == Causes(positive=(last,))
    assert recommender.causes(User((far, last)), near) == Causes(positive=(last,))
    assert recommender.causes(User((last, far)), near) == Causes(negative=(far,), depends=(far,))
    assert recommender.causes(User((last, far, farther)), near).nothing
    less = next(item for item in range(ITEMS) if item != last and alone[item, near] > 1 + NOISE)
    assert alone[less, near] < alone[last, near]
    assert recommender.causes(User((less, last)), near) == Causes(positive=(last,))
    assert recommender.causes(User((last, less)), near) == Causes(negative=(less,), depends=(less,))


def test_only_what_it_looks_at_can_be_a_cause() -> None:
    recommender = OneItemRule(POPULARITY, 3)
    item = next(item for item in range(ITEMS) if not recommender.causes(User((4,)), item).nothing)
    others = [one for one in range(ITEMS) if one not in {4, item}][:MAX_HISTORY]
    assert recommender.causes(User((4, *others[1:])), item) == Causes(positive=(4,))
    assert recommender.causes(User((4, *others)), item).nothing


def test_bad_input_is_said() -> None:
    with pytest.raises(RecommenderError, match="59 items is too small") as caught:
        OneItemRule(np.ones(SMALLEST_CATALOGUE - 1))
    assert "one_item" in caught.value.location
    assert str(SMALLEST_CATALOGUE) in caught.value.hint
    with pytest.raises(RecommenderError, match="empty history"):
        OneItemRule(POPULARITY).causes(User(()), 3)
