from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from tests.reports.conftest import attribution, explanation

from recexplainer.evidence.pair_attribution import Pair
from recexplainer.recommenders.attribution import Shapley
from recexplainer.reports.attributed import attributed, history_lines


def test_each_history_item_has_its_effect_and_its_shapley_value_on_one_scale():
    lines = attributed(explanation(), attribution()).history
    assert [(line.attribution, line.shapley) for line in lines[:2]] == [("+1.84", "+4.00"), ("−0.12", "−0.25")]
    assert [line.cited for line in lines] == [True, False, True, False, False, True, False]
    occluded, value = ElementTree.fromstring(lines[0].bars).findall("rect")
    assert (occluded.get("width"), value.get("width")) == ("23.00%", "50.00%")
    assert ElementTree.fromstring(lines[0].bars).get("aria-label") == "effect +1.84, Shapley value +4.00"


def test_without_shapley_values_there_is_one_bar_and_without_effects_none():
    (line, *_) = history_lines(explanation())
    assert len(ElementTree.fromstring(line.bars).findall("rect")) == 1
    assert (line.attribution, line.shapley) == ("+1.84", "")
    (line, *_) = history_lines(explanation(attributions=()))
    assert (line.bars, line.attribution, line.shapley) == ("", "", "")


def test_what_shapley_values_add_up_to_and_how_sure_they_are():
    said = attributed(explanation(), attribution()).shapley
    assert said == (
        "Shapley values add up to +7.75: the way from −0.54, the mean score of the catalogue, to 7.21, the score of "
        "this item."
    )
    sampled = Shapley(np.ones(7, np.float32), np.linspace(0, 0.12, 7, dtype=np.float32), 0.2, exact=False)
    said = attributed(explanation(), attribution(shapley=sampled)).shapley
    assert said.endswith(" They are estimated, with standard errors of at most 0.12.")


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        (
            Pair((0, 2), 5.5, (1.84, 0.92), 1206),
            "without both the score falls by 5.50 and the rank goes from 3 to 1,206, while without only the first it "
            "falls by 1.84 and without only the second it falls by 0.92. With one of them gone, the other adds 2.74 "
            "more to the score.",
        ),
        (
            Pair((1, 5), -0.03, (0.5, -0.31), 3),
            "without both the score rises by 0.03, while without only the first it falls by 0.50 and without only the "
            "second it rises by 0.31. With one of them gone, the other adds 0.22 less to the score.",
        ),
    ],
)
def test_the_pair_in_words(pair, said):
    told = explanation()
    names = [f"“{told.history_titles[place]}”" for place in pair.places]
    assert attributed(told, attribution(pair=pair)).pair == f"{names[0]} and {names[1]} interact most: {said}"


def test_of_a_history_of_two_nothing_is_left_without_the_pair():
    told = explanation()
    two = replace(
        told, history=told.history[:2], history_titles=told.history_titles[:2], attributions=told.attributions[:2]
    )
    shapley = Shapley(np.ones(2, np.float32), np.zeros(2, np.float32), 0.0, exact=True)
    said = attributed(two, attribution(shapley=shapley, pair=Pair((0, 1), 1.0, (2.0, 2.0), 9))).pair
    assert said.endswith("nothing is left of the history, and the score is the mean of the catalogue.")


def test_attributes_in_words_with_how_many_neighbours_have_them():
    shown = attributed(explanation(), attribution())
    assert [(line.words, line.attribution) for line in shown.attributes] == [
        ("those of brand Nimbus (5) score higher", "+0.61"),
        ("those for Orbit Pocket (30) score neither higher nor lower", "−0.02"),
        ("those of genre puzzle (12) score lower", "−0.33"),
    ]
    assert (shown.neighbours, shown.score_std) == (47, "2.50")


def test_what_is_not_known_is_not_said():
    shown = attributed(explanation(), attribution(shapley=None, pair=None, attributes=()))
    assert (shown.shapley, shown.pair, shown.attributes) == ("", "", ())
    assert shown.history == history_lines(explanation())
