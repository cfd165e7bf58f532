"""The Dataset: a catalogue and chronological histories, its split, and what is in one.

Everything downstream sees only this. It does not know which file the data came from, nor what a recommender is.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import normalize

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recexplainer.data.cleaning import ITEM_COLUMNS, Note, as_polars, clean_interactions, clean_items
from recexplainer.data.id_comparison import compare_ids
from recexplainer.data.ids import one_id
from recexplainer.errors import DataError
from recexplainer.storage import write_json

MIN_TEST_HISTORY = 3
"""The shortest history that can be split: one item to train on, one to validate with, one to test with."""

_FILES = ("dataset.json", "items.parquet", "users.parquet", "interactions.parquet")


@dataclass(frozen=True, eq=False)
class Dataset:
    """A catalogue and chronological histories.

    Attributes:
        name: What to call it in reports.
        items: The catalogue, one row an item, columns as in `ITEM_COLUMNS`; the row number is the item's index.
        user_ids: The users' own ids, `[users]`; the position is the user's index.
        offsets: `Int[users + 1]`; the history of user `u` is `sequence[offsets[u]:offsets[u + 1]]`.
        sequence: `Int[interactions]`, item indices, oldest first within each user.
        notes: What cleaning and filtering did, in order.

    Raises:
        DataError: The parts do not fit together.
    """

    name: str
    items: pl.DataFrame
    user_ids: tuple[str, ...]
    offsets: NDArray[np.int64]
    sequence: NDArray[np.int32]
    notes: tuple[Note, ...] = field(default=())

    def __post_init__(self) -> None:
        """Refuses parts that do not fit together."""
        offsets, sequence, n_users = self.offsets, self.sequence, len(self.user_ids)
        if missing := [name for name in ITEM_COLUMNS if name not in self.items.columns]:
            problem = f"the catalogue lacks {', '.join(missing)}"
        elif len(offsets) != n_users + 1:
            problem = f"{n_users:,} users need {n_users + 1:,} offsets, not {len(offsets):,}"
        elif offsets[0] != 0 or offsets[-1] != len(sequence) or bool((np.diff(offsets) < 0).any()):
            problem = f"the offsets do not rise from 0 to {len(sequence):,}"
        elif len(sequence) and not (sequence.min() >= 0 and sequence.max() < self.items.height):
            problem = f"a history holds an item outside 0…{self.items.height - 1:,}"
        else:
            return
        raise DataError(problem, location=f"dataset '{self.name}'", hint="build it with Dataset.from_frames")

    @classmethod
    def from_frames(
        cls, interactions: Any, items: Any, *, name: str = "data", day_first: bool | None = None
    ) -> Dataset:
        """Cleans two raw tables, frames of polars or pandas, and joins them; `notes` lists what was done, with counts.

        Args:
            interactions: Columns `user_id`, `item_id` and, where known, `timestamp` (numbers or dates). Without it
                the order of rows is the order in time.
            items: Columns `item_id`, `title` and any others of `ITEM_COLUMNS`. Items keep their order; those that
                nobody has interacted with stay.
            name: What to call it in reports.
            day_first: Whether a time written as 03/04/2023 is the third of April; None: as other rows show.

        Raises:
            DataError: One is no frame, a column is missing or unreadable, or nothing is left after cleaning.
        """
        catalogue, item_notes = clean_items(as_polars(items, "item table"))
        raw = as_polars(interactions, "interaction table")
        events, event_notes = clean_interactions(raw, catalogue, day_first=day_first)
        runs = events["user_id"].rle().struct
        return cls(
            name=name,
            items=catalogue,
            user_ids=tuple(runs.field("value").to_list()),
            offsets=_offsets(runs.field("len").to_numpy()),
            sequence=events["item"].to_numpy().astype(np.int32),
            notes=item_notes + event_notes,
        )

    @property
    def n_users(self) -> int:
        """Number of users."""
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        """Number of items in the catalogue."""
        return self.items.height

    @property
    def n_interactions(self) -> int:
        """Number of interactions of all users together."""
        return len(self.sequence)

    @cached_property
    def item_ids(self) -> list[str]:
        """The items' own ids, `[items]`."""
        return self.items["item_id"].to_list()

    @cached_property
    def titles(self) -> list[str]:
        """The unique title of each item, `[items]`."""
        return self.items["title"].to_list()

    @cached_property
    def history_lengths(self) -> NDArray[np.int64]:
        """The number of interactions of each user, `Int[users]`."""
        return np.diff(self.offsets)

    @cached_property
    def users_of_sequence(self) -> NDArray[np.int32]:
        """The user index of each entry of `sequence`, `Int[interactions]`."""
        return np.repeat(np.arange(self.n_users, dtype=np.int32), self.history_lengths)

    def history(self, user: int) -> NDArray[np.int32]:
        """The whole history of a user, item indices, oldest first."""
        return self.sequence[self.offsets[user] : self.offsets[user + 1]]

    def user_index(self, user_id: object) -> int:
        """The index of the user with this id, however written. Raises DataError where there is none."""
        return self._index("user", user_id)

    def item_index(self, item_id: object) -> int:
        """The index of the item with this id, however written. Raises DataError where there is none."""
        return self._index("item", item_id)

    def _index(self, kind: str, own_id: object) -> int:
        indices = self._indices[kind]
        name = own_id if isinstance(own_id, str) and own_id in indices else one_id(own_id)
        if name not in indices:
            other = next(one for one in self._indices if one != kind)
            hint = f"ids look like: {', '.join(list(indices)[:3])}"
            if name in self._indices[other]:
                hint = f"it is the id of {'an' if other == 'item' else 'a'} {other}; {hint}"
            elif kind == "item" and name in self.titles:
                hint = f"it is the title of the item {self.item_ids[self.titles.index(name)]!r}"
            elif (
                name and (difference := compare_ids([name], indices, ("the question", "the data"))) and difference.known
            ):
                alike = normalize("NFC", difference.known) == normalize("NFC", name)
                hint = f"the data has the {kind} {ascii(difference.known) if alike else repr(difference.known)}"
            raise DataError(f"there is no {kind} '{own_id}'", location=f"dataset '{self.name}'", hint=hint)
        return indices[name]

    @cached_property
    def _indices(self) -> dict[str, dict[str, int]]:
        ids = {"user": self.user_ids, "item": self.item_ids}
        return {kind: {own_id: index for index, own_id in enumerate(own)} for kind, own in ids.items()}

    def select(self, users: NDArray[np.int64], items: NDArray[np.int64], *, notes: tuple[Note, ...] = ()) -> Dataset:
        """The part of the data with these users and items only, with new indices 0…n-1 in the order given.

        Users and items are given by distinct indices; interactions with other items go. `notes` are added.
        """
        new_item = np.full(self.n_items, -1, dtype=np.int32)
        new_item[items] = np.arange(len(items), dtype=np.int32)
        lengths = self.history_lengths[users]
        starts = _offsets(lengths)
        positions = np.repeat(self.offsets[users] - starts[:-1], lengths) + np.arange(starts[-1])
        sequence, owners = new_item[self.sequence[positions]], np.repeat(np.arange(len(users)), lengths)
        kept = sequence >= 0
        return Dataset(
            name=self.name,
            items=self.items[items.tolist()],
            user_ids=tuple(self.user_ids[user] for user in users.tolist()),
            offsets=_offsets(np.bincount(owners[kept], minlength=len(users))),
            sequence=sequence[kept],
            notes=self.notes + notes,
        )

    def save(self, folder: Path) -> None:
        """Writes `items`, `users` and `interactions` as Parquet and `dataset.json` (name and notes) into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self.items.select(*ITEM_COLUMNS).write_parquet(folder / "items.parquet")
        pl.DataFrame({"user_id": self.user_ids}, schema={"user_id": pl.String}).write_parquet(folder / "users.parquet")
        interactions = pl.DataFrame({"user": self.users_of_sequence, "item": self.sequence.astype(np.int32)})
        interactions.write_parquet(folder / "interactions.parquet")
        write_json(folder / "dataset.json", {"name": self.name, "notes": [asdict(note) for note in self.notes]})

    @classmethod
    def load(cls, folder: Path) -> Dataset:
        """Reads what `save` wrote. Raises DataError where a file is missing or is not what `save` writes."""
        if missing := [name for name in _FILES if not (folder / name).is_file()]:
            what = f"no saved dataset: {', '.join(missing)} missing"
            hint = "name the folder that Dataset.save wrote, or make it again"
            raise DataError(what, location=str(folder), hint=hint)
        try:
            about = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
            user_ids = tuple(pl.read_parquet(folder / "users.parquet")["user_id"].to_list())
            interactions = pl.read_parquet(folder / "interactions.parquet", columns=["user", "item"])
            return cls(
                name=about["name"],
                items=pl.read_parquet(folder / "items.parquet"),
                user_ids=user_ids,
                offsets=_offsets(np.bincount(interactions["user"].to_numpy(), minlength=len(user_ids))),
                sequence=interactions["item"].to_numpy().astype(np.int32),
                notes=tuple(Note(**note) for note in about["notes"]),
            )
        except (pl.exceptions.PolarsError, ValueError, KeyError, TypeError) as error:
            what = f"a saved dataset cannot be read: {error}"
            raise DataError(what, location=str(folder), hint="make the dataset again") from error


def _offsets(counts: NDArray[np.integer]) -> NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))


@dataclass(frozen=True, eq=False)
class Split:
    """A dataset seen as training histories and one test item a user (paper section 4.1.1).

    Users with fewer than `MIN_TEST_HISTORY` interactions are for training only, with their whole history.
    """

    dataset: Dataset

    @cached_property
    def test_users(self) -> NDArray[np.int64]:
        """Indices of the users with a test item, `Int[test users]`, ascending."""
        return np.flatnonzero(self.dataset.history_lengths >= MIN_TEST_HISTORY)

    def train_history(self, user: int) -> NDArray[np.int32]:
        """All but the test item of a user, item indices, oldest first."""
        history = self.dataset.history(user)
        return history[:-1] if len(history) >= MIN_TEST_HISTORY else history

    def test_item(self, user: int) -> int:
        """The last item of a user. Raises DataError for a user who is for training only."""
        history = self.dataset.history(user)
        if len(history) < MIN_TEST_HISTORY:
            where = f"user '{self.dataset.user_ids[user]}': {len(history)} interactions"
            hint = "take users from test_users, or filter with a longer min_history"
            raise DataError("this user has too short a history to hold an item out", location=where, hint=hint)
        return int(history[-1])

    def train_interactions(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """User and item index of every training interaction, each `Int[train interactions]`, users ascending."""
        keep = np.ones(self.dataset.n_interactions, dtype=np.bool_)
        keep[self.dataset.offsets[self.test_users + 1] - 1] = False
        return self.dataset.users_of_sequence[keep], self.dataset.sequence[keep]


def leave_one_out(dataset: Dataset) -> Split:
    """Splits off each user's last item. Raises DataError where no user has `MIN_TEST_HISTORY` interactions."""
    split = Split(dataset)
    if not len(split.test_users):
        what = f"no user has the {MIN_TEST_HISTORY} interactions that a test needs"
        raise DataError(what, location=f"dataset '{dataset.name}'", hint="take data with longer histories")
    return split


class Quantiles(NamedTuple):
    """How a count is distributed: its 5%, 50% and 95% quantiles."""

    low: float
    median: float
    high: float


class Inspection(NamedTuple):
    """What a Dataset holds, beyond its sizes and notes."""

    sparsity: float  # share of the pairs of a user and an item that are no interaction
    history_lengths: Quantiles  # interactions a user
    title_lengths: Quantiles  # characters a title
    attributes: dict[str, float]  # by name, the share of items that have it; one that no item has is left out
    sample: tuple[tuple[str, str, str], ...]  # user id, item id, title: three oldest interactions of two users


def inspect_dataset(dataset: Dataset) -> Inspection:
    """What a Dataset holds, beyond its sizes and notes. Raises DataError where there is no user or no item."""
    items, users = dataset.items, range(min(2, dataset.n_users))
    if not users or not dataset.n_items:
        where = f"dataset '{dataset.name}'"
        raise DataError("there is nothing to inspect", location=where, hint="keep users and items")
    lists = [name for name, kind in ITEM_COLUMNS.items() if kind.is_nested()]
    filled = items.select(pl.col("description", "brand") != "", pl.col(lists).list.len() > 0).mean().row(0, named=True)
    rows = [(user, item) for user in users for item in dataset.history(user)[:3].tolist()]
    return Inspection(
        sparsity=1 - dataset.n_interactions / (dataset.n_users * dataset.n_items),
        history_lengths=Quantiles(*np.percentile(dataset.history_lengths, (5, 50, 95)).tolist()),
        title_lengths=Quantiles(*np.percentile(items["title"].str.len_chars(), (5, 50, 95)).tolist()),
        attributes={name: share for name, share in filled.items() if share},
        sample=tuple((dataset.user_ids[user], dataset.item_ids[item], dataset.titles[item]) for user, item in rows),
    )
