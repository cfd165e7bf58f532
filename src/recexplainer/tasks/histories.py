"""The histories of the Examples: prefixes, of test users, and synthetic; cut to the recommender's `max_history`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recexplainer.data.dataset import Dataset, Split
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.scoring import truncate

_MAX_ATTEMPTS = 20  # draws for each synthetic history: a tiny dataset has few different ones
_TEST_SHARE_BY_ID = 0.2  # share of users kept for the test, where the recommender knows users by id alone


@dataclass(frozen=True, slots=True)
class Histories:
    """Users, each with a history."""

    earlier: list[User]
    """Every prefix of every user's training sequence but the last one."""
    last: list[User]
    """The last training prefix of each user: the training sequence without its last item."""
    full: list[User]
    """The whole training sequence of each training user (for summaries of taste)."""
    test: list[User]
    """The whole training sequence of each test user."""
    synthetic: list[User]
    """Sub-histories and mixed histories, none equal to a test history."""


def collect_histories(
    dataset: Dataset,
    split: Split,
    recommender: Recommender,
    *,
    synthetic_ratio: float,
    test_users: int | None,
    rng: np.random.Generator,
) -> Histories:
    """All histories of the tasks (paper Table B2: 23,870 prefixes and 3,901 test users for Games).

    A recommender that knows users by id alone answers for whole histories only: a fifth of its users is for the test.
    `synthetic_ratio` is a multiple of the number of prefixes; at most `test_users` are drawn, None takes all.
    """
    sequences = [split.train_history(user) for user in range(dataset.n_users)]
    full = [User(truncate(sequence, recommender), dataset.user_ids[user]) for user, sequence in enumerate(sequences)]
    tested = [int(user) for user in split.test_users]
    if not recommender.answers_changed_history:
        tested = _drawn(tested, round(_TEST_SHARE_BY_ID * len(tested)), rng)
        kept = set(tested)
        trained = [user for index, user in enumerate(full) if index not in kept]
        return Histories([], trained, trained, [full[user] for user in _drawn(tested, test_users, rng)], [])
    test = [full[user] for user in _drawn(tested, test_users, rng)]
    earlier: list[User] = []
    last: list[User] = []
    for user, sequence in enumerate(sequences):
        lengths = range(1, len(sequence))
        prefixes = [User(truncate(sequence[:length], recommender), dataset.user_ids[user]) for length in lengths]
        earlier += prefixes[:-1]
        last += prefixes[-1:]
    wanted, known = round(synthetic_ratio * (len(earlier) + len(last))), [user.history for user in full]
    forbidden = set(map(known.__getitem__, split.test_users))
    synthetic = synthetic_histories(known, wanted, recommender.max_history, forbidden, rng)
    return Histories(earlier, last, full, test, synthetic)


def _drawn(users: list[int], count: int | None, rng: np.random.Generator) -> list[int]:
    if count is None or count >= len(users):
        return users
    return sorted(int(user) for user in rng.choice(users, count, replace=False))


def synthetic_histories(
    histories: Sequence[tuple[int, ...]],
    count: int,
    longest: int,
    forbidden: set[tuple[int, ...]],
    rng: np.random.Generator,
) -> list[User]:
    """Synthetic histories: half are sub-histories of one user, half mix two users; each user's order is kept.

    Fewer than `count` are returned where no more different ones are found; none is of `forbidden`.
    """
    taken = set(forbidden)
    found: list[User] = []
    usable = [history for history in histories if history]
    for _ in range(_MAX_ATTEMPTS * count if usable else 0):
        if len(found) == count:
            break
        first, second = int(rng.integers(len(usable))), int(rng.integers(len(usable)))
        one, other = usable[first], usable[second]
        mixed = first != second and rng.random() < 0.5
        history = _mix(one, other, longest, rng) if mixed else _some(one, _rather_long(len(one), rng), rng)
        history = history[-longest:]
        if history not in taken:
            taken.add(history)
            found.append(User(history))
    return found


def _rather_long(most: int, rng: np.random.Generator) -> int:
    """A size from 1 to `most`, large ones more often, as test histories are."""
    return 1 + int(max(rng.integers(most), rng.integers(most)))


def _some(history: tuple[int, ...], size: int, rng: np.random.Generator) -> tuple[int, ...]:
    return tuple(history[position] for position in sorted(rng.permutation(len(history))[:size].tolist()))


def _mix(one: tuple[int, ...], other: tuple[int, ...], longest: int, rng: np.random.Generator) -> tuple[int, ...]:
    """Interleave parts of two histories, as long together as one history is, without a repeated item."""
    size = min(longest, max(2, len(one)))
    first = _some(one, min(len(one), _rather_long(size - 1, rng) if size > 2 else 1), rng)
    rest = tuple(item for item in other if item not in first)
    second = _some(rest, min(len(rest), size - len(first)), rng)
    turns = rng.permutation([0] * len(first) + [1] * len(second)).tolist()
    sources = (iter(first), iter(second))
    return tuple(next(sources[turn]) for turn in turns)
