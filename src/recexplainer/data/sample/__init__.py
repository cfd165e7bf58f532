"""The embedded world: a fictional shop of games and devices, and people with tastes, made from a seed.

The products' names and sentences were written by hand (`games.yaml`, `devices.yaml`, `vocabulary.yaml`); a seed decides
who buys what, on which platform, and how each description is put together. Each purchase is drawn from a softmax over
the catalogue (by adding Gumbel noise and taking the maximum). A product's utility depends on its popularity, the
person's platforms, genres (which drift from the first purchase to the last) and favorite brand, and on what was bought
before: a sequel after its predecessor, an accessory after a console, a companion.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recexplainer.data.attributes import join_words
from recexplainer.data.dataset import ITEM_COLUMNS, Dataset
from recexplainer.errors import DataError
from recexplainer.settings import Settings
from recexplainer.storage import packaged_yaml

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

USER_RANGE = (60, 5000)
ITEM_RANGE = (60, 320)
MIN_HISTORY, MAX_HISTORY = 5, 14
MEAN_HISTORY = 8.0
ORDINALS = ("first", "second", "third", "fourth")
DEVICE_SHARE = 0.25
REMARK_CHANCE = 0.6

# Effects on the utility, in units of log odds.
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
DEVICE_MEAN, DEVICE_STD = 0.8, 0.8
COMPANIONS = (3.5, 3.0, 2.5)


class Series(Settings):
    """One series of games that share a hero and a setting (`games.yaml`)."""

    series: str  # the name that all parts share
    brand: str  # the publisher
    genres: tuple[str, ...]  # the main genre first
    hero: str  # whom one plays: singular, with its article
    place: str  # where it happens, with its preposition
    parts: dict[str, str]  # each title with its goal (a bare infinitive), in order of release


class Device(Settings):
    """One device of the shop (`devices.yaml`)."""

    kind: str  # a key of `Vocabulary.devices`
    title: str
    brand: str
    platform: str
    also: str = ""  # the genre of games that it is made for, or "" when it suits all


class GenreWords(Settings):
    """Phrases for the games of one genre."""

    features: tuple[str, ...]  # noun phrases
    remarks: tuple[str, ...]  # whole sentences


class DeviceWords(Settings):
    """Phrases for one kind of device."""

    label: str  # the genre under which the catalogue lists it
    noun: str  # without article
    features: tuple[str, ...]  # noun phrases
    purposes: tuple[str, ...]  # bare infinitives


class Vocabulary(Settings):
    """All words that descriptions are made of (`vocabulary.yaml`)."""

    platforms: tuple[str, ...]
    genres: dict[str, GenreWords]
    devices: dict[str, DeviceWords]
    templates: dict[str, tuple[str, ...]]  # sentences with placeholders, by their position in a description


class Product(NamedTuple):
    """One product of the shop."""

    title: str  # unique in the catalogue
    description: str  # two or three sentences
    brand: str  # publisher of a game, maker of a device
    genres: tuple[str, ...]  # a game's, main genre first; a device's kind, then the genre of games it is made for
    platforms: tuple[str, ...]  # where it runs or what it fits
    features: tuple[str, ...]  # three noun phrases, some of which the description mentions
    series: str = ""  # the series of a game, "" for a device
    part: int = 0  # position within the series

    @property
    def is_device(self) -> bool:
        """Whether it is a device and not a game."""
        return not self.series


@cache
def read_vocabulary() -> Vocabulary:
    """The words and templates of descriptions."""
    return Vocabulary.model_validate(packaged_yaml("recexplainer.data.sample", "vocabulary.yaml"))


@cache
def read_series() -> tuple[Series, ...]:
    """All series of games, in the order of the file."""
    return tuple(map(Series.model_validate, packaged_yaml("recexplainer.data.sample", "games.yaml")))


@cache
def read_devices() -> tuple[Device, ...]:
    """All devices, the most needed first."""
    return tuple(map(Device.model_validate, packaged_yaml("recexplainer.data.sample", "devices.yaml")))


def make_products(items: int, rng: np.random.Generator) -> list[Product]:
    """Choose and describe `items` products: games first, series by series, then devices."""
    n_devices = round(items * DEVICE_SHARE)
    games = [game for series in _mixed_by_genre(read_series(), rng) for game in _describe_series(series, rng)]
    devices = [_describe_device(device, rng) for device in read_devices()[:n_devices]]
    return games[: items - n_devices] + devices


def _mixed_by_genre(stock: Sequence[Series], rng: np.random.Generator) -> Iterator[Series]:
    """All series, one of each main genre in turn, so that a small catalogue has every genre."""
    by_genre: defaultdict[str, list[Series]] = defaultdict(list)
    for index in rng.permutation(len(stock)):
        by_genre[stock[index].genres[0]].append(stock[index])
    for turn in zip_longest(*by_genre.values()):
        yield from (series for series in turn if series is not None)


def _describe_series(series: Series, rng: np.random.Generator) -> Iterator[Product]:
    known = read_vocabulary().platforms
    drawn = _draw(known, int(rng.choice([1, 2, 3], p=[0.4, 0.4, 0.2])), rng)
    named = tuple(name for name in known if any(title.endswith(f"({name})") for title in series.parts))
    shared = named or tuple(name for name in known if name in drawn)
    for part, title in enumerate(series.parts):
        own = tuple(name for name in known if title.endswith(f"({name})"))
        yield _describe_game(series, part, title, own or shared, rng)


def _describe_game(
    series: Series, part: int, title: str, platforms: tuple[str, ...], rng: np.random.Generator
) -> Product:
    main = read_vocabulary().genres[series.genres[0]]
    features = _draw(main.features, 3, rng)
    words = {
        "hero": series.hero,
        "place": series.place,
        "goal": series.parts[title],
        "series": series.series,
        "ordinal": ORDINALS[part],
        "genre": series.genres[0].lower(),
        **_common_words(title.partition(" (")[0], series.brand, platforms, features),
    }
    # A second title with a platform in parentheses is the same game again, not its sequel.
    opening = "first" if part == 0 or title.endswith(")") else "sequel"
    opening = "collection" if title.endswith(("Edition", "Collection")) else opening
    sentences = [_fill(opening, words, rng), _fill("closing", words, rng)]
    if rng.random() < REMARK_CHANCE:
        sentences.insert(1, _draw(main.remarks, 1, rng)[0])
    return Product(title, " ".join(sentences), series.brand, series.genres, platforms, features, series.series, part)


def _describe_device(device: Device, rng: np.random.Generator) -> Product:
    kind = read_vocabulary().devices[device.kind]
    features = _draw(kind.features, 3, rng)
    words = {
        "article": "an" if kind.noun[0] in "aeiou" else "a",
        "noun": kind.noun,
        "purpose": _draw(kind.purposes, 1, rng)[0],
        "genre": device.also.lower(),
        **_common_words(device.title.partition(",")[0], device.brand, (device.platform,), features),
    }
    keys = ("device", "device_closing", "device_genre") if device.also else ("device", "device_closing")
    description = " ".join(_fill(key, words, rng) for key in keys)
    genres = (kind.label, device.also) if device.also else (kind.label,)
    return Product(device.title, description, device.brand, genres, (device.platform,), features)


def _common_words(title: str, brand: str, platforms: Sequence[str], features: Sequence[str]) -> dict[str, str]:
    letters = dict(zip("abc", features, strict=True))
    bare = {f"{letter}_bare": feature.removeprefix("a ").removeprefix("an ") for letter, feature in letters.items()}
    return {"title": title, "brand": brand, "platforms": join_words(platforms)} | letters | bare


def _draw(choices: tuple[str, ...], count: int, rng: np.random.Generator) -> tuple[str, ...]:
    return tuple(choices[index] for index in rng.permutation(len(choices))[:count])


def _fill(position: str, words: dict[str, str], rng: np.random.Generator) -> str:
    """A template of this position, filled; a placeholder with a capital ({Hero}) opens a sentence."""
    templates = read_vocabulary().templates[position]
    capitals = {key.capitalize(): text[0].upper() + text[1:] for key, text in words.items() if text}
    return templates[int(rng.integers(len(templates)))].format_map(words | capitals)


def make_world(*, users: int = 1600, items: int = 320, seed: int = 0) -> Dataset:
    """The embedded world of 60 to 5000 users and 60 to 320 items; the same seed gives the same world.

    About three quarters of the items are games, the rest devices. Every item column is filled; each history has 5 to 14
    items, none of them twice. Raises DataError where a size is out of its range.
    """
    for name, value, (low, high) in (("users", users, USER_RANGE), ("items", items, ITEM_RANGE)):
        if not low <= value <= high:
            what = f"The embedded world cannot have {value} {name}."
            raise DataError(what, location=f"make_world({name}={value})", hint=f"Choose {low} to {high} {name}.")
    products_seed, people_seed = np.random.SeedSequence(seed).spawn(2)
    products = make_products(items, np.random.default_rng(products_seed))
    ids = [f"i{number:03d}" for number in range(1, items + 1)]
    columns = {name: [getattr(product, name) for product in products] for name in ITEM_COLUMNS if name != "item_id"}
    offsets, sequence = _make_histories(products, users, np.random.default_rng(people_seed))
    return Dataset(
        name="sample",
        items=pl.DataFrame({"item_id": ids, **columns}, schema=ITEM_COLUMNS),
        user_ids=tuple(f"u{number:04d}" for number in range(1, users + 1)),
        offsets=offsets,
        sequence=sequence,
    )


def _make_histories(
    products: Sequence[Product], users: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Offsets, `Int[users + 1]`, and item indices, `Int[interactions]`: everyone buys `MAX_HISTORY` items, then cut."""
    most = MAX_HISTORY - MIN_HISTORY
    lengths = MIN_HISTORY + rng.binomial(most, (MEAN_HISTORY - MIN_HISTORY) / most, size=users)
    early, late = _tastes(products, users, rng)
    now, later, exclusive = _effects(products, rng)
    bought = np.zeros((users, MAX_HISTORY), dtype=np.int64)
    lasting = np.zeros_like(early)
    excluded = np.zeros(early.shape, dtype=np.bool_)
    for step in range(MAX_HISTORY):
        drift = step / (MAX_HISTORY - 1)
        utility = (1 - drift) * early + drift * late + lasting
        if step:
            utility += now[bought[:, step - 1]]
        utility += rng.gumbel(size=utility.shape).astype(np.float32)
        utility[excluded] = -np.inf
        bought[:, step] = choice = utility.argmax(axis=1)
        lasting += later[choice]
        excluded |= exclusive[choice]
    kept = np.arange(MAX_HISTORY) < lengths[:, None]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return offsets, bought[kept].astype(np.int32)


def _tastes(products: Sequence[Product], users: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Utility of each product at a person's first and last purchase, each `Float[users, items]`."""
    platforms = _membership([product.platforms for product in products])
    brands = _membership([(product.brand,) for product in products])
    devices = np.array([product.is_device for product in products], dtype=np.float32)
    later_part = np.array([product.part > 0 for product in products])
    main = dict.fromkeys(product.genres[0] for product in products if not product.is_device)
    weights = [dict.fromkeys(product.genres, SECOND_GENRE) | {product.genres[0]: 1.0} for product in products]
    genres = np.array([[weight.get(name, 0.0) for name in main] for weight in weights], dtype=np.float32)

    owned = _favorites(users, platforms.shape[1], np.array([0.6, 0.4]), rng)
    steady = FOREIGN_PLATFORM * (owned @ platforms.T == 0)
    steady += BRAND * _favorites(users, brands.shape[1], np.array([1.0]), rng) @ brands.T
    rank = 1 + rng.permutation(len(products))  # popularity is Zipf's law over a random order
    steady += (LATER_PART * later_part - POPULARITY * np.log(rank)).astype(np.float32)
    steady += rng.normal(DEVICE_MEAN, DEVICE_STD, size=(users, 1)) * devices

    n_liked = rng.integers(1, 4, size=(users, 1))
    order = _random_ranks(users, genres.shape[1], rng)
    liked = GENRE * (order < n_liked)
    early = steady + (liked + FAVORITE_GENRE * (order == 0)) @ genres.T
    late = steady + (liked + FAVORITE_GENRE * (order == n_liked - 1)) @ genres.T
    return early.astype(np.float32), late.astype(np.float32)


def _effects(products: Sequence[Product], rng: np.random.Generator) -> tuple[Floats, Floats, Bools]:
    """Of the row's item on the column's: utility right after it, utility from then on, whether it is excluded."""
    sequel = _pairs(products, lambda first, then: first.series == then.series != "" and then.part == first.part + 1)
    devices = np.array([product.is_device for product in products])
    consoles = np.array([product.genres[0] == "Consoles" for product in products])
    same_platform = consoles[:, None] & _pairs(products, lambda first, then: first.platforms == then.platforms)
    accessory = same_platform & devices
    fitting = _pairs(products, lambda game, device: device.platforms[0] in game.platforms)
    made_for = _pairs(products, lambda game, device: game.genres[0] in device.genres[1:])
    made_for &= fitting & ~devices[:, None] & devices
    now = NEXT_PART_NOW * sequel + ACCESSORY_NOW * accessory + MADE_FOR_GENRE * made_for
    later = NEXT_PART_LATER * sequel + ACCESSORY_LATER * accessory
    exclusive = same_platform & consoles | np.eye(len(products), dtype=np.bool_)
    return (now + _companions(products, rng)).astype(np.float32), later.astype(np.float32), exclusive


def _companions(products: Sequence[Product], rng: np.random.Generator) -> Floats:
    """`Float[items, items]`: each item favors a few others of its platform, and of its genre if possible."""
    platforms, genres = (_membership([getattr(one, name) for one in products]) for name in ("platforms", "genres"))
    similarity = 2 * (platforms @ platforms.T > 0) + (genres @ genres.T > 0)
    one_series = _pairs(products, lambda one, other: one.series == other.series != "")
    similarity = np.where(one_series, 0, similarity) + 0.5 * rng.random(similarity.shape)  # sequels have their effect
    np.fill_diagonal(similarity, -1.0)
    effects = np.zeros(similarity.shape, dtype=np.float32)
    np.put_along_axis(effects, np.argsort(-similarity)[:, : len(COMPANIONS)], np.array(COMPANIONS), axis=1)
    return effects


def _pairs(products: Sequence[Product], holds: Callable[[Product, Product], bool]) -> Bools:
    """`Bool[items, items]`: whether it holds of the row's product and the column's."""
    return np.array([[holds(first, then) for then in products] for first in products], dtype=np.bool_)


def _membership(groups: Sequence[Iterable[str]]) -> Floats:
    """`Float[items, names]`: 1 where an item has the name; names in order of first appearance."""
    names = list(dict.fromkeys(name for group in groups for name in group))
    return np.array([[float(name in group) for name in names] for group in groups], dtype=np.float32)


def _favorites(users: int, options: int, chances: NDArray[np.float64], rng: np.random.Generator) -> Floats:
    """`Float[users, options]`, 1 for a favorite; `chances[k]` is the chance to have k + 1 of them."""
    count = 1 + rng.choice(len(chances), p=chances, size=(users, 1))
    return (_random_ranks(users, options, rng) < count).astype(np.float32)


def _random_ranks(rows: int, columns: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """`Int[rows, columns]`: a random order of the columns in each row, from 0."""
    return rng.random((rows, columns)).argsort(axis=1).argsort(axis=1)
