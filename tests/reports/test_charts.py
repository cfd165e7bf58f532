"""The page's charts: drawn to scale, readable by a screen reader."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from recexplainer.recommenders.stability import Effect
from recexplainer.reports import charts
from recexplainer.reports.charts import Bar, Panel, Stack
from recexplainer.reports.history import HistoryItem
from recexplainer.reports.names import environment


def draw(macro: str, *arguments: object) -> Element:
    """What a macro of the charts draws."""
    drawn = getattr(environment().get_template("charts.html.j2").module, macro)(*arguments)
    return ElementTree.fromstring(f"<div>{drawn}</div>")


def found(tree: Element, path: str) -> Element:
    element = tree.find(path)
    assert element is not None, path
    return element


@pytest.mark.parametrize(
    ("value", "ceiling"), [(0.068, 0.1), (0.134, 0.2), (0.21, 0.25), (1, 1), (0.1, 0.1), (3100, 5000), (0, 1), (-2, 1)]
)
def test_nice_ceiling(value: float, ceiling: float) -> None:
    assert charts.nice_ceiling(value) == pytest.approx(ceiling)


def test_bars_are_drawn_to_scale_with_whiskers() -> None:
    tree = draw("bars", [Bar("A & B", "series-hybrid", 0.25, 0.2, 0.3, "0.250")], 0.5)
    assert found(tree, ".//rect[@class='fill series-hybrid']").get("width") == "50.00%"
    whisker = found(tree, ".//line[@class='whisker']")
    assert (whisker.get("x1"), whisker.get("x2")) == ("40.00%", "60.00%")
    assert "A & B" in "".join(tree.itertext())
    assert found(tree, ".//svg").get("aria-label") == "A & B: 0.250"


def test_bars_outside_the_axis_end_with_it_and_those_without_interval_have_no_whisker() -> None:
    tree = draw("bars", [Bar("a", "x", -1.5), Bar("b", "x", 7.0)], 1.0)
    assert [each.get("width") for each in tree.findall(".//rect[@class='fill x']")] == ["0.00%", "100.00%"]
    assert tree.find(".//line") is None


def test_a_panel_says_where_its_axis_ends() -> None:
    bar = Bar("a", "x", 0.134)
    assert charts.panel("A", [bar]) == Panel("A", (bar,), 0.2)
    assert charts.panel("A", []) is None
    assert "0.2" in "".join(draw("panels", [Panel("A", (bar,), 0.2)]).itertext())


def test_a_stack_is_cut_into_shares_and_small_ones_have_no_number() -> None:
    tree = draw("stacked", Stack("Hybrid", (("bad", 0.05), ("good", 0.95)), "2.31", "2.2–2.4"))
    drawn = [(each.get("x"), each.get("width")) for each in tree.iter("rect")]
    assert drawn == [("0.00%", "5.00%"), ("5.00%", "95.00%")]
    assert [each.text for each in tree.iter("text")] == ["95"]
    assert found(tree, ".//svg").get("aria-label") == "Hybrid: bad 5%, good 95%"
    assert [each.text for each in tree.iter("small")] == ["2.2–2.4"]


def test_a_range_goes_from_the_least_to_the_most_with_a_dot_for_the_item_left_out() -> None:
    item = HistoryItem("A & B", False, "depends", Effect(0.5, -1.0))
    tree = draw("range_bar", item, -1.0, 3.0)
    axis, stem, drawn = tree.iter("line")
    assert (axis.get("x1"), axis.get("x2")) == ("25.00%", "25.00%"), "zero"
    assert (stem.get("x1"), stem.get("x2")) == ("25.00%", "25.00%"), "none: zero is in the range"
    assert (drawn.get("x1"), drawn.get("x2")) == ("0.00%", "37.50%")
    assert found(tree, ".//circle").get("cx") == "37.50%"
    against = draw("range_bar", HistoryItem("B", False, "against", Effect(-0.5, -1.0)), -1.0, 3.0)
    assert found(against, ".//line[@class='stem']").get("x2") == "12.50%", "the end next to zero"
    svg = found(tree, "svg")
    assert svg.get("class") == "effect depends"
    said = "depends on the rest of the history: −1.00 to +0.50 by 2 ways of asking, left out +0.50"
    assert svg.get("aria-label") == said
    assert found(svg, "title").text == f"{said}; the ways of asking do not agree"


@pytest.mark.parametrize("values", [[5], [5, 5, 6], list(range(1, 200))])
def test_a_histogram_holds_every_value_in_few_bins(values: list[int]) -> None:
    bins = charts.histogram(values)
    assert len(bins) <= 24
    assert sum(number for _, number in bins) == len(values)
    tree = draw("histogram", bins, min(values), max(values), "things")
    assert [each.text for each in tree.iter("title")] == [f"{span} things: {number}" for span, number in bins]


def test_curves_span_the_chart_and_say_their_ends() -> None:
    tree = draw("curves", charts.curves({"Hybrid": ("series-hybrid", [(0, 4.0), (100, 1.0)])}), "step", "loss")
    assert found(tree, ".//polyline").get("points") == "0.0,0.0 1000.0,750.0"
    assert found(tree, "svg").get("aria-label") == "loss by step: Hybrid from 4 to 1"


def test_curves_of_one_point_at_zero_can_be_drawn() -> None:
    draw("curves", charts.curves({"x": ("series-other", [(0, 0.0)])}), "step", "loss")
