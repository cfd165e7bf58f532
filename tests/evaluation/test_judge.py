from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from tests import tiny
from tests.fakes import FakeChatModel

from recexplainer.data.dataset import Dataset
from recexplainer.errors import DataError
from recexplainer.evaluation.judge import (
    RUBRIC,
    Judgement,
    judge_conversation,
    judge_with_model,
    judge_with_rubric,
    judgement_rows,
)
from recexplainer.evaluation.rows import Row
from recexplainer.explanations.record import Method

TITLES = ("Marrow & Thistle", "Brink", "Night Ride", "Velvet Circuit 2", "Skyline Couriers")
METHODS = (Method("hybrid", "grounded"), Method("intention"), Method("unaligned"))


def catalogue() -> Any:
    items = pl.DataFrame({"item_id": [f"i{place}" for place in range(5)], "title": TITLES})
    return Dataset.from_frames(pl.DataFrame({"user_id": ["u", "u"], "item_id": ["i0", "i1"]}), items)


def explanation(method: Any, user: Any, text: str, recommended: Any = True) -> Any:
    return tiny.explanation_of(
        TITLES,
        text,
        method=method.name,
        variant=method.variant,
        user=user,
        history=(0, 1),
        item=2,
        recommended=recommended,
    )


def explanations_of_methods(cases: Any = 20) -> Any:
    return {
        method: [explanation(method, f"u{case}", f"Yes, text {number} of case {case}.") for case in range(cases)]
        for number, method in enumerate(METHODS)
    }


def by_case(prompt: Any) -> Any:
    """A rating, or none, that depends on the text alone."""
    number, case = prompt.split("text ")[1].split(".")[0].split(" of case ")
    if int(case) % 5 == 4:
        return None if int(number) else "I would rather not say."
    return f"<br>RATING-{(int(number) + int(case)) % 4}</br>"


def test_answers_come_back_to_their_own_explanations() -> None:
    explanations = explanations_of_methods()
    judged = judge_with_model(explanations, FakeChatModel(by_case), seed=3)
    expected = [(method.name, one.user, one.item, True) for method, each in explanations.items() for one in each]
    assert [(one.method, one.user, one.item, one.label) for one in judged] == expected
    for one in judged:
        number, case = METHODS.index(Method(one.method, one.variant)), int(one.user[1:])
        if case % 5 == 4:
            assert (one.rating, one.answer) == (None, "" if number else "I would rather not say.")
        else:
            assert one.rating == (number + case) % 4
            assert one.answer == f"<br>RATING-{one.rating}</br>"


def test_all_methods_are_asked_about_mixed_in_one_call() -> None:
    explanations = explanations_of_methods()
    plain = [judge_conversation(one) for each in explanations.values() for one in each]
    judges = [FakeChatModel(by_case) for _ in range(3)]
    judged = [judge_with_model(explanations, judge, seed) for judge, seed in zip(judges, (0, 0, 1), strict=True)]
    assert [len(judge.calls) for judge in judges] == [1, 1, 1]
    first, repeated, other = (judge.calls[0] for judge in judges)
    assert first == repeated != other
    assert sorted(first, key=str) == sorted(other, key=str) == sorted(plain, key=str)
    places = [METHODS[int(one[0].content.split("text ")[1][0])] for one in first]
    assert all(len(set(places[start : start + 20])) == 3 for start in (0, 20, 40))
    assert judged[0] == judged[1] == judged[2]


def test_no_prompt_names_a_method() -> None:
    judge = FakeChatModel(by_case)
    judge_with_model(explanations_of_methods(), judge)
    assert not [one for one in judge.calls[0] if any(method.name in str(one) for method in METHODS)]


def test_a_model_must_answer_every_prompt() -> None:
    class Short(FakeChatModel):
        def answer(self, conversations: Any) -> Any:
            return super().answer(conversations)[1:]

    with pytest.raises(ValueError, match="shorter"):
        judge_with_model(explanations_of_methods(), Short(by_case))


def test_an_explanation_without_text_is_unscored_and_no_judge_is_asked() -> None:
    explanations = {Method("a"): [explanation(Method("a"), "u", ""), explanation(Method("a"), "v", "Yes.")]}
    judge = FakeChatModel(lambda text: "<think>RATING-1?</think><br>RATING-2</br>")
    for judged in (judge_with_rubric(explanations, catalogue()), judge_with_model(explanations, judge)):
        assert [one.rating is None for one in judged] == [True, False]
        assert {one.metric: one.value for one in judgement_rows(judged, "x")}["rated_share"] == 0.5
    assert (judged[1].rating, judged[1].answer) == (2, "<br>RATING-2</br>")
    assert len(judge.calls[0]) == 1


def test_nothing_is_judged_without_asking() -> None:
    judge = FakeChatModel(by_case)
    assert judge_with_model({}, judge) == judge_with_model({Method("hybrid"): []}, judge) == []
    assert judge_with_rubric({}, catalogue()) == judge_with_rubric({Method("hybrid"): []}, catalogue()) == []
    assert judge.calls == []
    assert judgement_rows([], RUBRIC) == []


@pytest.mark.parametrize(
    "other",
    [
        [],
        [explanation(Method("b"), "v", "Yes.")],
        [explanation(Method("b"), "u", "Yes.", recommended=False)],
        [replace(explanation(Method("b"), "u", "Yes."), item=3, item_title=TITLES[3])],
        [explanation(Method("b"), "u", "Yes."), explanation(Method("b"), "u", "Yes.")],
    ],
)
def test_methods_that_explain_different_cases_are_not_compared(other: Any) -> None:
    explanations = {Method("a"): [explanation(Method("a"), "u", "Yes.")], Method("b"): other}
    with pytest.raises(DataError, match="b and of a"):
        judge_with_rubric(explanations, catalogue())
    with pytest.raises(DataError, match="b and of a"):
        judge_with_model(explanations, FakeChatModel(by_case))


def test_the_same_cases_may_come_in_any_order() -> None:
    one, two = explanation(Method("a"), "u", "Yes."), explanation(Method("a"), "v", "No.")
    judged = judge_with_rubric({Method("a"): [one, two], Method("b"): [two, one]}, catalogue())
    assert [(each.method, each.user, each.rating) for each in judged] == [
        ("a", "u", 1),
        ("a", "v", 0),
        ("b", "v", 0),
        ("b", "u", 1),
    ]


def test_the_rubric_judge_rates_all_and_says_why() -> None:
    texts = (
        "Yes, “Night Ride” fits. “Marrow & Thistle” and “Brink” lift it.",
        "Yes, it fits. “Brink” lifts it.",
        "Yes, it fits. “Velvet Circuit 2” lifts it.",
        "No.",
    )
    judged = judge_with_rubric(
        {Method("hybrid"): [explanation(Method("hybrid"), f"u{n}", text) for n, text in enumerate(texts)]}, catalogue()
    )
    assert [one.rating for one in judged] == [3, 2, 1, 0]
    assert judged[2].answer == "“Velvet Circuit 2” is not in the history"
    assert all(one.answer for one in judged)


def judgements(method: Any, ratings: Any) -> Any:
    return [Judgement(method, "", f"u{n}", n, True, rating, "") for n, rating in enumerate(ratings)]


def test_rows_by_hand() -> None:
    rows = judgement_rows(judgements("hybrid", [3, 2, 2, 0, None]) + judgements("random", [0, 0]), "gpt")
    values = {(one.method, one.metric): (one.value, one.cases) for one in rows}
    assert values == {
        ("hybrid", "rating"): (1.75, 4),
        ("hybrid", "rating_0"): (0.25, 4),
        ("hybrid", "rating_1"): (0.0, 4),
        ("hybrid", "rating_2"): (0.5, 4),
        ("hybrid", "rating_3"): (0.25, 4),
        ("hybrid", "rating_of_correct"): (pytest.approx(7 / 3), 3),
        ("hybrid", "rated_share"): (0.8, 5),
        ("random", "rating"): (0.0, 2),
        ("random", "rating_0"): (1.0, 2),
        ("random", "rating_1"): (0.0, 2),
        ("random", "rating_2"): (0.0, 2),
        ("random", "rating_3"): (0.0, 2),
        ("random", "rating_of_correct"): (None, 0),
        ("random", "rated_share"): (1.0, 2),
    }
    assert {(one.task, one.rater) for one in rows} == {("explanation", "gpt")}
    assert [one.method for one in rows] == ["hybrid"] * 7 + ["random"] * 7


def test_where_nothing_is_scored_only_the_coverage_has_a_value() -> None:
    rows = judgement_rows(judgements("hybrid", [None, None]), "gpt")
    assert [one.metric for one in rows if one.value is not None] == ["rated_share"]
    assert rows[-1] == Row(
        method="hybrid", task="explanation", metric="rated_share", rater="gpt", value=0.0, low=0.0, high=0.0, cases=2
    )
    assert rows[0] == Row(
        method="hybrid", task="explanation", metric="rating", rater="gpt", value=None, low=None, high=None, cases=0
    )


def test_intervals_hold_the_mean() -> None:
    first: Any = judgement_rows(judgements("hybrid", [0, 3] * 50), RUBRIC)[0]
    assert (first.metric, first.rater) == ("rating", RUBRIC)
    assert first.low < 1.5 == first.value < first.high
