"""Which attributes of history items move scores and decide lists: brand, genres, platforms.

Two questions of each kind of attribute, both by changing histories:

- *raised*: one more item that has an attribute is put at the end of the history, against one that lacks it: by how
  much more does the score of other items with that attribute rise than that of items without?
- *stays with the same*: each history item is replaced by another one with the very same attribute. The places of the
  list that depend on the history stay if nothing but that attribute counts.

What an attribute stands for beside brand, genres and platforms (a series, an age) is not told apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from recexplainer.audit.changed_histories import places_that_stay
from recexplainer.audit.deciding import Deciding
from recexplainer.audit.measured import Measured
from recexplainer.audit.sample import Sample
from recexplainer.data.attributes import Attributes
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.scoring import score_batches, truncate

KINDS = {"brand": "brand", "genres": "genre", "platforms": "platform"}
"""The kinds of attributes, each with the word for a single one."""
RAISED, SAME = "raised_by_{}", "stays_with_same_{}"
FEWEST_ITEMS = 4  # that an attribute must have, and that must lack it
_DRAWS, _SAME_DRAWS = 3, 2
_TOGETHER = 512  # items added, asked about together
_REPLACED = 0.75  # share of a history that must have been replaced, or what stays may be due to the rest

Values = Sequence[frozenset[str]]
"""`[items]`, the values of one kind of attribute that each item has."""


def attribute_values(attributes: Attributes) -> dict[str, Values]:
    """The values of each kind of which at least two values are known of enough items."""
    lists: Mapping[str, Sequence[Sequence[str]]] = {
        "brand": [(brand,) if brand else () for brand in attributes.brands],
        "genres": attributes.genres,
        "platforms": attributes.platforms,
    }
    found = {kind: [frozenset(values) for values in of_items] for kind, of_items in lists.items()}
    return {kind: values for kind, values in found.items() if len(_large(values)) >= 2}


def _items_by_value(values: Values) -> dict[str, NDArray[np.int64]]:
    """For each value the items that have it."""
    items: defaultdict[str, list[int]] = defaultdict(list)
    for item, own in enumerate(values):
        for name in own:
            items[name].append(item)
    return {name: np.array(own, np.int64) for name, own in sorted(items.items())}


def _large(values: Values) -> dict[str, NDArray[np.int64]]:
    """The same for each value that enough items have, and enough lack."""
    most = len(values) - FEWEST_ITEMS
    return {name: own for name, own in _items_by_value(values).items() if FEWEST_ITEMS <= len(own) <= most}


@dataclass(frozen=True, slots=True)
class _Added:
    """An attribute, and the items that are put at the end of a user's history: one that has it, and one that lacks it.

    `free` is `Bool[items]`: which items the effect is measured on; `has` which of all have the attribute.
    """

    owner: int
    name: str
    having: int
    lacking: int
    free: NDArray[np.bool_]
    has: NDArray[np.bool_]

    def effect(self, moved: NDArray[np.float64]) -> float:
        """By how much more the score of items with the attribute rises; NaN where there is no item to compare."""
        inside, outside = moved[self.has & self.free], moved[~self.has & self.free]
        return float(inside.mean() - outside.mean()) if len(inside) and len(outside) else np.nan


def raised(
    recommender: Recommender, sample: Sample, kind: str, kinds: Mapping[str, Values], seed: int
) -> dict[str, Measured]:
    """By how much one more item with an attribute raises others that have it, in standard deviations of the scores.

    Measured for "", all attributes of a kind together, and for each attribute by its name. Three of the kind are drawn
    for each user, as often as items have them; at most six questions a user. Not counted are items that share an
    attribute of another kind with the item that is added: they may rise by that.
    """
    effects: dict[str, defaultdict[int, list[float]]] = {name: defaultdict(list) for name in ("", *_large(kinds[kind]))}
    drawn = _draw_added(sample, kind, kinds, seed)
    while added := list(islice(drawn, _TOGETHER)):
        for one, effect in zip(added, _effects(recommender, sample, added), strict=True):
            if not np.isnan(effect):
                for name in ("", one.name):
                    effects[name][one.owner].append(effect)
    return {name: Measured.mean(RAISED.format(kind), _means(of, len(sample))) for name, of in effects.items()}


def _effects(recommender: Recommender, sample: Sample, added: Sequence[_Added]) -> list[float]:
    """The effect of each in standard deviations of its user's scores, NaN where there is none."""
    histories = [
        User(truncate((*user.history, item), recommender), user.id)
        for one in added
        for user in [sample.users[one.owner]]
        for item in (one.having, one.lacking)
    ]
    effects: list[float] = []
    before = np.empty(0, np.float32)
    for batch in score_batches(recommender, histories):
        for place, scores in enumerate(batch.scores, batch.start):
            if place % 2 == 0:
                before = scores
                continue
            one = added[place // 2]
            effects.append(one.effect(before.astype(np.float64) - scores) / float(sample.stds[one.owner]))
    return effects


def _means(values: Mapping[int, Sequence[float]], users: int) -> list[float]:
    return [float(np.mean(values[owner])) if owner in values else np.nan for owner in range(users)]


def _draw_added(sample: Sample, kind: str, kinds: Mapping[str, Values], seed: int) -> Iterator[_Added]:
    n_items = len(kinds[kind])
    large = _large(kinds[kind])
    others = [(values, _items_by_value(values)) for other, values in kinds.items() if other != kind]
    names, weights = list(large), np.array([len(own) for own in large.values()], np.float64)
    for owner, user in enumerate(sample.users):
        rng = np.random.default_rng([seed, int(sample.rows[owner]), len(kind)])
        for number in rng.choice(len(names), _DRAWS, p=weights / weights.sum()).tolist():
            free, has = np.ones(n_items, np.bool_), np.zeros(n_items, np.bool_)
            free[list(user.history)] = False
            has[large[names[number]]] = True
            having, lacking = np.flatnonzero(has & free), np.flatnonzero(~has & free)
            if len(having) > 1 and len(lacking) > 1:
                one, other = int(rng.choice(having)), int(rng.choice(lacking))
                free[[one, other]] = False
                for values, items in others:
                    for name in values[one]:
                        free[items[name]] = False
                yield _Added(owner, names[number], one, other, free, has)


def stays_with_same(
    recommender: Recommender, sample: Sample, deciding: Deciding, kind: str, values: Values, seed: int
) -> Measured:
    """The share of the places that depend on the history that stay when only this kind of attribute does.

    Two questions a user. A user counts if three quarters of the history have another item with the very same values,
    that the history lacks; places whose item is put into the history do not count.
    """
    alike: defaultdict[frozenset[str], list[int]] = defaultdict(list)
    for item, own in enumerate(values):
        if own:
            alike[own].append(item)
    owners: list[int] = []
    histories: list[tuple[int, ...]] = []
    for owner, user in enumerate(sample.users):
        rng = np.random.default_rng([seed, int(sample.rows[owner]), len(kind), 1])
        for _ in range(_SAME_DRAWS):
            changed = _replaced(user.history, sample.lists[owner].tolist(), values, alike, rng)
            if changed is not None:
                owners.append(owner)
                histories.append(changed)
    stayed = places_that_stay(recommender, sample, owners, histories)
    top, of = np.zeros(len(sample)), np.zeros(len(sample))
    for owner, own in zip(owners, stayed, strict=True):
        counted = deciding.dependent[owner] & ~np.isnan(own)
        top[owner] += own[counted].sum()
        of[owner] += counted.sum()
    return Measured.ratio(SAME.format(kind), top, of)


def _replaced(
    history: tuple[int, ...],
    offered: Sequence[int],
    values: Values,
    alike: Mapping[frozenset[str], Sequence[int]],
    rng: np.random.Generator,
) -> tuple[int, ...] | None:
    """The history with each item replaced by one with the same values, rather none that is offered; None: too few."""
    taken, changed = set(history), list(history)
    for place, item in enumerate(history):
        others = [other for other in alike.get(values[item], ()) if other not in taken]
        others = [other for other in others if other not in offered] or others
        if others:
            changed[place] = int(rng.choice(others))
            taken.add(changed[place])
    replaced = sum(new != old for new, old in zip(changed, history, strict=True))
    return tuple(changed) if replaced >= _REPLACED * len(history) else None
