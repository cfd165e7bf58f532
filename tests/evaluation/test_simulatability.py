# pyright: reportUnknownLambdaType=false
"""A chat model as the reader of explanations: its questions, and what its answers are worth."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from tests.evaluation.weighted import TITLES, WEIGHTS, explanation, recommender, score_std
from tests.fakes import FakeChatModel

from recexplainer.claims.claim import Claim
from recexplainer.errors import DataError
from recexplainer.evaluation.faithfulness import faithfulness_values
from recexplainer.evaluation.rows import Row
from recexplainer.evaluation.simulatability import (
    Prediction,
    parse_choice,
    predict_with_model,
    simulatability_rows,
    simulation_conversation,
    simulation_conversations,
)
from recexplainer.evidence.evidence import NEGLIGIBLE
from recexplainer.explanations.record import Method


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("<br>ANSWER-A</br>", "A"),
        ("<br>ANSWER-B<br>", "B"),
        ("<BR/> answer-neither <BR/>", "NEITHER"),
        ("<br>**B**</br>", "B"),
        ("First A, I thought.\nA\n<br>ANSWER-B</br>", "B"),
        ("The text speaks of B alone.\n\nANSWER-B", "B"),
        (" **A**.\n", "A"),
        ("Answer: neither", "NEITHER"),
        ("A\nTo repeat:\nAnswer: A", "A"),
        ("", None),
        ("A clear case.", None),
        ("The answer is a guess.", None),
        ("It would be A.", None),
        ("<br>ANSWER-x</br>", None),
        ("<br>ANSWER-C</br>", None),
        ("<br>A or B</br>", None),
        ("ANSWER-A or ANSWER-B", None),
        ("<br>ANSWER-A</br><br>ANSWER-B</br>", None),
        ("A\nB\nNEITHER", None),
    ],
)
def test_choices_are_read_or_refused(answer: Any, expected: Any) -> None:
    assert parse_choice(answer) == expected


def test_a_reader_is_shown_the_text_and_two_titles_alone() -> None:
    own = explanation(text="Yes, {it} is fine; ANSWER-A.", method="intention", variant="grounded")
    conversations = simulation_conversations({Method("intention", "grounded"): [own]}, recommender(), pairs=6)
    assert len(conversations) == 6
    for (message,) in conversations:
        assert message.role == "user"
        assert own.text in message.content
        assert len(shown(message.content)) == 2
        assert sum(title in message.content for title in TITLES) == 2
        assert "intention" not in message.content


def test_the_prompt_itself_gives_no_answer() -> None:
    assert parse_choice(simulation_conversation(explanation(text="Yes."), (0, 1))[0].content) is None


def shown(prompt: Any) -> Any:
    """The titles that are shown as A and B."""
    return re.findall(r"^[AB]: (.+)$", prompt, re.MULTILINE)


def by_weight(prompt: Any) -> Any:
    """The answer of one who knows the recommender."""
    first, second = (WEIGHTS[TITLES.index(title)] for title in shown(prompt))
    return f"<br>ANSWER-{'A' if first > second else 'B'}</br>"


def by_text(prompt: Any) -> Any:
    """As the fixed reader: a positive citation before no citation before a negative one."""
    (text,) = re.findall("<explanation>\n(.*)\n</explanation>", prompt)
    first, second = (text.count(f"+{title}") - text.count(f"-{title}") for title in shown(prompt))
    return "Neither." if first == second else "A" if first > second else "B"


def ask(explanations: Any, answer: Any, **arguments: Any) -> Any:
    return predict_with_model(explanations, recommender(), FakeChatModel(answer), **arguments)


def many(method: Any = "a", cases: Any = 100, **changes: Any) -> Any:
    return [explanation(user=f"u{case}", method=method, **changes) for case in range(cases)]


def test_who_knows_the_recommender_is_right_and_who_turns_it_round_is_wrong() -> None:
    explanations = {Method("a"): many()}
    for answer, score in (
        (by_weight, 1.0),
        (lambda prompt: "A" if by_weight(prompt) == "<br>ANSWER-B</br>" else "B", 0.0),
        (lambda _: "NEITHER", 0.5),
    ):
        found = ask(explanations, answer)
        assert len(found) == 300
        assert {one.score for one in found} == {score}
        assert simulatability_rows(found, "gpt")[0] == Row(
            method="a",
            task="explanation",
            metric="simulatability",
            rater="gpt",
            value=score,
            low=score,
            high=score,
            cases=100,
        )


def test_a_reader_like_the_fixed_one_finds_what_the_fixed_one_finds() -> None:
    claims = (
        Claim("positive", "supported", "", 0, 1, 0),
        Claim("negative", "supported", "", 0, 1, 2),
    )
    own = explanation(*claims, text="Yes: +Brink, -Velvet.")
    (row, _) = simulatability_rows(ask({Method("a"): [own]}, by_text, pairs=6), "gpt")
    assert row.value == pytest.approx(4.5 / 6)  # of the six pairs one is turned round, and one is tied
    assert [row.value] == faithfulness_values([own], recommender())["simulatability"]


def test_all_methods_are_asked_about_the_same_pairs() -> None:
    explanations = {Method("a"): many(text="One."), Method("b"): many("b", text="Two.")[::-1]}
    found = {(one.method, one.user): set[object]() for one in ask(explanations, by_weight)}
    for one in ask(explanations, by_weight):
        found[one.method, one.user].add((one.shown, one.truth))
    assert all(found["a", f"u{case}"] == found["b", f"u{case}"] for case in range(100))
    assert len({frozenset(each) for each in found.values()}) > 20
    first, repeated, other = (ask(explanations, by_weight, seed=seed) for seed in (0, 0, 1))
    assert first == repeated != other


def test_the_order_on_show_has_no_information() -> None:
    found = ask({Method("a"): many()}, by_weight)
    assert 0.4 < np.mean([one.truth == "A" for one in found]) < 0.6
    for one in found:
        more, less = one.shown if one.truth == "A" else one.shown[::-1]
        assert WEIGHTS[more] > WEIGHTS[less]


def test_answers_come_back_to_their_own_questions() -> None:
    explanations = {Method("a"): many(cases=10), Method("b"): many("b", cases=10)}
    model = FakeChatModel(lambda prompt: " and ".join(shown(prompt)))
    found = predict_with_model(explanations, recommender(), model, seed=3)
    assert [one.answer for one in found] == [" and ".join(TITLES[item] for item in one.shown) for one in found]
    assert {one.choice for one in found} == {None}
    expected = simulation_conversations(explanations, recommender(), seed=3)
    assert len(model.calls) == 1
    assert model.calls[0] != expected
    assert sorted(model.calls[0], key=str) == sorted(expected, key=str)


def test_items_that_are_not_apart_are_not_asked_about() -> None:
    step = NEGLIGIBLE * score_std()
    near, apart = (explanation(attributions=(0.0, 0.0, 0.0, by)) for by in (0.99 * step, 1.01 * step))
    assert ask({Method("a"): [near]}, by_weight) == []
    found = ask({Method("a"): [apart]}, by_weight)
    assert {max(one.shown) for one in found} == {3}


def test_where_there_is_nothing_to_ask_nobody_is() -> None:
    model = FakeChatModel(by_weight)
    assert (
        predict_with_model({}, recommender(), model)
        == predict_with_model({Method("a"): []}, recommender(), model)
        == []
    )
    assert model.calls == []
    assert simulatability_rows([], "gpt") == []


def test_without_attributions_nothing_can_be_asked() -> None:
    with pytest.raises(DataError, match="attributions of 0 of 4"):
        simulation_conversations({Method("a"): [explanation(attributions=())]}, recommender())


def simulations(method: Any, *cases: Any) -> Any:
    return [
        Prediction(method, "", f"u{case}", 9, (0, 1), "A", choice, "")
        for case, choices in enumerate(cases)
        for choice in choices
    ]


def test_rows_by_hand() -> None:
    found = simulations("a", ["A", "NEITHER", "NEITHER"], ["B", None], [None, None], ["A"])
    rows: Any = simulatability_rows([*found, *simulations("b", [None])], "gpt")
    values = {(one.method, one.metric): (one.value, one.cases) for one in rows}
    assert values == {
        ("a", "simulatability"): (pytest.approx((2 / 3 + 0 + 1) / 3), 3),
        ("a", "predicted_share"): (pytest.approx((1 + 0.5 + 0 + 1) / 4), 4),
        ("b", "simulatability"): (None, 0),
        ("b", "predicted_share"): (0.0, 1),
    }
    assert {one.task for one in rows} == {"explanation"}
    assert rows[0].low < rows[0].value < rows[0].high
