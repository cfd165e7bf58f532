"""The judge of explanations (paper section 3.3, Table 2): every method's texts rated 0 to 3, and the rows of that.

It knows neither how a text came about nor which model is asked; what is asked is in `rubric.py`, and the rules that
do without a model in `rules.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recexplainer.chat.model import ChatModel
from recexplainer.data.dataset import Dataset
from recexplainer.errors import DataError
from recexplainer.evaluation.rating_tables import N_LEVELS
from recexplainer.evaluation.rows import Row, row
from recexplainer.evaluation.rubric import judge_conversation, parse_rating
from recexplainer.evaluation.rules import RubricJudge
from recexplainer.explanations.record import Explanation

RUBRIC = "rubric"
"""The rubric judge's name in metrics; a model goes by its own, people as `people`."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One explanation as a judge rates it.

    Attributes:
        method: Whose explanation it is.
        user: The user's own id.
        item: The item's index.
        label: f's verdict.
        rating: 0 to 3; None where the judge gave none (*unscored*).
        answer: What the judge said, "" where nothing came.
    """

    method: str
    user: str
    item: int
    label: bool
    rating: int | None
    answer: str


def judge_with_rubric(explanations: Mapping[str, Sequence[Explanation]], dataset: Dataset) -> list[Judgement]:
    """Rate by the rules of `rubric.RULES`, without a model; every explanation gets a rating.

    Args:
        explanations: For each method its explanations, of the same cases.
        dataset: The catalogue that they are about.

    Returns:
        `[methods * cases]`, in the order given.

    Raises:
        DataError: The methods' cases differ, or an explanation is about another catalogue.
    """
    judge = RubricJudge(dataset)
    return [_judgement(method, one, *judge.rate(one)) for method, one in _paired(explanations)]


def judge_with_model(
    explanations: Mapping[str, Sequence[Explanation]], model: ChatModel, seed: int = 0
) -> list[Judgement]:
    """Rate by asking a model, which sees the texts of all methods mixed and is not told whose they are.

    Args:
        explanations: As in `judge_with_rubric`.
        model: The judge.
        seed: Seed of the order in which it is asked.

    Returns:
        As in `judge_with_rubric`; what it does not answer, or answers without a clear rating, is *unscored*.

    Raises:
        DataError: The methods' cases differ.
        ValueError: The model does not give one answer to each conversation.
    """
    paired = _paired(explanations)
    order = np.random.default_rng(seed).permutation(len(paired)).tolist()
    answers = model.answer([judge_conversation(paired[place][1]) for place in order]) if paired else []
    said = dict(zip(order, answers, strict=True))
    judged: list[Judgement] = []
    for place, (method, one) in enumerate(paired):
        answer = said[place] or ""
        judged.append(_judgement(method, one, parse_rating(answer), answer))
    return judged


def judgement_rows(judgements: Sequence[Judgement], judge: str) -> list[Row]:
    """The rows of one judge's ratings, method by method in order of appearance.

    Metrics, each with `@JUDGE` behind it: `rating` is the mean, wrong decisions included (Table 2); `rating-0` to
    `rating-3` are the shares of each (Figure 3); `rating-of-correct` is the mean over ratings above 0, which leaves
    out how often the decision is right; `rated` is the share of cases with a rating. Only that counts the unscored.

    Args:
        judgements: Ratings of any methods, all by one judge.
        judge: Its name: `RUBRIC`, `people`, or a model's.
    """
    rows: list[Row] = []
    for method in dict.fromkeys(one.method for one in judgements):
        given = [one.rating for one in judgements if one.method == method]
        scored = [rating for rating in given if rating is not None]
        values = {
            "rating": scored,
            **{f"rating-{level}": [float(rating == level) for rating in scored] for level in range(N_LEVELS)},
            "rating-of-correct": [rating for rating in scored if rating > 0],
            "rated": [float(rating is not None) for rating in given],
        }
        rows += [row(method, "explanation", f"{metric}@{judge}", cases) for metric, cases in values.items()]
    return rows


def _judgement(method: str, one: Explanation, rating: int | None, answer: str) -> Judgement:
    return Judgement(method, one.user, one.item, one.recommended, rating, answer)


def _paired(explanations: Mapping[str, Sequence[Explanation]]) -> list[tuple[str, Explanation]]:
    """Every explanation with its method's name, once it is sure that all methods explain the same cases."""
    cases = {
        name: sorted((one.user, one.item, one.recommended) for one in given) for name, given in explanations.items()
    }
    for method, own in cases.items():
        first = next(iter(cases))
        if own != cases[first]:
            raise DataError(
                f"The explanations of {method!r} and of {first!r} are not of the same users, items and verdicts.",
                where=f"{len(own)} and {len(cases[first])} cases",
                mend="Have every method explain the same cases, with one recommender.",
            )
    return [(method, one) for method, given in explanations.items() for one in given]
