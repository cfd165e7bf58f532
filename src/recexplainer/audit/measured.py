"""A figure of an audit: over users, or of their lists together, with its interval as a row.

A figure over users has a bootstrap interval. One of all lists together, such as coverage, grows with the number of
users, so drawing users with replacement would put it too low. Its interval comes from random halves of the sample: how
much it differs between them is about how much the whole would between samples (delete-half jackknife, Shao and Wu
1989). It does not know what is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recexplainer.evaluation.rows import Row, row

RECOMMENDER = "recommender"
"""The method of rows of an audit."""
TASK, DIFFERENCE, ATTRIBUTE = "audit", "audit_difference", "audit_attribute"
"""Their tasks: of figures, with variant "" for all users and parts of a surrogate's questions, else of a group; of how
much a figure of a group differs from that of the others, or rose from one recommender to another; of attributes."""
FEWEST = 30
"""Users that a figure must be over at least for a sentence to be built on it."""
_HALVES = 400

Floats = NDArray[np.float64]
Users = NDArray[np.int64]
"""Places of users in the sample."""


@dataclass(frozen=True, eq=False)
class Measured:
    """A figure over users: the sum of `top` divided by the sum of `of`, both `Float[users]`; `of` 0: not defined."""

    metric: str
    top: Floats
    of: Floats

    @classmethod
    def mean(cls, metric: str, values: ArrayLike) -> Measured:
        """The mean of `Float[users]`; NaN where a user has no value."""
        values = np.asarray(values, np.float64)
        there = ~np.isnan(values)
        return cls(metric, np.where(there, values, 0.0), there.astype(np.float64))

    @classmethod
    def ratio(cls, metric: str, top: ArrayLike, of: ArrayLike) -> Measured:
        """A sum over users by another, `Float[users]` each, so that a user counts by what it has of the second."""
        return cls(metric, np.asarray(top, np.float64), np.asarray(of, np.float64))

    def value(self, drawn: NDArray[np.int64]) -> Floats:
        """`Float[resamples]` of users drawn, `Int[resamples, users]`; NaN where it is not defined."""
        of = self.of[drawn].sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(of > 0, self.top[drawn].sum(axis=1) / of, np.nan)

    def row(self, users: Users | None = None, variant: str = "", task: str = TASK) -> Row:
        """Its row, over all users or some; cases are those for whom it is defined."""
        users = np.arange(len(self.of)) if users is None else users
        defined = users[self.of[users] > 0]
        return row(
            *(RECOMMENDER, task, self.metric),
            lambda drawn: self.value(defined[drawn]),
            variant=variant,
            cases=len(defined),
        )

    def difference(self, one: Users, other: Users, variant: str) -> Row:
        """The row of how much higher it is for some users than for others."""
        one, other = one[self.of[one] > 0], other[self.of[other] > 0]
        both = np.concatenate([one, other])
        first = np.arange(len(both)) < len(one)

        def statistic(drawn: NDArray[np.int64]) -> Floats:
            top, of, is_first = self.top[both][drawn], self.of[both][drawn], first[drawn]
            with np.errstate(invalid="ignore", divide="ignore"):
                high = (top * is_first).sum(axis=1) / (of * is_first).sum(axis=1)
                return high - (top * ~is_first).sum(axis=1) / (of * ~is_first).sum(axis=1)

        fewer = min(len(one), len(other))
        made = row(RECOMMENDER, DIFFERENCE, self.metric, statistic, variant=variant, cases=len(both) if fewer else 0)
        # whether a sentence may be built on it, the smaller side says
        return replace(made, cases=fewer)

    def change(self, later: Measured, variant: str = "") -> Row:
        """The row of how much higher it is in another measurement of the same users."""
        defined = np.flatnonzero((self.of > 0) & (later.of > 0))
        return row(
            *(RECOMMENDER, DIFFERENCE, self.metric),
            lambda drawn: later.value(defined[drawn]) - self.value(defined[drawn]),
            variant=variant,
            cases=len(defined),
        )


def collective_row(
    metric: str,
    statistic: Callable[[Users], float],
    users: Users,
    *,
    variant: str = "",
    task: str = TASK,
    seed: int = 0,
) -> Row:
    """The row of a figure of the lists of users together, `statistic(users)`, which lies between -1 and 1."""
    value = low = high = None
    if len(users):
        value = float(statistic(users))
        low = high = value
    if len(users) >= 4 and value is not None:
        rng = np.random.default_rng(seed)
        halves = np.array([statistic(rng.permutation(users)[: len(users) // 2]) for _ in range(_HALVES)])
        down, up = np.percentile(halves, [2.5, 97.5]) - halves.mean()
        low, high = max(-1.0, value + float(down)), min(1.0, value + float(up))
    return Row(
        method=RECOMMENDER, variant=variant, task=task, metric=metric, value=value, low=low, high=high, cases=len(users)
    )
