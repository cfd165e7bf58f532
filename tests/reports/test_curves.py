from xml.etree import ElementTree

import pytest

from recexplainer.reports import curves


@pytest.mark.parametrize("values", [[5], [5, 5, 6], list(range(1, 200))])
def test_histogram_holds_every_value_in_few_bins(values):
    tree = ElementTree.fromstring(curves.histogram(values, unit="things"))
    titles = [title.text for title in tree.iter("title")]
    assert len(titles) <= 24
    assert sum(int(title.rsplit(": ", 1)[1]) for title in titles) == len(values)


def test_lines_span_the_chart_and_say_their_ends():
    drawn = curves.lines({"Hybrid": ("series-hybrid", [(0, 4.0), (100, 1.0)])}, x_name="step", y_name="loss")
    tree = ElementTree.fromstring(drawn)
    line = tree.find(".//polyline")
    assert line is not None
    assert line.get("points") == "0.0,0.0 1000.0,750.0"
    assert "Hybrid from 4 to 1" in tree.get("aria-label")


def test_lines_of_one_point_at_nought_can_be_drawn():
    curves.lines({"x": ("series-other", [(0, 0.0)])}, x_name="step", y_name="loss")
