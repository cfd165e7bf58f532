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


def test_what_is_not_answered_is_unscored_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    speaker = Speaker(lambda number: truth(number) if number % 2 else None if number % 4 else "")
    rows = {(row.task, row.metric): row for row in evaluate_chat_model("x", speaker, cases())}
    assert rows["retrieval", "hr@5"].value == rows["ranking", "ndcg@5"].value == 1
    assert rows["retrieval", "hr@5"].cases == len(cases().of("retrieval")) // 2
    assert "120 of 240 questions are unscored" in caplog.text
    nothing = evaluate_chat_model("x", Speaker(lambda number: None), cases())
    assert {row.value for row in nothing} == {None}


@pytest.mark.parametrize(
    "style",
    [
        "<think>{0}; nothing else?</think>{0}",
        "Here are the titles:\n\n{0}",
        "1. **{0}**\n",
        "- “{0}”\n",
        '["{0}"]',
        '```json\n["{0}"]\n```',
        "1) {0};\n",
        "<answer>{0}</answer>",
    ],
)
def test_a_list_of_titles_is_understood_as_chat_models_write_it(style: str) -> None:
    def styled(number: int) -> str:
        titles = truth(number).split(SEPARATOR)
        if style.startswith("<") or "Here" in style:
            return style.format(SEPARATOR.join(titles))
        if "[" in style:
            return style.format('", "'.join(titles))
        return "".join(style.format(title) for title in titles)

    rows = {(row.task, row.metric): row.value for row in evaluate_chat_model("x", Speaker(styled), cases())}
    assert rows["retrieval", "hr@1"] == rows["ranking", "ndcg@5"] == 1


def test_what_is_not_understood_is_wrong() -> None:
    rows = evaluate_chat_model("x", Speaker(lambda number: "I cannot say."), cases())
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
