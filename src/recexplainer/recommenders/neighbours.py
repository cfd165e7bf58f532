"""Nearest items, and what an attribute of an item does among them.

An attribute contrast is an association among items that the recommender holds alike, not a change of the item: the
recommender sees items, not attributes. What an attribute is (a brand, a genre) is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Floats, Recommender, User
from recexplainer.recommenders.scoring import BATCH, score_batches


def unit_vectors(vectors: Floats) -> Floats:
    """The vectors at length one, `Float[n, d]`; zeros stay zeros."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def nearest_items(
    vectors: Floats, items: Sequence[int] | NDArray[np.integer], k: int, *, cosine: bool = True
) -> NDArray[np.int64]:
    """`Int[items, min(k, catalogue - 1)]`: the other items with the most similar vectors, nearest first.

    `vectors` are those of the catalogue, `Float[catalogue, d]`; similarity is the cosine or the inner product.
    """
    distinct, places = np.unique(np.asarray(items, np.int64), return_inverse=True)
    k = min(k, len(vectors) - 1)
    vectors = unit_vectors(vectors) if cosine else vectors
    nearest = np.empty((len(distinct), k), np.int64)
    for start in range(0, len(distinct) if k else 0, BATCH):
        part = distinct[start : start + BATCH]
        similarity = vectors[part] @ vectors.T
        similarity[np.arange(len(part)), part] = -np.inf
        nearest[start : start + BATCH] = np.argpartition(-similarity, range(k), axis=1)[:, :k]
    return nearest[places]


@dataclass(frozen=True, slots=True)
class AttributeContrast:
    """What one attribute of the item asked about does among the item's neighbours.

    The contrast is the mean score of the neighbours that have it minus that of those that lack it, divided by
    the standard deviation of the user's scores; None where either side has too few.
    """

    attribute: str
    contrast: float | None
    having: int  # how many neighbours have it
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
    """`[cases][attributes]`: those of each item asked about, the largest contrast first, those without one last.

    `attributes`, `[catalogue]`, are those of every item. As many `neighbours` are compared, the nearest by cosine of
    their vectors; those in the history are then left out. At least `least` must have an attribute, and as many lack it,
    for it to have a contrast. Where the recommender has no vectors, items are near if their scores correlate over the
    users of `sample`; at least two, better hundreds.

    Raises RecommenderError where there are no vectors and the sample is too small, or attributes or items do not fit.
    """
    n_items = recommender.n_items
    if len(attributes) != n_items:
        message = f"Attributes of {len(attributes):,} items are given, but the catalogue has {n_items:,}."
        hint = "Give a set for each item, an empty one where nothing is known."
        raise RecommenderError(message, location="attributes", hint=hint)
    if len(items) != len(users) or not all(0 <= item < n_items for item in items):
        message = f"{len(items)} items do not fit {len(users)} users and a catalogue of {n_items:,}."
        raise RecommenderError(message, location="items", hint="Give the index of one item for each user.")
    nearest = nearest_items(_vectors(recommender, sample), items, neighbours).tolist()
    contrasts: list[list[AttributeContrast]] = []
    for batch in score_batches(recommender, users):
        cases = zip(batch.users, items[batch.span], nearest[batch.span], batch.scores, batch.stds(), strict=True)
        for user, item, near, scores, std in cases:
            others = [other for other in near if other not in user.history]
            scores = scores / np.float32(std)
            found = [_contrast(name, attributes, others, scores, least) for name in sorted(attributes[item])]
            contrasts.append(sorted(found, key=lambda one: (one.contrast is None, -(one.contrast or 0.0))))
    return contrasts


def _contrast(
    name: str, attributes: Sequence[frozenset[str]], others: Sequence[int], scores: Floats, least: int
) -> AttributeContrast:
    having = [other for other in others if name in attributes[other]]
    lacking = [other for other in others if name not in attributes[other]]
    enough = min(len(having), len(lacking)) >= max(least, 1)
    contrast = float(scores[having].mean() - scores[lacking].mean()) if enough else None
    return AttributeContrast(name, contrast, len(having), len(lacking))


def _vectors(recommender: Recommender, sample: Sequence[User]) -> Floats:
    """`Float[items, d]`, whose cosine says how near items are: the item vectors, or else centered scores."""
    if recommender.has_vectors:
        return recommender.item_vectors()
    if len(sample) < 2:
        message = "This recommender has no vectors, and too few users are given to compare the scores of items over."
        raise RecommenderError(message, location="sample", hint="Give a few hundred users.")
    scores = np.concatenate([batch.scores for batch in score_batches(recommender, sample)]).T
    return scores - scores.mean(1, keepdims=True)
