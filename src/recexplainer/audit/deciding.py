"""What decides a place of a list: nothing of the history, its last item, another single item, or several together.

Each place of each list is in one of four classes, by asking the recommender again with changed histories:

- *any history*: it stays in most of three histories of random items;
- *the last item*, or *another single item*: it stays wherever this item is (alone, and twice among random items) and
  is lost in most histories where it is not (left out, and twice replaced by a random item);
- *several items*: none of these.

An item stays now and then by chance, so that it stays must be so each time, that it is lost most times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recexplainer.audit.changed_histories import places_that_stay, random_items
from recexplainer.audit.measured import Measured
from recexplainer.audit.sample import Sample
from recexplainer.recommenders.base import Recommender

ANY_HISTORY, LAST_ITEM, OTHER_ITEM, SEVERAL_ITEMS = "any_history", "last_item", "other_single_item", "several_items"
CLASSES = (ANY_HISTORY, LAST_ITEM, OTHER_ITEM, SEVERAL_ITEMS)
LAST_OF_DEPENDENT, SINGLE_OF_DEPENDENT = "last_item_of_dependent", "single_item_of_dependent"
STAYS_WITHOUT_ONE = "stays_without_one"
RANDOM_HISTORIES, DRAWS = 3, 2
_MOST = 0.5


@dataclass(frozen=True, eq=False)
class Deciding:
    """The class of each place, `Int[users, list]`, an index of `CLASSES`; and how far lists stay without one item.

    `stays_without_one` is `Float[users]`, NaN for histories of one item.
    """

    classes: NDArray[np.int64]
    stays_without_one: NDArray[np.float64]

    @property
    def dependent(self) -> NDArray[np.bool_]:
        """`Bool[users, list]`: which places depend on the history."""
        return self.classes != CLASSES.index(ANY_HISTORY)

    def measured(self) -> list[Measured]:
        """The share of the places of each class, of those that depend on the history too, and what stays."""
        shares = {name: self.classes == place for place, name in enumerate(CLASSES)}
        found = [Measured.mean(name, own.mean(axis=1)) for name, own in shares.items()]
        dependent = self.dependent.sum(axis=1)
        last = shares[LAST_ITEM].sum(axis=1)
        found.append(Measured.ratio(LAST_OF_DEPENDENT, last, dependent))
        found.append(Measured.ratio(SINGLE_OF_DEPENDENT, last + shares[OTHER_ITEM].sum(axis=1), dependent))
        return [*found, Measured.mean(STAYS_WITHOUT_ONE, self.stays_without_one)]


def deciding(recommender: Recommender, sample: Sample, seed: int) -> Deciding:
    """Ask what decides each place, with `3 + 6 n` questions for a history of n items. Raises as `score_batches`."""
    classes = np.empty(sample.lists.shape, np.int64)
    without_one = np.full(len(sample), np.nan)
    asked = [_Questions.of(sample, owner, recommender.n_items, seed) for owner in range(len(sample))]
    histories = [history for each in asked for history in each.histories]
    owners = [owner for owner, each in enumerate(asked) for _ in each.histories]
    stayed = places_that_stay(recommender, sample, owners, histories)
    ends = np.cumsum([len(each.histories) for each in asked])[:-1]
    for owner, own in enumerate(np.split(stayed, ends)):
        classes[owner], without_one[owner] = asked[owner].read(own)
    return Deciding(classes, without_one)


@dataclass(frozen=True, slots=True)
class _Questions:
    """The changed histories of one user: random ones; for each item those that hold it, then those that do not."""

    length: int
    histories: list[tuple[int, ...]]

    @classmethod
    def of(cls, sample: Sample, owner: int, n_items: int, seed: int) -> _Questions:
        history, offered = sample.users[owner].history, sample.lists[owner].tolist()
        rng = np.random.default_rng([seed, int(sample.rows[owner])])
        taken, n = {*history, *offered}, len(history)

        def others(count: int) -> tuple[int, ...]:
            # of a small catalogue also what is offered: such a place is then not asked about
            return random_items(rng, n_items, count, taken) or random_items(rng, n_items, count, {*history})

        asked = [others(n) for _ in range(RANDOM_HISTORIES)]
        for place, item in enumerate(history):
            asked.append((item,))
            for _ in range(DRAWS):
                around = others(n - 1)
                asked.append((*around[:place], item, *around[place:]))
            # where nothing is left, a random item stands for an average one
            asked.append((*history[:place], *history[place + 1 :]) or others(1))
            asked += [(*history[:place], *others(1), *history[place + 1 :]) for _ in range(DRAWS)]
        return cls(n, asked)

    def read(self, stayed: NDArray[np.float64]) -> tuple[NDArray[np.int64], float]:
        """The class of each place, `Int[list]`, and the share of the list that stays without one item, on average."""
        random, single = stayed[:RANDOM_HISTORIES], stayed[RANDOM_HISTORIES:]
        by_item = single.reshape(self.length, 2, 1 + DRAWS, -1)  # with it and without it
        with_it, without_it = _mean(by_item[:, 0]), _mean(by_item[:, 1])
        decides = (with_it == 1) & (without_it < _MOST)  # Bool[history, list]; of what was not asked False
        classes = np.full(stayed.shape[1], CLASSES.index(SEVERAL_ITEMS))
        classes[decides.any(axis=0)] = CLASSES.index(OTHER_ITEM)
        classes[decides[-1]] = CLASSES.index(LAST_ITEM)
        classes[_mean(random[None])[0] > _MOST] = CLASSES.index(ANY_HISTORY)
        without = by_item[:, 1, 0]
        return classes, float(np.nanmean(without)) if self.length > 1 else np.nan


def _mean(stayed: NDArray[np.float64]) -> NDArray[np.float64]:
    """`Float[history, list]`: in what share of the questions that were asked a place stays; NaN where none was."""
    asked = ~np.isnan(stayed)
    counts = asked.sum(axis=1)
    return np.divide(np.nansum(stayed, axis=1), counts, out=np.full(counts.shape, np.nan), where=counts > 0)
