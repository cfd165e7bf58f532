"""The paper's figures of explanations as files for a paper: SVG and PNG, one column wide, the same bytes every time.

They are drawn by matplotlib on white, with marks that are told apart without color; the page has charts of its own
(`charts.py`). Without matplotlib they are left out, and the log names the extra that brings it.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from textwrap import shorten, wrap
from typing import TYPE_CHECKING

from recexplainer.reports.charts import Bar, Panel, Stack, StackPanel
from recexplainer.reports.explanation_results import ConfusionMatrix
from recexplainer.reports.names import FULL_MODEL
from recexplainer.storage import system_errors, write_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, DOTS = 3.35, 300  # inches, the column of a two-column paper; dots an inch
_ROW = 0.2  # inches a line
_INK, _POINT = "#171a1f", "#00634a"
_LEVEL_FILLS = ("#b34700", "#f2bd94", "#a3cfea", "#00619a")  # dark at both ends: apart in grey and to the color-blind
_LEVEL_INKS = ("white", _INK, _INK, "white")
_NAME, _HEADING = 20, 56  # characters a line

logger = logging.getLogger(__name__)


def write_figures(
    ratings: Sequence[StackPanel], matrix: ConfusionMatrix | None, ablation: Sequence[Panel], folder: Path
) -> dict[int, list[Path]]:
    """Write `figure-{3,4,7}.{svg,png}` of what there is to draw: panels of raters, a matrix, panels of metrics.

    Returns the files of each figure, SVG before PNG; none, and nothing imported, where there is nothing to draw. Raises
    RunError if the operating system refuses to write.
    """
    if not (ratings or matrix or ablation):
        return {}
    if find_spec("matplotlib") is None:
        brings = 'pip install "recexplainer[figures]" brings what draws them.'
        logger.warning(f"Figures 3, 4 and 7 are not written as files: {brings}")
        return {}
    from matplotlib import rc_context

    with rc_context(fname=Path(__file__).with_name("figures.mplstyle")):
        figures = {
            3: figure_3(ratings) if ratings else None,
            4: figure_4(matrix) if matrix else None,
            7: figure_7(ablation) if ablation else None,
        }
        return {number: _save(each, folder / f"figure-{number}") for number, each in figures.items() if each}


def figure_3(panels: Sequence[StackPanel]) -> Figure:
    """Figure 3: for each rater the share of each rating by method; at the right the mean rating with its interval."""
    heights = [len(panel.stacks) for panel in panels]
    figure = _blank(_ROW * sum(heights) + 0.34 * len(heights) + 0.4)
    columns = figure.subplots(len(panels), 1, squeeze=False, gridspec_kw={"height_ratios": heights}, sharex="col")
    for (axes,), panel in zip(columns, panels, strict=True):
        _draw_stacks(axes, panel.stacks)
        axes.set_title(" ")  # keeps a place for the heading, which begins at the figure's left edge
        axes.annotate(
            shorten(panel.title, _HEADING, placeholder="…"),
            (0.012, 1.0),
            (0, 4),
            xycoords=("figure fraction", "axes fraction"),
            textcoords="offset points",
            fontsize=7,
            weight="bold",
        ).set_in_layout(False)
    last = columns[-1][0]
    last.set_xlabel("share of explanations (%)")
    last.annotate(
        "mean rating", (103, 0), (0, -16), xycoords=last.get_xaxis_transform(), textcoords="offset points", va="top"
    )
    figure.legend(
        columns[0][0].containers,
        [f"R{level} {name}" for level, (name, _) in enumerate(panels[0].stacks[0].parts)],
        loc="outside upper center",
        ncols=len(_LEVEL_FILLS),
    )
    return figure


def figure_4(matrix: ConfusionMatrix) -> Figure:
    """Figure 4: who wrote an explanation against who is predicted, as shares of each writer's explanations."""
    figure = _blank(0.36 * len(matrix.shares) + 0.75)
    axes = figure.subplots()
    values = [[share or 0.0 for share in shares] for shares in matrix.shares]
    axes.imshow(values, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
    for row, shares in enumerate(matrix.shares):
        for column, share in enumerate(shares):
            ink = "white" if (share or 0.0) > 0.6 else _INK
            axes.text(column, row, "–" if share is None else f"{share:.1%}", ha="center", va="center", color=ink)
    width = 40 // len(matrix.predicted)
    axes.set_xticks(range(len(matrix.predicted)), [_shortened(name, width) for name in matrix.predicted])
    writers = zip(matrix.writers, matrix.cases, strict=True)
    axes.set_yticks(range(len(matrix.writers)), [f"{_shortened(name)}\n(n = {cases:,})" for name, cases in writers])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("predicted")
    axes.set_ylabel("written by")
    return figure


def figure_7(panels: Sequence[Panel]) -> Figure:
    """Figure 7: a panel a metric, two side by side, each model as a point with its interval.

    A line runs down from the full model; a model that a metric was not taken of has no point there.
    """
    names = list(dict.fromkeys(bar.label for panel in panels for bar in panel.bars))
    across = min(len(panels), 2)
    down = -(-len(panels) // across)
    figure = _blank(down * (_ROW * len(names) + 0.42) + 0.1)
    grid = list(figure.subplots(down, across, squeeze=False, sharey=True).flat)
    for axes, panel in zip(grid, panels, strict=False):
        axes.set_title(_shortened(panel.title), loc="left")
        _label_rows(axes, [name.replace("without", "w/o") for name in names])
        for bar in panel.bars:
            _draw_point(axes, names.index(bar.label), bar)
        axes.margins(x=0.1)
        axes.set_xlim(left=max(axes.get_xlim()[0], 0.0))
        axes.locator_params(axis="x", nbins=3)
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    return figure


def _draw_stacks(axes: Axes, stacks: Sequence[Stack]) -> None:
    _label_rows(axes, [stack.label for stack in stacks])
    starts = [0.0] * len(stacks)
    for level, (fill, ink) in enumerate(zip(_LEVEL_FILLS, _LEVEL_INKS, strict=True)):
        widths = [100.0 * stack.parts[level][1] for stack in stacks]
        bars = axes.barh(
            range(len(stacks)), widths, left=starts, height=0.72, color=fill, edgecolor="white", linewidth=0.4
        )
        texts = [f"{width:.0f}" if width >= 9 else "" for width in widths]
        axes.bar_label(bars, texts, label_type="center", color=ink, fontsize=6)
        starts = [start + width for start, width in zip(starts, widths, strict=True)]
    axes.set_xlim(0, 100)
    for place, stack in enumerate(stacks):
        axes.text(103, place, stack.note, va="center", weight="bold")
        axes.text(116, place, stack.small, va="center", fontsize=6)


def _draw_point(axes: Axes, place: int, bar: Bar) -> None:
    full = bar.label == FULL_MODEL
    if bar.low is not None and bar.high is not None:
        axes.plot([bar.low, bar.high], [place, place], color=_POINT, linewidth=1, solid_capstyle="butt")
    fill = _POINT if full else "white"
    axes.plot(bar.value, place, "o", markersize=2.8, clip_on=False, color=_POINT, markerfacecolor=fill)
    if full:
        axes.axvline(bar.value, color=_POINT, linewidth=0.5, dashes=(3, 2), zorder=0)


def _label_rows(axes: Axes, names: Sequence[str]) -> None:
    """Rows from the top, one a name; only the lower axis is kept."""
    axes.set_yticks(range(len(names)), [_shortened(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _shortened(name: str, line: int = _NAME) -> str:
    """A name in lines of so many characters, two of them or three short ones, cut where it is longer."""
    return "\n".join(wrap(name, line, max_lines=2 if line >= _NAME else 3, placeholder="…"))


def _blank(height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, height), dpi=DOTS, layout="constrained")


def _save(figure: Figure, stem: Path) -> list[Path]:
    """Write a figure as SVG and PNG, without a date, so that the same figure gives the same bytes."""
    drawn, pixels = io.StringIO(), io.BytesIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    figure.savefig(pixels, format="png", metadata={"Software": None})
    vector, raster = stem.with_suffix(".svg"), stem.with_suffix(".png")
    write_text(vector, drawn.getvalue())
    with system_errors(raster):
        raster.write_bytes(pixels.getvalue())
    return [vector, raster]
