"""Figures as files: real images of the asked size, the same every time, for any names."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image
from tests.reports.evaluation_rows import ablation_rows, confusion, evaluation, judge_rows

from recexplainer.errors import RunError
from recexplainer.evaluation.rows import Confusion, Row
from recexplainer.reports import figures
from recexplainer.reports.explanation_results import ablation_panels, confusion_matrices, rating_panels, rating_rows

WIDE = round(figures.WIDTH * figures.DOTS)


def write(rows: Mapping[str, Sequence[Row]], folder: Path, records: Sequence[Confusion] = ()) -> list[Path]:
    matrices = confusion_matrices(records, None)
    drawn = figures.write_figures(
        rating_panels(rating_rows(rows)),
        matrices[0] if matrices else None,
        ablation_panels(rows.get("ablation", ())),
        folder,
    )
    return [path for paths in drawn.values() for path in paths]


@pytest.mark.slow
def test_every_figure_is_an_svg_and_a_png_one_column_wide(tmp_path: Path) -> None:
    written = write(evaluation(), tmp_path, confusion())
    assert [path.name for path in written] == [f"figure-{n}.{kind}" for n in (3, 4, 7) for kind in ("svg", "png")]
    for vector, raster in zip(written[::2], written[1::2], strict=True):
        assert ElementTree.parse(vector).getroot().get("width") == f"{figures.WIDTH * 72:g}pt"
        with Image.open(raster) as image:
            assert (image.format, image.width) == ("PNG", WIDE)
            assert image.height < 2 * image.width
            assert len(set(image.convert("L").tobytes())) > 10, "it is not blank"


def test_a_figure_grows_with_what_it_shows(tmp_path: Path) -> None:
    heights: list[int] = []
    for raters in (("rubric",), ("rubric", "people")):
        _, raster = write({"judge": judge_rows(raters)}, tmp_path)
        with Image.open(raster) as image:
            heights.append(image.height)
    assert heights[0] < heights[1] < 2 * heights[0]


def test_nothing_to_draw_writes_nothing(tmp_path: Path) -> None:
    assert write({}, tmp_path / "none") == []
    half = [row for row in judge_rows(["rubric"]) if row.metric != "rating_2"]
    assert write({"judge": half, "agreement": []}, tmp_path / "none") == []
    assert not (tmp_path / "none").exists()


def test_without_matplotlib_figures_are_left_out_and_the_log_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(figures, "find_spec", lambda name: None)  # pyright: ignore[reportUnknownLambdaType]
    with caplog.at_level(logging.WARNING, "recexplainer"):
        assert write(evaluation(), tmp_path / "none") == []
    assert "recexplainer[figures]" in caplog.text
    assert not (tmp_path / "none").exists()


def test_any_name_can_be_drawn(tmp_path: Path) -> None:
    names = {
        "unaligned": "$x_{1",
        "gpt-4.1-mini": "<b>&amp;",
        "hybrid": "a-very/long-model-name-of-a-hub-that-does-not-fit-anywhere",
    }
    rows = [replace(row, method=names.get(row.method, row.method), rater="j$" * 60) for row in judge_rows(["rubric"])]
    records = [
        replace(each, method=names[each.method], predicted_method=names[each.predicted_method]) for each in confusion()
    ]
    written = write({"judge": rows}, tmp_path, records)
    assert len(written) == 4
    for raster in written[1::2]:
        with Image.open(raster) as image:
            assert image.width == WIDE


def test_one_method_and_no_interval_can_be_drawn(tmp_path: Path) -> None:
    one = [replace(row, low=None, high=None) for row in judge_rows(["rubric"]) if row.method == "unaligned"]
    bare = [replace(row, low=None, high=None) for row in ablation_rows() if row.variant == "without_chat"]
    written = write({"judge": one, "ablation": bare}, tmp_path)
    assert [path.name for path in written[::2]] == ["figure-3.svg", "figure-7.svg"]


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here")
    with pytest.raises(RunError, match="operating system"):
        write(evaluation(), tmp_path / "file")
