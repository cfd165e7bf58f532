"""Alignment of methods other than a surrogate (Table 1), and how good the recommender itself is.

A method that scores items may be a recommender (the distilled student of the paper's SASRec row, or the recommender
itself), popularity, or chance; it is not known how it came by its scores. A chat model (the GPT-4 and ICL rows) reads
text alone, so it is asked as a surrogate of the behavior form is, with a line on the form of the answer; reconstruction
reads vectors, so it cannot do it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from recexplainer.chat.model import ChatModel, Conversation, Message
from recexplainer.data.dataset import Dataset, Split
from recexplainer.data.titles import TitleFinder
from recexplainer.errors import RecommenderError
from recexplainer.evaluation import metrics
from recexplainer.evaluation.alignment import RETURNED, classification_row, ranking_rows, retrieval_rows
from recexplainer.evaluation.answer_parsing import parse_titles, parse_yes_no
from recexplainer.evaluation.rows import Row, row
from recexplainer.explanations.record import Method
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.ranking_check import RankingCheck
from recexplainer.recommenders.scoring import ScoreBatch, score_batches
from recexplainer.surrogate.batching import question_text
from recexplainer.surrogate.prompt import SEPARATOR
from recexplainer.tasks.example import Example, LabelledExamples

_log = logging.getLogger(__name__)
TASKS = ("retrieval", "ranking", "classification")
"""What a chat model can do."""
_CUTS = (5, 10)
_ANSWER_FORMS = {
    "retrieval": f"Answer with {RETURNED} titles and nothing else, best first, separated by “{SEPARATOR.strip()}”.",
    "ranking": f"Answer with these titles and nothing else, best first, separated by “{SEPARATOR.strip()}”.",
    "classification": "Answer with Yes or No and nothing else.",
    "rationale": "Begin with Yes or No, then explain.",
}


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


def ranking_check_rows(check: RankingCheck) -> list[Row]:
    """The AUC of the recommender, of popularity and of chance; the interval is two standard errors either way."""
    if check.auc is None:
        return []
    values = {
        "recommender": (check.auc, check.auc_error),
        "popularity": (check.popularity, check.popularity_error),
        "random": (0.5, check.chance_error),
    }
    return [
        Row(
            method=method,
            task="recommendation",
            metric="auc",
            value=value,
            low=max(0.0, (value or 0.0) - 2 * (error or 0.0)),
            high=min(1.0, (value or 0.0) + 2 * (error or 0.0)),
            cases=check.users,
        )
        for method, (value, error) in values.items()
    ]


def evaluate_scores(method: str, recommender: Recommender, cases: LabelledExamples) -> list[Row]:
    """The alignment of a method that has a score for every item; tasks that there are no cases of have no value.

    Retrieval returns the five best items that the history lacks. Ranking puts the candidates in the order of their
    scores (equal ones stay as they were shown). Classification answers "Yes" above the method's own top-20% threshold
    for this user: the paper names the thresholds of the recommender (section 3.2.1) and leaves open how its SASRec row
    uses them. Reconstruction needs words and has no value.

    Raises RecommenderError where it scores another catalogue, or does not answer as the contract requires.
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
    verdicts: list[str] = []
    for batch, examples in _scored(recommender, classification):
        scores = batch.scores[np.arange(len(examples)), [one.items[0] for one in examples]]
        verdicts += np.where(scores > batch.thresholds()[0], "Yes", "No").tolist()
    return [
        *retrieval_rows(method, ranked, [one.answer_items[0] for one in retrieval]),
        *ranking_rows(method, orders, [one.answer_items for one in ranking]),
        classification_row(method, verdicts, classification),
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
    """The rows of a chat model; an answer that cannot be understood counts as wrong.

    Where no answer came, the question is *unscored* and no case of the rows. `shots` are for each task solved questions
    to learn from in context.
    """
    texts = model.answer(alignment_conversations(cases, shots or {}))
    if unscored := texts.count(None) + texts.count(""):
        _log.warning(f"{method}: {unscored:,} of {len(texts):,} questions are unscored, since no answer came.")
    came = iter(texts)
    given = {task: [(one, text) for one in cases.of(task) if (text := next(came))] for task in TASKS}
    finder, words = TitleFinder(cases.dataset.titles), {True: "Yes", False: "No", None: None}
    ranked, orders = ([parse_titles(text, finder) for _, text in given[task]] for task in ("retrieval", "ranking"))
    verdicts = [words[parse_yes_no(text)] for _, text in given["classification"]]
    return [
        *retrieval_rows(method, ranked, [one.answer_items[0] for one, _ in given["retrieval"]]),
        *ranking_rows(method, orders, [one.answer_items for one, _ in given["ranking"]]),
        classification_row(method, verdicts, [one for one, _ in given["classification"]]),
        row(method, "reconstruction", "hcr", []),
    ]


def _scored(recommender: Recommender, examples: Sequence[Example]) -> Iterator[tuple[ScoreBatch, Sequence[Example]]]:
    """The scores for the histories of the questions, in batches, each beside its questions."""
    for batch in score_batches(recommender, [User(one.history, one.user) for one in examples]):
        yield batch, examples[batch.span]


def _by_score(items: Sequence[int], scores: NDArray[np.floating]) -> list[int]:
    return sorted(items, key=lambda item: -scores[item])
