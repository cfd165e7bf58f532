from xml.etree import ElementTree

import pytest

from recexplainer.reports import bars


@pytest.mark.parametrize(
    ("value", "ceiling"), [(0.068, 0.1), (0.134, 0.2), (0.21, 0.25), (1, 1), (0.1, 0.1), (3100, 5000), (0, 1), (-2, 1)]
)
def test_nice_ceiling(value, ceiling):
    assert bars.nice_ceiling(value) == pytest.approx(ceiling)


def test_bars_are_drawn_to_scale_with_whiskers():
    drawn = bars.bars([bars.Bar("A & B", "series-hybrid", 0.25, 0.2, 0.3)], maximum=0.5)
    tree = ElementTree.fromstring(drawn)
    fill = tree.find(".//rect[@class='fill series-hybrid']")
    assert fill is not None
    assert fill.get("width") == "50.00%"
    whisker = tree.find(".//line[@class='whisker']")
    assert whisker is not None
    assert (whisker.get("x1"), whisker.get("x2")) == ("40.00%", "60.00%")
    assert "A & B" in "".join(tree.itertext())


def test_effects_go_right_for_and_left_against():
    speaks_for = ElementTree.fromstring(bars.attribution_bars([1.0], 2.0, "x")).find("rect")
    against = ElementTree.fromstring(bars.attribution_bars([-2.0], 2.0, "x")).find("rect")
    nothing = ElementTree.fromstring(bars.attribution_bars([0.0], 0.0, "x")).find("rect")
    assert (speaks_for.get("x"), speaks_for.get("width")) == ("50.00%", "25.00%")
    assert (against.get("x"), against.get("width")) == ("0.00%", "50.00%")
    assert nothing.get("width") == "0.00%"


def test_a_second_bar_lies_below_the_first_and_is_lighter():
    tree = ElementTree.fromstring(bars.attribution_bars([1.0, -2.0], 2.0, "x"))
    first, second = tree.findall("rect")
    assert (first.get("class"), second.get("class")) == ("fill-for", "fill-against light")
    assert (second.get("x"), second.get("width")) == ("0.00%", "50.00%")
    bottom = float(first.get("y")) + float(first.get("height"))
    assert bottom < float(second.get("y"))
    assert float(second.get("y")) + float(second.get("height")) <= float(tree.get("height"))
    axis = tree.find("line")
    assert axis.get("y2") == tree.get("height")
