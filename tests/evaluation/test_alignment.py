from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from tests.tiny import ARCHITECTURES, examples, fresh, sasrec, world

from recexplainer.data.titles import TitleFinder
from recexplainer.evaluation import metrics
from recexplainer.evaluation.alignment import evaluate_surrogate
from recexplainer.evaluation.rows import Row
from recexplainer.surrogate.batching import encode_questions
from recexplainer.surrogate.decoding import Decoder
from recexplainer.surrogate.prompt import FORMS, Form
from recexplainer.tasks.example import Example, LabelledExamples

RETRIEVAL = {"hr@5", "ndcg@5", "hr@1"}
RANKING = {"ndcg@5", "ndcg@5_standard"}


def few() -> LabelledExamples:
    """Four test questions of each task."""
    chosen = [
        one
        for task in ("retrieval", "ranking", "classification", "reconstruction", "rationale")
        for one in [one for one in examples().test if one.task == task][:4]
    ]
    return LabelledExamples(world(), sasrec(), chosen)


def by_name(rows: Sequence[Row]) -> dict[tuple[str, str, str], Row]:
    named = {(one.method, one.task, one.metric): one for one in rows}
    assert len(named) == len(rows), "no row twice"
    return named


def constrained(metrics: set[str]) -> set[str]:
    return metrics | {f"{metric}_constrained" for metric in metrics}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("form", FORMS)
def test_the_rows_of_a_surrogate_have_the_names_of_the_paper_s_table(form: Form, architecture: str) -> None:
    rows = by_name(evaluate_surrogate(fresh(form, architecture), few()))
    expected = {(form, "retrieval", metric) for metric in constrained(RETRIEVAL)}
    expected |= {(form, "ranking", metric) for metric in constrained(RANKING)}
    expected |= {(form, "classification", "accuracy")}
    expected |= {(form, "reconstruction", "hcr")} if form != "behavior" else set()
    assert set(rows) == expected
    for one in rows.values():
        assert one.cases == 4
        assert one.value is not None
        assert one.low is not None
        assert one.high is not None
        assert 0 <= one.low <= one.value <= one.high <= 1


class Oracle:
    """Knows every answer; stands where a decoder reads a surrogate."""

    def __init__(self, cases: LabelledExamples, task: str) -> None:
        self._examples = [one for one in cases.examples if one.task == task and one.subtask in ("", "history")]

    def titles(self, prompts: object, count: int, *, constrained: bool) -> list[list[str]]:
        titles = world().titles
        return [[titles[one.answer_items[0]], *titles[: count - 1]] for one in self._examples]

    def greedy(self, prompts: object, limit: int) -> list[str]:
        return ["; ".join(world().titles[item] for item in one.answer_items) for one in self._examples]

    def lists(self, prompts: object, candidates: object, limit: int) -> tuple[list[str], list[str]]:
        return self.greedy(prompts, limit), self.greedy(prompts, limit)

    def yes_probabilities(self, prompts: object) -> np.ndarray:
        return np.array([0.9 if one.answer_text == "Yes" else 0.1 for one in self._examples])


@pytest.mark.parametrize("right", [True, False])
def test_every_right_answer_is_one_and_every_wrong_one_is_not(right: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = few()

    def answer(name: str) -> None:
        def read(decoder: Decoder, prompts: object, *args: object, **how: object) -> object:
            lengths = [one.answer_start for one in prompts.encoded]  # type: ignore[attr-defined]
            task = next(
                task
                for task in ("retrieval", "ranking", "classification", "reconstruction")
                if [one.answer_start for one in questions[task].encoded] == lengths
            )
            answers = getattr(Oracle(cases if right else others, task), name)(prompts, *args, **how)
            return answers if right or name != "yes_probabilities" else 1 - answers

        monkeypatch.setattr(Decoder, name, read)

    surrogate = fresh("hybrid")
    tasks = ("retrieval", "ranking", "classification", "reconstruction")
    questions = {
        task: encode_questions(
            surrogate, world(), sasrec(), [one for one in cases.of(task) if one.subtask != "summary"]
        )
        for task in tasks
    }
    others = replace(cases, examples=[_wrong(one) for one in cases.examples])
    for name in ("titles", "greedy", "lists", "yes_probabilities"):
        answer(name)
    for (_, task, metric), one in by_name(evaluate_surrogate(surrogate, cases)).items():
        if right:
            assert one.value == pytest.approx(1.0), (task, metric)
        else:
            assert one.value is not None
            assert one.value < 0.8, (task, metric)


def _wrong(one: Example) -> Example:
    """The same question with the worst of answers."""
    if one.task == "ranking":
        return replace(one, answer_items=one.answer_items[::-1])
    away = tuple((item + 31) % 60 for item in one.answer_items)
    return replace(one, answer_items=away if one.task == "retrieval" else ())


def test_what_is_said_is_what_is_measured() -> None:
    """The rows, from the decoder's own words by another way."""
    surrogate, cases = fresh("intention", "gpt2"), few()
    rows = by_name(evaluate_surrogate(surrogate, cases))
    decoder, finder = Decoder(surrogate, world().titles), TitleFinder(world().titles)
    questions = cases.of("ranking")
    held = decoder.orders(encode_questions(surrogate, world(), sasrec(), questions), [one.items for one in questions])
    values = metrics.ranking_ndcg([finder.parse_list(text) for text in held], [one.answer_items for one in questions])
    assert rows["intention", "ranking", "ndcg@5_constrained"].value == pytest.approx(values.mean())
    questions = cases.of("classification")
    yes = decoder.yes_probabilities(encode_questions(surrogate, world(), sasrec(), questions)) > 0.5
    right = [verdict == (one.answer_text == "Yes") for verdict, one in zip(yes, questions, strict=True)]
    assert rows["intention", "classification", "accuracy"].value == pytest.approx(np.mean(right))


@pytest.mark.parametrize("task", ["retrieval", "ranking", "classification", "reconstruction"])
def test_a_task_without_test_questions_is_left_out(task: str) -> None:
    cases = few()
    left = replace(cases, examples=[one for one in cases.examples if one.task != task])
    assert {one.task for one in evaluate_surrogate(fresh("intention"), left)} == {
        "retrieval",
        "ranking",
        "classification",
        "reconstruction",
    } - {task}


def test_the_first_users_have_all_their_questions() -> None:
    every = LabelledExamples(world(), sasrec(), examples().test)
    some = every.first(3)
    users = {one.user for one in some.examples} - {""}
    assert len(users) == 3
    assert some.examples == [one for one in every.examples if one.user in {*users, ""}]
    assert every.first(10_000).examples == list(every.examples)
