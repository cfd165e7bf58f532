"""How stable reasons are: of what history items do to the first item of a list, how much holds however one asks.

An effect counts and is stable as everywhere else (`recommenders/stability.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recexplainer.audit.measured import Measured
from recexplainer.audit.sample import CountedRecommender, Sample
from recexplainer.evidence.evidence import NEGLIGIBLE
from recexplainer.recommenders.stability import REPLACEMENTS, SUB_HISTORIES, history_effects

STABLE, ITEMS_THAT_COUNT = "stable_reasons", "history_items_that_count"
_TOGETHER = 8


def reasons(recommender: CountedRecommender, sample: Sample, questions: int, seed: int) -> list[Measured]:
    """Of the history items that count, the share whose effect is stable; and how many of a history count.

    The users are asked about in random order, at most eight at a time, until the next one might take more than the
    `questions` that are left.
    """
    counting, stable, of = (np.full(len(sample), np.nan) for _ in range(3))
    order = np.random.default_rng(seed).permutation(len(sample)).tolist()
    last = recommender.questions + questions
    while block := _next(sample, order, last - recommender.questions):
        order = order[len(block) :]
        users = [sample.users[one] for one in block]
        least = [NEGLIGIBLE * float(sample.stds[one]) for one in block]
        firsts = [int(sample.lists[one, 0]) for one in block]
        for one, case, size in zip(block, history_effects(recommender, users, firsts, least), least, strict=True):
            count = [effect for effect in case.effects if effect.counts(size)]
            counting[one] = len(count) / len(case.effects)
            stable[one], of[one] = sum(effect.sign(size) != 0 for effect in count), len(count)
    return [
        Measured.ratio(STABLE, np.nan_to_num(stable), np.nan_to_num(of)),
        Measured.mean(ITEMS_THAT_COUNT, counting),
    ]


def _next(sample: Sample, order: Sequence[int], questions: int) -> list[int]:
    """The next users that the questions suffice for, whatever they take."""
    block: list[int] = []
    for one in order[:_TOGETHER]:
        questions -= _most(len(sample.users[one].history))
        if questions < 0:
            break
        block.append(one)
    return block


def _most(n: int) -> int:
    """How many questions a history of n items takes at most."""
    each = REPLACEMENTS + 2 * SUB_HISTORIES
    return 3 * n + 2 + each * n
