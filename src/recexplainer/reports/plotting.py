"""What figures for a paper have in common: size, type, labels, files. It does not know what is drawn."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from textwrap import shorten, wrap
from typing import TYPE_CHECKING, Any

from recexplainer.storage import system_errors, write_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, DOTS = 3.35, 300  # inches, the column of a two-column paper; dots an inch
INK, _FAINT = "#171a1f", "#8d97a5"
_NAME, _HEADING = 20, 56  # characters a line
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 6.5,
    "axes.titlesize": 7,
    "axes.titleweight": "bold",
    "axes.labelsize": 6.5,
    "axes.edgecolor": _FAINT,
    "axes.linewidth": 0.5,
    "xtick.major.width": 0.5,
    "xtick.major.size": 2,
    "ytick.major.size": 0,
    "svg.hashsalt": "recexplainer",
    "text.parse_math": False,
}


def blank(height: float) -> Figure:
    """An empty figure, one column wide and so many inches high; its parts find their own places."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, height), dpi=DOTS, layout="constrained")


def head(axes: Axes, title: str) -> None:
    """A heading at the figure's left edge, so that a long one has room; an empty title keeps the place free."""
    axes.set_title(" ")
    axes.annotate(
        shorten(title, _HEADING, placeholder="…"),
        (0.012, 1.0),
        (0, 4),
        xycoords=("figure fraction", "axes fraction"),
        textcoords="offset points",
        fontsize=7,
        weight="bold",
    ).set_in_layout(False)


def label_rows(axes: Axes, names: Sequence[str]) -> None:
    """Rows from the top, one a name; only the lower axis is kept."""
    axes.set_yticks(range(len(names)), [shortened(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.spines[["top", "right", "left"]].set_visible(False)


def shortened(name: str, line: int = _NAME) -> str:
    """A name in lines of so many characters, two of them or three short ones, cut where it is longer."""
    return "\n".join(wrap(name, line, max_lines=2 if line >= _NAME else 3, placeholder="…"))


def save(figure: Figure, stem: Path) -> list[Path]:
    """Write a figure as SVG and PNG, without a date, so that the same figure gives the same bytes.

    Raises:
        RunError: The operating system refuses to write.
    """
    drawn, pixels = io.StringIO(), io.BytesIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    figure.savefig(pixels, format="png", metadata={"Software": None})
    vector, raster = stem.with_suffix(".svg"), stem.with_suffix(".png")
    write_text(vector, drawn.getvalue())
    with system_errors(raster):
        raster.write_bytes(pixels.getvalue())
    return [vector, raster]
