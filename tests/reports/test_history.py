"""What each item of the history does, as it is shown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.reports.conftest import EFFECTS, attribution, explanation

from recexplainer.evidence.evidence import Evidence
from recexplainer.recommenders.stability import AGREEMENT, Effect
from recexplainer.reports.history import HistoryItem, ends, history_items, way_columns, ways_asked, ways_sentence


def test_each_history_item_is_for_or_against_or_depends_or_hardly_does_anything() -> None:
    items = history_items(explanation())
    assert [item.direction for item in items] == [
        *("for", "depends", "for", "depends", "negligible", "against", "depends")
    ]
    assert [item.cited for item in items] == [True, False, True, False, False, True, False]
    assert [item.range for item in items[:4]] == ["+1.84 … +4.00", "−0.20 … −0.12", "+0.92 … +2.00", "−0.10 … +0.33"]


@pytest.mark.parametrize("effect", [Effect(-0.12, -0.2), Effect(0.0, 0.2), Effect(0.12, 0.1), Effect(0.2, 0.2)])
def test_what_depends_is_what_the_evidence_says(effect: Effect) -> None:
    record = replace(explanation(), history=(0,), history_titles=("a",), effects=(effect,), attributions=())
    (item,) = history_items(record)
    known = Evidence((0,), 1, True, 1.0, 1, 9, (effect.deletion,), ((),), record.score_std, effects=(effect,))
    assert (item.direction == "depends") is (known.depends == (0,))
    assert (item.direction == "negligible") is (known.by_effect["none"] == [0])


def test_why_an_effect_depends_is_said() -> None:
    *_, parts = history_items(explanation())
    assert parts.hint == "in 88% of the parts of the history it works this way"
    assert parts.share == "88%"
    unsure = HistoryItem("a", False, "depends", Effect(0.3, 0.3, 0.3, 0.0, 0.1, 0.2, 1.0))
    assert unsure.hint.startswith("too small, or too uncertain")
    assert [item.hint for item in history_items(explanation()) if item.direction != "depends"] == [""] * 4


@pytest.mark.parametrize(("attributed", "direction", "words"), [(True, "for", "+1.84"), (False, "unknown", "")])
def test_what_was_asked_in_one_way_is_one_number_and_what_was_not_is_none(
    attributed: bool, direction: str, words: str
) -> None:
    record = replace(explanation(), effects=(), score_std=0.0)
    first, *_ = items = history_items(record if attributed else replace(record, attributions=()))
    assert (first.direction, first.range, first.several) == (direction, words, False)
    assert [heading for heading, _ in way_columns(items)] == (["left out"] if attributed else [])


def test_an_effect_of_nothing_is_neither_for_nor_against() -> None:
    (item,) = history_items(
        replace(explanation(), history=(0,), history_titles=("a",), effects=(), attributions=(0.0,), score_std=0.0)
    )
    assert (item.direction, item.spoken) == ("negligible", "hardly any effect: +0.00")


def test_all_bars_of_a_history_have_one_scale_with_zero() -> None:
    assert ends(history_items(explanation())) == (-0.5, 4.0)
    assert ends([HistoryItem("a", False, "for", Effect(2.0, 3.0))]) == (0.0, 3.0)
    assert ends([HistoryItem("a", False, "unknown")]) == ends([]) == (0.0, 1.0)


def test_answers_of_each_way_with_their_errors() -> None:
    shapley = attribution().shapley
    assert shapley is not None
    columns = dict(way_columns(history_items(explanation(), shapley.values.tolist())))
    assert [*columns] == ["left out", "place kept", "replaced", "in parts", "same way in", "Shapley value"]
    assert columns["replaced"][:2] == [("+2.10", "± 0.20"), ("", "")]
    assert columns["same way in"][5:] == [("100%", ""), ("88%", "")]
    assert columns["Shapley value"][0] == ("+4.00", "")


def test_how_many_ways_were_asked_is_said() -> None:
    no_padding = tuple(replace(effect, padding=None) for effect in EFFECTS)
    assert len(ways_asked([explanation()])) == 4
    assert len(ways_asked([replace(explanation(), effects=no_padding)])) == 3
    assert ways_sentence([replace(explanation(), effects=no_padding)]).startswith(
        "The recommender is asked about each item of a history in 3 ways: left out; replaced by "
    )
    assert f"in at least {AGREEMENT:.0%} of the parts" in ways_sentence([explanation()])
    once = replace(explanation(), effects=())
    assert ways_sentence([once]) == "A bar shows what the recommender’s score loses without the item."
    assert ways_sentence([replace(once, attributions=())]) == ways_sentence([]) == ""
