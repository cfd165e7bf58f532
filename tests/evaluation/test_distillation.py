# pyright: reportUnknownLambdaType=false
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import polars as pl
import pytest
import torch
from pydantic import ValidationError
from tests.fakes import ScoredBy
from tests.tiny import sasrec, world

from recexplainer.data.dataset import Dataset, Split, leave_one_out
from recexplainer.errors import RecommenderError
from recexplainer.evaluation.distillation import (
    DistillationSettings,
    DistillationTrial,
    distill_sasrec,
    distillation_loss,
)
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.fitting import held_out_ranks
from recexplainer.recommenders.function import FunctionRecommender
from recexplainer.recommenders.sasrec import SASRec, SASRecSettings

SHORT = DistillationSettings(temperatures=(0.5,), epochs=3, batch_size=32, hidden_size=16)
LONGER = SHORT.model_copy(update={"epochs": 12, "patience": 3, "learning_rate": 1e-2})


def distilled(teacher: Recommender, settings: DistillationSettings) -> tuple[SASRec, list[DistillationTrial]]:
    return distill_sasrec(world(), leave_one_out(world()), teacher, settings)


@cache
def student() -> tuple[SASRec, list[DistillationTrial]]:
    return distilled(sasrec(), LONGER)


def agreement(one: Recommender, teacher: Recommender) -> float:
    """How often the teacher's first of a test history is among the other's five."""
    split = leave_one_out(world())
    users = [User(tuple(split.train_history(int(user)).tolist()[-6:])) for user in split.test_users]
    scores = teacher.scores(users)
    for row, user in zip(scores, users, strict=True):
        row[list(user.history)] = -np.inf
    return float((held_out_ranks(one, users, scores.argmax(1)) <= 5).mean())


def test_the_student_agrees_with_its_teacher_far_above_an_untrained_one() -> None:
    untrained = SASRec(60, student()[0].settings).eval()
    assert agreement(student()[0], sasrec()) > 0.85
    assert agreement(untrained, sasrec()) < 0.4


def test_the_student_has_the_shape_of_its_teacher_and_is_another() -> None:
    model, teacher = student()[0], sasrec()
    assert model.settings == teacher.settings.model_copy(update={"dropout": LONGER.dropout})
    assert not np.allclose(model.item_vectors(), teacher.item_vectors(), atol=0.1)
    assert not model.training
    assert not any(weight.requires_grad for weight in model.parameters())


def test_the_student_does_not_start_where_a_recommender_of_the_same_seed_does() -> None:
    model, _ = distilled(sasrec(), SHORT.model_copy(update={"epochs": 1, "learning_rate": 1e-9}))
    torch.manual_seed(SHORT.seed)
    fitted_from = SASRec(60, model.settings)
    assert abs(np.corrcoef(model.item_vectors().ravel(), fitted_from.item_vectors().ravel())[0, 1]) < 0.2


def by_last_item(histories: list[list[str]]) -> np.ndarray:
    """Items near the last one, on a scale of thousands."""
    ids = world().item_ids
    last = np.array([ids.index(history[-1]) for history in histories])
    return -1000.0 * np.abs(np.arange(60) - last[:, None])


def test_a_function_that_only_scores_is_imitated() -> None:
    teacher = FunctionRecommender(by_last_item, world().item_ids, max_history=4)
    model, trials = distilled(teacher, LONGER)
    assert (model.max_history, model.settings.hidden_size, model.settings.num_hidden_layers) == (4, 16, 1)
    assert trials[0].hit_ratio > 0.7
    assert agreement(model, teacher) > 0.7


def test_the_scale_of_the_teacher_makes_no_difference() -> None:
    teachers = [ScoredBy(lambda users, by=by: by * sasrec().scores(users) + 7) for by in (1.0, 1024.0)]
    one, other = (distilled(teacher, SHORT)[0] for teacher in teachers)
    np.testing.assert_allclose(one.item_vectors(), other.item_vectors(), atol=2e-2)


def test_how_many_scores_are_kept_makes_no_difference() -> None:
    results = []
    for cache_bytes in (0, 2 * 60 * 50, 1 << 30):
        teacher = ScoredBy(sasrec().scores)
        model, trials = distilled(teacher, SHORT.model_copy(update={"cache_bytes": cache_bytes}))
        results.append((model.item_vectors(), trials, len(teacher.asked)))
    for vectors, trials, _ in results[1:]:
        np.testing.assert_allclose(vectors, results[0][0], atol=2e-3)
        assert trials[0].hit_ratio == pytest.approx(results[0][1][0].hit_ratio, abs=0.05)
    counts = [count for _, _, count in results]
    assert counts[0] > counts[1] > counts[2]


def test_only_prefixes_of_training_histories_are_asked_and_never_a_test_history() -> None:
    teacher = ScoredBy(sasrec().scores)
    distilled(teacher, SHORT)
    split = leave_one_out(world())
    full = {world().user_ids[user]: tuple(split.train_history(user).tolist()) for user in range(world().n_users)}
    prefixes = {(user_id, history[:end][-6:]) for user_id, history in full.items() for end in range(1, len(history))}
    assert {(user.id, user.history) for user in teacher.asked} == prefixes


def test_the_best_temperature_on_the_held_out_prefixes_is_taken() -> None:
    """Of so flat a teacher nothing can be learned; of the other it can, though it is tried second."""
    settings = LONGER.model_copy(update={"temperatures": (1e4, 0.5), "epochs": 6})
    model, trials = distilled(sasrec(), settings)
    assert [one.temperature for one in trials] == [0.5, 1e4]
    assert trials[0].hit_ratio > trials[1].hit_ratio
    assert all(1 <= one.epochs <= 6 for one in trials)
    assert agreement(model, sasrec()) > 0.6


def test_test_items_play_no_part() -> None:
    """A world with other last items gives the same student and the same choice."""
    whole = world()
    last = whole.offsets[1:] - 1
    sequence = whole.sequence.copy()
    sequence[last] = (sequence[last] + 1) % 60
    other = Dataset(whole.name, whole.items, whole.user_ids, whole.offsets, sequence)
    model, trials = distill_sasrec(other, leave_one_out(other), sasrec(), SHORT)
    same, as_before = distilled(sasrec(), SHORT)
    np.testing.assert_array_equal(model.item_vectors(), same.item_vectors())
    assert trials == as_before


def test_the_same_seed_gives_the_same_student_and_another_gives_another() -> None:
    (first, trials), (second, repeated) = (distilled(sasrec(), SHORT) for _ in range(2))
    other, _ = distilled(sasrec(), SHORT.model_copy(update={"seed": 1}))
    np.testing.assert_array_equal(first.item_vectors(), second.item_vectors())
    assert trials == repeated
    assert not np.array_equal(first.item_vectors(), other.item_vectors())


def test_the_loss_by_hand() -> None:
    """Teacher 1/2, 1/3, 1/6; student 1/4, 1/4, 1/2; the fourth item was seen, and whatever it has does not count."""
    teacher = torch.log(torch.tensor([[3.0, 2.0, 1.0, 0.0]]))
    scores = torch.log(torch.tensor([[1.0, 1.0, 2.0, 50.0]])).requires_grad_()
    expected = 1 / 2 * math.log(2) + 1 / 3 * math.log(4 / 3) + 1 / 6 * math.log(1 / 3)
    loss = distillation_loss(scores, teacher)
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    loss.backward()
    assert scores.grad is not None
    np.testing.assert_allclose(scores.grad.numpy(), [[1 / 4 - 1 / 2, 1 / 4 - 1 / 3, 1 / 2 - 1 / 6, 0]], atol=1e-6)


def test_the_loss_is_nothing_where_student_and_teacher_agree_and_a_mean_over_users() -> None:
    teacher = torch.tensor([[0.0, -1.0, -torch.inf], [-2.0, 0.0, -1.0]])
    same = torch.tensor([[5.0, 4.0, 9.0], [1.0, 3.0, 2.0]])
    assert float(distillation_loss(same, teacher)) == pytest.approx(0, abs=1e-6)
    other = torch.tensor([[5.0, 7.0, 9.0], [1.0, 3.0, 2.0]])
    alone = float(distillation_loss(other[:1], teacher[:1]))
    assert float(distillation_loss(other, teacher)) == pytest.approx(alone / 2, rel=1e-5)
    assert alone > 0


def test_the_temperature_divides_the_teacher_s_scores_alone() -> None:
    teacher = torch.log(torch.tensor([[4.0, 1.0]]))
    flat = torch.log(torch.tensor([[2.0, 1.0]]))
    assert float(distillation_loss(flat, teacher, temperature=2.0)) == pytest.approx(0, abs=1e-6)
    assert float(distillation_loss(flat, teacher)) > 0.01


def test_a_teacher_who_knows_users_by_id_alone_is_refused() -> None:
    teacher = ScoredBy(sasrec().scores)
    teacher.answers_changed_history = False
    with pytest.raises(RecommenderError, match="knows users by id alone"):
        distilled(teacher, SHORT)
    assert not teacher.asked


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (lambda users: np.ones((len(users), 60)), "same score"),
        (lambda users: np.full((len(users), 60), np.nan), "scores are NaN or"),
        (lambda users: np.full((len(users), 60), np.inf), "scores are NaN or"),
    ],
)
def test_scores_without_information_are_refused(score: Callable[[Sequence[User]], np.ndarray], message: str) -> None:
    with pytest.raises(RecommenderError, match=message):
        distilled(ScoredBy(score), SHORT)


def test_a_teacher_of_another_catalogue_is_refused() -> None:
    with pytest.raises(RecommenderError, match="scores 61 items, but the catalogue has 60"):
        distilled(ScoredBy(sasrec().scores, 61), SHORT)


def test_without_anything_to_learn_from_there_is_an_error() -> None:
    items = pl.DataFrame({"item_id": ["a", "b", "c", "d"], "title": ["A", "B", "C", "D"]})
    rows = pl.DataFrame([("u", one) for one in "abc"], schema=["user_id", "item_id"], orient="row")
    data = Dataset.from_frames(rows, items)
    teacher = SASRec(4, SASRecSettings(hidden_size=8)).eval()
    with pytest.raises(RecommenderError, match="No user has three interactions to train on"):
        distill_sasrec(data, Split(data), teacher, SHORT)


@pytest.mark.parametrize("wrong", [{"temperatures": ()}, {"temperatures": (0.0,)}, {"epochs": 0}, {"cache_bytes": -1}])
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DistillationSettings.model_validate(wrong)
