"""Which attributes of an item matter to f: whether its neighbours that have one score higher than those that have not.

A question to f alone. It does not know what an attribute is: a brand, a genre and a platform are names like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Floats, Recommender, User
from recexplainer.recommenders.score_std import unseen_score_std

_BATCH = 1024


@dataclass(frozen=True, slots=True)
class AttributeContrast:
    """What one attribute of the item asked about does among its neighbours.

    Attributes:
        attribute: Its name.
        effect: Mean score of the neighbours that have it minus that of those that have not, in units of the standard
            deviation of f's scores over the items not in the history; None where either side has too few.
        having: How many neighbours have it.
        lacking: How many have it not.
    """

    attribute: str
    attribution: float | None
    having: int
    lacking: int


def attribute_contrasts(
    recommender: Recommender,
    attributes: Sequence[frozenset[str]],
    users: Sequence[User],
    items: Sequence[int],
    *,
    neighbours: int = 50,
    least: int = 1,
    sample: Sequence[User] = (),
) -> list[list[AttributeContrast]]:
    """The attributes of each item asked about, those that raise the score most first.

    It is an association among items that f holds alike, not a change of the item: f sees items, not attributes.

    Args:
        recommender: f.
        attributes: `[items]`, the attributes of every item of the catalogue.
        users: `[cases]`.
        items: The item asked about in each case, `[cases]`.
        neighbours: How many nearest items are compared, by cosine in f's item vectors; those in the history are then
            left out.
        least: How many neighbours must have an attribute, and how many lack it, at least one, for it to have an effect.
        sample: Where f has no vectors, items are near if their scores correlate over these users; at least two, better
            hundreds.

    Returns:
        `[cases][attributes of the item]`; attributes without an effect come last.

    Raises:
        RecommenderError: f has no vectors and the sample is too small, or attributes or items do not fit the catalogue.
    """
    _check(recommender, attributes, users, items)
    near = _nearest(_directions(recommender, sample), items, neighbours)
    attributions: list[list[AttributeContrast]] = []
    for start in range(0, len(users), _BATCH):
        part = users[start : start + _BATCH]
        for user, item, row in zip(part, items[start : start + _BATCH], recommender.scores(part), strict=True):
            others = [other for other in near[item] if other not in user.history]
            scores = row / unseen_score_std(row, user.history)
            found = [_effect(name, attributes, others, scores, least) for name in sorted(attributes[item])]
            attributions.append(sorted(found, key=lambda one: (one.attribution is None, -(one.attribution or 0.0))))
    return attributions


def _effect(
    name: str, attributes: Sequence[frozenset[str]], others: Sequence[int], scores: Floats, least: int
) -> AttributeContrast:
    having = [other for other in others if name in attributes[other]]
    lacking = [other for other in others if name not in attributes[other]]
    enough = min(len(having), len(lacking)) >= max(least, 1)
    attribution = float(scores[having].mean() - scores[lacking].mean()) if enough else None
    return AttributeContrast(name, attribution, len(having), len(lacking))


def _directions(recommender: Recommender, sample: Sequence[User]) -> Floats:
    """Unit vectors `Float[items, d]` whose products say how near items are."""
    if recommender.has_vectors:
        vectors = recommender.item_vectors()
    elif len(sample) < 2:
        raise RecommenderError(
            "This recommender has no vectors, and too few users are given to compare the scores of items over.",
            location="sample",
            hint="Give a few hundred users.",
        )
    else:
        batches = [recommender.scores(sample[start : start + _BATCH]) for start in range(0, len(sample), _BATCH)]
        scores = np.concatenate(batches).T
        vectors = scores - scores.mean(1, keepdims=True)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _nearest(unit: Floats, items: Sequence[int], count: int) -> dict[int, list[int]]:
    """The nearest items of each item, itself left out; of equally near ones those that come first."""
    nearest: dict[int, list[int]] = {}
    for item in set(items):
        order = np.argsort(-(unit @ unit[item]), kind="stable")
        nearest[item] = order[order != item][:count].tolist()
    return nearest


def _check(
    recommender: Recommender, attributes: Sequence[frozenset[str]], users: Sequence[User], items: Sequence[int]
) -> None:
    """Raise RecommenderError for what does not fit together."""
    if len(attributes) != recommender.n_items:
        raise RecommenderError(
            f"Attributes of {len(attributes):,} items are given, but the catalogue has {recommender.n_items:,}.",
            location="attributes",
            hint="Give a set for each item, an empty one where nothing is known.",
        )
    if len(items) != len(users) or not all(0 <= item < recommender.n_items for item in items):
        raise RecommenderError(
            f"{len(items)} items do not fit {len(users)} users and a catalogue of {recommender.n_items:,}.",
            location="items",
            hint="Give the index of one item for each user.",
        )
