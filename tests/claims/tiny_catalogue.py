"""A small catalogue with titles that are hard to find, and evidence about one of its items."""

from __future__ import annotations

from functools import cache

import polars as pl
from tests.titles import HARD_TITLES

from recexplainer.data.dataset import Dataset
from recexplainer.evidence.evidence import CLOSE, Evidence

TITLES = (
    *HARD_TITLES,
    "Night Ride 2: Dawn",
    "Inside",
    "C++ [Deluxe]? (a|b)* $5.00 ^x\\d",
    "Pokémon Ürsa",
)
BRANDS = ("Nimbus", "Paper Lamp", "", "Orbit", "Nimbus", "Paper Lamp", *[""] * 6)
GENRES = (["Puzzle", "Adventure"], ["Farm"], ["Racing"], [], ["Puzzle"], ["Racing"], *[[]] * 6)
PLATFORMS = (["PC"], ["PC"], ["Switch"], [], ["PC"], ["PC"], *[[]] * 6)
KEEP, MARROW, BRINK, CONSOLE, ASKED, CIRCUIT, VELVET, RIDE, DAWN, INSIDE, ODD, ACCENTED = range(12)
HISTORY = (KEEP, MARROW, BRINK, CONSOLE)


@cache
def catalogue() -> Dataset:
    items = pl.DataFrame(
        {
            "item_id": [f"i{place}" for place in range(len(TITLES))],
            "title": TITLES,
            "brand": BRANDS,
            "genres": GENRES,
            "platforms": PLATFORMS,
        },
        schema_overrides={"genres": pl.List(pl.String), "platforms": pl.List(pl.String)},
    )
    events = pl.DataFrame({"user_id": ["u"] * 4, "item_id": ["i0", "i1", "i2", "i3"]})
    return Dataset.from_frames(events, items)


def evidence(
    *,
    recommended: bool = True,
    history: tuple[int, ...] = HISTORY,
    attributions: tuple[float, ...] = (0.9, 0.3, -0.6, 0.01),
    item: int = ASKED,
) -> Evidence:
    shared = tuple((CLOSE,) if one == KEEP else () for one in history)
    return Evidence(history, item, recommended, 1.0, 3, 1830, tuple(attributions)[: len(history)], shared)
