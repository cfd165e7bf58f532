"""Effects asked in several ways, on recommenders whose answers are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from tests.fakes import AdditiveRecommender, FakeRecommender, Recording
from tests.tiny import histories, sasrec

from recexplainer.recommenders.ablation import ablated_ranks
from recexplainer.recommenders.attribution import occlusion_attributions
from recexplainer.recommenders.base import Floats, User
from recexplainer.recommenders.shapley import shapley_values
from recexplainer.recommenders.stability import REPLACEMENTS, SUB_HISTORIES, Effect, history_effects

LEAST = 0.05


class _Together(FakeRecommender):
    """Item 0 lifts item 9 where item 1 is in the history, and lowers it where it is not; item 2 always lifts it."""

    def __init__(self) -> None:
        super().__init__(12, 8)

    def score(self, users: Sequence[User]) -> Floats:
        scores = np.zeros((len(users), 12), np.float32)
        for row, user in zip(scores, users, strict=True):
            row[9] = (0 in user.history) * (1 if 1 in user.history else -1) + 2 * (2 in user.history)
        return scores


def test_of_a_sum_every_effect_is_the_same_by_every_way_but_beside_random_items() -> None:
    recommender = AdditiveRecommender(n_items=60)
    history = tuple(np.argsort(-np.abs(recommender.weights[:, 2]))[:4].tolist())
    (case,) = history_effects(recommender, [User(history)], [2], [LEAST])
    stable = 0
    for effect, weight in zip(case.effects, recommender.weights[list(history), 2].tolist(), strict=True):
        assert effect.deletion == pytest.approx(weight, abs=1e-5)
        if effect.shapley is None:  # random items in its place do as much
            assert effect.replacement is not None and effect.replacement * weight <= 0
            continue
        assert effect.shapley == pytest.approx(weight, abs=0.6)  # but where nothing is left
        stable += effect.sign(LEAST) == np.sign(weight)
    assert stable > 0


def test_what_helps_only_beside_another_depends() -> None:
    (case,) = history_effects(_Together(), [User((0, 1, 2))], [9], [LEAST])
    zero, one, two = case.effects
    assert zero.deletion == 1 and zero.sign(LEAST) == 0
    assert zero.agreement < 0.8
    assert one.sign(LEAST) == 0  # it does nothing where item 0 is gone
    assert two.sign(LEAST) == 1 and two.agreement == 1
    assert two.span == pytest.approx((2, 2), abs=0.2)


def test_what_is_too_small_is_asked_once() -> None:
    recommender = Recording(AdditiveRecommender())
    (case,) = history_effects(recommender, [User((0, 3, 4))], [2], [100.0])
    assert [effect.ways.keys() for effect in case.effects] == [{"deletion"}] * 3
    assert all(effect.sign(100.0) == 0 for effect in case.effects)
    assert len(recommender.asked) == 4


def test_a_sasrec_is_asked_with_gaps_too_and_agrees_with_the_other_modules() -> None:
    recommender = sasrec()
    users, items = [User(history) for history in histories(8, (3, 6))], [7, 11, 13, 17, 19, 23, 29, 31]
    found = history_effects(recommender, users, items, [0.0] * 8)
    occlusion = occlusion_attributions(recommender, users, items)
    padded = occlusion_attributions(recommender, users, items, ablation="padding")
    exact = shapley_values(recommender, users, items)
    asked = 0
    for user, item, case, own, gap, shapley in zip(users, items, found, occlusion, padded, exact, strict=True):
        np.testing.assert_allclose([effect.deletion for effect in case.effects], own, atol=1e-5)
        np.testing.assert_allclose([effect.padding or 0 for effect in case.effects], gap, atol=1e-5)
        ablated = ablated_ranks(recommender, [user] * len(own), [item] * len(own), [{one} for one in user.history])
        assert list(case.ranks) == ablated.tolist()
        for effect, value in zip(case.effects, shapley.values.tolist(), strict=True):
            if effect.shapley is not None:
                assert effect.shapley == pytest.approx(value, abs=1e-4)  # all parts were asked about
                asked += 1
    assert asked > 5


def test_of_a_long_history_the_shapley_values_are_estimated() -> None:
    recommender = AdditiveRecommender(n_items=40, max_history=10)
    users, items = [User(tuple(range(at, at + 9))) for at in range(0, 27, 3)], [38] * 9
    found = history_effects(recommender, users, items, [0.0] * 9)
    exact = shapley_values(recommender, users, items)
    errors = [
        (effect.shapley - value) / effect.shapley_error
        for case, shapley in zip(found, exact, strict=True)
        for effect, value in zip(case.effects, shapley.values.tolist(), strict=True)
        if effect.shapley is not None and effect.shapley_error > 1e-6
    ]
    assert len(errors) > 20
    assert np.abs(errors).mean() < 1.5


def test_questions_are_counted() -> None:
    recommender = Recording(AdditiveRecommender(n_items=40, max_history=10))
    history = (0, 3, 4, 7, 9, 12, 15, 18, 21)
    history_effects(recommender, [User(history)], [2], [LEAST])
    assert (
        len(recommender.asked)
        <= 2 * len(history) + 1 + len(history) * (1 + REPLACEMENTS + SUB_HISTORIES) + SUB_HISTORIES
    )
    assert len(recommender.batches) == 4


def test_the_same_pair_has_the_same_effects_whatever_else_is_asked() -> None:
    recommender = sasrec()
    users = [User(history) for history in histories(6, (4,))]
    together = history_effects(recommender, users, [3] * 6, [LEAST] * 6)
    alone = history_effects(recommender, users[4:5], [3], [LEAST])
    for one, other in zip(together[4].effects, alone[0].effects, strict=True):
        assert one.ways.keys() == other.ways.keys()
        np.testing.assert_allclose(list(one.ways.values()), list(other.ways.values()), atol=1e-4)


@pytest.mark.parametrize(
    ("effect", "sign"),
    [
        (Effect(1.0, 0.5, 0.8, 0.1, 0.9, 0.1, 1.0), 1),
        (Effect(-1.0, -0.5, -0.8, 0.1, -0.9, 0.1, 0.985), -1),
        (Effect(1.0, -0.5, 0.8, 0.1, 0.9, 0.1, 1.0), 0),  # the gap kept says otherwise
        (Effect(1.0, 0.5, 0.1, 0.1, 0.9, 0.1, 1.0), 0),  # the replacements are not sure
        (Effect(1.0, 0.5, 0.8, 0.1, 0.1, 0.1, 1.0), 0),  # the Shapley value is not
        (Effect(1.0, 0.5, 0.8, 0.1, 0.9, 0.1, 0.9), 0),  # one part in ten says otherwise
        (Effect(0.04, 0.5, 0.8, 0.1, 0.9, 0.1, 1.0), 0),  # negligible
        (Effect(1.0), 0),  # not asked
    ],
)
def test_when_an_effect_is_stable(effect: Effect, sign: int) -> None:
    assert effect.sign(LEAST) == sign
