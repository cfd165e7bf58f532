"""The pairs whose explanations are compared, and the questions that are learned from in context."""

from __future__ import annotations

from tests.tiny import examples, sasrec, world

from recexplainer.data.dataset import leave_one_out
from recexplainer.evaluation.cases import SHOTS, draw_cases, draw_shots
from recexplainer.recommenders.scoring import score_batches


def test_each_user_has_one_item_that_the_recommender_likes_or_one_that_it_dislikes() -> None:
    split = leave_one_out(world())
    pairs = draw_cases(world(), split, sasrec(), 20, seed=3)
    assert len({user.id for user, _ in pairs}) == len(pairs) == 20
    sides: list[bool] = []
    for user, item in pairs:
        (batch,) = score_batches(sasrec(), [user])
        top, bottom = batch.thresholds()
        assert item not in user.history
        assert batch.scores[0, item] > top[0] or batch.scores[0, item] < bottom[0]
        sides.append(bool(batch.scores[0, item] > top[0]))
        own = split.train_history(world().user_index(user.id)).tolist()
        assert list(user.history) == own[-len(user.history) :], "the test item is in no history"
    assert sum(sides) == 10


def test_the_seed_decides_and_there_are_no_more_cases_than_users() -> None:
    split = leave_one_out(world())
    assert draw_cases(world(), split, sasrec(), 5, seed=1) == draw_cases(world(), split, sasrec(), 5, seed=1)
    assert draw_cases(world(), split, sasrec(), 5, seed=1) != draw_cases(world(), split, sasrec(), 5, seed=2)
    assert len(draw_cases(world(), split, sasrec(), 10_000)) == len(split.test_users)


def test_two_different_solved_questions_of_each_task() -> None:
    shots = draw_shots(examples().train, seed=1)
    assert set(shots) == {example.task for example in examples().train}
    for task, solved in shots.items():
        assert len(solved) == SHOTS and solved[0] != solved[1]
        assert all(one.task == task and (one.answer_items or one.answer_text) for one in solved)
    assert draw_shots([]) == {}
