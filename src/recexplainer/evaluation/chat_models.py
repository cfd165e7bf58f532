"""Alignment of chat models, and the questions that they are asked (the paper's GPT-4 and ICL rows of Table 1).

They read text alone, so they are asked as the surrogates are in the behavior form, with a line on the form of the
answer; reconstruction reads vectors, so they cannot do it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recexplainer.chat.model import ChatModel, Conversation, Message
from recexplainer.claims.parser import read_verdict
from recexplainer.data.titles import TitleFinder
from recexplainer.evaluation.alignment import RETURNED, classification_row, ranking_rows, retrieval_rows
from recexplainer.evaluation.rows import Row, row
from recexplainer.explanations.record import Method
from recexplainer.surrogate.batching import question_text
from recexplainer.surrogate.prompt import SEPARATOR
from recexplainer.tasks.example import Example, LabelledExamples

TASKS = ("retrieval", "ranking", "classification")
_ANSWER_FORMS = {
    "retrieval": f"Answer with {RETURNED} titles and nothing else, best first, separated by “{SEPARATOR.strip()}”.",
    "ranking": f"Answer with these titles and nothing else, best first, separated by “{SEPARATOR.strip()}”.",
    "classification": "Answer with Yes or No and nothing else.",
    "rationale": "Begin with Yes or No, then explain.",
}


def conversation(example: Example, titles: Sequence[str], shots: Sequence[Example] = ()) -> Conversation:
    """A question to a chat model, behind `shots`, solved questions of its task, as turns that it has answered well."""

    def question(one: Example) -> str:
        return f"{question_text(one, titles)}\n{_ANSWER_FORMS[one.task]}"

    turns = [Message("system", "You answer as a recommender system that has seen what its users bought.")]
    for shot in shots:
        answer = SEPARATOR.join(titles[item] for item in shot.answer_items) or shot.answer_text
        turns += [Message("user", question(shot)), Message("assistant", answer)]
    return (*turns, Message("user", question(example)))


def alignment_conversations(cases: LabelledExamples, shots: Mapping[str, Sequence[Example]]) -> list[Conversation]:
    """All questions of Table 1, as `evaluate_chat_model` asks them."""
    return [
        conversation(example, cases.dataset.titles, shots.get(task, ())) for task in TASKS for example in cases.of(task)
    ]


def evaluate_chat_model(
    method: str | Method,
    model: ChatModel,
    cases: LabelledExamples,
    shots: Mapping[str, Sequence[Example]] | None = None,
) -> list[Row]:
    """The rows of a chat model; an answer that is missing or cannot be understood counts as wrong.

    `shots` are for each task solved questions to learn from in context.
    """
    texts = iter(model.answer(alignment_conversations(cases, shots or {})))
    answers = {task: [next(texts) or "" for _ in cases.of(task)] for task in TASKS}
    finder = TitleFinder(cases.dataset.titles)
    ranked, orders = ([finder.parse_list(text) for text in answers[task]] for task in ("retrieval", "ranking"))
    words = {True: "Yes", False: "No", None: None}
    verdicts = [words[read_verdict(text)] for text in answers["classification"]]
    return [
        *retrieval_rows(method, ranked, [one.answer_items[0] for one in cases.of("retrieval")]),
        *ranking_rows(method, orders, [one.answer_items for one in cases.of("ranking")]),
        classification_row(method, verdicts, cases.of("classification")),
        row(method, "reconstruction", "hcr", []),
    ]
