"""Which places of a list stay when the history is changed.

An item stays if it is among as many best items as the list holds, of those that neither the user's history nor the
changed one holds: what was put into a history does not compete. Why a history is changed is not known here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from recexplainer.audit.sample import Sample
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.scoring import score_batches

Stayed = NDArray[np.float64]
"""`Float[questions, list]`: 1 where the item of this place stays, 0 where it does not, NaN where the changed history
holds it, so that it cannot be recommended."""


def places_that_stay(
    recommender: Recommender, sample: Sample, owners: Sequence[int], histories: Sequence[tuple[int, ...]]
) -> Stayed:
    """For each changed history, not empty, which places of the list of its owner stay.

    `owners` are places in the sample, `[questions]`.
    """
    stayed = np.full((len(histories), sample.list_length), np.nan)
    users = [User(history, sample.users[owner].id) for owner, history in zip(owners, histories, strict=True)]
    for batch in score_batches(recommender, users):
        own = list(owners[batch.span])
        lists = sample.lists[own]
        eligible = batch.eligible.copy()
        for row, owner in zip(eligible, own, strict=True):
            row[list(sample.users[owner].history)] = False
        scores = np.where(eligible, batch.scores, -np.inf)
        lines = np.arange(len(own))
        for place, items in enumerate(lists.T):
            above = (scores > batch.scores[lines, items][:, None]).sum(axis=1)
            stays = (above < sample.list_length).astype(np.float64)
            if batch.excluded is not None:
                stays[batch.excluded[lines, items]] = 0.0
            stayed[batch.span, place] = np.where(batch.seen[lines, items], np.nan, stays)
    return stayed


def random_items(rng: np.random.Generator, n_items: int, count: int, taken: Collection[int]) -> tuple[int, ...]:
    """Different items of the catalogue that are not taken; fewer than `count` where there are no more."""
    drawn = rng.choice(n_items, min(n_items, count + len(taken)), replace=False).tolist()
    return tuple(item for item in drawn if item not in taken)[:count]
