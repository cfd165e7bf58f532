"""An audit as a record: what was asked of whom, all rows, what is said, and what was left out.

It does not know where a recommender comes from, nor how the record is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict

from recexplainer.audit.findings import Finding, find
from recexplainer.audit.main_parameters import MainParameters, main_parameters
from recexplainer.audit.measurement import LeftOut, Measurement, measure
from recexplainer.audit.sample import AuditSettings
from recexplainer.data.dataset import Dataset
from recexplainer.evaluation.rows import Row
from recexplainer.recommenders.base import Recommender

if TYPE_CHECKING:
    from recexplainer.surrogate.model import Surrogate

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class ListedItem:
    """An item, the share of all lists that it is on, and its interactions in the data."""

    id: str
    title: str
    share: float
    interactions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What is known of a recommender as a whole.

    Attributes:
        name: What it is called: of a run its name.
        dataset: The data.
        date: The day on which it was asked, `2026-11-30`.
        users: How many users were asked about, of `of_users` in the data.
        list_length: How many items a list holds.
        questions: How many histories it scored; `most_questions` is how many it might have been asked at most.
        groups: How many of the users are in each group.
        rows: All figures, of task `audit`.
        findings: What is said, in the order of the subjects.
        left_out: What was not measured.
        most_recommended: The items on the most lists.
        parameters: The draft of the main parameters.
    """

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    name: str
    dataset: str
    date: str
    users: int
    of_users: int
    list_length: int
    questions: int
    most_questions: int
    seed: int
    groups: Mapping[str, int]
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]
    left_out: tuple[LeftOut, ...]
    most_recommended: tuple[ListedItem, ...]
    parameters: MainParameters

    @property
    def rules(self) -> tuple[str, ...]:
        """The simple rules that were found to decide all lists, by name; () where none was."""
        return tuple(one.name for one in self.findings if one.names_rule)

    @property
    def lead(self) -> str:
        """What was found first of all: the rules, else what the history does as a whole."""
        rules = [one for one in self.findings if one.names_rule]
        whole = [one for one in self.findings if one.name in ("whole_history", "history") and one.status == "supported"]
        if rules:
            return " ".join(one.text for one in rules)
        if not any(one.name == "history" for one in self.findings):
            return "What decides the lists could not be asked. Here is what they hold."
        none = "No single rule was found to decide all lists."
        return " ".join([none, *(one.text for one in whole[-1:])])


def audit(
    dataset: Dataset,
    recommender: Recommender,
    settings: AuditSettings | None = None,
    *,
    name: str,
    date: str,
    columns: Mapping[str, Mapping[str, str]] | None = None,
    surrogate: Surrogate | None = None,
) -> Audit:
    """Audit a recommender on the users of its data; arguments and errors as of `measure`."""
    settings = settings or AuditSettings()
    measured = measure(dataset, recommender, settings, columns=columns, surrogate=surrogate)
    return audit_of(measured, dataset, settings, name=name, date=date)


def audit_of(measured: Measurement, dataset: Dataset, settings: AuditSettings, *, name: str, date: str) -> Audit:
    """The audit of figures that are measured already."""
    rows = measured.rows()
    findings = find(rows, list(measured.groups))
    users, length = len(measured.sample), measured.sample.list_length
    return Audit(
        name=name,
        dataset=dataset.name,
        date=date,
        users=users,
        of_users=dataset.n_users,
        list_length=length,
        questions=measured.questions,
        most_questions=settings.questions,
        seed=settings.seed,
        groups={group: len(members) for group, members in measured.groups.items()},
        rows=tuple(rows),
        findings=findings,
        left_out=measured.left_out,
        most_recommended=_most_recommended(measured, dataset),
        parameters=main_parameters(
            findings,
            users=users,
            of_users=dataset.n_users,
            list_length=length,
            questions=measured.questions,
            date=date,
            service=name,
        ),
    )


def listed_item(dataset: Dataset, item: int, share: float, popularity: NDArray[np.int64]) -> ListedItem:
    """An item as it is shown."""
    return ListedItem(dataset.item_ids[item], dataset.titles[item], share, int(popularity[item]))


def _most_recommended(measured: Measurement, dataset: Dataset) -> tuple[ListedItem, ...]:
    counts = np.bincount(measured.sample.lists.ravel(), minlength=measured.n_items)
    best = np.argsort(-counts, kind="stable")[:_SHOWN].tolist()
    users = len(measured.sample)
    return tuple(
        listed_item(dataset, item, int(counts[item]) / users, measured.popularity) for item in best if counts[item]
    )
