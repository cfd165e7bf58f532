"""Sentences on a recommender as a whole, each with the rule that it was checked by and the figures that it rests on.

A sentence is an audit's claim, with a claim's status: it is supported where the whole interval of each of its figures
is on the right side of a threshold, contradicted where that of one is on the wrong side, and unverified else. Then it
is said that it is not decided. Sentences are data (`sentences.yaml`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict

from recexplainer.audit.agreement import AGREEMENT, PARTS
from recexplainer.audit.measured import DIFFERENCE, FEWEST, TASK
from recexplainer.claims.claim import ClaimStatus
from recexplainer.evaluation.rows import Row
from recexplainer.settings import Settings
from recexplainer.storage import packaged_yaml

UNITS = "raised"
"""Metrics that begin so are in standard deviations of the scores; all others are shares."""
GINI = "gini"
"""The metric that is shown as a number and not as a share."""
MARGIN = 0.1
"""By how much two groups must differ at least, with the whole interval, for a sentence to say so."""

Unit = Literal["share", "standard deviations", "coefficient"]

Figures = Mapping[tuple[str, str], Row]
"""Rows by metric and variant."""


class Condition(Settings):
    """What one figure must be: with its whole interval at least, or at most, so much."""

    metric: str
    variant: str = ""
    least: float | None = None
    most: float | None = None

    def status(self, row: Row | None) -> ClaimStatus:
        """Whether the figure is so; unverified where it is not there, or is over too few users."""
        if row is None or row.value is None or row.low is None or row.high is None or row.cases < FEWEST:
            return "unverified"
        if self.least is not None:
            return "supported" if row.low >= self.least else "contradicted" if row.high < self.least else "unverified"
        most = self.most if self.most is not None else 0.0
        return "supported" if row.high <= most else "contradicted" if row.low > most else "unverified"

    @property
    def bound(self) -> float:
        """The least that the figure must be, or the most."""
        return (self.most or 0.0) if self.least is None else self.least

    def words(self) -> str:
        """The condition in words: `at least 80%`."""
        return f"{'at most' if self.least is None else 'at least'} {number(self.metric, self.bound)}"


class Sentence(Settings):
    """A sentence and its opposite, and the conditions under which it is true.

    `names_rule`: it says that one simple rule decides all lists. `public` and `public_opposite` are for people who use
    the service; "" where it is nothing for them.
    """

    name: str
    subject: str
    names_rule: bool = False
    conditions: tuple[Condition, ...]
    text: str
    opposite: str
    question: str
    public: str = ""
    public_opposite: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A sentence that was checked.

    Attributes:
        name: Which sentence; of groups with the group.
        subject: What it is about: `history`, `attributes`, `reasons`, `catalogue`, `groups`, `surrogate`, `change`.
        status: Whether the figures support it; contradicted: `text` says the opposite; unverified: that it is open.
        text: What is said.
        figures: The rows that it rests on.
        thresholds: What each of them had to be for the sentence to hold, not its opposite: `at least 80%`; or "".
        names_rule: Whether it says that one simple rule decides all lists.
        public: The same for people who use the service, or "".
        bounds: The thresholds as numbers, where the sentence is of `sentences.yaml`; else ().
        met: Of each of these whether its figure meets it.
    """

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    name: str
    subject: str
    status: ClaimStatus
    text: str
    figures: tuple[Row, ...]
    thresholds: tuple[str, ...]
    names_rule: bool = False
    public: str = ""
    bounds: tuple[float, ...] = ()
    met: tuple[ClaimStatus, ...] = ()


@cache
def sentences() -> tuple[Sentence, ...]:
    """All sentences about one recommender."""
    return tuple(Sentence.model_validate(one) for one in _file()["sentences"])


def metric_title(metric: str) -> str:
    """A metric in words."""
    return _file()["metrics"].get(metric, {}).get("title", metric)


def metric_meaning(metric: str) -> str:
    """What a metric measures, in a sentence."""
    return _file()["metrics"].get(metric, {}).get("meaning", "")


def metric_unit(metric: str) -> Unit:
    """What a metric is in."""
    return "standard deviations" if metric.startswith(UNITS) else "coefficient" if metric == GINI else "share"


def part_title(part: str) -> str:
    """A part of the questions to a surrogate, or a group of users, in words."""
    return _file()["parts"].get(part, part)


@cache
def _file() -> dict[str, Any]:
    return packaged_yaml("recexplainer.audit", "sentences.yaml")


def by_place(rows: Sequence[Row], task: str = TASK) -> Figures:
    """The rows of a task by metric and variant."""
    return {(row.metric, row.variant): row for row in rows if row.task == task}


def find(rows: Sequence[Row], groups: Sequence[str]) -> tuple[Finding, ...]:
    """Check every sentence whose figures are measured, and for which groups a figure differs.

    Of groups and of parts of a surrogate's questions only what is supported is a finding.
    """
    figures = by_place(rows)
    found = [_checked(one, figures) for one in sentences() if _measured(one, figures)]
    differences = by_place(rows, DIFFERENCE)
    return (*found, *_of_groups(figures, differences, groups), *_of_surrogate(figures, differences, groups))


def _measured(sentence: Sentence, figures: Figures) -> bool:
    return any((one.metric, one.variant) in figures for one in sentence.conditions)


def _checked(sentence: Sentence, figures: Figures) -> Finding:
    rows = [figures.get((one.metric, one.variant)) for one in sentence.conditions]
    statuses: list[ClaimStatus] = [one.status(row) for one, row in zip(sentence.conditions, rows, strict=True)]
    status: ClaimStatus = "unverified"
    if "contradicted" in statuses:
        status = "contradicted"
    elif all(each == "supported" for each in statuses):
        status = "supported"
    there = tuple(row for row in rows if row is not None)
    asked = [one for one, row in zip(sentence.conditions, rows, strict=True) if row is not None]
    text = {"supported": sentence.text, "contradicted": sentence.opposite}.get(status) or _open(
        sentence.question, there
    )
    public = {"supported": sentence.public, "contradicted": sentence.public_opposite}.get(status, "")
    return Finding(
        name=sentence.name,
        subject=sentence.subject,
        status=status,
        text=text,
        thresholds=tuple(one.words() for one in asked),
        bounds=tuple(one.bound for one in asked),
        met=tuple(each for each, row in zip(statuses, rows, strict=True) if row is not None),
        figures=there,
        names_rule=sentence.names_rule and status == "supported",
        public=public,
    )


def _open(question: str, rows: Sequence[Row]) -> str:
    few = [row.cases for row in rows if row.cases < FEWEST]
    why = f" (a figure is over {min(few)} users; {FEWEST} are needed)" if few else ""
    return f"It is not decided whether {question}{why}."


def _of_groups(figures: Figures, differences: Figures, groups: Sequence[str]) -> list[Finding]:
    words: Mapping[str, str] = _file()["groups"]
    pairs = [(metric, phrase, group) for group in groups for metric, phrase in words.items()]
    found = [
        _differs(figures.get((m, group)), differences.get((m, group)), phrase, group) for m, phrase, group in pairs
    ]
    return [one for one in found if one is not None]


def _differs(of_group: Row | None, row: Row | None, phrase: str, group: str) -> Finding | None:
    """That a figure is higher or lower for a group than for the others, where the margin is passed."""
    if row is None or of_group is None or not (side := difference_side(row, MARGIN)):
        return None
    text = f"{capitalized(part_title(group))}: {phrase} is {side} than for the others, by {points(row)}."
    return Finding(
        name=f"{row.metric} of {group}",
        subject="groups",
        status="supported",
        text=text,
        thresholds=("", _least(MARGIN)),
        figures=(of_group, row),
    )


def _of_surrogate(figures: Figures, differences: Figures, groups: Sequence[str]) -> list[Finding]:
    """Where a surrogate agrees clearly less, the part where it differs most first."""
    found: list[tuple[float, Finding]] = []
    for part in (*PARTS, *groups):
        row, of_part = differences.get((AGREEMENT, part)), figures.get((AGREEMENT, part))
        if row is None or of_part is None or difference_side(row, MARGIN) != "lower":
            continue
        made = Finding(
            name=f"surrogate differs: {part}",
            subject="surrogate",
            status="supported",
            text=f"The surrogate differs from the recommender more often on {part_title(part)}, by {points(row)}.",
            thresholds=("", _least(MARGIN)),
            figures=(of_part, row),
        )
        found.append((row.value or 0.0, made))
    return [finding for _, finding in sorted(found, key=lambda each: each[0])]


def difference_side(row: Row, margin: float) -> Literal["higher", "lower", ""]:
    """Whether a difference is above the margin with its whole interval, or below its negative; "" for neither."""
    if Condition(metric=row.metric, least=margin).status(row) == "supported":
        return "higher"
    return "lower" if Condition(metric=row.metric, most=-margin).status(row) == "supported" else ""


def _least(margin: float) -> str:
    return f"at least {100 * margin:.0f} points"


def capitalized(text: str) -> str:
    """A text with a capital letter first; what follows stays as it is."""
    return f"{text[:1].upper()}{text[1:]}"


def points(row: Row) -> str:
    """A difference in words, without its sign: `12 to 18 percentage points`; of the Gini coefficient `0.12 to 0.18`."""
    scale, form, unit = (1, ".2f", "") if row.metric == GINI else (100, ".0f", " percentage points")
    low, high = (format(end, form) for end in sorted(abs(scale * (end or 0.0)) for end in (row.low, row.high)))
    return f"{high}{unit}" if low == high else f"{low} to {high}{unit}"


def shown(row: Row) -> str:
    """A figure with its interval: `82% (79–85%)`, `+0.41 (+0.32 to +0.50)`, `−6 points (−8 to −4)`, `not measured`."""
    if row.value is None:
        return "not measured"
    if row.task == DIFFERENCE and not row.metric.startswith(UNITS):
        scale, form, unit = (1, "+.2f", "") if row.metric == GINI else (100, "+.0f", " points")
        value, low, high = (format(scale * (end or 0.0), form) for end in (row.value, row.low, row.high))
        return f"{value}{unit} ({low} to {high})".replace("-", "−")
    value = number(row.metric, row.value)
    if row.low is None or row.high is None:
        return value
    low, high = (number(row.metric, end) for end in (row.low, row.high))
    if row.metric.startswith(UNITS):
        return f"{value} ({low} to {high})"
    return f"{value} ({low.removesuffix('%')}–{high})"


def number(metric: str, value: float) -> str:
    """A figure as it is shown: a share in percent, an effect with its sign, the Gini coefficient as it is."""
    form = "+.2f" if metric.startswith(UNITS) else ".2f" if metric == GINI else ".0%"
    text = format(value, form)
    return "0%" if text == "-0%" else text.replace("-", "−")
