"""Labels of retrieval, ranking and classification against brute force."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from tests.fakes import LinearRecommender, SameForAll

from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.scoring import ScoreBatch, score_batches
from recexplainer.tasks.scored_items import (
    JUDGED,
    classification_examples,
    ranking_examples,
    retrieval_examples,
    verdict_examples,
)

USERS = [User((0, 1)), User((5,)), User((3, 9, 2, 7), "me"), User((11, 4, 6))]


def batch_for(recommender: Recommender, users: Sequence[User] = USERS) -> ScoreBatch:
    (batch,) = score_batches(recommender, users)
    return batch


def unseen_by_score(recommender: Recommender, user: User) -> list[int]:
    """Unseen items, the best first."""
    scores = recommender.scores([user])[0]
    return sorted((item for item in range(len(scores)) if item not in user.history), key=lambda item: -scores[item])


def test_retrieval_is_the_best_unseen_item(recommender: LinearRecommender) -> None:
    examples = retrieval_examples(batch_for(recommender))
    assert [one.answer_items for one in examples] == [(unseen_by_score(recommender, user)[0],) for user in USERS]
    assert [one.history for one in examples] == [user.history for user in USERS]
    assert examples[2].user == "me"


def test_ranking_puts_five_unseen_items_in_order(recommender: LinearRecommender) -> None:
    examples = ranking_examples(batch_for(recommender), np.random.default_rng(0))
    for user, example in zip(USERS, examples, strict=True):
        assert len(set(example.items)) == 5
        assert set(example.answer_items) == set(example.items)
        assert list(example.answer_items) == [
            item for item in unseen_by_score(recommender, user) if item in example.items
        ]


def test_ranking_shows_candidates_in_random_order(recommender: LinearRecommender) -> None:
    many = [User((0,))] * 600
    examples = ranking_examples(batch_for(recommender, many), np.random.default_rng(0))
    best_place = np.bincount([one.items.index(one.answer_items[0]) for one in examples], minlength=5)
    assert best_place.min() > 80  # 120 expected at each of five places
    drawn = np.bincount([item for one in examples for item in one.items], minlength=20)
    assert drawn[0] == 0
    assert drawn[1:].min() > 110  # 158 expected of each unseen item


def test_ranking_with_few_unseen_items() -> None:
    scores = np.array([[3.0, 1.0, 2.0, 0.0]], dtype=np.float32)
    three = ScoreBatch([User((3,))], scores)
    (example,) = ranking_examples(three, np.random.default_rng(0))
    assert example.answer_items == (0, 2, 1)
    one = ScoreBatch([User((1, 2, 3))], scores)
    assert ranking_examples(one, np.random.default_rng(0)) == []


@pytest.mark.parametrize("seed", range(20))
def test_classification_takes_one_of_each_side(recommender: LinearRecommender, seed: int) -> None:
    examples = classification_examples(batch_for(recommender), np.random.default_rng(seed))
    assert [one.answer_text for one in examples] == ["Yes", "No"] * len(USERS)
    for user, positive, negative in zip(USERS, examples[::2], examples[1::2], strict=True):
        order = unseen_by_score(recommender, user)
        assert positive.items[0] in order[: len(order) // 5]
        assert negative.items[0] in order[-(len(order) // 2) :]


def test_classification_of_equal_scores_gives_nothing() -> None:
    batch = ScoreBatch([User((0,))], np.ones((1, 10), np.float32))
    assert classification_examples(batch, np.random.default_rng(0)) == []
    assert verdict_examples(batch, np.random.default_rng(0)) == []


def test_verdicts_are_of_either_side_in_random_order() -> None:
    scores = np.arange(100, dtype=np.float32)
    examples = verdict_examples(batch_for(SameForAll(scores), [User((0, 99))] * 300), np.random.default_rng(0))
    for one in examples:
        assert len(set(one.items)) == len(one.items) == JUDGED
        assert set(one.answer_items) == {item for item in one.items if item > 79}
        assert len(one.answer_items) == JUDGED // 2
        assert all(item < 50 for item in set(one.items) - set(one.answer_items))
    first = sum(one.items[0] in one.answer_items for one in examples)
    assert 120 < first < 180  # half of 300 expected


def test_few_items_get_fewer_verdicts() -> None:
    (one,) = verdict_examples(
        ScoreBatch([User((0,))], np.arange(11.0, dtype=np.float32)[None]), np.random.default_rng(0)
    )
    assert sorted(one.items) == [1, 2, 3, 4, 5, 9, 10]
    assert sorted(one.answer_items) == [9, 10]


def test_batches_do_not_change_answers(recommender: LinearRecommender) -> None:
    parts = [one for batch in score_batches(recommender, USERS, batch=3) for one in retrieval_examples(batch)]
    assert parts == retrieval_examples(batch_for(recommender))


def test_no_question_is_about_what_is_never_recommended() -> None:
    scores = np.arange(20, dtype=np.float32)
    scores[::2] = -np.inf
    batch = batch_for(SameForAll(scores), USERS * 20)
    rng = np.random.default_rng(0)
    examples = [*retrieval_examples(batch), *ranking_examples(batch, rng), *classification_examples(batch, rng)]
    assert all(item % 2 for one in examples for item in (*one.items, *one.answer_items))
    assert {one.answer_text for one in examples} == {"", "Yes", "No"}
