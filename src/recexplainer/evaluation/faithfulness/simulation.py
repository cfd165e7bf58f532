"""Simulatability by a chat model in place of the fixed reader: what it foretells of f from a text alone.

It is asked about a few pairs of history items a case, the same whoever explains. Source: Hase and Bansal (2020).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from recexplainer.chat.model import ChatModel, Conversation
from recexplainer.evaluation.blind import ask_blind
from recexplainer.evaluation.faithfulness.cases import standardized_attributions
from recexplainer.evaluation.faithfulness.simulatability import TIE, differing_pairs
from recexplainer.evaluation.faithfulness.simulation_prompt import Choice, parse_choice, simulation_conversation
from recexplainer.evaluation.metrics import Values
from recexplainer.evaluation.rows import Row, row
from recexplainer.explanations.record import Explanation
from recexplainer.recommenders.base import Recommender
from recexplainer.storage import hash_value

PAIRS = 3
"""How many pairs of history items a reader is asked about in each case."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """What a reader foretells of one pair of history items from one explanation.

    Attributes:
        method: Whose explanation it is.
        user: The user's own id.
        item: The index of the item asked about.
        shown: The indices of the history items that it was asked about as A and B.
        truth: Without which of them f's score is lower.
        choice: What it foretells; None where it gave no clear answer (*unscored*).
        answer: What it said, "" where nothing came.
    """

    method: str
    user: str
    item: int
    shown: tuple[int, int]
    truth: Choice
    choice: Choice | None
    answer: str

    @property
    def score(self) -> float | None:
        """1 if it is right, a half if it sees no difference, 0 if it is wrong; None where it is unscored."""
        if self.choice is None:
            return None
        return TIE if self.choice == "NEITHER" else float(self.choice == self.truth)


@dataclass(frozen=True, slots=True)
class _Question:
    """A pair of history items of an explanation, by their places, in the order in which they are shown."""

    method: str
    explanation: Explanation
    places: tuple[int, int]
    truth: Choice

    @property
    def conversation(self) -> Conversation:
        titles = self.explanation.history_titles
        return simulation_conversation(self.explanation.text, *(titles[place] for place in self.places))

    def answered(self, answer: str) -> Simulation:
        one = self.explanation
        first, second = (one.history[place] for place in self.places)
        return Simulation(self.method, one.user, one.item, (first, second), self.truth, parse_choice(answer), answer)


def simulation_conversations(
    explanations: Mapping[str, Sequence[Explanation]], recommender: Recommender, pairs: int = PAIRS, seed: int = 0
) -> list[Conversation]:
    """All that `simulate_with_model` asks for the same arguments, in no order that counts."""
    return [one.conversation for one in _questions(explanations, recommender, pairs, seed)]


def simulate_with_model(
    explanations: Mapping[str, Sequence[Explanation]],
    recommender: Recommender,
    model: ChatModel,
    pairs: int = PAIRS,
    seed: int = 0,
) -> list[Simulation]:
    """Ask a model, by the text alone, without which of two history items the score would be lower.

    Args:
        explanations: For each method its explanations, with effects.
        recommender: f; the spread of its scores tells which effects are apart, as for the fixed reader.
        model: The reader; it sees the texts of all methods mixed and is not told whose they are.
        pairs: At most how many pairs a case are asked about, drawn from those that are apart; which and in which order
            they are shown depends on user, item and seed, not on the method.
        seed: Seed of the pairs, their order, and the order in which the model is asked.

    Returns:
        `[questions]`, method by method, case by case; a case of which no two items are apart has none.

    Raises:
        DataError: An explanation has no effects.
        ValueError: The model does not give one answer to each conversation.
    """
    questions = _questions(explanations, recommender, pairs, seed)
    answers = ask_blind(model, [one.conversation for one in questions], seed)
    return [question.answered(answer) for question, answer in zip(questions, answers, strict=True)]


def simulation_rows(simulations: Sequence[Simulation], reader: str) -> list[Row]:
    """The rows of one reader, method by method in order of appearance.

    Metrics, each with `@READER` behind it: `simulatability`, a case's value being the mean of its scored questions
    (chance is a half); `simulated`, the share of a case's questions that are scored. Only that counts the unscored.

    Args:
        simulations: Of any methods, all by one reader.
        reader: Its name.
    """
    by_method: dict[str, dict[tuple[str, int], list[float | None]]] = {}
    for one in simulations:
        by_method.setdefault(one.method, {}).setdefault((one.user, one.item), []).append(one.score)
    rows: list[Row] = []
    for method, cases in by_method.items():
        scored = [[score for score in case if score is not None] for case in cases.values()]
        values = {
            "simulatability": [fmean(case) for case in scored if case],
            "simulated": [len(known) / len(case) for known, case in zip(scored, cases.values(), strict=True)],
        }
        rows += [row(method, "explanation", f"{metric}@{reader}", numbers) for metric, numbers in values.items()]
    return rows


def _questions(
    explanations: Mapping[str, Sequence[Explanation]], recommender: Recommender, pairs: int, seed: int
) -> list[_Question]:
    return [
        question
        for method, told in explanations.items()
        for one, (weights, _) in zip(told, standardized_attributions(told, recommender), strict=True)
        for question in _questions_of(method, one, weights, pairs, seed)
    ]


def _questions_of(method: str, one: Explanation, weights: Values, pairs: int, seed: int) -> list[_Question]:
    apart = differing_pairs(weights)
    rng = np.random.default_rng(int(hash_value([seed, one.user, one.item]), 16))
    drawn = [apart[place] for place in rng.permutation(len(apart))[:pairs]]
    turned = rng.integers(2, size=len(drawn)).tolist()
    return [
        _Question(method, one, pair[::-1], "B") if turn else _Question(method, one, pair, "A")
        for pair, turn in zip(drawn, turned, strict=True)
    ]
