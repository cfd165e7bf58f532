"""Whether a recommender ranks held-out items as one that knows its users would, or as if its rows were mixed up.

Nothing says that ids and rows of vectors, or columns of scores, are in the same order; only what the recommender
answers can. So the held-out item of each user is ranked, beside popularity and beside the same scores under shuffled
ids. It does not know how the recommender was made.
"""

from __future__ import annotations

import random
import sys
import time
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from recexplainer.data.dataset import Dataset, Split
from recexplainer.errors import RecommenderWarning
from recexplainer.recommenders.answers import undisturbed
from recexplainer.recommenders.base import Floats, Recommender, User
from recexplainer.recommenders.orders import Mistake, possible_mistakes
from recexplainer.recommenders.scoring import score_batches

_MOST_USERS, _MOST_SCORES = 1000, 10_000_000  # of the sample
_SEARCHED = 200  # users for whom other orders are tried that need the recommender to be asked again
_SHUFFLES = 40
_ENOUGH = 30  # users from which on chance can be told from knowledge
_SURE = 2  # standard deviations of chance
_MANY = 100  # users from which on small differences mean something
_FEWEST = 8  # users from which on another order can be seen
_BATCH = 128
_SECONDS = 10.0  # that a library's user waits for a slow recommender
_SAME_ORDER = "Are ids and rows in the same order?"
_GAIN = 0.08  # in AUC, that another order must bring
_known: WeakValueDictionary[int, object] = WeakValueDictionary()
_Tried = tuple[str, NDArray[np.float64]]
"""An order of rows in words, and the AUC of each user so taken, NaN where it was not tried."""


@dataclass(frozen=True, slots=True)
class RankingCheck:
    """How a recommender ranks held-out items.

    A rank is given as AUC: the share of the items that a user has not seen above which the held-out item ranks, ties
    counting half; 1 is best, and chance is 0.5.

    Attributes:
        users: How many users were ranked for.
        excluded: How many more have a held-out item that is never recommended to them (a score of -inf).
        auc: The mean over users.
        auc_error: Its standard error.
        popularity: The same of the items' training interactions; None where nothing was ranked.
        popularity_error: Its standard error.
        chance_error: Standard deviation of the same over shuffled ids, whose mean is 0.5.
        warnings: What is wrong, and the likely cause, a sentence or two each.
        notes: What is worth knowing.
    """

    users: int
    excluded: int
    auc: float | None = None
    auc_error: float | None = None
    popularity: float | None = None
    popularity_error: float | None = None
    chance_error: float | None = None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def beyond_chance(self) -> float:
        """How many standard deviations of chance the AUC is above 0.5."""
        return ((self.auc or 0.5) - 0.5) / max(self.chance_error or 0.0, 1e-9)

    @property
    def summary(self) -> str:
        """The numbers, in one sentence."""
        if self.auc is None or self.popularity is None:
            return "It could not be ranked beside popularity and chance."
        own = _percent(self.auc, self.auc_error)
        popularity = f"popularity {_percent(self.popularity, self.popularity_error)}"
        others = f"{popularity}, chance {_percent(0.5, self.chance_error)}; {self.users:,} users"
        return f"It ranks a user's held-out item above {own} of the other items ({others})."


def check_ranking(
    dataset: Dataset, split: Split, recommender: Recommender, *, seconds: float | None = None
) -> RankingCheck:
    """Rank the held-out items of at most 1,000 users, evenly spaced, and look for other orders that fit much better.

    No more users are asked about after so many `seconds`. Raises RecommenderError as `score_batches`.
    """
    most = min(_MOST_USERS, max(50, _MOST_SCORES // dataset.n_items), len(split.test_users))
    spaced = split.test_users[np.unique(np.linspace(0, len(split.test_users) - 1, most).astype(int))]
    rows = [row for row in spaced.tolist() if split.test_item(row) not in split.train_history(row)]
    rows, scores = _asked(recommender, [_user(split, row) for row in rows], rows, seconds)
    if not rows:
        return RankingCheck(0, 0, notes=("No user has a held-out item that is not in the history.",))
    cases = _Cases.of(split, rows, scores)
    counts = np.bincount(split.train_interactions()[1], minlength=dataset.n_items).astype(np.float32)
    auc = cases.auc()
    ranked = np.isfinite(auc)
    consistency = _consistency(recommender, split, rows, scores)
    check = RankingCheck(int(ranked.sum()), int((~ranked).sum()), warnings=consistency)
    if not ranked.any():
        note = "It never recommends a held-out item: it may leave out all that it was trained on."
        return replace(check, notes=(note,))
    popular = replace(cases, scores=counts[None]).auc(rows=np.zeros(len(rows), np.int64))
    rng = np.random.default_rng(0)
    shuffled = [_mean(cases.auc(rng.permutation(dataset.n_items))) for _ in range(_SHUFFLES)]
    check = replace(
        check,
        auc=float(auc[ranked].mean()),
        auc_error=_error(auc[ranked]),
        popularity=float(popular[ranked].mean()),
        popularity_error=_error(popular[ranked]),
        chance_error=float(np.std(shuffled)),
    )
    better = _better_order(dataset, split, recommender, rows, cases, check)
    found = [better] if better else _findings(recommender, check, cases, auc, popular, rng)
    few = [f"{check.users} users are too few to tell knowledge from chance."] if check.users < _ENOUGH else []
    return replace(check, warnings=(*found, *consistency), notes=(*few, *_exclusion(check)))


def warn_of_ranking(dataset: Dataset, recommender: Recommender, given: object) -> None:
    """Issue a RecommenderWarning for each warning of `check_ranking`; once for what was `given` as the recommender."""
    if id(given) in _known or not len((split := Split(dataset)).test_users):
        return
    with suppress(TypeError):  # some objects have no weak references
        _known[id(given)] = given
    check = check_ranking(dataset, split, recommender, seconds=_SECONDS)
    for warning in check.warnings:
        warnings.warn(f"{warning} {check.summary}", RecommenderWarning, stacklevel=3)


@dataclass(frozen=True)
class _Cases:
    """Scores `Float[users, items]`, finite or -inf, the histories and the held-out items of users, `[users]`."""

    scores: Floats
    histories: Sequence[NDArray[np.integer]]
    targets: Sequence[int]

    @classmethod
    def of(cls, split: Split, rows: Sequence[int], scores: Floats) -> _Cases:
        """The cases of the users in these rows of the data."""
        return cls(scores, [split.train_history(row) for row in rows], [split.test_item(row) for row in rows])

    def auc(
        self, places: NDArray[np.int64] | None = None, rows: NDArray[np.int64] | None = None
    ) -> NDArray[np.float64]:
        """`Float[users]`, NaN where the held-out item is never recommended or nothing else is.

        `places` are the columns that hold the items' scores, `rows` the rows that hold the users'; None: their own.
        """
        rows = np.arange(len(self.targets)) if rows is None else rows
        places = np.arange(self.scores.shape[1]) if places is None else places
        owners, seen = self._seen
        column = places[np.asarray(self.targets)]
        own, below = self.scores[rows, column], self._ranks[rows, column] - 1
        others = self._finite[rows] - 1.0
        scores = self.scores[rows[owners], places[seen]]
        halves = ((scores < own[owners]).astype(float) + (scores <= own[owners])) / 2  # ties count half
        finite = np.isfinite(scores)
        below = below - (self.scores.shape[1] - self._finite[rows])
        below -= np.bincount(owners, halves * finite, len(rows))
        others -= np.bincount(owners, finite, len(rows))
        defined = np.isfinite(own) & (others > 0)
        return np.where(defined, below / np.where(defined, others, 1.0), np.nan)

    @cached_property
    def _seen(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The user and the item of each entry of a history, none twice."""
        each = [np.unique(history) for history in self.histories]
        owners = np.repeat(np.arange(len(each)), [len(one) for one in each])
        return owners, np.concatenate([*each, np.empty(0, np.int64)]).astype(np.int64)

    @cached_property
    def _ranks(self) -> NDArray[np.float64]:
        from scipy.stats import rankdata

        return np.asarray(rankdata(self.scores, axis=1))

    @cached_property
    def _finite(self) -> NDArray[np.int64]:
        return np.isfinite(self.scores).sum(axis=1)

    @property
    def constant(self) -> bool:
        """Whether every user's scores are one number."""
        return bool((self._ranks == self._ranks[:, :1]).all())


def _user(split: Split, row: int) -> User:
    return User(tuple(split.train_history(row).tolist()), split.dataset.user_ids[row])


def _asked(
    recommender: Recommender, users: Sequence[User], rows: list[int], seconds: float | None = None
) -> tuple[list[int], Floats]:
    """The rows of the users that were asked about in time, and their scores, -inf where an item is excluded."""
    started, scores = time.monotonic(), list[Floats]()
    for batch in score_batches(recommender, users, batch=_BATCH):
        own = batch.scores if batch.excluded is None else np.where(batch.excluded, np.float32(-np.inf), batch.scores)
        scores.append(own)
        if seconds is not None and time.monotonic() - started > seconds:
            break
    found = np.concatenate(scores) if scores else np.empty((0, recommender.n_items), np.float32)
    return rows[: len(found)], found


def _mean(values: NDArray[np.float64]) -> float:
    """The mean of those that are defined; 0.5 where none is."""
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if len(defined) else 0.5


def _error(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.5


def _percent(value: float, error: float | None) -> str:
    """With two standard errors either way."""
    return f"{value:.1%} ± {2 * (error or 0.0):.1%}"


def _exclusion(check: RankingCheck) -> list[str]:
    if not check.excluded:
        return []
    return [f"It never recommends {check.excluded:,} held-out items; they were left out."]


def _is_fitted(recommender: Recommender) -> bool:
    """Whether this package fitted it to the data, so that its rows are in order."""
    return getattr(recommender, "kind", "") in ("sasrec", "mf")


def _has_users_by_id(recommender: Recommender) -> bool:
    return getattr(recommender, "knows_users", not recommender.answers_changed_history)


def _findings(
    recommender: Recommender,
    check: RankingCheck,
    cases: _Cases,
    auc: NDArray[np.float64],
    popular: NDArray[np.float64],
    rng: np.random.Generator,
) -> list[str]:
    """What is wrong, where no other order of rows explains it."""
    if cases.constant:
        return ["This recommender gives all items the same score, so there is nothing to explain."]
    if check.users < _ENOUGH:
        return []
    if check.beyond_chance < -3:
        cause = "Is a lower score the better one, as of a distance? Or does it put last what it was trained on?"
        return [f"This recommender ranks held-out items worse than chance. {cause}"]
    if check.beyond_chance < _SURE:
        return [f"This recommender ranks held-out items no better than chance. {_SAME_ORDER}"]
    by_id = _has_users_by_id(recommender)
    loss = (popular - auc)[np.isfinite(auc)]
    if (by_id or _is_fitted(recommender)) and loss.mean() > max(3 * _error(loss), 0.02):
        return [f"This recommender ranks held-out items clearly worse than popularity does. {_SAME_ORDER}"]
    if by_id and check.users >= _MANY and not _fits_users(cases, auc, rng):
        return [
            "This recommender ranks a user's held-out item no better than by the scores of other users. "
            "Are the users' ids and rows in the same order?"
        ]
    return []


def _fits_users(cases: _Cases, auc: NDArray[np.float64], rng: np.random.Generator) -> bool:
    """Whether users' own scores fit better than others'; also where all users have the same."""
    others = [cases.auc(rows=rng.permutation(len(auc))) for _ in range(_SHUFFLES)]
    if all(np.allclose(other, auc, equal_nan=True) for other in others):
        return True
    means = [_mean(other) for other in others]
    return bool(_mean(auc) > np.mean(means) + 2 * np.std(means))


def _better_order(
    dataset: Dataset, split: Split, recommender: Recommender, rows: list[int], cases: _Cases, check: RankingCheck
) -> str:
    """What seems to be the order, where one of the usual mistakes explains far more; else ""."""
    most = 2.5 if check.users < _MANY else np.inf
    if _is_fitted(recommender) or check.users < _FEWEST or check.beyond_chance > most:
        return ""
    of_items = possible_mistakes(dataset.item_ids, "items", _orders_of_use(dataset))
    tried = [(one.words, cases.auc(one.places)) for one in of_items]
    some = np.arange(len(rows))[:: max(1, -(-len(rows) // _SEARCHED))]
    if _has_users_by_id(recommender):
        tried += _by_users(dataset, split, recommender, rows, some, of_items)
    elif check.beyond_chance < 4 and getattr(recommender, "sees_indices", True):
        tried += _by_histories(split, recommender, rows, some, of_items)
    best = _best(tried, cases.auc(), check)
    if best is None or 1 - (check.auc or 0.0) > best[1]:  # turned round it is better still
        return ""
    return _mixed_up(check, *best)


def _mixed_up(check: RankingCheck, words: str, share: float) -> str:
    level = "no better than chance" if check.beyond_chance < _SURE else "worse than it could"
    return (
        f"This recommender ranks held-out items {level}. {_SAME_ORDER} It seems that they are not: {words}. "
        f"So taken, a held-out item ranks above {share:.1%} of the other items."
    )


def _orders_of_use(dataset: Dataset) -> dict[str, NDArray[np.int64]]:
    """Orders that programs number items in as they read interactions."""
    first = np.concatenate([dataset.sequence, np.arange(dataset.n_items)])
    appearing = first[np.sort(np.unique(first, return_index=True)[1])].astype(np.int64)
    often = np.argsort(-np.bincount(dataset.sequence, minlength=dataset.n_items), kind="stable").astype(np.int64)
    return {"first interactions": appearing, "numbers of interactions": often}


def _best(tried: Sequence[_Tried], base: NDArray[np.float64], check: RankingCheck) -> tuple[str, float] | None:
    """The order that ranks best, with its mean AUC, if it is beyond doubt better than the order given.

    Of orders that rank nearly alike it is the first.
    """
    sure: list[tuple[str, float]] = []
    for words, auc in tried:
        both = np.isfinite(auc) & np.isfinite(base)
        if both.sum() >= _FEWEST:
            gain, mean = (auc - base)[both], float(auc[both].mean())
            sd = (check.chance_error or 0.0) * np.sqrt(check.users / both.sum())
            least = max(_GAIN, 5 * _error(gain), 0.5 * (1 - float(base[both].mean())))
            if gain.mean() > least and mean > 0.5 + 4 * sd:
                sure.append((words, mean))
    most = max((mean for _, mean in sure), default=0.0)
    return next((one for one in sure if one[1] > most - 0.02), None)


def _by_users(
    dataset: Dataset,
    split: Split,
    recommender: Recommender,
    rows: Sequence[int],
    some: NDArray[np.int64],
    of_items: Sequence[Mistake],
) -> list[_Tried]:
    """Where the rows of users are in another order, and those of items in order or in another one too."""
    tried: list[_Tried] = []
    for mistake in possible_mistakes(dataset.user_ids, "users"):
        others = [int(mistake.places[rows[at]]) for at in some]
        _, scores = _asked(recommender, [_user(split, row) for row in others], others)
        cases = _Cases.of(split, [rows[at] for at in some], scores)
        tried.append((mistake.words, _spread(cases.auc(), some, len(rows))))
        tried += [
            (f"{one.words}, and {mistake.words}", _spread(cases.auc(one.places), some, len(rows))) for one in of_items
        ]
    return tried


def _by_histories(
    split: Split,
    recommender: Recommender,
    rows: Sequence[int],
    some: NDArray[np.int64],
    of_items: Sequence[Mistake],
) -> list[_Tried]:
    """Where histories too are read by rows of items in another order."""
    tried: list[_Tried] = []
    chosen = [rows[at] for at in some]
    for mistake in of_items:
        users = [User(tuple(mistake.places[split.train_history(row)].tolist())) for row in chosen]
        _, scores = _asked(recommender, users, chosen)
        tried.append((mistake.words, _spread(_Cases.of(split, chosen, scores).auc(mistake.places), some, len(rows))))
    return tried


def _spread(values: NDArray[np.float64], some: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """The values of some users at their places among all; NaN for the others."""
    spread = np.full(count, np.nan)
    spread[some] = values
    return spread


def _consistency(recommender: Recommender, split: Split, rows: list[int], scores: Floats) -> tuple[str, ...]:
    """Whether the same question has the same answer, and whoever else is asked about; asked of one user."""
    if getattr(recommender, "kind", "") in ("sasrec", "mf", "vectors"):
        return ()
    user = [_user(split, rows[0])]
    _, first = _asked(recommender, user, rows[:1])
    with undisturbed():
        random.random()  # what draws from global seeds draws something else now
        np.random.random()  # noqa: NPY002
        if torch := sys.modules.get("torch"):
            torch.rand(1)
        _, second = _asked(recommender, user, rows[:1])
    if not _close(first, second):
        return (
            "Asked the same twice, it answers differently: does it draw at random, or is dropout on (model.eval())?",
        )
    if not _close(first, scores[:1]):
        return ("What it answers for a user depends on who else is asked about in the same call.",)
    return ()


def _close(one: Floats, other: Floats) -> bool:
    """Whether two answers are the same but for rounding."""
    finite = np.isfinite(one) & np.isfinite(other)
    if (np.isfinite(one) != np.isfinite(other)).any():
        return False
    spread = float(one[finite].std()) or 1.0
    return bool(np.abs(one[finite] - other[finite]).max(initial=0.0) <= 0.02 * spread)
