"""The paper's figures of explanations as files for a paper: SVG and PNG, one column wide, the same bytes every time.

It draws on paper white with marks that stay apart without colour; the page has charts of its own (`bars`, `curves`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from recexplainer.evaluation.rows import Row
from recexplainer.reports.cells import interval
from recexplainer.reports.names import judge_name, method_name
from recexplainer.reports.plotting import INK, STYLE, blank, head, label_rows, save, shortened
from recexplainer.reports.readings import (
    LEVEL_NAMES,
    Ablated,
    Confusion,
    Rating,
    ablation,
    confusion,
    is_full,
    rating_rows,
    ratings,
    without,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW, _POINT = 0.2, "#00634a"
_LEVEL_FILLS = ("#b34700", "#f2bd94", "#a3cfea", "#00619a")  # dark at both ends: apart in grey and to the colour-blind
_LEVEL_INKS = ("white", INK, INK, "white")


def write_figures(evaluation: Mapping[str, Sequence[Row]], folder: Path) -> list[Path]:
    """Write `figure-{3,4,7}.{svg,png}` of the evaluations that there are rows of.

    Args:
        evaluation: As in `ReportInputs`.
        folder: Made if it is not there.

    Returns:
        The files written, SVG before PNG; none, and nothing imported, where there is nothing to draw.

    Raises:
        RunError: The operating system refuses to write.
    """
    judged = {judge: [one for one in found if one.parts] for judge, found in ratings(rating_rows(evaluation)).items()}
    judged = {judge: found for judge, found in judged.items() if found}
    matrix = confusion(evaluation.get("discriminator", ()))
    panels = ablation(evaluation.get("ablation", ()))
    if not (judged or matrix or panels):
        return []
    from matplotlib import rc_context

    written: list[Path] = []
    with rc_context(STYLE):
        for number, figure in (
            (3, figure_3(judged) if judged else None),
            (4, figure_4(matrix) if matrix else None),
            (7, figure_7(panels) if panels else None),
        ):
            written += save(figure, folder / f"figure-{number}") if figure else []
    return written


def figure_3(judged: Mapping[str, Sequence[Rating]]) -> Figure:
    """Figure 3: for each judge the share of each rating by method; at the right the mean rating with its interval.

    Args:
        judged: Judge to ratings, each with all four shares; at least one.
    """
    heights = [len(found) for found in judged.values()]
    figure = blank(_ROW * sum(heights) + 0.34 * len(heights) + 0.4)
    columns = figure.subplots(len(judged), 1, squeeze=False, gridspec_kw={"height_ratios": heights}, sharex="col")
    for (axes,), (judge, found) in zip(columns, judged.items(), strict=True):
        _draw_shares(axes, found)
        head(axes, f"Rated by {judge_name(judge)}")
    last = columns[-1][0]
    last.set_xlabel("share of explanations (%)")
    last.annotate(
        "mean rating", (103, 0), (0, -16), xycoords=last.get_xaxis_transform(), textcoords="offset points", va="top"
    )
    figure.legend(
        columns[0][0].containers,
        [f"R{level} {name}" for level, name in enumerate(LEVEL_NAMES)],
        loc="outside upper center",
        ncols=len(LEVEL_NAMES),
        frameon=False,
        fontsize=6,
        handlelength=0.9,
        handleheight=0.9,
        handletextpad=0.4,
        columnspacing=0.9,
    )
    return figure


def figure_4(matrix: Confusion) -> Figure:
    """Figure 4: who wrote an explanation against who was taken for it, as shares of each writer's explanations."""
    given = [method_name(method) for method in matrix.methods]
    names = [shortened(name) for name in given]
    figure = blank(0.36 * len(matrix.shares) + 0.75)
    axes = figure.subplots()
    values = [[share or 0.0 for share in shares] for shares in matrix.shares]
    axes.imshow(values, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
    for row, shares in enumerate(matrix.shares):
        for column, share in enumerate(shares):
            ink = "white" if (share or 0.0) > 0.6 else INK
            axes.text(column, row, "–" if share is None else f"{share:.1%}", ha="center", va="center", color=ink)
    axes.set_xticks(range(len(given)), [shortened(name, 40 // len(given)) for name in given])
    writers = zip(names, matrix.cases, strict=False)
    axes.set_yticks(range(len(matrix.shares)), [f"{name}\n(n = {cases:,})" for name, cases in writers])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("taken for")
    axes.set_ylabel("written by")
    return figure


def figure_7(panels: Sequence[Ablated]) -> Figure:
    """Figure 7: a panel a metric, two side by side, each model as a point with its interval.

    A line runs down from the full model; a model that a metric was not taken of has no point there.
    """
    methods = list(dict.fromkeys(row.method for panel in panels for row in panel.rows))
    across = min(len(panels), 2)
    down = -(-len(panels) // across)
    figure = blank(down * (_ROW * len(methods) + 0.42) + 0.1)
    grid = list(figure.subplots(down, across, squeeze=False, sharey=True).flat)
    for axes, panel in zip(grid, panels, strict=False):
        axes.set_title(shortened(panel.title), loc="left")
        label_rows(axes, [without(method).replace("without", "w/o") for method in methods])
        for row in panel.rows:
            _draw_point(axes, methods.index(row.method), row)
        axes.margins(x=0.1)
        axes.set_xlim(left=max(axes.get_xlim()[0], 0.0))
        axes.locator_params(axis="x", nbins=3)
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    return figure


def _draw_shares(axes: Axes, found: Sequence[Rating]) -> None:
    label_rows(axes, [method_name(one.method) for one in found])
    starts = [0.0] * len(found)
    for level, (fill, ink) in enumerate(zip(_LEVEL_FILLS, _LEVEL_INKS, strict=True)):
        widths = [100.0 * one.parts[level] for one in found]
        bars = axes.barh(
            range(len(found)), widths, left=starts, height=0.72, color=fill, edgecolor="white", linewidth=0.4
        )
        texts = [f"{width:.0f}" if width >= 9 else "" for width in widths]
        axes.bar_label(bars, texts, label_type="center", color=ink, fontsize=6)
        starts = [start + width for start, width in zip(starts, widths, strict=True)]
    axes.set_xlim(0, 100)
    for place, one in enumerate(found):
        if one.mean is not None and one.mean.value is not None:
            ends = interval(one.mean.low, one.mean.high, places=2)
            axes.text(103, place, f"{one.mean.value:.2f}", va="center", weight="bold")
            axes.text(116, place, ends, va="center", fontsize=6)


def _draw_point(axes: Axes, place: int, row: Row) -> None:
    """A point and its interval; the full model's is filled, and a broken line runs down from it."""
    full = is_full(row.method)
    if row.low is not None and row.high is not None:
        axes.plot([row.low, row.high], [place, place], color=_POINT, linewidth=1, solid_capstyle="butt")
    if row.value is not None:
        axes.plot(
            row.value,
            place,
            "o",
            markersize=2.8,
            clip_on=False,
            color=_POINT,
            markerfacecolor=_POINT if full else "white",
        )
    if row.value is not None and full:
        axes.axvline(row.value, color=_POINT, linewidth=0.5, dashes=(3, 2), zorder=0)
