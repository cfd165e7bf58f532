"""Explanations and what the recommender does with a pair, as shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.reports.conftest import attribution, explanation

from recexplainer.errors import RunError
from recexplainer.evidence.pair_attribution import InteractingPair
from recexplainer.recommenders.shapley import Shapley
from recexplainer.reports.explanation_cards import (
    attribute_phrase,
    cards,
    case_studies,
    pair_sentence,
    shapley_sentence,
)
from recexplainer.reports.inputs import ReportInputs


def test_what_shapley_values_add_up_to_and_how_sure_they_are() -> None:
    exact = attribution().shapley
    assert exact is not None
    assert shapley_sentence(explanation(), exact) == (
        "Shapley values add up to +7.75: the way from −0.54, the mean score of the catalogue, to 7.21, the score of "
        "this item."
    )
    sampled = Shapley(np.ones(7, np.float32), np.linspace(0, 0.12, 7, dtype=np.float32), 0.2, exact=False)
    sentence = shapley_sentence(explanation(), sampled)
    assert sentence.endswith(" They are estimated, with standard errors of at most 0.12.")


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        (
            InteractingPair((0, 2), 5.5, (1.84, 0.92), 1206),
            "without both the score falls by 5.50 and the rank goes from 3 to 1,206, while without only the first it "
            "falls by 1.84 and without only the second it falls by 0.92. With one of them gone, the other adds 2.74 "
            "more to the score.",
        ),
        (
            InteractingPair((1, 5), -0.03, (0.5, -0.31), 3),
            "without both the score rises by 0.03, while without only the first it falls by 0.50 and without only the "
            "second it rises by 0.31. With one of them gone, the other adds 0.22 less to the score.",
        ),
    ],
)
def test_the_pair_in_words(pair: InteractingPair, words: str) -> None:
    record = explanation()
    names = [f"“{record.history_titles[place]}”" for place in pair.places]
    assert pair_sentence(record, pair) == f"{names[0]} and {names[1]} interact most: {words}"


def test_of_a_history_of_two_nothing_is_left_without_the_pair() -> None:
    record = explanation()
    two = replace(record, history=record.history[:2], history_titles=record.history_titles[:2])
    sentence = pair_sentence(two, InteractingPair((0, 1), 1.0, (2.0, 2.0), 9))
    assert sentence.endswith("nothing is left of the history, and the score is the mean of the catalogue.")


def test_attributes_in_words_with_how_many_neighbors_have_them() -> None:
    assert list(map(attribute_phrase, attribution().attributes)) == [
        "those of brand Nimbus (5) score higher",
        "those for Orbit Pocket (30) score neither higher nor lower",
        "those of genre puzzle (12) score lower",
    ]


def test_a_card_has_the_explanation_of_the_surrogate_alone_of_the_same_pair(full_inputs: ReportInputs) -> None:
    grounded, alone = full_inputs.explanations[:2], full_inputs.surrogate_alone[1:2]
    first, second = cards(grounded, alone)
    assert (first.page, first.record, first.alone) == ("01.html", grounded[0], None)
    assert (second.page, second.alone) == ("02.html", alone[0])


def test_a_case_study_is_of_one_pair(full_inputs: ReportInputs) -> None:
    first, second = full_inputs.explanations[:2]
    assert [len(case) for case in case_studies([[first, first], [], [second]])] == [2, 1]
    with pytest.raises(RunError, match="different pairs"):
        case_studies([[first, replace(first, user="another")]])
