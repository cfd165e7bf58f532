"""An explanation as a case: what it cites, what random citing and the oracle would, and the scale of f's scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from recexplainer.errors import DataError
from recexplainer.evaluation.faithfulness.citing import (
    Cited,
    cited_at_random,
    cited_by,
    strongest,
    strongest_by_side,
)
from recexplainer.evaluation.metrics import Values
from recexplainer.explanations.record import Explanation
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.scoring import score_stds

Citer = Literal["text", "random", "oracle"]
CITERS: tuple[Citer, ...] = ("text", "random", "oracle")
DEPTHS = (1, 2, 3)
"""After how many citations the area cuts them off."""


@dataclass(frozen=True, slots=True)
class Case:
    """What one explanation cites, and what random citing and the oracle would.

    Attributes:
        user: With the history that the explanation has.
        item: The item asked about.
        standardized: `Float[history]`, effects in units of the spread of f's scores over the unseen items.
        score_std: That spread.
        cited: As often as the text, and on the same sides.
        ranked: To be cut after the first, the second, the third citation, for the area.
    """

    user: User
    item: int
    standardized: Values
    score_std: float
    cited: Mapping[Citer, Sequence[Cited]]
    ranked: Mapping[Citer, Sequence[Cited]]

    @property
    def history(self) -> tuple[int, ...]:
        """Item indices, oldest first."""
        return self.user.history


def make_cases(explanations: Sequence[Explanation], recommender: Recommender, seed: int) -> list[Case]:
    """The case of each explanation, `[explanations]`.

    Raises:
        DataError: An explanation has no effects.
    """
    rng = np.random.default_rng(seed)
    weights = standardized_attributions(explanations, recommender)
    return [_case(one, *each, rng) for one, each in zip(explanations, weights, strict=True)]


def standardized_attributions(
    explanations: Sequence[Explanation], recommender: Recommender
) -> list[tuple[Values, float]]:
    """For each explanation its effects in units of the spread of f's scores over the unseen items, and that spread.

    Raises:
        DataError: An explanation has no effects.
    """
    for one in explanations:
        if len(one.attributions) != len(one.history):
            raise DataError(
                f"There are effects of {len(one.attributions)} of {len(one.history)} history items.",
                location=f"explanation of {one.method!r} for user {one.user!r}",
                hint="Take a recommender that answers for changed histories, and make the explanations again.",
            )
    users = [User(one.history, one.user) for one in explanations]
    return [
        (np.array(one.attributions, np.float64) / score_std, score_std)
        for one, score_std in zip(explanations, score_stds(recommender, users), strict=True)
    ]


def _case(one: Explanation, weights: Values, score_std: float, rng: np.random.Generator) -> Case:
    own = cited_by(one)
    deepest = min(max(DEPTHS), len(one.history))
    verdict = (1 if one.verdict else -1,) * deepest
    return Case(
        user=User(one.history, one.user),
        item=one.item,
        standardized=weights,
        score_std=score_std,
        cited={
            "text": [own],
            "random": cited_at_random(one.history, own.signs, rng),
            "oracle": [strongest_by_side(one.history, weights, own)],
        },
        ranked={
            "text": [own],
            "random": cited_at_random(one.history, verdict, rng),
            "oracle": [strongest(one.history, weights, deepest)],
        },
    )
