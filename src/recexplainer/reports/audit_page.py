"""The page of an audit, and of a comparison of two: sentences, figures with their intervals, pictures.

It shows records of `audit`; how they are measured it does not know. The page loads nothing from anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from recexplainer.audit.agreement import AGREEMENT, PARTS
from recexplainer.audit.audit import Audit
from recexplainer.audit.catalogue import RANDOM
from recexplainer.audit.comparison import LIST_CHANGE, Comparison
from recexplainer.audit.deciding import CLASSES
from recexplainer.audit.findings import (
    UNITS,
    Figures,
    Finding,
    by_place,
    metric_meaning,
    metric_title,
    number,
    part_title,
    shown,
)
from recexplainer.audit.measured import ATTRIBUTE, DIFFERENCE, FEWEST
from recexplainer.evaluation.rows import Row
from recexplainer.reports.charts import Bar, Panel, Stack, StackPanel, histogram, nice_ceiling, panel
from recexplainer.reports.names import PAGE, environment

SUBJECTS = ("history", "attributes", "reasons", "catalogue", "groups", "surrogate", "change")
_EVERYONE = "all users"
_KEY = (("any_history", True), ("most_popular", False), ("coverage", False), ("list_difference", False))
"""Figures at the head of the page, and whether one minus the figure is shown."""
_KEY_NAMES = {
    "any_history": ("Depends on the history", "of the places of a list are lost with a random history"),
    "most_popular": ("Most popular", "of a list is among the most popular items of the data"),
    "coverage": ("Coverage", "of the catalogue is on the list of one of these users at least"),
    "list_difference": ("Different lists", "of a list is not on the list of another user"),
}
_HISTORY = ("last_item_of_dependent", "single_item_of_dependent", "stays_without_one", "most_popular")
_REASONS = ("stable_reasons", "history_items_that_count")
_CATALOGUE = ("coverage", "top_tenth", "gini", "list_difference")
_OF_GROUPS = (*CLASSES, "stays_without_one", "most_popular", "stable_reasons", "coverage", "gini", "list_difference")
_SHOWN_ATTRIBUTES = 8


def audit_page(audit: Audit) -> str:
    """The page of an audit as HTML."""
    return _render("audit", audit=audit, **_names_of(audit))


def comparison_page(comparison: Comparison) -> str:
    """The page of a comparison as HTML."""
    before, after = comparison.before, comparison.after
    figures = by_place(comparison.rows)
    groups = {_EVERYONE: "", **{part_title(group): group for group in before.groups}}
    felt = _bars([(label, figures.get((LIST_CHANGE, group))) for label, group in groups.items()])
    pairs = [(by_place(before.rows), before.name), (by_place(after.rows), after.name)]
    lines = [
        (metric_title(metric), metric_meaning(metric), _cells(metric, pairs), shown(row))
        for (metric, group), row in by_place(comparison.rows, DIFFERENCE).items()
        if not group
    ]
    stacks = [stack for own, name in pairs for stack in _class_stacks(own, {name: ""})]
    return _render(
        "audit_comparison",
        comparison=comparison,
        felt=panel("Share of a list that is new", felt, 1.0),
        lines=lines,
        new_items=histogram(comparison.new_items),
        classes=StackPanel("What decides the places of a list, in percent", tuple(stacks)) if stacks else None,
        class_names=[metric_title(name) for name in CLASSES],
    )


def _render(template: str, **names: Any) -> str:
    style = Markup((PAGE / "style.css").read_text(encoding="utf-8"))  # noqa: S704, our own file
    templates = environment(shown, rule_of=_rule_of, status_sign=_status_sign)
    return templates.get_template(f"{template}.html.j2").render(names, style=style) + "\n"


def _names_of(audit: Audit) -> dict[str, Any]:
    """Every name that the template of an audit uses, save the audit itself."""
    figures = by_place(audit.rows)
    everyone = {part_title(name): name for name in audit.groups}
    stacks = _class_stacks(figures, {_EVERYONE: "", **everyone})
    return {
        "findings": {subject: [one for one in audit.findings if one.subject == subject] for subject in SUBJECTS},
        "key_numbers": _key_numbers(figures),
        "classes": StackPanel("What decides the places of a list, in percent", tuple(stacks)) if stacks else None,
        "class_names": [metric_title(name) for name in CLASSES],
        "history": _panel(figures, _HISTORY),
        "same": _panel(figures, [name for name, _ in figures if name.startswith("stays_with_same")]),
        "raised": _effects([row for (metric, group), row in figures.items() if metric.startswith(UNITS) and not group]),
        "raised_by_one": _effects(_strongest(audit.rows)),
        "reasons": _panel(figures, _REASONS),
        "catalogue": _catalogue(figures),
        "fewest": FEWEST,
        "groups": _group_table(figures, list(audit.groups)),
        "surrogate": _agreement(figures, audit),
        "metrics": [(metric_title(name), metric_meaning(name)) for name in dict.fromkeys(name for name, _ in figures)],
    }


def _key_numbers(figures: Figures) -> list[tuple[str, str, str, str]]:
    """Name, value, interval and meaning of the figures at the head."""
    found: list[tuple[str, str, str, str]] = []
    for metric, reverse in _KEY:
        row = figures.get((metric, ""))
        if row is None or row.value is None or row.low is None or row.high is None:
            continue
        value, low, high = (1 - row.value, 1 - row.high, 1 - row.low) if reverse else (row.value, row.low, row.high)
        name, meaning = _KEY_NAMES[metric]
        found.append((name, f"{100 * value:.0f}%", f"{100 * low:.0f}–{100 * high:.0f}%", meaning))
    return found


def _class_stacks(figures: Figures, variants: Mapping[str, str]) -> list[Stack]:
    """For each label the four classes of places of the rows with its variant."""
    stacks: list[Stack] = []
    for label, variant in variants.items():
        rows = [figures.get((name, variant)) for name in CLASSES]
        parts = [(metric_title(row.metric), row.value) for row in rows if row is not None and row.value is not None]
        if len(parts) == len(CLASSES):
            users = next(row.cases for row in rows if row is not None)
            stacks.append(Stack(label, tuple(parts), f"{users:,}", "users"))
    return stacks


def _panel(figures: Figures, metrics: Iterable[str]) -> Panel | None:
    return panel(
        "", _bars([(metric_title(metric), figures.get((metric, ""))) for metric in dict.fromkeys(metrics)]), 1.0
    )


def _bar(row: Row, label: str, css: str = "series-recommender") -> Bar:
    return Bar.of(row, label, css, number(row.metric, row.value or 0.0))


def _catalogue(figures: Figures) -> Panel | None:
    bars: list[Bar] = []
    for metric in _CATALOGUE:
        bars += _bars([(metric_title(metric), figures.get((metric, "")))])
        bars += _bars([(f"{metric_title(metric)} of random lists", figures.get((metric, RANDOM)))], "series-other")
    return panel("", bars, 1.0)


def _bars(labelled: Iterable[tuple[str, Row | None]], css: str = "series-recommender") -> list[Bar]:
    """A bar for each row that has a value."""
    return [_bar(row, label, css) for label, row in labelled if row is not None and row.value is not None]


def _strongest(rows: Sequence[Row]) -> list[Row]:
    """What single attributes do, the strongest first."""
    found = [row for row in rows if row.task == ATTRIBUTE and row.value is not None]
    return sorted(found, key=lambda row: -abs(row.value or 0.0))[:_SHOWN_ATTRIBUTES]


def _effects(rows: Sequence[Row]) -> tuple[float, float, list[Bar]] | None:
    """The ends of a scale that holds zero, and bars with intervals on either side of it."""
    bars = [
        Bar.of(row, row.variant or metric_title(row.metric), _direction(row), shown(row))
        for row in rows
        if row.value is not None
    ]
    if not bars:
        return None
    ends = [end for bar in bars for end in (bar.value, bar.low, bar.high) if end is not None]
    low, high = min(0.0, *ends), max(0.0, *ends)
    return -nice_ceiling(-low) if low < 0 else 0.0, nice_ceiling(high) if high > 0 else 0.0, bars


def _direction(row: Row) -> str:
    """The class that colors an effect: its whole interval is above zero, below, or neither."""
    if (row.low or 0.0) > 0:
        return "for"
    return "against" if (row.high or 0.0) < 0 else "depends"


def _group_table(figures: Figures, groups: Sequence[str]) -> list[tuple[str, list[str]]]:
    """A line for each metric, a cell for each group."""
    lines: list[tuple[str, list[str]]] = []
    for metric in _OF_GROUPS:
        rows = [figures.get((metric, group)) for group in groups]
        if any(rows):
            lines.append((metric_title(metric), [_cell(row) for row in rows]))
    return lines


def _cell(row: Row | None) -> str:
    return "–" if row is None else shown(row)


def _cells(metric: str, pairs: Iterable[tuple[Figures, str]]) -> list[str]:
    return [_cell(figures.get((metric, ""))) for figures, _ in pairs]


def _agreement(figures: Figures, audit: Audit) -> Panel | None:
    parts = ("", *PARTS, *audit.groups)
    labelled = [(part_title(part) or "all questions", figures.get((AGREEMENT, part))) for part in parts]
    return panel("", _bars(labelled, "series-hybrid"), 1.0)


def _rule_of(finding: Finding) -> str:
    """The figures that a sentence rests on, and what each had to be for the sentence to hold."""
    pairs = zip(finding.figures, finding.thresholds, strict=True)
    return "; ".join(f"{_figure_name(row)} {shown(row)}{needed and f', needed {needed}'}" for row, needed in pairs)


def _figure_name(row: Row) -> str:
    title = metric_title(row.metric)
    kind = " (difference)" if row.task == DIFFERENCE else ""
    return f"{title}, {part_title(row.variant)}{kind}" if row.variant else f"{title}{kind}"


def _status_sign(finding: Finding) -> str:
    return "?" if finding.status == "unverified" else "✓"
