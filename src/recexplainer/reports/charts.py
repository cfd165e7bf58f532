"""What the charts of the page show: bars, shares, histograms, curves. `page/charts.html.j2` draws them.

It knows rows, numbers and labels; a chart is inline SVG with classes for colors, so that one stylesheet serves light
and dark.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from recexplainer.evaluation.rows import Row
from recexplainer.explanations.record import Method
from recexplainer.reports.names import in_order, method_name, series_class

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: its label, its color class, its value, its interval where it has one, and the value as text."""

    label: str
    css: str
    value: float
    low: float | None = None
    high: float | None = None
    text: str = ""

    @classmethod
    def of(cls, row: Row, label: str, css: str = "", text: str = "") -> Bar:
        """A row that has a value as a bar, in the color of its method unless another class is given."""
        value = row.value or 0.0
        return cls(label, css or series_class(row.method), value, row.low, row.high, text or f"{value:.3f}")


@dataclass(frozen=True, slots=True)
class Panel:
    """Bars with a heading, from 0 to `maximum`."""

    title: str
    bars: tuple[Bar, ...]
    maximum: float = 1.0


@dataclass(frozen=True, slots=True)
class Stack:
    """One bar cut into parts, each a name and a share from 0 to 1, with a note and a small one behind it."""

    label: str
    parts: tuple[tuple[str, float], ...]
    note: str = ""
    small: str = ""


@dataclass(frozen=True, slots=True)
class StackPanel:
    """Stacks with a heading."""

    title: str
    stacks: tuple[Stack, ...]


@dataclass(frozen=True, slots=True)
class Curves:
    """Lines from the origin: for each name its color class and points; the axes end at `right` and `top`."""

    lines: Mapping[str, tuple[str, Sequence[Point]]]
    right: float
    top: float


def panel(title: str, bars: Sequence[Bar], maximum: float | None = None) -> Panel | None:
    """Bars under a heading; None where there are none.

    The axis ends at `maximum`; where it is None at 1, or at the next round number where all ends are below a half.
    """
    if not bars:
        return None
    highest = max(bar.value if bar.high is None else bar.high for bar in bars)
    return Panel(title, tuple(bars), maximum or (1.0 if highest > 0.5 else nice_ceiling(highest)))


def method_panels(titled: Iterable[tuple[str, Iterable[Row]]]) -> list[Panel]:
    """For the rows of each metric under its title a bar a method; without those where no row has a value."""
    panels: list[Panel | None] = []
    for title, rows in titled:
        values = {Method(row.method, row.variant): row for row in rows if row.value is not None}
        panels.append(panel(title, [Bar.of(values[method], method_name(method)) for method in in_order(values)]))
    return [each for each in panels if each]


def histogram(values: Sequence[int], most_bins: int = 24) -> list[tuple[str, int]]:
    """In at most `most_bins` equal bins the numbers in words, and how often they occur; `values` must not be empty."""
    low, high = min(values), max(values)
    width = ceil((high - low + 1) / most_bins)
    counts = Counter((value - low) // width for value in values)
    starts = enumerate(range(low, high + 1, width))
    return [(f"{start}" if width == 1 else f"{start}–{start + width - 1}", counts[number]) for number, start in starts]


def curves(lines: Mapping[str, tuple[str, Sequence[Point]]]) -> Curves:
    """Lines with axes that hold them; there must be one line, and each must have a point."""
    points = [point for _, each in lines.values() for point in each]
    highest = max(y for _, y in points)
    step = nice_ceiling(highest) / 5
    return Curves(lines, max(x for x, _ in points) or 1.0, ceil(highest / step) * step if highest > 0 else 1.0)


def nice_ceiling(value: float) -> float:
    """The next of 1, 2, 2.5, 5, 10 times a power of ten, not below `value`; 1 where there is nothing to show."""
    if value <= 0:
        return 1.0
    unit = 10.0 ** floor(log10(value))
    return next(step * unit for step in (1.0, 2.0, 2.5, 5.0, 10.0) if step * unit >= value * (1 - 1e-9))
