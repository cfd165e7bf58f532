"""Alignment: how far a surrogate answers as the recommender does, on histories that it was not trained on (Table 1).

The paper's protocol (free decoding, strings compared) stands beside constrained decoding, which writes titles of the
catalogue only. Methods that score items and chat models are measured on the same cases in `baselines.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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

    `method` is that of its rows, None: the surrogate's form; `shots` are for each task solved questions to learn from
    in context (paper section 3.2.3).
    """
    decoder, finder = Decoder(surrogate, cases.dataset.titles), TitleFinder(cases.dataset.titles)
    rows: list[Row] = []
    for task, measure in _MEASURES.items():
        examples = cases.of(task)
        if task == "reconstruction":
            examples = [one for one in examples if one.subtask == "history" and surrogate.form != "behavior"]
        if examples:
            solved = (shots or {}).get(task, ())
            questions = encode_questions(surrogate, cases.dataset, cases.recommender, examples, shots=solved)
            rows += measure(method or surrogate.form, decoder, finder, examples, questions)
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
    method: str | Method, predicted: Sequence[Sequence[int | None]], truth: Sequence[Sequence[int]], suffix: str = ""
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


def _retrieval(
    method: str | Method, decoder: Decoder, finder: TitleFinder, examples: Sequence[Example], questions: EncodedSet
) -> list[Row]:
    rows: list[Row] = []
    for suffix, constrained in (("", False), (CONSTRAINED, True)):
        answers = decoder.titles(questions, RETURNED, constrained=constrained)
        ranked = [[(finder.parse_list(text) or [None])[0] for text in texts] for texts in answers]
        rows += retrieval_rows(method, ranked, [one.answer_items[0] for one in examples], suffix)
    return rows


def _ranking(
    method: str | Method, decoder: Decoder, finder: TitleFinder, examples: Sequence[Example], questions: EncodedSet
) -> list[Row]:
    limit = (RETURNED + 1) * max(len(ids) + 1 for ids in decoder.title_ids)
    rows: list[Row] = []
    lists = decoder.lists(questions, [one.items for one in examples], limit)
    for suffix, texts in zip(("", CONSTRAINED), lists, strict=True):
        predicted = [finder.parse_list(text) for text in texts]
        rows += ranking_rows(method, predicted, [one.answer_items for one in examples], suffix)
    return rows


def _classification(
    method: str | Method, decoder: Decoder, finder: TitleFinder, examples: Sequence[Example], questions: EncodedSet
) -> list[Row]:
    verdicts = ["Yes" if p > 0.5 else "No" for p in decoder.yes_probabilities(questions)]
    return [classification_row(method, verdicts, examples)]


def _reconstruction(
    method: str | Method, decoder: Decoder, finder: TitleFinder, examples: Sequence[Example], questions: EncodedSet
) -> list[Row]:
    histories = [one.answer_items for one in examples]
    limit = 1 + max(sum(len(decoder.title_ids[item]) + 1 for item in history) for history in histories)
    named = [finder.parse_list(text) for text in decoder.greedy(questions, limit)]
    return [row(method, "reconstruction", "hcr", metrics.history_coverage(named, histories))]


_MEASURES = {
    "retrieval": _retrieval,
    "ranking": _ranking,
    "classification": _classification,
    "reconstruction": _reconstruction,
}
