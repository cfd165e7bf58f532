from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
import torch
from tests.fakes import AdditiveRecommender
from tests.tiny import histories, sasrec

from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import User
from recexplainer.recommenders.factorization import MF, MFSettings
from recexplainer.recommenders.gradients import integrated_gradients


def test_where_the_user_is_a_sum_an_items_attribution_is_its_own_product() -> None:
    torch.manual_seed(0)
    model = MF(12, MFSettings(max_history=5, factors=4, weight=0.0)).eval().requires_grad_(False)
    users, items = [User((0, 3, 4)), User((5, 1, 1, 2)), User((7,))], [2, 0, 11]
    vectors = model.items.weight.numpy()
    for user, item, found in zip(users, items, integrated_gradients(model, users, items), strict=True):
        expected = float(model.scale) * vectors[list(user.history)] @ vectors[item]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_they_sum_to_the_score_minus_that_of_empty_embeddings() -> None:
    users = [User(one) for one in histories(20)]
    items = [(7 * case) % sasrec().n_items for case in range(len(users))]
    blank = deepcopy(sasrec())
    torch.nn.init.zeros_(blank.items.weight)
    rows = np.arange(len(users))
    start = (blank.user_vectors(users) * sasrec().item_vectors()[items]).sum(1)
    found = integrated_gradients(sasrec(), users, items, steps=512)
    assert [len(one) for one in found] == [len(user.history) for user in users]
    np.testing.assert_allclose([one.sum() for one in found], sasrec().scores(users)[rows, items] - start, atol=1e-3)


def test_the_recommender_is_as_before() -> None:
    users = [User(one) for one in histories(4)]
    before = sasrec().scores(users)
    integrated_gradients(sasrec(), users, [1, 2, 3, 4])
    np.testing.assert_array_equal(sasrec().scores(users), before)


def test_nobody_asked_about_is_an_empty_answer() -> None:
    assert integrated_gradients(sasrec(), [], []) == []


def test_a_recommender_that_can_only_be_asked_has_no_gradients() -> None:
    with pytest.raises(RecommenderError, match="need the weights"):
        integrated_gradients(AdditiveRecommender(), [User((0, 1))], [2])
