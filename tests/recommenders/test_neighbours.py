from __future__ import annotations

import numpy as np
import pytest
from tests.fakes import ScoredByTable
from tests.tiny import histories, sasrec

from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import User
from recexplainer.recommenders.neighbours import AttributeContrast, attribute_contrasts, nearest_items

RED, BLUE = frozenset({"red"}), frozenset({"blue"})


def test_nearest_items_by_cosine_and_by_inner_product() -> None:
    vectors = np.array([[1, 0], [3, 0], [0, 2], [0, 1], [2, 1]], np.float32)
    assert nearest_items(vectors, range(5), 1, cosine=False).tolist() == [[1], [4], [3], [2], [1]]
    assert nearest_items(vectors, [2, 4, 2], 2).tolist() == [[3, 4], [0, 1], [3, 4]]
    assert nearest_items(vectors, [0], 9, cosine=False).tolist() == [[1, 4, 2, 3]]
    assert nearest_items(vectors[:1], [0], 3).shape == (1, 0)
    many = np.random.default_rng(0).normal(size=(1500, 4)).astype(np.float32)
    products = many @ many.T
    np.fill_diagonal(products, -np.inf)
    assert (nearest_items(many, range(1500), 1, cosine=False)[:, 0] == products.argmax(1)).all()


def test_by_hand_over_neighbours_in_the_space() -> None:
    angles = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 3.0])
    vectors = np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    table = np.array([[9.0, 4.0, 7.0, 1.0, 2.0, 50.0]], np.float32)
    attributes = [RED | {"old", "rare"}, RED, RED, BLUE | {"old"}, BLUE | {"rare"}, RED]
    found = attribute_contrasts(ScoredByTable(table, vectors=vectors), attributes, [User((5, 4, 0))], [0], neighbours=4)
    score_std = np.array([4.0, 7.0, 1.0]).std()  # items 1, 2 and 3 are not in the history
    assert [one.attribute for one in found[0]] == ["red", "old", "rare"]
    red, old, rare = found[0]
    assert (red.having, red.lacking, old.having, old.lacking) == (2, 1, 1, 2)
    assert red.contrast == pytest.approx((5.5 - 1.0) / score_std, rel=1e-5)
    assert old.contrast == pytest.approx((1.0 - 5.5) / score_std, rel=1e-5)
    assert rare == AttributeContrast("rare", None, 0, 3)  # item 4, the only other one, is in the history


def test_without_vectors_near_is_what_scores_alike() -> None:
    # over the three users item 1 goes up and down with item 0, and so, less exactly, does 3; 2 and 4 go against it
    table = np.array([[0, 1, 9, 50, 3], [2, 3, 1, 40, 2], [7, 8, 0, 60, 1]], np.float32)
    recommender, sample = ScoredByTable(table), [User((row,)) for row in range(3)]
    ((red,),) = attribute_contrasts(
        recommender, [RED, RED, RED, BLUE, BLUE], [User((2,))], [0], neighbours=2, sample=sample
    )
    score_std = table[2, [0, 1, 3, 4]].std()
    assert (red.having, red.lacking) == (1, 1)
    assert red.contrast == pytest.approx((8 - 60) / score_std, rel=1e-5)


def test_a_sasrec_by_a_naive_computation() -> None:
    recommender = sasrec()
    attributes = [
        frozenset({"odd"} if item % 2 else {"even"}) | {f"by {item % 5}"} for item in range(recommender.n_items)
    ]
    users, items = [User(history) for history in histories(6)], [7, 20, 7, 33, 41, 50]
    vectors = recommender.item_vectors()
    for user, item, contrasts in zip(
        users, items, attribute_contrasts(recommender, attributes, users, items), strict=True
    ):
        cosine = [float(v @ vectors[item] / np.linalg.norm(v) / np.linalg.norm(vectors[item])) for v in vectors]
        near = sorted(
            (other for other in range(recommender.n_items) if other != item), key=lambda other: -cosine[other]
        )[:50]
        near = [other for other in near if other not in user.history]
        scores = recommender.scores([user])[0]
        score_std = np.std([scores[other] for other in range(recommender.n_items) if other not in user.history])
        assert {one.attribute for one in contrasts} == attributes[item]
        assert [one.contrast for one in contrasts] == sorted((one.contrast for one in contrasts), reverse=True)  # type: ignore[type-var]
        for one in contrasts:
            having = [scores[other] for other in near if one.attribute in attributes[other]]
            lacking = [scores[other] for other in near if one.attribute not in attributes[other]]
            assert (one.having, one.lacking) == (len(having), len(lacking))
            assert one.contrast == pytest.approx((np.mean(having) - np.mean(lacking)) / score_std, abs=1e-4)


def test_nothing_asked_and_nothing_known() -> None:
    recommender = sasrec()
    assert attribute_contrasts(recommender, [RED] * recommender.n_items, [], []) == []
    assert attribute_contrasts(recommender, [frozenset[str]()] * recommender.n_items, [User((1, 2))], [3]) == [[]]
    ((red,),) = attribute_contrasts(recommender, [RED] * recommender.n_items, [User((1, 2))], [3])
    assert red.contrast is None
    assert red.lacking == 0


def test_what_does_not_fit() -> None:
    table = np.zeros((1, 3), np.float32)
    with pytest.raises(RecommenderError, match="no vectors"):
        attribute_contrasts(ScoredByTable(table), [RED] * 3, [User((0,))], [0], sample=[User((0,))])
    with pytest.raises(RecommenderError, match="Attributes of 2 items"):
        attribute_contrasts(ScoredByTable(table, vectors=table.T), [RED] * 2, [User((0,))], [0])
    for items in ([3], [-1], [0, 1]):
        with pytest.raises(RecommenderError, match="do not fit"):
            attribute_contrasts(ScoredByTable(table, vectors=table.T), [RED] * 3, [User((0,))], items)


def test_an_attribute_needs_neighbours_on_both_sides() -> None:
    angles = np.arange(7) / 10
    vectors = np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    recommender, attributes = ScoredByTable([range(7)], vectors=vectors), [RED, RED, RED, BLUE, BLUE, BLUE, BLUE]
    known: list[list[float | None]] = []
    for least in (0, 2, 3):
        ((red,),) = attribute_contrasts(recommender, attributes, [User((0,))], [0], least=least)
        known.append([red.contrast])
    assert known[0] == known[1] == [pytest.approx((1.5 - 4.5) / np.arange(1, 7).std())]
    assert known[2] == [None]
