"""The judge of explanations (paper section 3.3, Table 2): every method's texts rated 0 to 3, and the rows of that.

It knows neither how a text came about nor which model is asked; what is asked is in `rubric.py`, and the rules that
do without a model in `rules.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recexplainer.chat.model import ChatModel
from recexplainer.data.dataset import Dataset
from recexplainer.errors import DataError
from recexplainer.evaluation.blind import ask_blind
from recexplainer.evaluation.rating_rows import rating_rows
from recexplainer.evaluation.rows import Row
from recexplainer.evaluation.rubric import judge_conversation, parse_rating
from recexplainer.evaluation.rubric_judge import RubricJudge
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
    answers = ask_blind(model, [judge_conversation(one) for _, one in paired], seed)
    return [
        _judgement(method, one, parse_rating(answer), answer)
        for (method, one), answer in zip(paired, answers, strict=True)
    ]


def judgement_rows(judgements: Sequence[Judgement], judge: str) -> list[Row]:
    """The rows of one judge's ratings, method by method in order of appearance; see `rating_rows` for the metrics.

    Args:
        judgements: Ratings of any methods, all by one judge.
        judge: Its name: `RUBRIC`, or a model's.
    """
    by_method: dict[str, list[list[int | None]]] = {}
    for one in judgements:
        by_method.setdefault(one.method, []).append([one.rating])
    return [made for method, cases in by_method.items() for made in rating_rows(method, judge, cases)]


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
                location=f"{len(own)} and {len(cases[first])} cases",
                hint="Have every method explain the same cases, with one recommender.",
            )
    return [(method, one) for method, given in explanations.items() for one in given]
