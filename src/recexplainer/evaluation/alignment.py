"""Alignment: how far a surrogate answers as f does, on histories it was not trained on (the paper's Table 1).

The paper's protocol (free decoding, strings compared) stands beside the constrained one (held to the catalogue).
Methods that score instead of speaking are measured on the same cases in `scoring.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recexplainer.data.titles import TitleFinder
from recexplainer.evaluation import metrics
from recexplainer.evaluation.rows import Row, row
from recexplainer.surrogate.batching import EncodedSet
from recexplainer.surrogate.decoding import Decoder
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.questions import encode_questions
from recexplainer.tasks.example import Example, LabelledExamples

RETURNED = 5


@dataclass(frozen=True)
class _Asked:
    """A surrogate to whom questions are put.

    Attributes:
        method: What its rows are called.
        decoder: Reads its answers.
        cases: The questions.
        shots: For each task the solved questions before each question.
    """

    method: str
    decoder: Decoder
    cases: LabelledExamples
    shots: Mapping[str, Sequence[Example]]

    def questions(self, examples: Sequence[Example]) -> EncodedSet:
        surrogate, cases = self.decoder.surrogate, self.cases
        return encode_questions(
            surrogate, cases.dataset, cases.recommender, examples, shots=self.shots.get(examples[0].task, ())
        )


def evaluate_surrogate(
    surrogate: Surrogate,
    cases: LabelledExamples,
    method: str | None = None,
    shots: Mapping[str, Sequence[Example]] | None = None,
) -> list[Row]:
    """The rows of one surrogate on the tasks that there are cases of.

    Args:
        surrogate: Who is asked.
        cases: What it is asked.
        method: What its rows are called; None: its form.
        shots: For each task, solved questions to learn from in context (paper section 3.2.3).
    """
    asked = _Asked(method or surrogate.form, Decoder(surrogate, cases.dataset.titles), cases, shots or {})
    titles = TitleFinder(cases.dataset.titles)
    rows: list[Row] = []
    if cases.of("retrieval"):
        rows += _retrieval(asked, titles)
    if cases.of("ranking"):
        rows += _ranking(asked, titles)
    if cases.of("classification"):
        rows += _classification(asked)
    if cases.of("reconstruction") and surrogate.form != "behavior":
        rows += _reconstruction(asked, titles)
    return rows


def _retrieval(asked: _Asked, titles: TitleFinder) -> list[Row]:
    """Five beams, five titles, compared with f's first (task 1)."""
    examples = asked.cases.of("retrieval")
    questions = asked.questions(examples)
    truth = [example.answer_items[0] for example in examples]
    rows: list[Row] = []
    for suffix, constrained in (("", False), ("-constrained", True)):
        said = asked.decoder.titles(questions, RETURNED, constrained=constrained)
        ranked = [[(titles.parse_list(text) or [None])[0] for text in texts] for texts in said]
        rows += retrieval_rows(asked.method, ranked, truth, suffix)
    return rows


def retrieval_rows(
    method: str, ranked: Sequence[Sequence[int | None]], truth: Sequence[int], suffix: str = ""
) -> list[Row]:
    """Rows of task 1 from the items returned, `[cases][any length]`, best first, and f's first, `[cases]`."""
    return [
        row(method, "retrieval", f"hr@5{suffix}", metrics.hit_ratio(ranked, truth, k=RETURNED)),
        row(method, "retrieval", f"ndcg@5{suffix}", metrics.ndcg(ranked, truth, k=RETURNED)),
        row(method, "retrieval", f"hr@1{suffix}", metrics.hit_ratio(ranked, truth, k=1)),
    ]


def _ranking(asked: _Asked, titles: TitleFinder) -> list[Row]:
    """Greedy, the candidates put in order (task 2)."""
    examples, decoder = asked.cases.of("ranking"), asked.decoder
    questions = asked.questions(examples)
    limit = (RETURNED + 1) * max(len(ids) + 1 for ids in decoder.title_ids)
    free = [titles.parse_list(text) for text in decoder.greedy(questions, limit)]
    held = [titles.parse_list(text) for text in decoder.orders(questions, [one.items for one in examples])]
    truth = [example.answer_items for example in examples]
    return [*ranking_rows(asked.method, free, truth), *ranking_rows(asked.method, held, truth, "-constrained")]


def ranking_rows(
    method: str, predicted: Sequence[Sequence[int | None]], truth: Sequence[Sequence[int]], suffix: str = ""
) -> list[Row]:
    """Rows of task 2 from the orders given, `[cases][any length]`, and f's, `[cases][candidates]`."""
    return [
        row(method, "ranking", f"ndcg@5{suffix}", metrics.ranking_ndcg_paper(predicted, truth)),
        row(method, "ranking", f"ndcg@5-standard{suffix}", metrics.ranking_ndcg_standard(predicted, truth)),
    ]


def _classification(asked: _Asked) -> list[Row]:
    """No decoding: the logits of "Yes" and "No" compared (task 3)."""
    examples = asked.cases.of("classification")
    said = ["Yes" if p > 0.5 else "No" for p in asked.decoder.yes_probabilities(asked.questions(examples))]
    return [classification_row(asked.method, said, examples)]


def classification_row(method: str, said: Sequence[str | None], examples: Sequence[Example]) -> Row:
    """The row of task 3 from what was said, "Yes", "No", or None where neither is."""
    return row(method, "classification", "accuracy", metrics.accuracy(said, [one.answer_text for one in examples]))


def _reconstruction(asked: _Asked, titles: TitleFinder) -> list[Row]:
    """Greedy, the share of the history that is named (task 6)."""
    examples, decoder = [one for one in asked.cases.of("reconstruction") if one.subtask == "history"], asked.decoder
    longest = max(sum(len(decoder.title_ids[item]) + 1 for item in one.answer_items) for one in examples)
    said = [titles.parse_list(text) for text in decoder.greedy(asked.questions(examples), longest + 1)]
    coverage = metrics.history_coverage(said, [one.answer_items for one in examples])
    return [row(asked.method, "reconstruction", "hcr", coverage)]
