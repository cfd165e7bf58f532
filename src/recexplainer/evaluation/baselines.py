"""Methods that only score items: their alignment (Table 1), and how good the recommender itself is.

A method may be a recommender (the distilled student of the paper's SASRec row, or the recommender itself), popularity,
or chance. It knows nothing of how a method came by its scores, nor of text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from recexplainer.data.dataset import Dataset, Split
from recexplainer.errors import RecommenderError
from recexplainer.evaluation import metrics
from recexplainer.evaluation.alignment import RETURNED, classification_row, ranking_rows, retrieval_rows
from recexplainer.evaluation.rows import Row, row
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.scoring import ScoreBatch, score_batches
from recexplainer.tasks.example import Example, LabelledExamples

_CUTS = (5, 10)


def evaluate_recommender(dataset: Dataset, split: Split, recommender: Recommender) -> list[Row]:
    """HR and NDCG over the whole catalogue on the held-out last items; items of the history are not ranked.

    The rows have the task `recommendation` and the methods `recommender` and `popularity` (of training interactions).
    """
    users = [User(tuple(split.train_history(int(user)).tolist()), dataset.user_ids[user]) for user in split.test_users]
    truth = [split.test_item(int(user)) for user in split.test_users]
    _, items = split.train_interactions()
    popularity = np.bincount(items, minlength=dataset.n_items).astype(np.float32)
    ranked: dict[str, list[list[int]]] = {"recommender": [], "popularity": []}
    for batch in score_batches(recommender, users):
        popular = ScoreBatch(batch.users, np.broadcast_to(popularity, batch.scores.shape))
        ranked["recommender"] += batch.best(max(_CUTS))
        ranked["popularity"] += popular.best(max(_CUTS))
    return [
        row(method, "recommendation", f"{metric}@{k}", values(lists, truth, k=k))
        for method, lists in ranked.items()
        for k in _CUTS
        for metric, values in (("hr", metrics.hit_ratio), ("ndcg", metrics.ndcg))
    ]


def evaluate_scores(method: str, recommender: Recommender, cases: LabelledExamples) -> list[Row]:
    """The alignment of a method that has a score for every item; tasks that there are no cases of have no value.

    Retrieval returns the five best items that the history lacks. Ranking puts the candidates in the order of their
    scores (equal ones stay as they were shown). Classification answers "Yes" above the method's own top-20% threshold
    for this user: the paper names the thresholds of the recommender (section 3.2.1) and leaves open how its SASRec row
    uses them. Reconstruction needs words and has no value.

    Args:
        method: The method of the rows.
        recommender: What is measured; the truth is in the cases.
        cases: The test questions.

    Raises:
        RecommenderError: It scores another catalogue, or does not answer as the contract requires.
    """
    if recommender.n_items != cases.dataset.n_items:
        raise RecommenderError(
            f"It scores {recommender.n_items:,} items, but the catalogue has {cases.dataset.n_items:,}.",
            location=method,
            hint="Measure it on the dataset that it was fitted to.",
        )
    retrieval, ranking, classification = (cases.of(task) for task in ("retrieval", "ranking", "classification"))
    ranked = [items for batch, _ in _scored(recommender, retrieval) for items in batch.best(RETURNED)]
    orders = [
        _by_score(example.items, scores)
        for batch, examples in _scored(recommender, ranking)
        for example, scores in zip(examples, batch.scores, strict=True)
    ]
    return [
        *retrieval_rows(method, ranked, [one.answer_items[0] for one in retrieval]),
        *ranking_rows(method, orders, [one.answer_items for one in ranking]),
        classification_row(method, _verdicts(recommender, classification), classification),
        row(method, "reconstruction", "hcr", []),
    ]


def evaluate_baselines(cases: LabelledExamples, seed: int = 0) -> list[Row]:
    """Random and Popularity, as in Table 1; tasks that a method cannot do have no value.

    Popularity draws five items with probabilities as their popularity, and orders candidates by it (paper section
    3.2.3).
    """
    random = np.random.default_rng(seed)
    popularity = np.bincount(cases.dataset.sequence, minlength=cases.dataset.n_items).astype(float)
    probabilities = popularity / popularity.sum()
    retrieval, ranking, classification = (cases.of(task) for task in ("retrieval", "ranking", "classification"))
    truth = [one.answer_items[0] for one in retrieval]
    orders = [one.answer_items for one in ranking]
    n_items = cases.dataset.n_items
    drawn = [random.choice(n_items, RETURNED, replace=False).tolist() for _ in retrieval]
    popular = [random.choice(n_items, RETURNED, replace=False, p=probabilities).tolist() for _ in retrieval]
    shuffled = [random.permutation(one.items).tolist() for one in ranking]
    by_popularity = [_by_score(one.items, popularity) for one in ranking]
    guesses = ["Yes" if coin else "No" for coin in random.integers(2, size=len(classification))]
    return [
        *retrieval_rows("random", drawn, truth),
        *ranking_rows("random", shuffled, orders),
        classification_row("random", guesses, classification),
        *retrieval_rows("popularity", popular, truth),
        *ranking_rows("popularity", by_popularity, orders),
    ]


def _scored(recommender: Recommender, examples: Sequence[Example]) -> Iterator[tuple[ScoreBatch, Sequence[Example]]]:
    """The scores for the histories of the questions, in batches, each beside its questions."""
    for batch in score_batches(recommender, [User(one.history, one.user) for one in examples]):
        yield batch, examples[batch.span]


def _by_score(items: Sequence[int], scores: NDArray[np.floating]) -> list[int]:
    return sorted(items, key=lambda item: -scores[item])


def _verdicts(recommender: Recommender, examples: Sequence[Example]) -> list[str]:
    verdicts: list[str] = []
    for batch, part in _scored(recommender, examples):
        scores = batch.scores[np.arange(len(part)), [one.items[0] for one in part]]
        verdicts += ["Yes" if above else "No" for above in scores > batch.thresholds()[0]]
    return verdicts
