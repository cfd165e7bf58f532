"""Stability: whether what a history item does to the score of an item depends on how one asks, or on the other items.

Leaving an item out is one way to ask, and moves those after it by a position. Others keep its place, put random items
of the catalogue there, or ask about parts of the history. An effect is stable where all of them agree; else it depends
on the rest of the history, and neither "for" nor "against" is true of it.

What arguments are and what is raised `ablation.py` says. All effects are in units of the recommender's score.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress, islice
from math import comb

import numpy as np
from numpy.typing import NDArray

from recexplainer.recommenders.ablation import Ablation, Masks, check_cases, history_rows, rank_of, remaining
from recexplainer.recommenders.base import Recommender, User

SUB_HISTORIES = 128
"""Parts of a history in which an item is asked about, with it and without it: all of a history of up to eight items."""
REPLACEMENTS = 12
"""Random items of the catalogue that stand in an item's place, one after the other."""
AGREEMENT = 0.95
"""The share of the sub-histories in which a stable effect goes the same way."""
SAMPLED_AGREEMENT = 0.965
"""The share of those drawn where there are too many: all but four of 128, so that it is most likely 95% of all."""
_ERRORS = 2.5  # standard errors that a mean must be away from zero
_CASES = 256  # asked about together
_NOISE = 0.1  # of the size from which on an effect counts: less is no effect in a part
_FIRST_PARTS = 16  # sub-histories that are asked about first
_FIRST_AGREEMENT = 0.93  # the share of these in which a stable effect goes the same way: all but one

_Histories = Sequence[Sequence[tuple[int, ...]]]  # [cases][histories]
_Scores = Sequence[NDArray[np.float64]]  # [cases] of Float[histories]


@dataclass(frozen=True, slots=True)
class Effect:
    """What a history item does to the score of an item, asked in several ways.

    Attributes:
        deletion: The score with it, minus the score where it is left out and the gap closed.
        padding: The same with the gap kept; None where the recommender knows no padding.
        replacement: The same with random items of the catalogue in its place, on average; None where the ways before
            this one do not agree, or the effect is too small to count: then it was not asked.
        replacement_error: The standard error of that mean.
        shapley: The mean of what it adds to parts of the history, all sizes alike: its Shapley value, or an estimate;
            None as before.
        shapley_error: The standard error of an estimate, 0 where all parts were asked about.
        agreement: The share of these parts in which it works the way that `deletion` says, by more than a tenth of what
            counts as an effect; 0 where not asked.
    """

    deletion: float
    padding: float | None = None
    replacement: float | None = None
    replacement_error: float = 0.0
    shapley: float | None = None
    shapley_error: float = 0.0
    agreement: float = 0.0

    @property
    def ways(self) -> dict[str, float]:
        """What was asked, by its name, with the answer."""
        names = ("deletion", "padding", "replacement", "shapley")
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    @property
    def agrees(self) -> bool:
        """Whether it goes the same way in nearly all sub-histories; where all were asked, `shapley` has no error."""
        return self.agreement >= (SAMPLED_AGREEMENT if self.shapley_error else AGREEMENT)

    @property
    def span(self) -> tuple[float, float]:
        """The smallest and the largest answer."""
        answers = self.ways.values()
        return min(answers), max(answers)

    def counts(self, least: float) -> bool:
        """Whether it counts by one way to ask at least: the answer is as large as `least`."""
        return max(map(abs, self.ways.values())) >= least

    def sign(self, least: float) -> int:
        """Whether it counts for the item (1) or against it (-1), however one asks; 0 where it does not.

        `least` is the size from which on an effect counts.
        """
        sign = 1 if self.deletion > 0 else -1
        if self.replacement is None or self.shapley is None or abs(self.deletion) < least:
            return 0
        agrees = all(sign * value > 0 for value in self.ways.values()) and self.agrees
        certain = sign * self.shapley >= max(least, _ERRORS * self.shapley_error)
        return sign if agrees and certain and sign * self.replacement > _ERRORS * self.replacement_error else 0


@dataclass(frozen=True, slots=True, eq=False)
class CaseEffects:
    """What each history item of a case does, and where the item asked about stands without it: both `[history]`."""

    effects: tuple[Effect, ...]
    ranks: tuple[int, ...]


@dataclass(slots=True)
class _Case:
    """A case while it is asked about."""

    user: User
    item: int
    least: float
    effects: list[Effect] = field(default_factory=list[Effect])
    ranks: list[int] = field(default_factory=list[int])
    open: list[int] = field(default_factory=list[int])
    """Places in the history whose effect may be stable."""

    @property
    def rng(self) -> np.random.Generator:
        """The same for the same history and item, whatever else is asked."""
        return np.random.default_rng([self.item, *self.user.history])


def history_effects(
    recommender: Recommender, users: Sequence[User], items: Sequence[int], least: Sequence[float]
) -> list[CaseEffects]:
    """What each history item does to the score of the item asked about, `[cases]`.

    The recommender is asked four times for up to 256 cases together: without each item, and with a gap in its place;
    with random items in place of those that may count; and twice in sub-histories about those that still may. `least`
    is the size from which on an effect counts, `Float[cases]`; a smaller one is asked for once only. A history of n
    items takes 2 n + 1 questions, and at most 141 more for each item that may count, and 128 for the sub-histories.
    """
    check_cases(recommender, users, items)
    cases = [_Case(*each) for each in zip(users, items, least, strict=True)]
    for start in range(0, len(cases), _CASES):
        some = cases[start : start + _CASES]
        _leave_out(recommender, some)
        _replace(recommender, some)
        _ask_parts(recommender, some)
    return [CaseEffects(tuple(case.effects), tuple(case.ranks)) for case in cases]


def _leave_out(recommender: Recommender, cases: Sequence[_Case]) -> None:
    """Without each history item, the gap closed and kept."""
    ablations: tuple[Ablation, ...] = ("deletion", "padding") if hasattr(recommender, "padding_item") else ("deletion",)
    histories: list[list[tuple[int, ...]]] = []
    for case in cases:
        history = case.user.history
        masks = (~np.eye(len(history), dtype=bool)).tolist()
        left = [remaining(recommender, history, mask, ablation) for ablation in ablations for mask in masks]
        histories.append([history, *left])
    scores = [np.empty(len(own)) for own in histories]
    ranks = [np.zeros(len(own), np.int64) for own in histories]
    for at, number, row, score in _rows(recommender, cases, histories):
        scores[at][number] = score
        if 1 <= number <= len(cases[at].user.history):
            ranks[at][number] = rank_of(row, score, cases[at].user, cases[at].item)
    for case, score, rank in zip(cases, scores, ranks, strict=True):
        case.ranks = rank[1 : len(case.user.history) + 1].tolist()
        moved = (score[0] - score[1:]).reshape(len(ablations), -1)
        case.effects = [Effect(*own) for own in moved.T.tolist()]
        case.open = [place for place, effect in enumerate(case.effects) if _may_count(effect, case.least)]


def _may_count(effect: Effect, least: float) -> bool:
    return abs(effect.deletion) >= least and (effect.padding is None or effect.deletion * effect.padding > 0)


def _replace(recommender: Recommender, cases: Sequence[_Case]) -> None:
    """With random items of the catalogue in the place of each that may count, the same for all of a case."""
    histories: list[list[tuple[int, ...]]] = []
    for case in cases:
        history, drawn = case.user.history, _random_items(case, recommender.n_items)
        changed = [(*history[:place], one, *history[place + 1 :]) for place in case.open for one in drawn]
        histories.append([history, *changed] if changed else [])
    for case, score in zip(cases, _scores(recommender, cases, histories), strict=True):
        if not case.open:
            continue
        moved = (score[0] - score[1:]).reshape(len(case.open), -1)
        still: list[int] = []
        for place, own in zip(case.open, moved, strict=True):
            mean, error = _mean(own)
            case.effects[place] = replace(case.effects[place], replacement=mean, replacement_error=error)
            if mean * case.effects[place].deletion > 0:
                still.append(place)
        case.open = still


def _ask_parts(recommender: Recommender, cases: Sequence[_Case]) -> None:
    """In sub-histories with the item and without it: in some of those drawn, and where these agree in the others."""
    parts = {(at, place): _parts_beside(case, place) for at, case in enumerate(cases) for place in case.open}
    added = {key: np.empty(0) for key in parts}
    for start in (0, _FIRST_PARTS):
        still = [(at, place) for at, case in enumerate(cases) for place in case.open]
        asked = {key: parts[key].masks[start : parts[key].first if start == 0 else None] for key in still}
        for (at, place), more in _added(recommender, cases, asked).items():
            added[at, place] = np.concatenate([added[at, place], more])
            case, own = cases[at], parts[at, place]
            case.effects[place] = own.told(case.effects[place], added[at, place], _NOISE * case.least)
        for at, case in enumerate(cases):
            agree = (place for place in case.open if case.effects[place].agreement >= _FIRST_AGREEMENT)
            case.open = [place for place in agree if not parts[at, place].is_whole]


def _added(
    recommender: Recommender, cases: Sequence[_Case], asked: Mapping[tuple[int, int], Masks]
) -> dict[tuple[int, int], NDArray[np.float64]]:
    """What the item at a place of a case adds to parts of its history that hold it, `Float[parts]`."""
    histories: list[list[tuple[int, ...]]] = [[] for _ in cases]
    for (at, place), masks in asked.items():
        without = masks.copy()
        without[:, place] = False
        both = np.vstack([masks, without]).tolist()
        histories[at] += [tuple(compress(cases[at].user.history, mask)) for mask in both]
    scores = [iter(each) for each in _scores(recommender, cases, histories)]
    added: dict[tuple[int, int], NDArray[np.float64]] = {}
    for (at, place), masks in asked.items():
        with_it, without = np.array([*islice(scores[at], 2 * len(masks))]).reshape(2, -1)
        added[at, place] = with_it - without
    return added


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """Parts of a history that hold one of its items, `Bool[parts, history]`.

    `weights`, `Float[parts]`, are such that what the item adds to the parts is its Shapley value; None: all alike, for
    they are drawn.
    """

    masks: Masks
    weights: NDArray[np.float64] | None

    @property
    def is_whole(self) -> bool:
        """Whether these are all parts."""
        return self.weights is not None

    @property
    def first(self) -> int:
        """How many are asked about first."""
        return len(self.masks) if self.is_whole else _FIRST_PARTS

    def told(self, effect: Effect, added: NDArray[np.float64], noise: float) -> Effect:
        """The effect, with what the item adds to the first of the parts, as many as there are values."""
        agrees = np.sign(effect.deletion) * added > noise
        mean, error = _mean(added) if self.weights is None else (float(self.weights @ added), 0.0)
        agreement = float(np.average(agrees, weights=self.weights))
        return replace(effect, shapley=mean, shapley_error=error, agreement=agreement)


def _parts_beside(case: _Case, place: int) -> _Parts:
    """All parts of a short history that hold the item at a place, else some, drawn with all sizes alike often."""
    n = len(case.user.history)
    if 2 ** (n - 1) <= SUB_HISTORIES:
        others = (np.arange(2 ** (n - 1))[:, None] >> np.arange(n - 1) & 1).astype(bool)
        sizes = others.sum(axis=1)
        weights = np.array([1 / (n * comb(n - 1, size)) for size in sizes.tolist()])
        return _Parts(np.insert(others, place, True, axis=1), weights)
    masks = _sub_histories(case.rng, n)
    masks[:, place] = True
    return _Parts(masks, None)


def _sub_histories(rng: np.random.Generator, n: int) -> Masks:
    """Random parts of a history of n items, all sizes from none to all alike often.

    What an item adds to such a part, if it is left out of it, is its Shapley value on average.
    """
    sizes = np.arange(SUB_HISTORIES) * (n + 1) // SUB_HISTORIES
    sizes = sizes.reshape(_FIRST_PARTS, -1).T.ravel()  # the first have all sizes
    return rng.random((SUB_HISTORIES, n)).argsort(1).argsort(1) < sizes[:, None]


def _random_items(case: _Case, n_items: int) -> list[int]:
    """Different items of the catalogue that the case has nothing to do with; of a tiny catalogue any."""
    taken = {case.item, *case.user.history}
    drawn = case.rng.choice(n_items, min(n_items, REPLACEMENTS + len(taken)), replace=False).tolist()
    return ([one for one in drawn if one not in taken] or drawn)[:REPLACEMENTS]


def _mean(values: NDArray[np.float64]) -> tuple[float, float]:
    """A mean and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / len(values) ** 0.5) if len(values) > 1 else 0.0


def _scores(recommender: Recommender, cases: Sequence[_Case], histories: _Histories) -> _Scores:
    scores = [np.empty(len(own)) for own in histories]
    for at, number, _, score in _rows(recommender, cases, histories):
        scores[at][number] = score
    return scores


def _rows(
    recommender: Recommender, cases: Sequence[_Case], histories: _Histories
) -> Iterator[tuple[int, int, NDArray[np.float32], float]]:
    return history_rows(recommender, [case.user for case in cases], [case.item for case in cases], histories)
