"""What a surrogate believes of f, found out by asking the surrogate: in the shape of evidence, but f is not asked.

A text by the surrogate alone is one guess after the other. Asked beforehand which history item speaks most for the item
and which most against it, the surrogate can be held to its own answers, as it is held to those of f where f is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recexplainer.data.dataset import Dataset
from recexplainer.evidence.evidence import Evidence
from recexplainer.recommenders.base import Recommender
from recexplainer.surrogate.batching import encode_questions
from recexplainer.surrogate.decoding import Decoder
from recexplainer.surrogate.prompt import applies
from recexplainer.tasks.example import Example

_LIKED, _BETWEEN, _DISLIKED = 0.1, 0.4, 0.75  # where in the list an item is taken to stand, as a share of it
_DOUBTED = 0.2  # with a probability of yes above this an item is disliked, but not held to be in the lower half
_ONLY_ONE = 0.5


def can_reflect(decoder: Decoder) -> bool:
    """Whether a surrogate's form can be asked which history items matter."""
    return applies(Example("rationale", "for"), decoder.surrogate.form)


def believed(
    decoder: Decoder,
    dataset: Dataset,
    recommender: Recommender,
    known: Sequence[Evidence],
    users: Sequence[str],
    probabilities: Sequence[float] | NDArray[np.float64],
) -> list[Evidence]:
    """What the surrogate believes of each pair, `[pairs]`.

    The effect of a history item is the probability that it is what speaks most for the item, minus that it is what
    speaks most against it; of a single item, a half in the direction of the verdict. Score and rank stand for the
    verdict alone.

    Args:
        decoder: Asks the surrogate.
        dataset: The catalogue.
        recommender: f, asked for its vectors only.
        known: The pairs, and what items share, from the catalogue and the vectors; what f said is left out.
        users: `[pairs]`, the users' own ids.
        probabilities: `[pairs]`, the surrogate's probability that f says yes.
    """
    attributions = [np.zeros(len(one.history)) for one in known]
    for aspect, sign in (("for", 1), ("against", -1)):
        asked = [
            Example("rationale", aspect, user, one.history, (one.item,)) for user, one in zip(users, known, strict=True)
        ]
        questions = encode_questions(decoder.surrogate, dataset, recommender, asked)
        for attribution, chosen in zip(
            attributions, decoder.choose(questions, [one.history for one in known]), strict=True
        ):
            attribution += sign * chosen
    return [
        _believed(one, attribution, float(yes))
        for one, attribution, yes in zip(known, attributions, probabilities, strict=True)
    ]


def _believed(one: Evidence, attributions: NDArray[np.float64], yes: float) -> Evidence:
    place = _LIKED if yes > 0.5 else _BETWEEN if yes > _DOUBTED else _DISLIKED
    if len(attributions) == 1:
        attributions = np.array([_ONLY_ONE if yes > 0.5 else -_ONLY_ONE])
    return replace(
        one,
        recommended=yes > 0.5,
        score=yes,
        rank=max(1, round(place * one.n_ranked)),
        attributions=tuple(attributions.tolist()),
        score_std=1.0,
        recommended_share=None,
    )
