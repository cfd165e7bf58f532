"""All figures of one recommender on a sample of users, and which could not be had and why.

It puts the measures together; what each one asks is in its own file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from recexplainer.audit import agreement as surrogate_agreement
from recexplainer.audit import attributes, catalogue, deciding, reasons
from recexplainer.audit.groups import Groups, column_groups, history_groups
from recexplainer.audit.measured import ATTRIBUTE, FEWEST, Measured
from recexplainer.audit.sample import (
    AuditSettings,
    CountedRecommender,
    Sample,
    draw_rows,
    list_length,
    take_sample,
)
from recexplainer.data.attributes import Attributes
from recexplainer.data.dataset import Dataset
from recexplainer.errors import RecommenderError
from recexplainer.evaluation.rows import Row
from recexplainer.recommenders.base import Recommender

if TYPE_CHECKING:
    from recexplainer.surrogate.model import Surrogate

_CHANGED = "what decides lists (the history, one item, attributes), and how stable reasons are"
_FIXED_USERS = "This recommender knows users by id alone and cannot answer for a changed history."


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What was not measured, and why, each in words."""

    what: str
    why: str


@dataclass(frozen=True, eq=False)
class Measurement:
    """The figures of one recommender.

    Attributes:
        sample: Whom it was asked about, and the lists.
        over_users: The figures that are over users, by metric.
        by_attribute: What single attributes do, by their name with their kind, `genre puzzle`.
        agreement: How often a surrogate answers alike, by the part of the questions, "" for all; {}: not asked.
        groups: The groups of users.
        popularity: `Int[items]`, the interactions of each item in the data.
        left_out: What could not be measured.
        questions: How many histories the recommender scored.
    """

    sample: Sample
    over_users: Mapping[str, Measured]
    by_attribute: Mapping[str, Measured]
    agreement: Mapping[str, Measured]
    groups: Groups
    popularity: NDArray[np.int64]
    left_out: tuple[LeftOut, ...]
    questions: int
    seed: int

    @property
    def n_items(self) -> int:
        """The size of the catalogue."""
        return len(self.popularity)

    def rows(self) -> list[Row]:
        """All figures, of all users and of groups, and how groups differ from the others."""
        everyone = np.arange(len(self.sample))
        found = [measured.row() for measured in self.over_users.values()]
        found += catalogue.catalogue_rows(self.sample, self.n_items, everyone, seed=self.seed)
        found.append(catalogue.random_gini(self.sample, self.n_items, self.seed))
        of_attributes = [measured.row(variant=name, task=ATTRIBUTE) for name, measured in self.by_attribute.items()]
        enough = [row for row in of_attributes if row.cases >= FEWEST]
        found += sorted(enough, key=lambda row: -(row.value or 0.0))
        found += [measured.row(variant=part) for part, measured in self.agreement.items()]
        compared = [*self.over_users.values(), *([self.agreement[""]] if self.agreement else [])]
        for name, users in self.groups.items():
            others = np.setdiff1d(everyone, users)
            for measured in compared:
                found.append(measured.row(users, variant=name))
                found.append(measured.difference(users, others, name))
            found += catalogue.catalogue_rows(self.sample, self.n_items, users, name, self.seed)
        if self.agreement:
            for part, other in surrogate_agreement.OTHER_PART.items():
                found.append(self.agreement[other].change(self.agreement[part], part))
        return found


def measure(
    dataset: Dataset,
    recommender: Recommender,
    settings: AuditSettings,
    *,
    columns: Mapping[str, Mapping[str, str]] | None = None,
    surrogate: Surrogate | None = None,
    rows: NDArray[np.int64] | None = None,
) -> Measurement:
    """Draw users and ask the recommender, at most as often as the settings say.

    `columns` are groups of users, by the name of a column the value of each user id. `surrogate` is compared with the
    recommender. `rows` are the users to ask about in place of a draw, indices of the data. Raises RecommenderError
    where the recommender does not fit the data, and what its own code raises; DataError as `column_groups`.
    """
    if recommender.n_items != dataset.n_items:
        message = f"The recommender scores {recommender.n_items:,} items, but the catalogue has {dataset.n_items:,}."
        hint = "Audit it on the data that it was made for."
        raise RecommenderError(message, location=f"dataset '{dataset.name}'", hint=hint)
    counted = CountedRecommender(recommender, dataset.item_ids)
    length = list_length(settings, dataset.n_items)
    drawn = draw_rows(dataset, recommender, settings) if rows is None else rows
    sample = take_sample(dataset, counted, drawn, length)
    groups = history_groups(dataset, sample)
    for column, values in (columns or {}).items():
        groups |= column_groups(column, values, sample)
    counts = catalogue.popularity(dataset)
    found = [catalogue.most_popular(sample, counts)]
    of_attributes: dict[str, Measured] = {}
    left_out = _left_out_of_sample(sample)
    if recommender.answers_changed_history:
        more, of_attributes, missing = _with_changed_histories(dataset, counted, sample, settings)
        found, left_out = found + more, left_out + missing
    else:
        left_out.append(LeftOut(_CHANGED, _FIXED_USERS))
    agrees: dict[str, Measured] = {}
    if surrogate is None:
        left_out.append(LeftOut("where surrogate and recommender differ", "No trained surrogate was asked."))
    else:
        agrees = surrogate_agreement.agreement(surrogate, counted, dataset, sample, counts, settings.seed)
    return Measurement(
        sample=sample,
        over_users={one.metric: one for one in found},
        by_attribute=of_attributes,
        agreement=agrees,
        groups=groups,
        popularity=counts,
        left_out=tuple(left_out),
        questions=counted.questions,
        seed=settings.seed,
    )


def _left_out_of_sample(sample: Sample) -> list[LeftOut]:
    if not sample.too_few_items:
        return []
    why = f"Fewer than {sample.list_length} items can be recommended to each of them."
    return [LeftOut(f"{sample.too_few_items:,} of the users drawn", why)]


def _with_changed_histories(
    dataset: Dataset, recommender: CountedRecommender, sample: Sample, settings: AuditSettings
) -> tuple[list[Measured], dict[str, Measured], list[LeftOut]]:
    """What is measured by asking with changed histories, also of single attributes, and what could not be."""
    seed = settings.seed
    decided = deciding.deciding(recommender, sample, seed)
    found, left_out = decided.measured(), list[LeftOut]()
    kinds = attributes.attribute_values(Attributes.of(dataset))
    of_attributes: dict[str, Measured] = {}
    for kind, values in kinds.items():
        of_kind = attributes.raised(recommender, sample, kind, kinds, seed)
        found.append(of_kind[""])
        of_attributes |= {f"{attributes.KINDS[kind]} {name}": one for name, one in of_kind.items() if name}
        found.append(attributes.stays_with_same(recommender, sample, decided, kind, values, seed))
    if missing := _missing(attributes.KINDS, kinds):
        why = "The catalogue does not have two of them that enough items have."
        left_out.append(LeftOut(f"what attributes do: {', '.join(missing)}", why))
    left = settings.questions - recommender.questions - len(sample)  # a surrogate takes one more a user
    stability = reasons.reasons(recommender, sample, left, seed)
    found += stability
    if not stability[1].of.any():
        why = "The questions that were left did not suffice for it; allow more."
        left_out.append(LeftOut("how stable reasons are", why))
    return found, of_attributes, left_out


def _missing(kinds: Mapping[str, str], there: Mapping[str, object]) -> Sequence[str]:
    return [word for kind, word in kinds.items() if kind not in there]
