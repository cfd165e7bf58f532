"""Figures as files: real images of the asked size, the same every time, for any names."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from PIL import Image
from tests.reports.judged_rows import ablation_rows, discriminator_rows, evaluation, judge_rows

from recexplainer.errors import RunError
from recexplainer.reports.plots import write_figures
from recexplainer.reports.plotting import DOTS, WIDTH


def test_every_figure_is_an_svg_and_a_png_one_column_wide(tmp_path):
    written = write_figures(evaluation(), tmp_path)
    assert [path.name for path in written] == [f"figure-{n}.{kind}" for n in (3, 4, 7) for kind in ("svg", "png")]
    for vector, raster in zip(written[::2], written[1::2], strict=True):
        assert ElementTree.parse(vector).getroot().get("width") == f"{WIDTH * 72:.1f}".rstrip("0").rstrip(".") + "pt"
        with Image.open(raster) as image:
            assert (image.format, image.width) == ("PNG", round(WIDTH * DOTS))
            assert image.height < 2 * image.width
            assert len(set(image.convert("L").tobytes())) > 10, "it is not blank"


def test_a_figure_grows_with_what_it_shows(tmp_path):
    heights = []
    for judges in (("rubric",), ("rubric", "people")):
        _, raster = write_figures({"judge": judge_rows(judges)}, tmp_path)
        with Image.open(raster) as image:
            heights.append(image.height)
    assert heights[0] < heights[1] < 2 * heights[0]


def test_nothing_to_draw_writes_nothing(tmp_path):
    assert write_figures({}, tmp_path / "none") == []
    half = [row for row in judge_rows(["rubric"]) if not row.metric.startswith("rating-2")]
    assert write_figures({"judge": half, "agreement": []}, tmp_path / "none") == []
    assert not (tmp_path / "none").exists()


def test_any_name_can_be_drawn(tmp_path):
    names = {
        "unaligned": "$x_{1",
        "gpt-4.1-mini": "<b>&amp;",
        "hybrid": "a-very/long-model-name-of-a-hub-that-does-not-fit-anywhere",
        "rubric": "j$" * 60,
    }

    def renamed(text):
        for old, new in names.items():
            text = text.replace(old, new)
        return text

    rows = {"judge": judge_rows(["rubric"]), "discriminator": discriminator_rows()}
    changed = {
        key: [replace(row, method=renamed(row.method), metric=renamed(row.metric)) for row in each]
        for key, each in rows.items()
    }
    written = write_figures(changed, tmp_path)
    assert len(written) == 4
    for raster in written[1::2]:
        with Image.open(raster) as image:
            assert image.width == round(WIDTH * DOTS)


def test_one_method_and_no_interval_can_be_drawn(tmp_path):
    one = [replace(row, low=None, high=None) for row in judge_rows(["rubric"]) if row.method == "hybrid"]
    bare = [replace(row, low=None, high=None) for row in ablation_rows() if row.method == "hybrid without chat"]
    written = write_figures({"judge": one, "ablation": bare}, tmp_path)
    assert [path.name for path in written[::2]] == ["figure-3.svg", "figure-7.svg"]


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("here")
    with pytest.raises(RunError, match="operating system"):
        write_figures(evaluation(), tmp_path / "file")
