"""The people of the embedded world: their tastes, and what they buy one thing after another.

Each purchase is drawn from a softmax over the catalogue (by adding Gumbel noise and taking the maximum). What speaks
for a product: its popularity, the person's platforms, genres (which drift from the first purchase to the last) and
favorite brand, and what was bought before: a sequel after its predecessor, an accessory after a console, a companion.
It knows the products and nothing of how they are described.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recexplainer.data.sample.catalogue import Product

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

MIN_HISTORY, MAX_HISTORY = 5, 14
MEAN_HISTORY = 8.0

# Strengths, in units of log odds.
FOREIGN_PLATFORM = -7.0
GENRE = 2.4
FAVORITE_GENRE = 1.8
SECOND_GENRE = 0.5
BRAND = 1.2
POPULARITY = 0.55
LATER_PART = -3.0
NEXT_PART_NOW, NEXT_PART_LATER = 3.0, 3.0
ACCESSORY_NOW, ACCESSORY_LATER = 2.5, 1.0
MADE_FOR_GENRE = 1.5
DEVICE_MEAN, DEVICE_SPREAD = 0.8, 0.8
COMPANIONS = (3.5, 3.0, 2.5)


@dataclass(frozen=True)
class _Pulls:
    """What one purchase does to the next ones; all `[items bought, items next]`."""

    now: Floats
    later: Floats
    excluded: Bools


def make_histories(
    products: Sequence[Product], users: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Draw what each person bought, in order.

    Returns:
        `offsets`, `Int[users + 1]`, and `sequence`, `Int[interactions]`: item indices, oldest first within each user.
    """
    spread = MAX_HISTORY - MIN_HISTORY
    lengths = MIN_HISTORY + rng.binomial(spread, (MEAN_HISTORY - MIN_HISTORY) / spread, size=users)
    early, late = _tastes(products, users, rng)
    bought = _buy(early, late, _pulls(products, rng), rng)
    kept = np.arange(MAX_HISTORY) < lengths[:, None]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return offsets, bought[kept].astype(np.int32)


def _buy(early: Floats, late: Floats, pulls: _Pulls, rng: np.random.Generator) -> NDArray[np.int64]:
    """`Int[users, MAX_HISTORY]`: everyone buys `MAX_HISTORY` items; the caller cuts."""
    users, items = early.shape
    bought = np.zeros((users, MAX_HISTORY), dtype=np.int64)
    pulled = np.zeros((users, items), dtype=np.float32)
    excluded = np.zeros((users, items), dtype=np.bool_)
    for step in range(MAX_HISTORY):
        drift = step / (MAX_HISTORY - 1)
        appeal = (1 - drift) * early + drift * late + pulled
        if step:
            appeal += pulls.now[bought[:, step - 1]]
        appeal += rng.gumbel(size=appeal.shape).astype(np.float32)
        appeal[excluded] = -np.inf
        choice = appeal.argmax(axis=1)
        bought[:, step] = choice
        pulled += pulls.later[choice]
        excluded |= pulls.excluded[choice]
    return bought


def _tastes(products: Sequence[Product], users: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Appeal of each product at a person's first and last purchase, each `Float[users, items]`."""
    platforms = _membership([product.platforms for product in products])
    brands = _membership([(product.brand,) for product in products])
    genres = _genre_membership(products)

    owned = _favorites(users, platforms.shape[1], np.array([0.6, 0.4]), rng)
    steady = FOREIGN_PLATFORM * (owned @ platforms.T == 0)
    steady += BRAND * _favorites(users, brands.shape[1], np.array([1.0]), rng) @ brands.T
    steady += _popularity(products, rng)
    steady += rng.normal(DEVICE_MEAN, DEVICE_SPREAD, size=(users, 1)) * _devices(products)

    n_liked = rng.integers(1, 4, size=(users, 1))
    place = _random_ranks(users, genres.shape[1], rng)
    liked = GENRE * (place < n_liked)
    early = steady + (liked + FAVORITE_GENRE * (place == 0)) @ genres.T
    late = steady + (liked + FAVORITE_GENRE * (place == n_liked - 1)) @ genres.T
    return early.astype(np.float32), late.astype(np.float32)


def _popularity(products: Sequence[Product], rng: np.random.Generator) -> Floats:
    """`Float[items]`: Zipf's law over a random order; later parts are rarely bought out of the blue."""
    rank = 1 + rng.permutation(len(products))
    later_part = np.array([product.part > 0 for product in products])
    return (LATER_PART * later_part - POPULARITY * np.log(rank)).astype(np.float32)


def _pulls(products: Sequence[Product], rng: np.random.Generator) -> _Pulls:
    sequel = _pairs(products, lambda first, then: first.series == then.series != "" and then.part == first.part + 1)
    accessory = _pairs(
        products, lambda first, then: first.is_console and then.is_device and first.platforms == then.platforms
    )
    made_for = _pairs(products, _is_made_for)
    other_console = _pairs(
        products, lambda first, then: first.is_console and then.is_console and first.platforms == then.platforms
    )
    now = NEXT_PART_NOW * sequel + ACCESSORY_NOW * accessory + MADE_FOR_GENRE * made_for
    return _Pulls(
        now=(now + _companions(products, rng)).astype(np.float32),
        later=(NEXT_PART_LATER * sequel + ACCESSORY_LATER * accessory).astype(np.float32),
        excluded=other_console | np.eye(len(products), dtype=np.bool_),
    )


def _is_made_for(game: Product, device: Product) -> bool:
    fits = not game.is_device and device.is_device and device.platforms[0] in game.platforms
    return fits and game.genres[0] in device.genres[1:]


def _companions(products: Sequence[Product], rng: np.random.Generator) -> Floats:
    """`Float[items, items]`: each item pulls a few others of its platform, and of its genre if possible."""
    pulls = np.zeros((len(products), len(products)), dtype=np.float32)
    for index, product in enumerate(products):
        near = np.array([_nearness(product, other) for other in products]) + 0.5 * rng.random(len(products))
        near[index] = -1.0
        pulls[index, np.argsort(-near)[: len(COMPANIONS)]] = COMPANIONS
    return pulls


def _nearness(product: Product, other: Product) -> int:
    """How alike two products are; parts of one series count as unlike, since sequels have a pull of their own."""
    if product.series and product.series == other.series:
        return 0
    return 2 * bool({*product.platforms} & {*other.platforms}) + bool({*product.genres} & {*other.genres})


def _pairs(products: Sequence[Product], holds: Callable[[Product, Product], bool]) -> Bools:
    """`Bool[items, items]`: whether it holds of the row's product and the column's."""
    return np.array([[holds(first, then) for then in products] for first in products], dtype=np.bool_)


def _membership(groups: Sequence[Iterable[str]]) -> Floats:
    """`Float[items, names]`: 1 where an item has the name; names in order of first appearance."""
    names = list(dict.fromkeys(name for group in groups for name in group))
    return np.array([[float(name in group) for name in names] for group in groups], dtype=np.float32)


def _genre_membership(products: Sequence[Product]) -> Floats:
    """`Float[items, game genres]`: 1 for a game's main genre, less for its second or for a device made for it."""
    names = list(dict.fromkeys(product.genres[0] for product in products if not product.is_device))
    weights = [[_genre_weight(product, name) for name in names] for product in products]
    return np.array(weights, dtype=np.float32)


def _genre_weight(product: Product, genre: str) -> float:
    if genre not in product.genres:
        return 0.0
    return 1.0 if product.genres[0] == genre else SECOND_GENRE


def _devices(products: Sequence[Product]) -> Floats:
    return np.array([float(product.is_device) for product in products], dtype=np.float32)


def _favorites(users: int, options: int, chances: NDArray[np.float64], rng: np.random.Generator) -> Floats:
    """`Float[users, options]`, 1 for a favorite; `chances[k]` is the chance to have k + 1 of them."""
    count = 1 + rng.choice(len(chances), p=chances, size=(users, 1))
    return (_random_ranks(users, options, rng) < count).astype(np.float32)


def _random_ranks(rows: int, columns: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """`Int[rows, columns]`: a random order of the columns in each row, from 0."""
    return rng.random((rows, columns)).argsort(axis=1).argsort(axis=1)
