"""Alignment: how far a surrogate answers as the recommender does, on histories that it was not trained on (Table 1).

The paper's protocol (free decoding, strings compared) stands beside constrained decoding, which writes titles of the
catalogue only. Methods that score are measured on the same cases in `baselines.py`, chat models in `chat_models.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from recexplainer.data.titles import TitleFinder
from recexplainer.evaluation import metrics
from recexplainer.evaluation.rows import CONSTRAINED, Row, row
from recexplainer.explanations.record import Method
from recexplainer.surrogate.batching import EncodedSet, encode_questions
from recexplainer.surrogate.decoding import Decoder
from recexplainer.surrogate.model import Surrogate
from recexplainer.tasks.example import Example, LabelledExamples

RETURNED = 5
"""How many titles are asked for in retrieval."""


def evaluate_surrogate(
    surrogate: Surrogate,
    cases: LabelledExamples,
    method: str | Method | None = None,
    shots: Mapping[str, Sequence[Example]] | None = None,
) -> list[Row]:
    """The rows of one surrogate on the tasks that there are cases of.

    Retrieval: five beams, five titles, compared with the recommender's first (task 1). Ranking: greedy, the candidates
    put in order (task 2). Classification: the logits of "Yes" and "No" compared, nothing is decoded (task 3).
    Reconstruction, from vectors alone: greedy, the share of the history that is named (task 6).

    Args:
        surrogate: The surrogate.
        cases: The test questions.
        method: The method of its rows; None: its form.
        shots: For each task, solved questions to learn from in context (paper section 3.2.3).
    """
    titles = cases.dataset.titles
    measure = _Measurement(
        method or surrogate.form, Decoder(surrogate, titles), TitleFinder(titles), cases, shots or {}
    )
    rows: list[Row] = []
    if cases.of("retrieval"):
        rows += measure.retrieval()
    if cases.of("ranking"):
        rows += measure.ranking()
    if cases.of("classification"):
        rows += measure.classification()
    if cases.of("reconstruction") and surrogate.form != "behavior":
        rows += measure.reconstruction()
    return rows


def retrieval_rows(
    method: str | Method, ranked: Sequence[Sequence[int | None]], truth: Sequence[int], suffix: str = ""
) -> list[Row]:
    """Rows of retrieval from the items returned, `[cases][any length]`, best first, and the true first, `[cases]`."""
    values = {
        "hr@5": metrics.hit_ratio(ranked, truth, k=RETURNED),
        "ndcg@5": metrics.ndcg(ranked, truth, k=RETURNED),
        "hr@1": metrics.hit_ratio(ranked, truth, k=1),
    }
    return [row(method, "retrieval", f"{name}{suffix}", each) for name, each in values.items()]


def ranking_rows(
    method: str | Method,
    predicted: Sequence[Sequence[int | None]],
    truth: Sequence[Sequence[int]],
    suffix: str = "",
) -> list[Row]:
    """Rows of ranking from the orders given, `[cases][any length]`, and the true ones, `[cases][candidates]`."""
    values = {
        "ndcg@5": metrics.ranking_ndcg(predicted, truth),
        "ndcg@5_standard": metrics.ranking_ndcg(predicted, truth, "standard"),
    }
    return [row(method, "ranking", f"{name}{suffix}", each) for name, each in values.items()]


def classification_row(method: str | Method, answers: Sequence[str | None], examples: Sequence[Example]) -> Row:
    """The row of classification from the answers, "Yes", "No", or None where neither is given."""
    values = metrics.accuracy(answers, [one.answer_text for one in examples])
    return row(method, "classification", "accuracy", values)


@dataclass(frozen=True)
class _Measurement:
    """A surrogate's answers to the cases, as rows."""

    method: str | Method
    decoder: Decoder
    finder: TitleFinder
    cases: LabelledExamples
    shots: Mapping[str, Sequence[Example]]

    def retrieval(self) -> list[Row]:
        examples = self.cases.of("retrieval")
        questions = self._encode(examples)
        truth = [example.answer_items[0] for example in examples]
        rows: list[Row] = []
        for suffix, constrained in (("", False), (CONSTRAINED, True)):
            answers = self.decoder.titles(questions, RETURNED, constrained=constrained)
            ranked = [[(self.finder.parse_list(text) or [None])[0] for text in texts] for texts in answers]
            rows += retrieval_rows(self.method, ranked, truth, suffix)
        return rows

    def ranking(self) -> list[Row]:
        examples = self.cases.of("ranking")
        questions = self._encode(examples)
        limit = (RETURNED + 1) * max(len(ids) + 1 for ids in self.decoder.title_ids)
        free = [self.finder.parse_list(text) for text in self.decoder.greedy(questions, limit)]
        held = [
            self.finder.parse_list(text) for text in self.decoder.orders(questions, [one.items for one in examples])
        ]
        rows = partial(ranking_rows, self.method, truth=[one.answer_items for one in examples])
        return [*rows(free), *rows(held, suffix=CONSTRAINED)]

    def classification(self) -> list[Row]:
        examples = self.cases.of("classification")
        answers = ["Yes" if p > 0.5 else "No" for p in self.decoder.yes_probabilities(self._encode(examples))]
        return [classification_row(self.method, answers, examples)]

    def reconstruction(self) -> list[Row]:
        examples = [one for one in self.cases.of("reconstruction") if one.subtask == "history"]
        longest = max(sum(len(self.decoder.title_ids[item]) + 1 for item in one.answer_items) for one in examples)
        named = [self.finder.parse_list(text) for text in self.decoder.greedy(self._encode(examples), longest + 1)]
        coverage = metrics.history_coverage(named, [one.answer_items for one in examples])
        return [row(self.method, "reconstruction", "hcr", coverage)]

    def _encode(self, examples: Sequence[Example]) -> EncodedSet:
        shots = self.shots.get(examples[0].task, ())
        return encode_questions(
            self.decoder.surrogate, self.cases.dataset, self.cases.recommender, examples, shots=shots
        )
