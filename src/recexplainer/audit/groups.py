"""Groups of users: short and long histories, and any column of a table of users."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from recexplainer.audit.measured import Users
from recexplainer.audit.sample import Sample
from recexplainer.data.dataset import Dataset
from recexplainer.data.ids import one_id
from recexplainer.data.readers.rows import read_rows
from recexplainer.errors import DataError

SHORT, LONG = "short histories", "long histories"
MOST_GROUPS = 12
_ID = "user_id"

Groups = Mapping[str, Users]
"""For each group by its name the places in the sample of its users."""


def history_groups(dataset: Dataset, sample: Sample) -> dict[str, Users]:
    """Users with fewer interactions than the median of the sample, and the others; none where all have as many."""
    lengths = dataset.history_lengths[sample.rows]
    short = lengths < np.median(lengths)
    if not short.any():
        short = lengths <= np.median(lengths)
    groups = {SHORT: np.flatnonzero(short), LONG: np.flatnonzero(~short)}
    return groups if all(map(len, groups.values())) else {}


def read_column(path: Path, column: str) -> dict[str, str]:
    """The value of a column of a table by the user's own id; users without a value are left out.

    Raises DataError where the table cannot be read, or lacks `user_id` or the column.
    """
    rows = read_rows(path, (_ID,))
    wanted = column.strip().lower()
    names = list(dict.fromkeys(name for _, row in rows for name in row))
    found = next((name for name in names if name.strip().lower() == wanted and name != _ID), None)
    if found is None:
        there = [name for name in names if name != _ID]
        hint = f"the columns there are: {', '.join(there)}" if there else f"there is only {_ID}"
        raise DataError(f"there is no column '{column}' to group users by", location=str(path), hint=hint)
    values: dict[str, str] = {}
    for location, row in rows:
        if row.get(_ID) in (None, ""):
            raise DataError("a user has no id", location=location, hint=f"fill the column {_ID}")
        if row.get(found) not in (None, ""):
            values[one_id(row[_ID]) or str(row[_ID])] = str(row[found]).strip()
    return values


def column_groups(column: str, values: Mapping[str, str], sample: Sample) -> dict[str, Users]:
    """The users of the sample by their value of a column, as `read_column` gives it.

    Raises DataError where no user of the sample has a value, or there are more than twelve groups.
    """
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for place, user in enumerate(sample.users):
        if user.id in values:
            groups[values[user.id]].append(place)
    if not groups:
        known: Sequence[str] = [user.id for user in sample.users[:3]]
        hint = f"ids of the data look like: {', '.join(known)}"
        raise DataError("no user that was drawn is in the table", location=f"column '{column}'", hint=hint)
    if len(groups) > MOST_GROUPS:
        what = f"{len(groups)} different values are too many for groups of users"
        raise DataError(what, location=f"column '{column}'", hint=f"give a column of at most {MOST_GROUPS} values")
    return {f"{column}: {value}": np.array(groups[value], np.int64) for value in sorted(groups)}
