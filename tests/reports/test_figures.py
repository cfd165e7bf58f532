from xml.etree import ElementTree

import pytest

from recexplainer.reports import figures


@pytest.mark.parametrize(
    ("value", "ceiling"), [(0.068, 0.1), (0.134, 0.2), (0.21, 0.25), (1, 1), (0.1, 0.1), (3100, 5000), (0, 1), (-2, 1)]
)
def test_nice_ceiling(value, ceiling):
    assert figures.nice_ceiling(value) == pytest.approx(ceiling)


def test_bars_are_drawn_to_scale_with_whiskers():
    drawn = figures.bars([figures.Bar("A & B", "series-hybrid", 0.25, 0.2, 0.3)], maximum=0.5)
    tree = ElementTree.fromstring(drawn)
    fill = tree.find(".//rect[@class='fill series-hybrid']")
    assert fill is not None
    assert fill.get("width") == "50.00%"
    whisker = tree.find(".//line[@class='whisker']")
    assert whisker is not None
    assert (whisker.get("x1"), whisker.get("x2")) == ("40.00%", "60.00%")
    assert "A & B" in "".join(tree.itertext())


def test_effects_go_right_for_and_left_against():
    speaks_for = ElementTree.fromstring(figures.effect_bar(1.0, 2.0, "x")).find("rect")
    against = ElementTree.fromstring(figures.effect_bar(-2.0, 2.0, "x")).find("rect")
    nothing = ElementTree.fromstring(figures.effect_bar(0.0, 0.0, "x")).find("rect")
    assert (speaks_for.get("x"), speaks_for.get("width")) == ("50.00%", "25.00%")
    assert (against.get("x"), against.get("width")) == ("0.00%", "50.00%")
    assert nothing.get("width") == "0.00%"


@pytest.mark.parametrize("values", [[5], [5, 5, 6], list(range(1, 200))])
def test_histogram_holds_every_value_in_few_bins(values):
    tree = ElementTree.fromstring(figures.histogram(values, unit="things"))
    titles = [title.text for title in tree.iter("title")]
    assert len(titles) <= 24
    assert sum(int(title.rsplit(": ", 1)[1]) for title in titles) == len(values)


def test_lines_span_the_chart_and_say_their_ends():
    drawn = figures.lines({"Hybrid": ("series-hybrid", [(0, 4.0), (100, 1.0)])}, x_name="step", y_name="loss")
    tree = ElementTree.fromstring(drawn)
    line = tree.find(".//polyline")
    assert line is not None
    assert line.get("points") == "0.0,0.0 1000.0,750.0"
    assert "Hybrid from 4 to 1" in tree.get("aria-label")


def test_lines_of_one_point_at_nought_can_be_drawn():
    figures.lines({"x": ("series-other", [(0, 0.0)])}, x_name="step", y_name="loss")
