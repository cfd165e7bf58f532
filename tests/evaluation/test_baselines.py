from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from tests.fakes import NeverAsked, SameForAll, ScoredBy
from tests.tiny import examples, sasrec, world

from recexplainer.errors import RecommenderError
from recexplainer.evaluation.baselines import evaluate_baselines, evaluate_scores
from recexplainer.evaluation.rows import Row
from recexplainer.recommenders.function import FunctionRecommender
from recexplainer.tasks.example import Example, LabelledExamples

RETRIEVAL = {"hr@5", "ndcg@5", "hr@1"}
RANKING = {"ndcg@5", "ndcg@5_standard"}


def by_name(rows: Sequence[Row]) -> dict[tuple[str, str, str], Row]:
    named = {(one.method, one.task, one.metric): one for one in rows}
    assert len(named) == len(rows), "no row twice"
    return named


def test_f_agrees_with_itself() -> None:
    cases = LabelledExamples(world(), sasrec(), examples().test)
    rows = by_name(evaluate_scores("recommender", sasrec(), cases))
    for (_, task, _), one in rows.items():
        if task == "reconstruction":
            assert (one.value, one.low, one.high, one.cases) == (None, None, None, 0)
        else:
            assert one.value == one.low == one.high == 1.0
            assert one.cases == len(cases.of(task)) > 0
    assert set(rows) == {("recommender", "classification", "accuracy"), ("recommender", "reconstruction", "hcr")} | {
        ("recommender", task, metric)
        for task, names in (("retrieval", RETRIEVAL), ("ranking", RANKING))
        for metric in names
    }


def test_f_turned_round_is_as_wrong_as_can_be() -> None:
    opposite = ScoredBy(lambda users: -sasrec().scores(users))
    rows = by_name(evaluate_scores("opposite", opposite, LabelledExamples(world(), sasrec(), examples().test)))
    assert rows["opposite", "retrieval", "hr@5"].value == 0
    # By hand: gains 0, 1, 10, 100, 1000 at places 1 to 5.
    discounts = 1 / np.log2(np.arange(5) + 2)
    worst = discounts @ [0, 1, 10, 100, 1000] / (discounts @ [1000, 100, 10, 1, 0])
    assert rows["opposite", "ranking", "ndcg@5"].value == pytest.approx(worst)
    liked = LabelledExamples(world(), sasrec(), [one for one in examples().test if one.answer_text == "Yes"])
    rows = by_name(evaluate_scores("opposite", opposite, liked))
    assert rows["opposite", "classification", "accuracy"].value == 0


def measured(recommender: SameForAll, *made: Example) -> dict[tuple[str, str, str], Row]:
    return by_name(evaluate_scores("m", recommender, LabelledExamples(world(), sasrec(), made)))


def test_retrieval_by_hand_leaves_the_history_out() -> None:
    """The best five that the history lacks are 0, 2, 4, 5, 6: places 1, 5 and none."""
    questions = [Example("retrieval", history=(1, 3), answer_items=(item,)) for item in (0, 6, 7, 3)]
    rows = measured(SameForAll(), *questions)
    assert rows["m", "retrieval", "hr@5"].value == pytest.approx(2 / 4)
    assert rows["m", "retrieval", "hr@1"].value == pytest.approx(1 / 4)
    assert rows["m", "retrieval", "ndcg@5"].value == pytest.approx((1 + 1 / np.log2(6)) / 4)


def test_of_equal_scores_the_first_of_the_catalogue_and_the_first_shown_come_first() -> None:
    equal = SameForAll([1.0] * 60)
    rows = measured(
        equal,
        Example("retrieval", history=(0,), answer_items=(1,)),
        Example("ranking", history=(0,), items=(9, 7, 8), answer_items=(9, 7, 8)),
        Example("classification", history=(0,), items=(5,), answer_text="No"),
    )
    assert rows["m", "retrieval", "hr@1"].value == 1
    assert rows["m", "ranking", "ndcg@5"].value == 1
    assert rows["m", "classification", "accuracy"].value == 1, "nothing is above a threshold that all reach"


def test_where_less_than_five_are_unseen_the_history_is_still_left_out() -> None:
    rows = measured(SameForAll(), Example("retrieval", history=tuple(range(1, 60)), answer_items=(1,)))
    assert rows["m", "retrieval", "hr@5"].value == 0


def test_classification_by_hand_takes_the_method_s_own_threshold() -> None:
    """Of 58 unseen items the best 11 score above the threshold: 0, 1 and 4 to 12; 13 is the threshold itself."""
    answers = [("Yes", 0), ("Yes", 12), ("No", 12), ("No", 13), ("Yes", 13), ("No", 59)]
    rows = measured(
        SameForAll(),
        *[Example("classification", history=(2, 3), items=(item,), answer_text=word) for word, item in answers],
    )
    assert rows["m", "classification", "accuracy"].value == pytest.approx(4 / 6)


def test_more_questions_than_a_batch_keep_their_answers() -> None:
    questions = [
        Example("retrieval", history=(item % 60,), answer_items=(int(item % 60 == 0),)) for item in range(2500)
    ]
    ranked = [Example("ranking", history=(59,), items=(3, 1, 2), answer_items=(1, 2, 3)) for _ in range(1500)]
    likes = [
        Example("classification", history=(59,), items=(58 * (n % 2),), answer_text=("Yes", "No")[n % 2])
        for n in range(1500)
    ]
    rows = measured(SameForAll(), *questions, *ranked, *likes)
    assert rows["m", "retrieval", "hr@1"].value == 1
    assert rows["m", "ranking", "ndcg@5_standard"].value == 1
    assert rows["m", "classification", "accuracy"].value == 1


def test_a_function_is_measured_as_it_is() -> None:
    def backwards(histories: list[list[str]]) -> np.ndarray:
        return np.tile(np.arange(60.0), (len(histories), 1))

    by_function = FunctionRecommender(backwards, world().item_ids)
    rows = measured(by_function, Example("retrieval", history=(59,), answer_items=(58,)))  # type: ignore[arg-type]
    assert rows["m", "retrieval", "hr@1"].value == 1


@pytest.mark.parametrize("task", ["retrieval", "ranking", "classification"])
def test_a_task_without_questions_has_no_value(task: str) -> None:
    cases = LabelledExamples(world(), sasrec(), [one for one in examples().test if one.task != task])
    for rows in (evaluate_scores("recommender", sasrec(), cases), evaluate_baselines(cases)):
        values = {one.value for one in rows if one.task == task}
        assert values == {None}
        assert all(one.value is not None for one in rows if one.task not in (task, "reconstruction"))


def test_a_catalogue_of_another_size_is_refused() -> None:
    other = SameForAll()
    other.n_items = 61
    with pytest.raises(RecommenderError, match="scores 61 items, but the catalogue has 60"):
        measured(other)


def test_scores_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(RecommenderError, match="returned NaN"):
        measured(SameForAll([float("nan")] * 60), Example("retrieval", history=(1,), answer_items=(0,)))


@pytest.fixture(scope="module")
def many() -> LabelledExamples:
    """Thousands of questions with known answers: the first item is drawn as popularity is, the orders follow it."""
    rng = np.random.default_rng(5)
    popularity = np.bincount(world().sequence, minlength=60)
    made = []
    for _ in range(3000):
        made.append(
            Example("retrieval", history=(1,), answer_items=(int(rng.choice(60, p=popularity / popularity.sum())),))
        )
        items = rng.choice(60, 5, replace=False)
        liked = items[np.argsort(-(popularity[items] + rng.normal(0, 2, 5)))]
        made.append(Example("ranking", history=(1,), items=tuple(items.tolist()), answer_items=tuple(liked.tolist())))
        made.append(
            Example("classification", history=(1,), items=(2,), answer_text=("Yes", "No")[int(rng.integers(2))])
        )
    return LabelledExamples(world(), sasrec(), made)


def test_random_is_where_theory_puts_it(many: LabelledExamples) -> None:
    rows = by_name(evaluate_baselines(many))
    n = 60
    assert rows["random", "retrieval", "hr@5"].value == pytest.approx(5 / n, abs=0.015)
    assert rows["random", "retrieval", "hr@1"].value == pytest.approx(1 / n, abs=0.008)
    expected = sum(1 / np.log2(place + 1) for place in range(1, 6)) / n
    assert rows["random", "retrieval", "ndcg@5"].value == pytest.approx(expected, abs=0.012)
    assert rows["random", "ranking", "ndcg@5"].value == pytest.approx(0.613, abs=0.012)
    assert rows["random", "classification", "accuracy"].value == pytest.approx(0.5, abs=0.03)


def test_popularity_is_better_than_random_where_f_follows_it(many: LabelledExamples) -> None:
    rows = by_name(evaluate_baselines(many))
    for task, metric in (("retrieval", "hr@5"), ("ranking", "ndcg@5"), ("ranking", "ndcg@5_standard")):
        popular, chance = rows["popularity", task, metric], rows["random", task, metric]
        assert popular.low is not None
        assert chance.high is not None
        assert popular.low > chance.high, metric


def test_popularity_orders_candidates_by_how_often_they_were_bought() -> None:
    popularity = np.bincount(world().sequence, minlength=60)
    ends = np.argsort(popularity, kind="stable")[[0, 20, 40, 50, 59]]
    assert len(set(popularity[ends].tolist())) == 5
    best_first = tuple(ends[::-1].tolist())
    case = Example("ranking", history=(1,), items=tuple(ends[[2, 0, 4, 1, 3]].tolist()), answer_items=best_first)
    others = [Example("retrieval", history=(1,), answer_items=(0,)), Example("classification", answer_text="Yes")]
    rows = by_name(evaluate_baselines(LabelledExamples(world(), sasrec(), [case, *others])))
    assert rows["popularity", "ranking", "ndcg@5"].value == pytest.approx(1.0)


def test_the_rows_of_the_baselines(many: LabelledExamples) -> None:
    rows = evaluate_baselines(many)
    for method, tasks in (
        ("random", {"retrieval", "ranking", "classification"}),
        ("popularity", {"retrieval", "ranking"}),
    ):
        assert {one.task for one in rows if one.method == method} == tasks
    names = {(one.task, one.metric) for one in rows}
    assert names == {("retrieval", one) for one in RETRIEVAL} | {("ranking", one) for one in RANKING} | {
        ("classification", "accuracy")
    }
    assert {one.cases for one in rows} == {3000}


def test_the_seed_draws_the_baselines(many: LabelledExamples) -> None:
    assert evaluate_baselines(many, 3) == evaluate_baselines(many, 3) != evaluate_baselines(many, 4)


def test_baselines_do_not_ask_f(many: LabelledExamples) -> None:
    assert evaluate_baselines(replace(many, recommender=NeverAsked())) == evaluate_baselines(many)
