"""Small charts with a heading: a panel of bars for each thing measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from recexplainer.evaluation.rows import Row
from recexplainer.reports.bars import Bar, bars, nice_ceiling
from recexplainer.reports.names import in_order, method_name, series_class


@dataclass(frozen=True, slots=True)
class Panel:
    """A small chart with its heading, and where its axis ends."""

    title: str
    chart: Markup
    end: str = ""


def bar_panel(title: str, rows: Sequence[Bar], maximum: float | None = None) -> Panel | None:
    """Bars under a heading; None where there are none.

    Args:
        title: The heading.
        rows: The bars, from the top.
        maximum: Where the axis ends; None: at 1, or at the next round number where all ends are below a half.
    """
    if not rows:
        return None
    highest = max(row.value if row.high is None else row.high for row in rows)
    end = maximum or (1.0 if highest > 0.5 else nice_ceiling(highest))
    return Panel(title, bars(rows, maximum=end), f"{end:g}")


def method_panel(title: str, rows: Sequence[Row]) -> Panel | None:
    """A bar for each method of one metric's rows; None where no row has a value."""
    values = {row.method: row for row in rows if row.value is not None}
    return bar_panel(title, [bar(values[method], method_name(method)) for method in in_order(values)])


def bar(row: Row, label: str, css: str = "", text: str = "") -> Bar:
    """A row that has a value as a bar, in the colour of its method unless another class is given."""
    return Bar(label, css or series_class(row.method), row.value or 0.0, row.low, row.high, text)
