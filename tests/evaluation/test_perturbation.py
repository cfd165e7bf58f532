from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import numpy as np
import pytest
from tests.fakes import AdditiveRecommender, ScoredBy
from tests.tiny import histories, sasrec

from recexplainer.errors import RecommenderError, SettingsError
from recexplainer.evaluation.perturbation import (
    Curves,
    exhaustive_curves,
    importance_order,
    perturbation_curves,
    perturbation_values,
    random_orders,
)
from recexplainer.recommenders.base import User

WORTH = {0: 3.0, 1: 2.0, 2: -1.0}
MEAN, STD = 5.5 / 6, (49 / 18) ** 0.5  # of the catalogue's scores 0, 0, 0, 4, 1.5, 0; of the unseen ones 4, 1.5, 0


def linear() -> ScoredBy:
    """The score of item 3 is the sum of what the history items are worth; that of item 4 is 1.5, of the others 0."""

    def scores(users: Sequence[User]) -> list[list[float]]:
        return [[0, 0, 0, sum(WORTH[item] for item in user.history), 1.5, 0] for user in users]

    return ScoredBy(scores, n_items=6)


def curves(order: Sequence[int]) -> Curves:
    return perturbation_curves(linear(), [User((0, 1, 2))], [3], [np.array(order)])[0]


def test_the_curves_of_a_linear_recommender_by_hand() -> None:
    found = curves([0, 1, 2])
    np.testing.assert_allclose(found.removed_scores, (np.array([4, 1, -1, MEAN]) - MEAN) / STD, rtol=1e-5)
    np.testing.assert_allclose(found.kept_scores, (np.array([MEAN, 3, 5, 4]) - MEAN) / STD, rtol=1e-5)
    assert found.removed_ranks.tolist() == [1, 2, 3, 2]
    assert found.kept_ranks.tolist() == [2, 1, 1, 1]


def test_the_yardsticks_of_a_linear_recommender_by_hand() -> None:
    values = {name: float(value[0]) for name, value in perturbation_values([curves([0, 1, 2])], top=1).items()}
    assert [values[name] for name in ("pos@1", "pos@3", "pos@5", "pos_area")] == [0, 0, 0, 0.25]
    assert [values[name] for name in ("neg@1", "neg@3", "neg@5", "neg_area")] == [1, 0, 0, 0.75]
    assert values["del@1"] == pytest.approx((1 - MEAN) / STD)
    assert values["del_area"] == pytest.approx(((4 + 1 - 1 + MEAN) / 4 - MEAN) / STD)
    assert values["ins@1"] == pytest.approx((3 - MEAN) / STD)
    assert values["ins@5"] == pytest.approx((4 - MEAN) / STD)
    assert values["ins_area"] == pytest.approx(((MEAN + 3 + 5 + 4) / 4 - MEAN) / STD)


def test_the_other_way_round_is_worse_by_all_of_them() -> None:
    right, wrong = (perturbation_values([curves(order)], top=1) for order in ([0, 1, 2], [2, 1, 0]))
    assert all(wrong[name] > right[name] for name in ("pos@1", "pos_area", "del@1", "del_area"))
    assert all(wrong[name] < right[name] for name in ("neg@1", "neg_area", "ins@1", "ins_area"))


def test_a_longer_list_holds_the_item_longer() -> None:
    assert float(perturbation_values([curves([0, 1, 2])], top=2)["pos_area"][0]) == 0.75


def test_the_best_subsets_by_hand() -> None:
    (best,) = exhaustive_curves(linear(), [User((0, 1, 2))], [3])
    np.testing.assert_allclose(best.removed_scores, (np.array([4, 1, -1, MEAN]) - MEAN) / STD, rtol=1e-5)
    np.testing.assert_allclose(best.kept_scores, (np.array([MEAN, 3, 5, 4]) - MEAN) / STD, rtol=1e-5)


def test_no_order_goes_beyond_the_best_subsets_and_each_of_them_is_in_some_order() -> None:
    users = [User(one) for one in histories(6, (3, 4))]
    items = [(7 * case + 1) % sasrec().n_items for case in range(len(users))]
    for user, item, best in zip(users, items, exhaustive_curves(sasrec(), users, items), strict=True):
        orders = [np.array(one) for one in permutations(range(len(user.history)))]
        every = perturbation_curves(sasrec(), [user] * len(orders), [item] * len(orders), orders)
        np.testing.assert_allclose(np.min([one.removed_scores for one in every], 0), best.removed_scores, atol=1e-5)
        np.testing.assert_allclose(np.max([one.kept_scores for one in every], 0), best.kept_scores, atol=1e-5)
        assert np.max([one.removed_ranks for one in every], 0).tolist() == best.removed_ranks.tolist()
        assert np.min([one.kept_ranks for one in every], 0).tolist() == best.kept_ranks.tolist()


def test_a_search_of_few_items_agrees_with_the_whole_and_has_no_area() -> None:
    users, items = [User(histories(5, (6,))[0])], [9]
    part = perturbation_values(exhaustive_curves(sasrec(), users, items, most=2), numbers=(2, 3))
    whole = perturbation_values(exhaustive_curves(sasrec(), users, items), numbers=(2, 3))
    assert all(part[name] == pytest.approx(whole[name]) for name in ("pos@2", "neg@2", "del@2", "ins@2"))
    assert all(np.isnan(part[name]).all() for name in ("pos@3", "neg_area", "del@3", "ins_area"))


def test_of_two_items_that_are_the_same_both_places_count() -> None:
    found = perturbation_curves(linear(), [User((0, 0))], [3], [np.array([1, 0])])[0]
    assert found.removed_scores[0] > found.removed_scores[1] == found.kept_scores[1]


def test_orders() -> None:
    assert importance_order([0.5, 2.0, -1.0, 2.0]).tolist() == [1, 3, 0, 2]
    users = [User((4, 1, 3, 2)), User((2,))]
    assert [sorted(order.tolist()) for order in random_orders(users)] == [[0, 1, 2, 3], [0]]
    assert [one.tolist() for one in random_orders(users, 1)] == [one.tolist() for one in random_orders(users, 1)]


def test_no_case_has_no_values() -> None:
    assert perturbation_curves(linear(), [], [], []) == exhaustive_curves(linear(), [], []) == []
    assert all(len(value) == 0 for value in perturbation_values([]).values())


def test_what_cannot_be_asked_is_said() -> None:
    with pytest.raises(SettingsError, match="131,072"):
        exhaustive_curves(AdditiveRecommender(30, 20), [User(tuple(range(17)))], [20])
    with pytest.raises(RecommenderError, match="cannot answer for a changed history"):
        perturbation_curves(AdditiveRecommender(answers_changed_history=False), [User((0,))], [2], [np.array([0])])
