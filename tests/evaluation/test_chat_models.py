"""Chat models on Table 1: their questions, and how their words are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from tests.tiny import examples, sasrec, world

from recexplainer.chat.model import Conversation
from recexplainer.evaluation.baselines import TASKS, alignment_conversations, conversation, evaluate_chat_model
from recexplainer.evaluation.cases import draw_shots
from recexplainer.surrogate.prompt import SEPARATOR
from recexplainer.tasks.example import Example, LabelledExamples


class Speaker:
    """Answers every question by a rule."""

    name = "speaker"

    def __init__(self, answer_to: Callable[[int], str | None]) -> None:
        self.answer_to, self.questions = answer_to, list[Conversation]()

    def answer(self, conversations: Sequence[Conversation]) -> list[str | None]:
        self.questions += conversations
        return [self.answer_to(number) for number in range(len(conversations))]


def cases() -> LabelledExamples:
    return LabelledExamples(world(), sasrec(), examples().test)


def questions() -> list[Example]:
    return [example for task in TASKS for example in cases().of(task)]


def truth(number: int) -> str:
    example = questions()[number]
    return SEPARATOR.join(world().titles[item] for item in example.answer_items) or f"{example.answer_text}, indeed."


def test_the_answers_of_the_recommender_are_perfect() -> None:
    rows = {(row.task, row.metric): row for row in evaluate_chat_model("x", Speaker(truth), cases())}
    assert rows["retrieval", "hr@5"].value == rows["retrieval", "ndcg@5"].value == 1
    assert rows["ranking", "ndcg@5"].value == 1
    assert rows["classification", "accuracy"].value == 1
    assert rows["reconstruction", "hcr"].value is None, "it reads no vectors"
    assert {row.method for row in rows.values()} == {"x"}


@pytest.mark.parametrize("answer", [None, "", "I cannot say."])
def test_what_is_missing_or_not_understood_is_wrong(answer: str | None) -> None:
    rows = evaluate_chat_model("x", Speaker(lambda number: answer), cases())
    assert [row.value for row in rows if row.task != "reconstruction"] == [0] * 6
    assert {row.cases for row in rows if row.task == "retrieval"} == {len(cases().of("retrieval"))}


def test_five_titles_are_asked_for_and_the_fifth_counts() -> None:
    others = world().titles[:8]

    def fifth(number: int) -> str:
        answer = truth(number)
        return SEPARATOR.join([*[title for title in others if title != answer][:4], answer])

    rows = {(row.task, row.metric): row.value for row in evaluate_chat_model("x", Speaker(fifth), cases())}
    assert rows["retrieval", "hr@5"] == 1
    assert rows["retrieval", "hr@1"] == 0


def test_shots_are_turns_that_were_answered_well() -> None:
    shots = draw_shots(examples().train)
    speaker = Speaker(truth)
    evaluate_chat_model("x-icl", speaker, cases(), shots)
    assert speaker.questions == alignment_conversations(cases(), shots)
    for turns, example in zip(speaker.questions, questions(), strict=True):
        assert [message.role for message in turns] == ["system", *["user", "assistant"] * 2, "user"]
        solved = shots[example.task][0]
        expected = SEPARATOR.join(world().titles[item] for item in solved.answer_items) or solved.answer_text
        assert turns[2].content == expected
        assert all(world().titles[item] in turns[-1].content for item in example.history)


def test_the_view_wanted_is_in_the_question() -> None:
    example = Example("rationale", "surrogate", history=(1, 2), items=(3,))
    (_, question) = conversation(replace(example, aspect="from the view of genres"), world().titles)
    assert "from the view of genres" in question.content
    assert "Begin with Yes or No" in question.content
