"""Charts as inline SVG with classes for colours, so that one stylesheet serves light and dark. No chart library.

Positions are percentages of the SVG's own width: a chart fills whatever column it stands in while its text and strokes
keep their size. The functions know numbers and labels only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from markupsafe import Markup

Point = tuple[float, float]
_ROOM_FOR_TEXT = 0.08  # of a stacked bar's width


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its label, its colour class, its value, and its interval where there is one."""

    label: str
    css: str
    value: float
    low: float | None = None
    high: float | None = None
    text: str = ""


def nice_ceiling(value: float) -> float:
    """The next of 1, 2, 2.5, 5, 10 times a power of ten, not below `value`; 1 where there is nothing to show."""
    if value <= 0:
        return 1.0
    unit = 10.0 ** floor(log10(value))
    return next(step * unit for step in (1.0, 2.0, 2.5, 5.0, 10.0) if step * unit >= value * (1 - 1e-9))


def bars(rows: Sequence[Bar], *, maximum: float) -> Markup:
    """Horizontal bars from 0 to `maximum`, each with its label, its interval as a whisker, and its value."""
    lines: list[Markup] = []
    for row in rows:
        text = row.text or f"{row.value:.3f}"
        lines.append(
            Markup(
                '<div class="bar-row"><span class="bar-label">{}</span>{}<span class="bar-value">{}</span></div>'
            ).format(row.label, _bar(row, maximum, text), text)
        )
    return Markup('<div class="bars">{}</div>').format(Markup("").join(lines))


def stacked(label: str, parts: Sequence[tuple[str, float]], css: str, note: str) -> Markup:
    """One bar cut into shares of the whole, each with its percentage where there is room for it.

    Args:
        label: What stands before the bar.
        parts: Name and share of each part, from the left; shares are 0 to 1.
        css: The parts' colour classes are this with 0, 1, … after it.
        note: What stands after the bar.
    """
    shapes, at = list[Markup](), 0.0
    for number, (name, share) in enumerate(parts):
        shapes.append(
            Markup(
                '<rect class="{0}{1}" x="{2:.2f}%" width="{3:.2f}%" height="22"><title>{4}: {5:.1%}</title></rect>'
            ).format(css, number, 100 * at, 100 * share, name, share)
        )
        if share >= _ROOM_FOR_TEXT:
            shapes.append(
                Markup('<text class="on-{}{}" x="{:.2f}%" y="15.5" text-anchor="middle">{:.0f}</text>').format(
                    css, number, 100 * (at + share / 2), 100 * share
                )
            )
        at += share
    spoken = f"{label}: " + ", ".join(f"{name} {share:.0%}" for name, share in parts)
    return Markup(
        '<div class="bar-row"><span class="bar-label">{}</span>'
        '<svg class="stacked" width="100%" height="22" role="img" aria-label="{}">{}</svg>'
        '<span class="bar-value">{}</span></div>'
    ).format(label, spoken, Markup("").join(shapes), note)


def effect_bar(effect: float, largest: float, label: str) -> Markup:
    """A bar to the right of the middle for a positive effect, to the left for a negative one.

    Args:
        effect: The effect to draw.
        largest: The effect, in size, that fills half the width.
        label: What a screen reader says.
    """
    half = 50.0 * min(abs(effect) / largest, 1.0) if largest > 0 else 0.0
    start = 50.0 if effect >= 0 else 50.0 - half
    css = "for" if effect >= 0 else "against"
    return Markup(
        '<svg class="effect" width="100%" height="14" role="img" aria-label="{}">'
        '<rect class="fill-{}" x="{:.2f}%" y="2" width="{:.2f}%" height="10" rx="1.5"/>'
        '<line class="axis" x1="50%" x2="50%" y1="0" y2="14"/></svg>'
    ).format(label, css, start, half)


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


def _bar(row: Bar, maximum: float, text: str) -> Markup:
    def share(value: float) -> float:
        return 100.0 * max(0.0, min(value / maximum, 1.0))

    whisker = Markup("")
    if row.low is not None and row.high is not None:
        whisker = Markup(
            '<line class="casing" x1="{0:.2f}%" x2="{1:.2f}%" y1="9" y2="9"/>'
            '<line class="whisker" x1="{0:.2f}%" x2="{1:.2f}%" y1="9" y2="9"/>'
            '<line class="whisker" x1="{0:.2f}%" x2="{0:.2f}%" y1="5.5" y2="12.5"/>'
            '<line class="whisker" x1="{1:.2f}%" x2="{1:.2f}%" y1="5.5" y2="12.5"/>'
        ).format(share(row.low), share(row.high))
    return Markup(
        '<svg class="bar" width="100%" height="18" role="img" aria-label="{}">'
        '<rect class="track" width="100%" y="3" height="12" rx="2"/>'
        '<rect class="fill {}" width="{:.2f}%" y="3" height="12" rx="2"/>{}</svg>'
    ).format(f"{row.label}: {text}", row.css, share(row.value), whisker)


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
