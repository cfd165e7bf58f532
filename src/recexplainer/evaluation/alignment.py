"""Alignment: how far a surrogate answers as f does, on histories it was not trained on (the paper's Table 1).

The paper's protocol (free decoding, strings compared) stands beside the constrained one (held to the catalogue).
Beside the surrogates stand Random and Popularity, measured on the same cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recexplainer.data.dataset import Dataset
from recexplainer.data.titles import TitleFinder
from recexplainer.evaluation import metrics
from recexplainer.evaluation.rows import Row, row
from recexplainer.recommenders.base import Recommender
from recexplainer.surrogate.decoding import Decoder
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.questions import encode_questions
from recexplainer.tasks.example import Example

RETURNED = 5


@dataclass(frozen=True)
class TestCases:
    """The test questions of each task, and what answering them needs.

    Attributes:
        dataset: The catalogue.
        recommender: f.
        examples: Test questions of any tasks, each with f's answer.
    """

    __test__ = False

    dataset: Dataset
    recommender: Recommender
    examples: Sequence[Example]

    def of(self, task: str) -> list[Example]:
        """The questions of one task."""
        return [example for example in self.examples if example.task == task]


def evaluate_surrogate(surrogate: Surrogate, cases: TestCases) -> list[Row]:
    """The rows of one surrogate on the tasks that there are cases of; its form is the method's name."""
    decoder = Decoder(surrogate, cases.dataset.titles)
    titles = TitleFinder(cases.dataset.titles)
    rows: list[Row] = []
    if cases.of("retrieval"):
        rows += _retrieval(decoder, titles, cases)
    if cases.of("ranking"):
        rows += _ranking(decoder, titles, cases)
    if cases.of("classification"):
        rows += _classification(decoder, cases)
    if cases.of("reconstruction") and surrogate.form != "behavior":
        rows += _reconstruction(decoder, titles, cases)
    return rows


def _retrieval(decoder: Decoder, titles: TitleFinder, cases: TestCases) -> list[Row]:
    """Five beams, five titles, compared with f's first (task 1)."""
    examples = cases.of("retrieval")
    questions = encode_questions(decoder.surrogate, cases.dataset, cases.recommender, examples)
    truth = [example.answer_items[0] for example in examples]
    rows: list[Row] = []
    for suffix, constrained in (("", False), ("-constrained", True)):
        said = decoder.titles(questions, RETURNED, constrained=constrained)
        ranked = [[(titles.parse_list(text) or [None])[0] for text in texts] for texts in said]
        rows += _retrieval_rows(decoder.surrogate.form, ranked, truth, suffix)
    return rows


def _retrieval_rows(
    method: str, ranked: Sequence[Sequence[int | None]], truth: Sequence[int], suffix: str = ""
) -> list[Row]:
    return [
        row(method, "retrieval", f"hr@5{suffix}", metrics.hit_ratio(ranked, truth, k=RETURNED)),
        row(method, "retrieval", f"ndcg@5{suffix}", metrics.ndcg(ranked, truth, k=RETURNED)),
        row(method, "retrieval", f"hr@1{suffix}", metrics.hit_ratio(ranked, truth, k=1)),
    ]


def _ranking(decoder: Decoder, titles: TitleFinder, cases: TestCases) -> list[Row]:
    """Greedy, the candidates put in order (task 2)."""
    examples = cases.of("ranking")
    questions = encode_questions(decoder.surrogate, cases.dataset, cases.recommender, examples)
    limit = (RETURNED + 1) * max(len(ids) + 1 for ids in decoder.title_ids)
    free = [titles.parse_list(text) for text in decoder.greedy(questions, limit)]
    held = [titles.parse_list(text) for text in decoder.orders(questions, [one.items for one in examples])]
    truth = [example.answer_items for example in examples]
    return [
        *_ranking_rows(decoder.surrogate.form, free, truth),
        *_ranking_rows(decoder.surrogate.form, held, truth, "-constrained"),
    ]


def _ranking_rows(
    method: str, predicted: Sequence[Sequence[int | None]], truth: Sequence[Sequence[int]], suffix: str = ""
) -> list[Row]:
    return [
        row(method, "ranking", f"ndcg@5{suffix}", metrics.ranking_ndcg_paper(predicted, truth)),
        row(method, "ranking", f"ndcg@5-standard{suffix}", metrics.ranking_ndcg_standard(predicted, truth)),
    ]


def _classification(decoder: Decoder, cases: TestCases) -> list[Row]:
    """No decoding: the logits of "Yes" and "No" compared (task 3)."""
    examples = cases.of("classification")
    questions = encode_questions(decoder.surrogate, cases.dataset, cases.recommender, examples)
    said = ["Yes" if p > 0.5 else "No" for p in decoder.yes_probabilities(questions)]
    truth = [example.answer_text for example in examples]
    return [row(decoder.surrogate.form, "classification", "accuracy", metrics.accuracy(said, truth))]


def _reconstruction(decoder: Decoder, titles: TitleFinder, cases: TestCases) -> list[Row]:
    """Greedy, the share of the history that is named (task 6)."""
    examples = [one for one in cases.of("reconstruction") if one.aspect == "history"]
    questions = encode_questions(decoder.surrogate, cases.dataset, cases.recommender, examples)
    longest = max(sum(len(decoder.title_ids[item]) + 1 for item in one.answer_items) for one in examples)
    said = [titles.parse_list(text) for text in decoder.greedy(questions, longest + 1)]
    coverage = metrics.history_coverage(said, [one.answer_items for one in examples])
    return [row(decoder.surrogate.form, "reconstruction", "hcr", coverage)]


def evaluate_baselines(cases: TestCases, seed: int = 0) -> list[Row]:
    """Random and Popularity, as in Table 1; tasks that a method cannot do have no value.

    Popularity draws five items with chances as their popularity, and orders candidates by it (paper section 3.2.3).
    """
    random = np.random.default_rng(seed)
    popularity = np.bincount(cases.dataset.sequence, minlength=cases.dataset.n_items).astype(float)
    chances = popularity / popularity.sum()
    retrieval, ranking = cases.of("retrieval"), cases.of("ranking")
    truth = [one.answer_items[0] for one in retrieval]
    orders = [one.answer_items for one in ranking]
    drawn = [random.choice(cases.dataset.n_items, RETURNED, replace=False).tolist() for _ in retrieval]
    popular = [random.choice(cases.dataset.n_items, RETURNED, replace=False, p=chances).tolist() for _ in retrieval]
    shuffled = [random.permutation(one.items).tolist() for one in ranking]
    by_popularity = [sorted(one.items, key=lambda item: -popularity[item]) for one in ranking]
    labels = [one.answer_text for one in cases.of("classification")]
    guesses = ["Yes" if coin else "No" for coin in random.integers(2, size=len(labels))]
    return [
        *_retrieval_rows("random", drawn, truth),
        *_ranking_rows("random", shuffled, orders),
        row("random", "classification", "accuracy", metrics.accuracy(guesses, labels)),
        *_retrieval_rows("popularity", popular, truth),
        *_ranking_rows("popularity", by_popularity, orders),
    ]
