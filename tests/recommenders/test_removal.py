from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from tests.fakes import AdditiveRecommender, Recording, ScoredBy
from tests.tiny import histories, sasrec

from recexplainer.recommenders.ablation import ablated_scores
from recexplainer.recommenders.attribution import occlusion_attributions
from recexplainer.recommenders.base import User
from recexplainer.recommenders.removal import greedy_removals


def one_taste() -> ScoredBy:
    """Items 0 and 1 stand for one taste, so that either makes up for the other; item 2 adds a little of its own."""

    def score(user: User) -> list[float]:
        taste = max([{0: 3.0, 1: 2.5}.get(item, 0.0) for item in user.history])
        return [0, 0, 0, taste + 0.4 * (2 in user.history), 0]

    return ScoredBy(lambda users: [score(user) for user in users], n_items=5)


def test_what_makes_up_for_the_first_comes_next() -> None:
    user = User((0, 1, 2))
    (removal,) = greedy_removals(one_taste(), [user], [3])
    (alone,) = occlusion_attributions(one_taste(), [user], [3])
    assert np.argsort(-alone).tolist() == [0, 2, 1]
    assert removal.order.tolist() == [0, 1, 2]
    np.testing.assert_allclose(removal.drops, [0.5, 2.5, 0.4 - 3.4 / 5], rtol=1e-5)


def test_of_an_additive_recommender_the_order_is_that_of_the_weights() -> None:
    recommender = AdditiveRecommender()
    users, items = [User((0, 3, 4, 5)), User((5, 1)), User((2,))], [2, 0, 1]
    for user, item, removal in zip(users, items, greedy_removals(recommender, users, items), strict=True):
        weights = recommender.weights[list(user.history), item]
        last = len(weights) - 1  # without it nothing is left, which counts as the mean
        np.testing.assert_allclose(removal.drops[:last], np.sort(weights)[::-1][:last], rtol=1e-4)
        assert removal.order[:last].tolist() == np.argsort(-weights)[:last].tolist()


def test_each_step_is_the_best_there_is() -> None:
    users = [User(one) for one in histories(8)]
    items = [(7 * case) % sasrec().n_items for case in range(len(users))]
    for user, item, removal in zip(users, items, greedy_removals(sasrec(), users, items), strict=True):
        gone: list[int] = []
        before = ablated_scores(sasrec(), [user], [item], [gone])[0]
        for place, drop in zip(removal.order.tolist(), removal.drops, strict=True):
            left = [other for other in user.history if other not in gone]
            scores = ablated_scores(sasrec(), [user] * len(left), [item] * len(left), [[*gone, one] for one in left])
            assert scores[left.index(user.history[place])] == pytest.approx(scores.min(), abs=1e-5)
            assert before - drop == pytest.approx(scores.min(), abs=1e-4)
            gone, before = [*gone, user.history[place]], scores.min()


@pytest.mark.parametrize("most", [1, 2, 9])
def test_after_the_most_items_the_others_keep_the_order_of_the_last_step(most: int) -> None:
    user, item = User((0, 3, 4, 5, 1)), 2
    part, whole = (greedy_removals(AdditiveRecommender(), [user], [item], most=one)[0] for one in (most, None))
    assert part.order[:most].tolist() == whole.order[:most].tolist()
    assert sorted(part.order.tolist()) == list(range(5))
    assert (np.diff(part.drops[most:]) <= 0).all()
    np.testing.assert_array_equal(part.drops[:most], whole.drops[:most])


def test_how_many_histories_are_asked() -> None:
    recommender = Recording(AdditiveRecommender())
    greedy_removals(recommender, [User((0, 3, 4, 5, 1))], [2], most=2)
    assert len(recommender.asked) == 1 + 2 * (2 * 5 + 1 - 2) // 2
    assert len(recommender.batches) == 3


def test_of_equal_ones_the_later_is_removed_first() -> None:
    same: Sequence[float] = (1.0, 0.0, 0.0)
    removal = greedy_removals(ScoredBy(lambda users: [same for _ in users], n_items=3), [User((1, 2))], [0])[0]
    assert removal.order.tolist() == [1, 0]


def test_nobody_asked_about_is_an_empty_answer() -> None:
    assert greedy_removals(AdditiveRecommender(), [], []) == []
