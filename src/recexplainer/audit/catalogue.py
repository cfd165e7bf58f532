"""What the lists of all users hold together: popularity, coverage, concentration, and how different two lists are.

Only lists are looked at, so a recommender that cannot answer for a changed history has these figures too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recexplainer.audit.measured import RECOMMENDER, TASK, Measured, Users, collective_row
from recexplainer.audit.sample import Sample
from recexplainer.data.dataset import Dataset
from recexplainer.evaluation.rows import Row

MOST_POPULAR = "most_popular"
COVERAGE, GINI, TOP_TENTH, DIFFERENCE = "coverage", "gini", "top_tenth", "list_difference"
RANDOM = "random_lists"
"""The variant of rows of lists drawn at random, for comparison: with few users these are not even either."""
_SIMULATED = 40


def popularity(dataset: Dataset) -> NDArray[np.int64]:
    """How many interactions each item has in the data, `Int[items]`."""
    return np.bincount(dataset.sequence, minlength=dataset.n_items)


def most_popular(sample: Sample, counts: NDArray[np.int64]) -> Measured:
    """The share of a list that is among as many most popular items that its user has not had; ties are to its favor."""
    shares = np.empty(len(sample))
    for place, (user, items) in enumerate(zip(sample.users, sample.lists, strict=True)):
        others = np.delete(counts, list(user.history))
        least = np.partition(others, -len(items))[-len(items)]
        shares[place] = (counts[items] >= least).mean()
    return Measured.mean(MOST_POPULAR, shares)


class Exposure:
    """How often each item is on the lists of some users; statistics of that."""

    def __init__(self, lists: NDArray[np.int64], n_items: int) -> None:
        self._lists, self._n_items = lists, n_items

    def counts(self, users: Users) -> NDArray[np.int64]:
        """`Int[items]`: on how many lists each item is."""
        return np.bincount(self._lists[users].ravel(), minlength=self._n_items)

    def coverage(self, users: Users) -> float:
        """The share of the catalogue that is on one list at least."""
        return float((self.counts(users) > 0).mean())

    def gini(self, users: Users) -> float:
        """The Gini coefficient of the counts of all items: 0, all alike often; near 1, a few items only."""
        ordered = np.sort(self.counts(users))
        ranks = np.arange(1, len(ordered) + 1)
        return float((2 * ranks - len(ordered) - 1) @ ordered / (len(ordered) * ordered.sum()))

    def top_tenth(self, users: Users) -> float:
        """The share of all places that the tenth of the catalogue that is recommended most often has."""
        ordered = np.sort(self.counts(users))[::-1]
        return float(ordered[: max(1, self._n_items // 10)].sum() / ordered.sum())

    def difference(self, users: Users) -> float:
        """The share of a list that is not on the list of another user, on average over all pairs of users."""
        counts, length = self.counts(users), self._lists.shape[1]
        pairs = len(users) * (len(users) - 1) * length
        return 1.0 - float((counts * (counts - 1)).sum()) / pairs if pairs else 0.0


def catalogue_rows(sample: Sample, n_items: int, users: Users, variant: str = "", seed: int = 0) -> list[Row]:
    """The rows of coverage, concentration and difference of the lists of some users."""
    exposure = Exposure(sample.lists, n_items)
    return [
        collective_row(metric, statistic, users, variant=variant, seed=seed)
        for metric, statistic in {
            COVERAGE: exposure.coverage,
            GINI: exposure.gini,
            TOP_TENTH: exposure.top_tenth,
            DIFFERENCE: exposure.difference,
        }.items()
    ]


def random_gini(sample: Sample, n_items: int, seed: int) -> Row:
    """The Gini coefficient of as many lists drawn at random, with the range of 95% of the draws as its interval."""
    rng, users, length = np.random.default_rng(seed), np.arange(len(sample)), sample.list_length
    found: list[float] = []
    for _ in range(_SIMULATED):
        lists = rng.random((len(sample), n_items)).argpartition(length, axis=1)[:, :length]
        found.append(Exposure(lists, n_items).gini(users))
    low, high = np.percentile(found, [2.5, 97.5]).tolist()
    return Row(
        method=RECOMMENDER,
        variant=RANDOM,
        task=TASK,
        metric=GINI,
        value=float(np.mean(found)),
        low=low,
        high=high,
        cases=len(sample),
    )
