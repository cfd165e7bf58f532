"""Finding users and items of the data by what somebody types, and by their ids. It asks no recommender."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recexplainer.data.dataset import Dataset
from recexplainer.errors import DataError
from recexplainer.recommenders.base import User


class NotFoundError(DataError):
    """There is no such user or item."""


class Finder:
    """Finds users and items of a dataset."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._users = {own: index for index, own in enumerate(dataset.user_ids)}
        self._items = {own: index for index, own in enumerate(dataset.item_ids)}
        folded = sorted((own.casefold(), index) for index, own in enumerate(dataset.user_ids))
        self._folded_ids = [own for own, _ in folded]
        self._by_id = [index for _, index in folded]
        self._titles = [title.casefold() for title in dataset.titles]

    def user(self, own_id: str) -> User:
        """A user of the data with the whole history. Raises NotFoundError where there is none."""
        if (index := self._users.get(own_id)) is None:
            raise NotFoundError("There is no such user.", location="user", hint="GET /users?q= finds users.")
        return User(tuple(self._dataset.history(index).tolist()), own_id)

    def item(self, own_id: str, location: str = "item") -> int:
        """The index of an item. Raises NotFoundError where there is none."""
        if (index := self._items.get(own_id)) is None:
            raise NotFoundError("There is no such item.", location=location, hint="GET /items?q= finds items.")
        return index

    def items(self, own_ids: Sequence[str], location: str) -> tuple[int, ...]:
        """The indices of items. Raises NotFoundError as `item`."""
        return tuple(self.item(own, f"{location}[{place}]") for place, own in enumerate(own_ids))

    def users_like(self, query: str, limit: int) -> tuple[list[int], int]:
        """Users whose id begins so, then those with such a title in the history: the first, and how many."""
        asked = query.strip().casefold()
        if not asked:
            return list(range(min(limit, self._dataset.n_users))), self._dataset.n_users
        found = dict.fromkeys(self._with_prefix(asked))
        if len(titles := self._items_like(asked)):
            rows = np.flatnonzero(np.isin(self._dataset.sequence, titles))
            found |= dict.fromkeys(np.unique(self._dataset.users_of_sequence[rows]).tolist())
        return list(found)[:limit], len(found)

    def items_like(self, query: str, limit: int) -> tuple[list[int], int]:
        """Items whose title has these words, or whose id begins so: the first ones, and how many in all."""
        asked = query.strip().casefold()
        if not asked:
            return list(range(min(limit, self._dataset.n_items))), self._dataset.n_items
        found = dict.fromkeys(index for own, index in self._items.items() if own.casefold() == asked)
        found |= dict.fromkeys(self._items_like(asked).tolist())
        return list(found)[:limit], len(found)

    def _with_prefix(self, asked: str) -> list[int]:
        start = bisect_left(self._folded_ids, asked)
        end = bisect_left(self._folded_ids, asked + chr(0x10FFFF), lo=start)
        return self._by_id[start:end]

    def _items_like(self, asked: str) -> NDArray[np.int64]:
        words = asked.split()
        found = [row for row, title in enumerate(self._titles) if all(word in title for word in words)]
        return np.array(found, np.int64)
