"""Bars as inline SVG with classes for colours, so that one stylesheet serves light and dark. No chart library.

Positions are percentages of the SVG's own width: bars fill whatever column they stand in while their text and strokes
keep their size. The functions know numbers and labels only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10

from markupsafe import Markup

_ROOM_FOR_TEXT = 0.08  # of a stacked bar's width
_THICK, _THIN = 10, 6  # the first of several bars, and the others


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


def attribution_bars(values: Sequence[float], largest: float, label: str) -> Markup:
    """Bars from the middle, one above the other: to the right for a positive value, to the left for a negative one.

    Args:
        values: What to draw; the first bar is the strongest, the others are thinner and lighter.
        largest: The value, in size, that fills half the width.
        label: What a screen reader says.
    """
    shapes, y = list[Markup](), 2
    for number, value in enumerate(values):
        half = 50.0 * min(abs(value) / largest, 1.0) if largest > 0 else 0.0
        shapes.append(
            Markup('<rect class="fill-{}{}" x="{:.2f}%" y="{}" width="{:.2f}%" height="{}" rx="1.5"/>').format(
                "for" if value >= 0 else "against",
                " light" if number else "",
                50.0 if value >= 0 else 50.0 - half,
                y,
                half,
                _THIN if number else _THICK,
            )
        )
        y += 2 + (_THIN if number else _THICK)
    return Markup(
        '<svg class="effect" width="100%" height="{0}" role="img" aria-label="{1}">{2}'
        '<line class="axis" x1="50%" x2="50%" y1="0" y2="{0}"/></svg>'
    ).format(y, label, Markup("").join(shapes))


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
