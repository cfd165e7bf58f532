"""The embedded world: a fictional shop of games and devices, and people with tastes, made from a seed.

It knows the Dataset that it makes and nothing of what is done with it. The catalogue's names and sentences
were written by hand (`games.yaml`, `devices.yaml`, `vocabulary.yaml`); a seed decides who buys what, on which platform,
and how each description is put together.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from recexplainer.data.dataset import ITEM_COLUMNS, Dataset
from recexplainer.data.sample.catalogue import Product, make_catalogue
from recexplainer.data.sample.people import make_histories
from recexplainer.errors import DataError

USER_RANGE = (60, 5000)
ITEM_RANGE = (60, 320)


def make_world(*, users: int = 1600, items: int = 320, seed: int = 0) -> Dataset:
    """Make the embedded world.

    Args:
        users: Number of people, 60 to 5000.
        items: Size of the catalogue, 60 to 320; about three quarters are games, the rest devices.
        seed: The same seed gives the same world.

    Returns:
        A Dataset named "sample" with every item column filled; each history has 5 to 14 items, none of them twice.

    Raises:
        DataError: A size is out of its range.
    """
    _check_size("users", users, USER_RANGE)
    _check_size("items", items, ITEM_RANGE)
    shop_seed, people_seed = np.random.SeedSequence(seed).spawn(2)
    products = make_catalogue(items, np.random.default_rng(shop_seed))
    offsets, sequence = make_histories(products, users, np.random.default_rng(people_seed))
    return Dataset(
        name="sample",
        items=_as_frame(products),
        user_ids=tuple(f"u{number:04d}" for number in range(1, users + 1)),
        offsets=offsets,
        sequence=sequence,
    )


def _check_size(name: str, value: int, bounds: tuple[int, int]) -> None:
    low, high = bounds
    if not low <= value <= high:
        raise DataError(
            f"The embedded world cannot have {value} {name}.",
            location=f"make_world({name}={value})",
            hint=f"Choose {low} to {high} {name}.",
        )


def _as_frame(products: list[Product]) -> pl.DataFrame:
    columns = {
        "item_id": [f"i{number:03d}" for number in range(1, len(products) + 1)],
        "title": [product.title for product in products],
        "description": [product.description for product in products],
        "brand": [product.brand for product in products],
        "genres": [list(product.genres) for product in products],
        "platforms": [list(product.platforms) for product in products],
        "features": [list(product.features) for product in products],
    }
    return pl.DataFrame(columns, schema=ITEM_COLUMNS)
