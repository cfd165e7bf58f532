"""Filtering as in the paper (Appendix B.2): frequent items, users with enough of them, a sample of users, the k-core.

It sees only the Dataset; which numbers are right for which data is the recipe's business.
"""

from __future__ import annotations

from dataclasses import dataclass, field

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
    """Drop users and items with fewer interactions than this, again and again until none is left; None drops none."""
    seed: int = Field(default=0, ge=0)
    """Seed of the draw of users."""


@dataclass
class _Sieve:
    """The interactions that are still there, and what each step took away."""

    user: NDArray[np.int32]
    item: NDArray[np.int32]
    n_users: int
    n_items: int
    notes: list[Note] = field(default_factory=list[Note])
    steps: list[str] = field(default_factory=list[str])

    def user_counts(self) -> NDArray[np.int64]:
        return np.bincount(self.user, minlength=self.n_users)

    def item_counts(self) -> NDArray[np.int64]:
        return np.bincount(self.item, minlength=self.n_items)

    def keep_users(self, keep: NDArray[np.bool_], what: str) -> None:
        self._note(f"users dropped: {what}", int(np.count_nonzero((self.user_counts() > 0) & ~keep)))
        self._keep(keep[self.user], what)

    def keep_items(self, keep: NDArray[np.bool_], what: str) -> None:
        self._note(f"items dropped: {what}", int(np.count_nonzero((self.item_counts() > 0) & ~keep)))
        self._keep(keep[self.item], what)

    def keep_core(self, k: int) -> None:
        users, items = self.user_counts() > 0, self.item_counts() > 0
        while not (keep := (self.user_counts()[self.user] >= k) & (self.item_counts()[self.item] >= k)).all():
            self.user, self.item = self.user[keep], self.item[keep]
        what = f"outside the {k}-core"
        self._note(f"users dropped: {what}", int(np.count_nonzero(users & (self.user_counts() == 0))))
        self._note(f"items dropped: {what}", int(np.count_nonzero(items & (self.item_counts() == 0))))
        self._count(what)

    def _keep(self, keep: NDArray[np.bool_], what: str) -> None:
        self.user, self.item = self.user[keep], self.item[keep]
        self._count(what)

    def _count(self, what: str) -> None:
        users, items = np.count_nonzero(self.user_counts()), np.count_nonzero(self.item_counts())
        self.steps.append(f"without those {what}: {users:,} users, {items:,} items, {len(self.user):,} interactions")

    def _note(self, what: str, count: int) -> None:
        if count:
            self.notes.append(Note(what, count))


def filter_dataset(dataset: Dataset, settings: FilterSettings) -> Dataset:
    """Keeps the users and items that the settings ask for (paper, Appendix B.2); the same seed keeps the same users.

    Items that nobody has any more are dropped too. Users and items keep their order, and `notes` gains the counts.

    Raises:
        DataError: Nothing is left; it gives the counts after each step.
    """
    sieve = _Sieve(dataset.users_of_sequence, dataset.sequence, dataset.n_users, dataset.n_items)
    idle = int(np.count_nonzero(sieve.item_counts() == 0))
    if idle:
        sieve.notes.append(Note("items dropped: without any interaction", idle))
    if settings.most_frequent_items is not None:
        frequent = _most_frequent(sieve.item_counts(), settings.most_frequent_items)
        sieve.keep_items(frequent, f"not among the {settings.most_frequent_items:,} most frequent")
    enough = sieve.user_counts() >= settings.min_history
    sieve.keep_users(enough, f"with fewer than {settings.min_history} interactions")
    if settings.users is not None:
        sieve.keep_users(_draw(sieve.user_counts() > 0, settings.users, settings.seed), "not drawn")
    if settings.k_core is not None:
        sieve.keep_core(settings.k_core)
    if not len(sieve.user):
        raise DataError(
            "filtering leaves nothing",
            location=f"dataset '{dataset.name}' ({'; '.join(sieve.steps)})",
            hint="ask for more items or users, or for shorter histories (min_history, k_core)",
        )
    users, items = np.flatnonzero(sieve.user_counts()), np.flatnonzero(sieve.item_counts())
    return dataset.select(users, items, notes=tuple(sieve.notes))


def _most_frequent(counts: NDArray[np.int64], number: int) -> NDArray[np.bool_]:
    keep = np.zeros(len(counts), dtype=np.bool_)
    keep[np.argsort(-counts, kind="stable")[:number]] = True
    return keep & (counts > 0)


def _draw(there: NDArray[np.bool_], number: int, seed: int) -> NDArray[np.bool_]:
    candidates = np.flatnonzero(there)
    if len(candidates) <= number:
        return there
    keep = np.zeros(len(there), dtype=np.bool_)
    keep[np.random.default_rng(seed).choice(candidates, size=number, replace=False)] = True
    return keep
