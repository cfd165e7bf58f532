"""What changed between two recommenders on the same data, and which users feel it.

Both are asked about the same users. Each figure of the one is set against that of the other user by user, so that what
users have in common drops out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict

from recexplainer.audit import catalogue
from recexplainer.audit.audit import Audit, ListedItem, audit_of, listed_item
from recexplainer.audit.findings import (
    GINI,
    MARGIN,
    UNITS,
    Condition,
    Finding,
    by_place,
    capitalized,
    difference_side,
    metric_title,
    part_title,
    points,
)
from recexplainer.audit.measured import DIFFERENCE, Measured, Users, collective_row
from recexplainer.audit.measurement import LeftOut, Measurement, measure
from recexplainer.audit.sample import AuditSettings, draw_rows
from recexplainer.data.dataset import Dataset
from recexplainer.errors import DataError
from recexplainer.evaluation.rows import Row
from recexplainer.recommenders.base import Recommender

LIST_CHANGE = "list_change"
LEAST = 0.05
"""By how much a share must change at least, with the whole interval, for a sentence to say so."""
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class ChangedUser:
    """A user, the share of whose list is new, and the length of the history."""

    id: str
    change: float
    history: int


@dataclass(frozen=True, slots=True)
class MovedItem:
    """An item, and the share of all lists that it is on under the first recommender and the second."""

    item: ListedItem
    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two audits of the same users, and what changed from the first to the second.

    Attributes:
        before: The audit of the first.
        after: That of the second.
        rows: How much of a list is new, of all users and of groups; and by how much each figure rose, as differences.
        findings: What is said of it; only what is supported, and whether more than half of a list is new.
        left_out: Figures that one of the two has not.
        new_items: `[users]`, how many items of each list are new.
        most_changed: The users whose lists changed most.
        moved: The items that are on more lists now, most first, then those that are on fewer.
    """

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    before: Audit
    after: Audit
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]
    left_out: tuple[LeftOut, ...]
    new_items: tuple[int, ...]
    most_changed: tuple[ChangedUser, ...]
    moved: tuple[MovedItem, ...]


def compare(
    datasets: tuple[Dataset, Dataset],
    recommenders: tuple[Recommender, Recommender],
    settings: AuditSettings,
    *,
    names: tuple[str, str],
    date: str,
    columns: Mapping[str, Mapping[str, str]] | None = None,
) -> Comparison:
    """Audit two recommenders on the same users and compare them.

    Raises DataError where their data differ, and as `measure`.
    """
    _require_same(datasets, names)
    dataset = datasets[0]
    drawn = [draw_rows(dataset, recommender, settings) for recommender in recommenders]
    rows = min(drawn, key=len)  # so many that the questions suffice for both
    first, second = (measure(dataset, one, settings, columns=columns, rows=rows) for one in recommenders)
    kept = np.intersect1d(first.sample.rows, second.sample.rows)
    if len(kept) < len(first.sample) or len(kept) < len(second.sample):
        first, second = (measure(dataset, one, settings, columns=columns, rows=kept) for one in recommenders)
    change = list_change(first, second)
    everyone = np.arange(len(first.sample))
    found = [change.row()]
    for group, users in first.groups.items():
        others = np.setdiff1d(everyone, users)
        found += [change.row(users, variant=group), change.difference(users, others, group)]
    found += _changes(first, second, everyone)
    both = first.over_users.keys() & second.over_users.keys()
    only = [one for one in {**first.over_users, **second.over_users} if one not in both]
    left_out = [LeftOut(metric_title(one), "Only one of the two recommenders can be asked about it.") for one in only]
    return Comparison(
        before=audit_of(first, dataset, settings, name=names[0], date=date),
        after=audit_of(second, dataset, settings, name=names[1], date=date),
        rows=tuple(found),
        findings=tuple(_find(found, list(first.groups))),
        left_out=tuple(left_out),
        new_items=tuple(np.rint(change.top * first.sample.list_length).astype(int).tolist()),
        most_changed=_most_changed(first, change, dataset),
        moved=_moved(first, second, dataset),
    )


def _require_same(datasets: tuple[Dataset, Dataset], names: tuple[str, str]) -> None:
    one, other = datasets
    differs = {
        "the items": one.item_ids != other.item_ids,
        "the users": one.user_ids != other.user_ids,
        "the histories": not (
            np.array_equal(one.offsets, other.offsets) and np.array_equal(one.sequence, other.sequence)
        ),
    }
    if parts := [name for name, differ in differs.items() if differ]:
        what = f"The two recommenders are not of the same data: {parts[0]} differ."
        hint = "Compare two runs of the same data, filtered in the same way."
        raise DataError(what, location=f"{names[0]} and {names[1]}", hint=hint)


def list_change(first: Measurement, second: Measurement) -> Measured:
    """The share of each user's list by the second that is not on that by the first; both of the same users."""
    pairs = zip(first.sample.lists, second.sample.lists, strict=True)
    return Measured.mean(LIST_CHANGE, [1.0 - np.isin(after, before).mean() for before, after in pairs])


def _changes(first: Measurement, second: Measurement, users: Users) -> list[Row]:
    """By how much each figure is higher under the second."""
    rows = [
        measured.change(second.over_users[metric])
        for metric, measured in first.over_users.items()
        if metric in second.over_users
    ]
    exposures = [catalogue.Exposure(one.sample.lists, one.n_items) for one in (first, second)]
    for metric, name in {
        catalogue.COVERAGE: "coverage",
        catalogue.GINI: "gini",
        catalogue.TOP_TENTH: "top_tenth",
        catalogue.DIFFERENCE: "difference",
    }.items():
        before, after = (getattr(each, name) for each in exposures)
        rows.append(
            collective_row(
                metric,
                lambda some, before=before, after=after: after(some) - before(some),
                users,
                task=DIFFERENCE,
                seed=first.seed,
            )
        )
    return rows


def _find(rows: Sequence[Row], groups: Sequence[str]) -> list[Finding]:
    figures, differences = by_place(rows), by_place(rows, DIFFERENCE)
    found = [_half(figures[LIST_CHANGE, ""])]
    for group in groups:
        row = differences[LIST_CHANGE, group]
        if difference_side(row, MARGIN) == "higher":
            text = f"{capitalized(part_title(group))} feel it more: {points(row)} more of their lists is new."
            found.append(_finding(f"felt by {group}", text, MARGIN, row))
    for (metric, group), row in differences.items():
        side = difference_side(row, LEAST)
        if side and not group and not metric.startswith(UNITS):
            text = f"{capitalized(metric_title(metric))}: {side}, by {points(row)}."
            found.append(_finding(metric, text, LEAST, row))
    return found


def _half(row: Row) -> Finding:
    condition = Condition(metric=LIST_CHANGE, least=0.5)
    status = condition.status(row)
    text = {
        "supported": "More than half of a list is new.",
        "contradicted": "More than half of a list is as before.",
        "unverified": "It is not decided whether more than half of a list is new.",
    }[status]
    figures, thresholds = (row,), (condition.words(),)
    return Finding(name=LIST_CHANGE, subject="change", status=status, text=text, figures=figures, thresholds=thresholds)


def _finding(name: str, text: str, margin: float, row: Row) -> Finding:
    threshold = f"at least {margin:.2f}" if row.metric == GINI else f"at least {100 * margin:.0f} points"
    return Finding(name=name, subject="change", status="supported", text=text, figures=(row,), thresholds=(threshold,))


def _most_changed(first: Measurement, change: Measured, dataset: Dataset) -> tuple[ChangedUser, ...]:
    order = np.argsort(-change.top, kind="stable")[:_SHOWN].tolist()
    lengths = dataset.history_lengths[first.sample.rows].tolist()
    ids = [user.id for user in first.sample.users]
    return tuple(ChangedUser(ids[one], float(change.top[one]), lengths[one]) for one in order if change.top[one] > 0)


def _moved(first: Measurement, second: Measurement, dataset: Dataset) -> tuple[MovedItem, ...]:
    shares = [_shares(one) for one in (first, second)]
    rise = shares[1] - shares[0]
    order = np.argsort(-rise, kind="stable").tolist()
    half = _SHOWN // 2
    chosen = [item for item in order[:half] if rise[item] > 0] + [item for item in order[-half:] if rise[item] < 0]
    return tuple(
        MovedItem(
            listed_item(dataset, item, float(shares[1][item]), first.popularity),
            float(shares[0][item]),
            float(shares[1][item]),
        )
        for item in chosen
    )


def _shares(measured: Measurement) -> NDArray[np.float64]:
    """`Float[items]`: the share of all lists that each item is on."""
    return np.bincount(measured.sample.lists.ravel(), minlength=measured.n_items) / len(measured.sample)
