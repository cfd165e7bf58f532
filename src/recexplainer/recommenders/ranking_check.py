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
from collections.abc import Iterator, Sequence
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
from recexplainer.recommenders.orders import possible_mistakes
from recexplainer.recommenders.scoring import score_batches

_MOST_USERS, _MOST_SCORES = 1000, 10_000_000  # of the sample
_SHUFFLES = 40
_ENOUGH = 30  # users from which on chance can be told from knowledge
_SURE = 2  # standard deviations of chance
_FITTED = ("sasrec", "mf")  # by this package, so that rows are in order
_SAME_ORDER = "Are ids and rows in the same order?"
_known: WeakValueDictionary[int, object] = WeakValueDictionary()


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
        pairs = ((self.auc, self.auc_error), (self.popularity, self.popularity_error), (0.5, self.chance_error))
        own, popularity, chance = (f"{value:.1%} ± {2 * (error or 0.0):.1%}" for value, error in pairs)
        beside = f"popularity {popularity}, chance {chance}; {self.users:,} users"
        return f"It ranks a user's held-out item above {own} of the other items ({beside})."


def check_ranking(dataset: Dataset, split: Split, recommender: Recommender, *, seconds: float = np.inf) -> RankingCheck:
    """Rank the held-out items of at most 1,000 users, evenly spaced, and look for other orders that fit much better.

    After so many `seconds` nobody more is asked about. Raises RecommenderError as `score_batches`.
    """
    until = time.monotonic() + seconds
    most = min(_MOST_USERS, max(50, _MOST_SCORES // dataset.n_items), len(split.test_users))
    spaced = split.test_users[np.unique(np.linspace(0, len(split.test_users) - 1, most).astype(int))]
    rows = [row for row in spaced.tolist() if split.test_item(row) not in split.train_history(row)]
    if not rows:
        return RankingCheck(0, 0, notes=("No user has a held-out item that is not in the history.",))
    users = _users(split, rows)
    scores = _scores(recommender, users, until)
    cases = _Cases.of(split, rows[: len(scores)], scores)
    auc = cases.auc()
    ranked = np.isfinite(auc)
    inconsistency = _inconsistency(recommender, users[:1], scores[:1])
    check = RankingCheck(int(ranked.sum()), int((~ranked).sum()), warnings=inconsistency)
    if not ranked.any():
        note = "It never recommends a held-out item: it may leave out all that it was trained on."
        return replace(check, notes=(note,))
    counts = np.bincount(split.train_interactions()[1], minlength=dataset.n_items).astype(np.float32)
    popular = replace(cases, scores=np.broadcast_to(counts, scores.shape)).auc()
    rng = np.random.default_rng(0)
    chance = np.std([_mean(cases.auc(rng.permutation(dataset.n_items))) for _ in range(_SHUFFLES)])
    numbers = (_mean(auc), _error(auc), _mean(popular[ranked]), _error(popular[ranked]), float(chance))
    check = RankingCheck(check.users, check.excluded, *numbers)
    found = _better_order(split, recommender, cases, check, until) or _finding(recommender, cases, check, popular)
    notes = [f"{check.users} users are too few to tell knowledge from chance."] if check.users < _ENOUGH else []
    if check.excluded:
        notes.append(f"It never recommends {check.excluded:,} held-out items; they were left out.")
    return replace(check, warnings=(*found, *inconsistency), notes=tuple(notes))


def warn_of_ranking(dataset: Dataset, recommender: Recommender, given: object) -> None:
    """Issue a RecommenderWarning for each warning of `check_ranking`; once for what was `given` as the recommender."""
    if id(given) in _known or not len((split := Split(dataset)).test_users):
        return
    warn_of_check(check_ranking(dataset, split, recommender, seconds=10.0), given)


def warn_of_check(check: RankingCheck, given: object) -> None:
    """As `warn_of_ranking`, of a check that was made already."""
    with suppress(TypeError):  # some objects have no weak references
        _known[id(given)] = given
    for warning in check.warnings:
        warnings.warn(f"{warning} {check.summary}", RecommenderWarning, stacklevel=4)


@dataclass(frozen=True)
class _Cases:
    """Users in these `rows` of the data, their scores and held-out items, and what each has seen.

    `scores` are `Float[users, items]`, NaN where an item is never recommended; `targets` are `Int[users]`; `seen` are
    the items of all histories, none twice in one, and `owners` the users that they belong to.
    """

    rows: Sequence[int]
    scores: Floats
    targets: NDArray[np.int64]
    owners: NDArray[np.int64]
    seen: NDArray[np.integer]

    @classmethod
    def of(cls, split: Split, rows: Sequence[int], scores: Floats) -> _Cases:
        """The cases of users of whom these are the scores."""
        each = [np.unique(split.train_history(row)) for row in rows]
        owners = np.repeat(np.arange(len(rows)), [len(one) for one in each])
        return cls(rows, scores, np.array([split.test_item(row) for row in rows]), owners, np.concatenate(each))

    def auc(self, places: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """`Float[users]`, NaN where the held-out item is never recommended or nothing else is.

        `places` are the columns that hold the items' scores; None: their own.
        """
        places = np.arange(self.scores.shape[1]) if places is None else places
        own = self.scores[np.arange(len(self.rows)), places[self.targets]]
        seen = self.scores[self.owners, places[self.seen]]
        entries = np.bincount(self.owners, np.isfinite(seen), len(own))
        equal_or_below, below = (
            np.count_nonzero(than(self.scores, own[:, None]), axis=1)
            - np.bincount(self.owners, than(seen, own[self.owners]), len(own))
            for than in (np.less_equal, np.less)
        )
        others = self._finite - entries - 1
        auc = (equal_or_below - 1 + below) / 2 / np.maximum(others, 1)  # ties count half
        return np.where(np.isfinite(own) & (others > 0), auc, np.nan)

    @cached_property
    def _finite(self) -> NDArray[np.int64]:
        return np.isfinite(self.scores).sum(axis=1)


def _knows_users(recommender: Recommender) -> bool:
    return getattr(recommender, "knows_users", not recommender.answers_changed_history)


def _users(split: Split, rows: Sequence[int]) -> list[User]:
    return [User(tuple(split.train_history(row).tolist()), split.dataset.user_ids[row]) for row in rows]


def _scores(recommender: Recommender, users: Sequence[User], until: float = np.inf) -> Floats:
    """The scores of those that could be asked about in time, NaN where an item is never recommended."""
    scores: list[Floats] = []
    for batch in score_batches(recommender, users, batch=128):
        scores.append(np.where(False if batch.excluded is None else batch.excluded, np.float32(np.nan), batch.scores))
        if time.monotonic() > until:
            break
    return np.concatenate(scores)


def _mean(values: NDArray[np.float64]) -> float:
    """The mean of those that are defined; 0.5 where none is."""
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if len(defined) else 0.5


def _error(values: NDArray[np.float64]) -> float:
    defined = values[np.isfinite(values)]
    return float(defined.std(ddof=1) / np.sqrt(len(defined))) if len(defined) > 1 else 0.5


def _finding(
    recommender: Recommender, cases: _Cases, check: RankingCheck, popular: NDArray[np.float64]
) -> tuple[str, ...]:
    """What is wrong, where no other order of rows explains it."""
    if (np.nanmax(cases.scores, axis=1) == np.nanmin(cases.scores, axis=1)).all():
        return ("This recommender gives all items the same score, so there is nothing to explain.",)
    if check.users < _ENOUGH:
        return ()
    if check.beyond_chance < -3:
        cause = "Is a lower score the better one, as of a distance? Or does it put last what it was trained on?"
        return (f"This recommender ranks held-out items worse than chance. {cause}",)
    if check.beyond_chance < _SURE:
        return (f"This recommender ranks held-out items no better than chance. {_SAME_ORDER}",)
    by_id, auc = _knows_users(recommender), cases.auc()
    rng = np.random.default_rng(1)
    times = _SHUFFLES if by_id and check.users >= 100 else 0
    others = [_mean(replace(cases, scores=rng.permutation(cases.scores)).auc()) for _ in range(times)]
    if others and _mean(auc) < np.mean(others) + 2 * np.std(others) - 1e-6:
        what = "This recommender ranks a user's held-out item no better than by the scores of other users."
        return (f"{what} Are the users' ids and rows in the same order?",)
    loss = popular - auc
    if (by_id or getattr(recommender, "kind", "") in _FITTED) and _mean(loss) > max(3 * _error(loss), 0.02):
        return ("This recommender ranks held-out items clearly worse than popularity does.",)
    return ()


def _better_order(
    split: Split, recommender: Recommender, cases: _Cases, check: RankingCheck, until: float
) -> tuple[str, ...]:
    """What seems to be the order, where one of the usual mistakes explains far more; of those nearly alike the first.

    It must be beyond doubt better than the order given, and than the scores turned round.
    """
    if getattr(recommender, "kind", "") in _FITTED:
        return ()
    every = -(-len(cases.rows) // 200)
    some = _Cases.of(split, cases.rows[::every], cases.scores[::every])
    base, sure = some.auc(), list[tuple[str, float]]()
    for words, auc in _tried(split, recommender, some, check, until):
        both = np.isfinite(auc) & np.isfinite(base)
        if both.sum() >= 8:
            gain, mean = (auc - base)[both], float(auc[both].mean())
            sd = (check.chance_error or 0.0) * np.sqrt(check.users / both.sum())
            least = max(0.05, 5 * _error(gain), 0.25 * (1 - float(base[both].mean())))
            if gain.mean() > least and mean > max(0.5 + 4 * sd, 1 - (check.auc or 0.0)):
                sure.append((words, mean))
    highest = max((mean for _, mean in sure), default=0.0)
    level = "no better than chance" if check.beyond_chance < _SURE else "worse than it could"
    for words, mean in sure:
        if mean > highest - 0.02:
            seems = f"{_SAME_ORDER} It seems that they are not: {words}."
            taken = f"So taken, a held-out item ranks above {mean:.1%} of the other items."
            return (f"This recommender ranks held-out items {level}. {seems} {taken}",)
    return ()


def _tried(
    split: Split, recommender: Recommender, cases: _Cases, check: RankingCheck, until: float
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Other orders in words, and the AUC of each user so taken.

    Rows of items; where the recommender knows users by id, those of users too, or of both; where it is given histories
    as rows of items and knows nothing of them, these read in another order too.
    """
    of_items = possible_mistakes(split.dataset.item_ids, "items", split.dataset.sequence.tolist())
    yield from ((one.words, cases.auc(one.places)) for one in of_items)
    if _knows_users(recommender):
        for other in possible_mistakes(split.dataset.user_ids, "users"):
            if time.monotonic() > until:
                return
            users = _users(split, other.places[cases.rows].tolist())
            asked = replace(cases, scores=_scores(recommender, users))
            yield other.words, asked.auc()
            yield from ((f"{one.words}, and {other.words}", asked.auc(one.places)) for one in of_items)
    elif check.beyond_chance < 4 and getattr(recommender, "sees_indices", True):
        for one in of_items:
            if time.monotonic() > until:
                return
            users = [User(tuple(one.places[split.train_history(row)].tolist())) for row in cases.rows]
            yield one.words, replace(cases, scores=_scores(recommender, users)).auc(one.places)


def _inconsistency(recommender: Recommender, user: Sequence[User], scores: Floats) -> tuple[str, ...]:
    """Whether a user's scores are others when the user is asked about alone, and whether they change at all."""
    with undisturbed():
        np.random.random()  # noqa: NPY002  # what draws from global seeds draws something else now
        random.random()
        if torch := sys.modules.get("torch"):
            torch.rand(1)
        alone = _scores(recommender, user)
    rounding = 0.02 * (float(np.nanstd(alone)) or 1.0)
    if np.allclose(alone, scores, rtol=0, atol=rounding, equal_nan=True):
        return ()
    if np.allclose(alone, _scores(recommender, user), rtol=0, atol=rounding, equal_nan=True):
        return ("What it answers for a user depends on who else is asked about in the same call.",)
    return ("Asked the same twice, it answers differently: does it draw at random, or is dropout on (model.eval())?",)
