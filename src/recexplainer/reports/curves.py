"""Histograms and line charts as inline SVG with classes for colours, as bars are (`bars.py`).

The functions know numbers and labels only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor

from markupsafe import Markup

from recexplainer.reports.bars import nice_ceiling

Point = tuple[float, float]


def histogram(values: Sequence[int], *, unit: str, most_bins: int = 24) -> Markup:
    """How often each whole number occurs, in at most `most_bins` equal bins; `values` must not be empty."""
    low, high = min(values), max(values)
    width = ceil((high - low + 1) / most_bins)
    counts = [0] * (floor((high - low) / width) + 1)
    for value in values:
        counts[(value - low) // width] += 1
    step, most = 100.0 / len(counts), max(counts)
    shapes = [
        Markup(
            '<rect class="fill-neutral" x="{:.3f}%" y="{:.1f}" width="{:.3f}%" height="{:.1f}"><title>{}</title></rect>'
        ).format(
            at * step + step * 0.08,
            96 - 92 * count / most,
            step * 0.84,
            92 * count / most,
            f"{_span(low + at * width, width)} {unit}: {count:,}",
        )
        for at, count in enumerate(counts)
    ]
    label = f"Histogram of {unit}, {low} to {high}; the highest bin holds {most:,}"
    return Markup(
        '<svg class="histogram" width="100%" height="118" role="img" aria-label="{}">{}'
        '<line class="axis" x1="0" x2="100%" y1="96.5" y2="96.5"/>'
        '<text x="0" y="113">{:,}</text><text x="50%" y="113" text-anchor="middle">{}</text>'
        '<text x="100%" y="113" text-anchor="end">{:,}</text></svg>'
    ).format(label, Markup("").join(shapes), low, unit, high)


def lines(series: Mapping[str, tuple[str, Sequence[Point]]], *, x_name: str, y_name: str, height: int = 260) -> Markup:
    """A line chart from the origin.

    Args:
        series: Name to `(colour class, points)`; each with at least one point.
        x_name: What runs to the right.
        y_name: What runs upwards.
        height: Of the plot, in pixels.
    """
    points = [point for _, each in series.values() for point in each]
    right, top = max(x for x, _ in points) or 1.0, _top(max(y for _, y in points))
    ticks = [top * part / 4 for part in range(5)]
    grid = Markup("").join(_gridline(tick, top, height, y_name if tick == top else "") for tick in ticks)
    across = Markup("").join(
        Markup('<text x="{:.1f}%" y="{}" text-anchor="{}">{}</text>').format(
            25 * part, height + 36, ("start", "middle", "middle", "middle", "end")[part], f"{right * part / 4:,.0f}"
        )
        for part in range(5)
    )
    drawn = Markup("").join(
        Markup('<polyline class="line {}" points="{}"/>').format(css, _points(each, right, top))
        for css, each in series.values()
    )
    return Markup(
        '<svg class="lines" width="100%" height="{}" role="img" aria-label="{}">{}{}'
        '<svg x="0" y="18" width="100%" height="{}" viewBox="0 0 1000 1000" preserveAspectRatio="none">{}</svg></svg>'
    ).format(
        height + 42,
        f"{y_name} by {x_name}: " + ", ".join(_ends(name, each) for name, (_, each) in series.items()),
        grid,
        across,
        height,
        drawn,
    )


def _gridline(tick: float, top: float, height: int, name: str) -> Markup:
    y = 18 + height * (1 - tick / top)
    title = Markup('<text x="0" y="{:.1f}">{}</text>').format(y - 6, name) if name else Markup("")
    return title + Markup(
        '<line class="{}" x1="0" x2="100%" y1="{:.1f}" y2="{:.1f}"/><text x="-8" y="{:.1f}" text-anchor="end">{}</text>'
    ).format("axis" if tick == 0 else "grid", y, y, y + 4, f"{tick:g}")


def _points(points: Sequence[Point], right: float, top: float) -> str:
    return " ".join(f"{1000 * x / right:.1f},{1000 * (1 - y / top):.1f}" for x, y in points)


def _ends(name: str, points: Sequence[Point]) -> str:
    return f"{name} from {points[0][1]:.3g} to {points[-1][1]:.3g}"


def _top(value: float) -> float:
    """The next multiple of a quarter-friendly step, so that the highest line nearly fills the chart."""
    step = nice_ceiling(value) / 10
    return ceil(value / step / 2) * step * 2 if value > 0 else 1.0


def _span(low: int, width: int) -> str:
    return str(low) if width == 1 else f"{low}–{low + width - 1}"
