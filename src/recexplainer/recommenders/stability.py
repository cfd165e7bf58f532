"""Stability: whether what a history item does to the score of an item depends on how one asks, or on the other items.

Leaving an item out is one way to ask, and moves those after it by a position. Others keep its place, put random items
of the catalogue there, or ask about parts of the history. An effect is stable where all of them agree; else it depends
on the rest of the history, and neither "for" nor "against" is true of it.

What arguments are and what is raised `ablation.py` says. All effects are in units of the recommender's score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import compress
from math import comb

import numpy as np
from numpy.typing import NDArray

from recexplainer.recommenders.ablation import (
    Ablation,
    Masks,
    all_subsets,
    check_cases,
    history_rows,
    history_scores,
    random_subsets,
    rank_of,
    remaining,
)
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

_History = tuple[int, ...]


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
        """Whether it has at least this size by any way to ask, and is not nothing."""
        size = max(map(abs, self.ways.values()))
        return size >= least and size > 0

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
    ranks: list[int] = field(init=False)
    open: list[int] = field(default_factory=list[int])
    """Places in the history whose effect may be stable."""

    def __post_init__(self) -> None:
        self.ranks = [0] * len(self.user.history)

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
    histories = [[case.user.history, *_without_each(recommender, case.user.history, ablations)] for case in cases]
    scores = [np.empty(len(own)) for own in histories]
    for at, number, row, score in history_rows(recommender, *_asked(cases), histories):
        case, scores[at][number] = cases[at], score
        if 1 <= number <= len(case.ranks):
            case.ranks[number - 1] = rank_of(row, score, case.user, case.item)
    for case, score in zip(cases, scores, strict=True):
        moved = (score[0] - score[1:]).reshape(len(ablations), -1)
        case.effects = [Effect(*own) for own in moved.T.tolist()]
        case.open = [place for place, effect in enumerate(case.effects) if _may_count(effect, case.least)]


def _without_each(recommender: Recommender, history: _History, ablations: Sequence[Ablation]) -> list[_History]:
    masks = (~np.eye(len(history), dtype=bool)).tolist()
    return [remaining(recommender, history, mask, ablation) for ablation in ablations for mask in masks]


def _may_count(effect: Effect, least: float) -> bool:
    return abs(effect.deletion) >= least and (effect.padding is None or effect.deletion * effect.padding > 0)


def _replace(recommender: Recommender, cases: Sequence[_Case]) -> None:
    """With random items of the catalogue in the place of each that may count, the same for all of a case."""
    cases = [case for case in cases if case.open]
    histories: list[list[_History]] = []
    for case in cases:
        history, drawn = case.user.history, _random_items(case, recommender.n_items)
        changed = [(*history[:place], one, *history[place + 1 :]) for place in case.open for one in drawn]
        histories.append([history, *changed])
    for case, score in zip(cases, _scores(recommender, cases, histories), strict=True):
        for place, own in zip(case.open, (score[0] - score[1:]).reshape(len(case.open), -1), strict=True):
            mean, error = _mean(own)
            case.effects[place] = replace(case.effects[place], replacement=mean, replacement_error=error)
        answers = ((place, case.effects[place]) for place in case.open)
        case.open = [place for place, one in answers if one.replacement and one.replacement * one.deletion > 0]


def _ask_parts(recommender: Recommender, cases: Sequence[_Case]) -> None:
    """In parts of the history with the item and without it: first in some of those drawn, then in the others."""
    parts = [_parts_beside(case, place) for case in cases for place in case.open]
    _ask_further(recommender, parts)
    _ask_further(recommender, [one for one in parts if one.is_open])


def _ask_further(recommender: Recommender, parts: Sequence[_Parts]) -> None:
    """What each item adds to the parts of its history that are next."""
    histories = [one.next_histories() for one in parts]
    for one, scores in zip(parts, _scores(recommender, [one.case for one in parts], histories), strict=True):
        with_it, without = np.split(scores, 2)
        one.take(with_it - without)


@dataclass(slots=True, eq=False)
class _Parts:
    """Parts of a history that hold the item at a `place`, `Bool[parts, history]`.

    `weights`, `Float[parts]`, are such that what the item adds to the parts is its Shapley value; None: all alike, for
    they are drawn. `added`, `Float[asked]`, is what it adds to those that were asked about.
    """

    case: _Case
    place: int
    masks: Masks
    weights: NDArray[np.float64] | None = None
    added: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    @property
    def is_open(self) -> bool:
        """Whether there are others to ask about, and those before agree."""
        agreement = self.case.effects[self.place].agreement
        return len(self.added) < len(self.masks) and agreement >= _FIRST_AGREEMENT

    def next_histories(self) -> list[_History]:
        """The parts to ask about next, and then the same without the item."""
        first = _FIRST_PARTS if self.weights is None and not len(self.added) else None
        masks = self.masks[len(self.added) : first]
        without = masks.copy()
        without[:, self.place] = False
        return [tuple(compress(self.case.user.history, mask)) for mask in np.vstack([masks, without]).tolist()]

    def take(self, added: NDArray[np.float64]) -> None:
        """Put what the item adds to these parts into its effect."""
        self.added = np.concatenate([self.added, added])
        effect = self.case.effects[self.place]
        agrees = np.sign(effect.deletion) * self.added > _NOISE * self.case.least
        mean, error = _mean(self.added) if self.weights is None else (float(self.weights @ self.added), 0.0)
        agreement = float(np.average(agrees, weights=self.weights))
        self.case.effects[self.place] = replace(effect, shapley=mean, shapley_error=error, agreement=agreement)


def _parts_beside(case: _Case, place: int) -> _Parts:
    """All parts of a short history that hold the item at a place, else some, drawn with all sizes alike often."""
    n = len(case.user.history)
    if 2 ** (n - 1) <= SUB_HISTORIES:
        others = all_subsets(n - 1)
        weights = np.array([1 / (n * comb(n - 1, size)) for size in others.sum(axis=1).tolist()])
        return _Parts(case, place, np.insert(others, place, True, axis=1), weights)
    sizes = np.arange(SUB_HISTORIES) * (n + 1) // SUB_HISTORIES
    sizes = sizes.reshape(_FIRST_PARTS, -1).T.ravel()  # the first have all sizes
    masks = random_subsets(case.rng, sizes, n)  # what an item adds to such a part is on average its Shapley value
    masks[:, place] = True
    return _Parts(case, place, masks)


def _random_items(case: _Case, n_items: int) -> list[int]:
    """Different items of the catalogue that the case has nothing to do with; of a tiny catalogue any."""
    taken = {case.item, *case.user.history}
    drawn = case.rng.choice(n_items, min(n_items, REPLACEMENTS + len(taken)), replace=False).tolist()
    return ([one for one in drawn if one not in taken] or drawn)[:REPLACEMENTS]


def _mean(values: NDArray[np.float64]) -> tuple[float, float]:
    """A mean and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / len(values) ** 0.5) if len(values) > 1 else 0.0


def _scores(
    recommender: Recommender, cases: Sequence[_Case], histories: Sequence[Sequence[_History]]
) -> list[NDArray[np.float64]]:
    """The score of each case's item with each of its histories, `[cases]` of `Float[histories]`."""
    return history_scores(recommender, *_asked(cases), histories)


def _asked(cases: Sequence[_Case]) -> tuple[list[User], list[int]]:
    return [case.user for case in cases], [case.item for case in cases]
