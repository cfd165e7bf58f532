"""Filtering as in the paper (Appendix B.2): frequent items, users with enough of them, a sample of users, the k-core.

It sees only the Dataset; which numbers are right for which data is up to the recipe.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recexplainer.data.dataset import Dataset, Note
from recexplainer.errors import DataError
from recexplainer.settings import Settings


class FilterSettings(Settings):
    """Which users and items to keep. The steps run in the order of the fields."""

    most_frequent_items: int | None = Field(default=None, ge=1)
    """Keep this many items with the most interactions; None keeps all. Of equals the earlier in the catalogue stays."""
    min_history: int = Field(default=5, ge=1)
    """Keep users with at least this many interactions with the items kept."""
    users: int | None = Field(default=None, ge=1)
    """Keep this many users, drawn at random; None keeps all."""
    k_core: int | None = Field(default=None, ge=1)
    """Drop users and items with fewer interactions than this, until none is left; None drops none."""
    seed: int = Field(default=0, ge=0)
    """Seed of the draw of users."""


class _Interactions:
    """The interactions that are left, and what each step dropped."""

    def __init__(self, dataset: Dataset) -> None:
        self.user, self.item = dataset.users_of_sequence, dataset.sequence
        self.n_users, self.n_items = dataset.n_users, dataset.n_items
        self.notes: list[Note] = []
        self.steps: list[str] = []

    def counts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return np.bincount(self.user, minlength=self.n_users), np.bincount(self.item, minlength=self.n_items)

    def sizes(self) -> dict[str, int]:
        """How many users and items have interactions."""
        return {kind: int((counts > 0).sum()) for kind, counts in zip(("users", "items"), self.counts(), strict=True)}

    def keep(self, kept: NDArray[np.bool_] | NDArray[np.intp], why: str, *noted: str) -> None:
        """Keeps some interactions, and notes how many users or items are without any now."""
        before = self.sizes()
        self.user, self.item = self.user[kept], self.item[kept]
        after = self.sizes()
        self.notes += [Note(f"{kind} dropped: {why}", before[kind] - after[kind]) for kind in noted]
        sizes = ", ".join(f"{size:,} {kind}" for kind, size in after.items())
        self.steps.append(f"without those {why}: {sizes}, {len(self.user):,} interactions")

    def core(self, k: int) -> NDArray[np.intp]:
        """Which interactions are in the k-core."""
        kept, enough = np.arange(len(self.user)), np.zeros(1, dtype=np.bool_)
        while not enough.all():
            user, item = self.user[kept], self.item[kept]
            enough = (np.bincount(user)[user] >= k) & (np.bincount(item)[item] >= k)
            kept = kept[enough]
        return kept


def filter_dataset(dataset: Dataset, settings: FilterSettings) -> Dataset:
    """Keeps the users and items that the settings ask for (paper, Appendix B.2); the same seed keeps the same users.

    Items without interactions are dropped too. Users and items keep their order, and `notes` gains the counts. Raises
    DataError, with the counts after each step, where nothing is left.
    """
    left = _Interactions(dataset)
    left.notes.append(Note("items dropped: without any interaction", left.n_items - left.sizes()["items"]))
    if settings.most_frequent_items is not None:
        frequent = np.argsort(-left.counts()[1], kind="stable")[: settings.most_frequent_items]
        why = f"not among the {settings.most_frequent_items:,} most frequent"
        left.keep(np.isin(left.item, frequent), why, "items")
    enough = left.counts()[0] >= settings.min_history
    left.keep(enough[left.user], f"with fewer than {settings.min_history} interactions", "users")
    candidates = np.flatnonzero(left.counts()[0])
    if settings.users is not None and len(candidates) > settings.users:
        drawn = np.random.default_rng(settings.seed).choice(candidates, size=settings.users, replace=False)
        left.keep(np.isin(left.user, drawn), "not drawn", "users")
    if settings.k_core is not None:
        left.keep(left.core(settings.k_core), f"outside the {settings.k_core}-core", "users", "items")
    if not len(left.user):
        where = f"dataset '{dataset.name}' ({'; '.join(left.steps)})"
        hint = "ask for more items or users, or for shorter histories (min_history, k_core)"
        raise DataError("filtering leaves nothing", location=where, hint=hint)
    users, items = map(np.flatnonzero, left.counts())
    return dataset.select(users, items, notes=tuple(note for note in left.notes if note.count))
