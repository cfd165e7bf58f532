"""Orders that rows of vectors or columns of scores may be in by mistake: sorted otherwise, or shifted by one.

An order is an arrangement of ids. What is mistaken is a pair of them: the ids were taken to be in one order, and the
rows are in another.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True, eq=False)
class Mistake:
    """Ids were taken to be in one order and the rows are in another.

    Attributes:
        words: What seems to be the case.
        places: `Int[n]`: at which place what belongs to each id stands.
    """

    words: str
    places: NDArray[np.int64]


def possible_mistakes(ids: Sequence[str], what: str, sequence: Sequence[int] | None = None) -> list[Mistake]:
    """All that differ from each other and from no mistake.

    `ids` are in the data's order; `what` they are, in the plural. `sequence` are the places of ids as the data's
    interactions name them: programs number items as they first meet them.
    """
    known = sorted_orders = _orders(ids, what)
    if sequence is not None:
        first = np.unique(np.concatenate([sequence, np.arange(len(ids))]), return_index=True)[1]
        known = sorted_orders | {"first interactions": np.argsort(first)}
    found: dict[bytes, Mistake] = {}
    _add(found, "", known[next(iter(known))], known[next(iter(known))])
    for (taken, taken_order), (actual, order) in product(known.items(), repeat=2):
        words = f"the rows of its {what} seem to be in the order of {actual}, and their ids in that of {taken}"
        _add(found, words, taken_order, order)
    for name, order in sorted_orders.items():  # who comes next in first interactions, a good recommender predicts
        for step, side in ((-1, "before"), (1, "after")):
            words = f"the rows of its {what} seem to be shifted by one: each belongs to the one {side} it, by {name}"
            _add(found, words, order, np.roll(order, -step))
    return list(found.values())[1:]


def _add(found: dict[bytes, Mistake], words: str, taken: NDArray[np.int64], actual: NDArray[np.int64]) -> None:
    places = np.empty_like(taken)
    places[actual] = taken
    found.setdefault(places.tobytes(), Mistake(words, places))


def _orders(ids: Sequence[str], what: str) -> dict[str, NDArray[np.int64]]:
    """The data's own order, and those that programs sort ids in."""
    natural, places = [_natural(one) for one in ids], range(len(ids))
    return {
        f"the data's {what}": np.arange(len(ids)),
        "ids sorted as numbers": np.array(sorted(places, key=natural.__getitem__), np.int64),
        "ids sorted as text": np.array(sorted(places, key=ids.__getitem__), np.int64),
    }


def _natural(text: str) -> tuple[tuple[str, int], ...]:
    """Sorts numbers within a text by their size."""
    parts = [*_DIGITS.split(text), ""]
    return tuple((parts[at], int(parts[at + 1] or -1)) for at in range(0, len(parts) - 1, 2))
