"""The products of the embedded world: which ones the shop has and how it describes them. It knows no people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest

import numpy as np

from recexplainer.settings import Settings
from recexplainer.storage import packaged_yaml

Words = dict[str, str]

ORDINALS = ("first", "second", "third", "fourth")
DEVICE_SHARE = 0.25
REMARK_CHANCE = 0.6


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


@dataclass(frozen=True, slots=True)
class Product:
    """One product of the shop.

    Attributes:
        title: Unique in the catalogue.
        description: Two or three sentences.
        brand: Publisher of a game, maker of a device.
        genres: A game's genres, main genre first; a device's kind, then the genre of games it is made for.
        platforms: Where it runs or what it fits.
        features: Three noun phrases, some of which the description mentions.
        series: The series of a game, "" for a device.
        part: Position within the series, from 0.
    """

    title: str
    description: str
    brand: str
    genres: tuple[str, ...]
    platforms: tuple[str, ...]
    features: tuple[str, ...]
    series: str = ""
    part: int = 0

    @property
    def is_device(self) -> bool:
        """Whether it is a device and not a game."""
        return not self.series

    @property
    def is_console(self) -> bool:
        """Whether it is a machine that games run on."""
        return self.genres[0] == "Consoles"


def make_products(items: int, rng: np.random.Generator) -> list[Product]:
    """Choose and describe `items` products: games first, series by series, then devices."""
    vocabulary = read_vocabulary()
    n_devices = round(items * DEVICE_SHARE)
    games = [
        game for series in _mixed_by_genre(read_series(), rng) for game in _describe_series(series, vocabulary, rng)
    ]
    devices = [_describe_device(device, vocabulary, rng) for device in read_devices()[:n_devices]]
    return games[: items - n_devices] + devices


def _mixed_by_genre(stock: Sequence[Series], rng: np.random.Generator) -> Iterator[Series]:
    """All series, one of each main genre in turn, so that a small catalogue has every genre."""
    by_genre: defaultdict[str, list[Series]] = defaultdict(list)
    for index in rng.permutation(len(stock)):
        by_genre[stock[index].genres[0]].append(stock[index])
    for turn in zip_longest(*by_genre.values()):
        yield from (series for series in turn if series is not None)


def _describe_series(series: Series, vocabulary: Vocabulary, rng: np.random.Generator) -> list[Product]:
    count = int(rng.choice([1, 2, 3], p=[0.4, 0.4, 0.2]))
    drawn = _draw(vocabulary.platforms, count, rng)
    named = [name for name in vocabulary.platforms if any(title.endswith(f"({name})") for title in series.parts)]
    platforms = tuple(named) or tuple(name for name in vocabulary.platforms if name in drawn)
    return [_describe_game(series, part, platforms, vocabulary, rng) for part in range(len(series.parts))]


def _describe_game(
    series: Series, part: int, platforms: tuple[str, ...], vocabulary: Vocabulary, rng: np.random.Generator
) -> Product:
    title, goal = list(series.parts.items())[part]
    platforms = next(((name,) for name in vocabulary.platforms if title.endswith(f"({name})")), platforms)
    main = vocabulary.genres[series.genres[0]]
    features = _draw(main.features, 3, rng)
    words = _common_words(title.partition(" (")[0], series.brand, platforms, features) | {
        "hero": series.hero,
        "place": series.place,
        "goal": goal,
        "series": series.series,
        "ordinal": ORDINALS[part],
        "genre": series.genres[0].lower(),
    }
    # A second title with a platform in parentheses is the same game again, not its sequel.
    opening = "first" if part == 0 or title.endswith(")") else "sequel"
    opening = "collection" if title.endswith(("Edition", "Collection")) else opening
    sentences = [_fill(vocabulary.templates[key], words, rng) for key in (opening, "closing")]
    if rng.random() < REMARK_CHANCE:
        sentences.insert(1, _draw(main.remarks, 1, rng)[0])
    return Product(title, " ".join(sentences), series.brand, series.genres, platforms, features, series.series, part)


def _describe_device(device: Device, vocabulary: Vocabulary, rng: np.random.Generator) -> Product:
    kind = vocabulary.devices[device.kind]
    features = _draw(kind.features, 3, rng)
    words = _common_words(device.title.partition(",")[0], device.brand, (device.platform,), features) | {
        "article": "an" if kind.noun[0] in "aeiou" else "a",
        "noun": kind.noun,
        "purpose": _draw(kind.purposes, 1, rng)[0],
        "genre": device.also.lower(),
    }
    keys = ("device", "device_closing", "device_genre") if device.also else ("device", "device_closing")
    description = " ".join(_fill(vocabulary.templates[key], words, rng) for key in keys)
    genres = (kind.label, device.also) if device.also else (kind.label,)
    return Product(device.title, description, device.brand, genres, (device.platform,), features)


def _common_words(title: str, brand: str, platforms: tuple[str, ...], features: tuple[str, ...]) -> Words:
    letters = dict(zip("abc", features, strict=True))
    bare = {f"{letter}_bare": feature.removeprefix("a ").removeprefix("an ") for letter, feature in letters.items()}
    named = platforms[0] if len(platforms) == 1 else f"{', '.join(platforms[:-1])} and {platforms[-1]}"
    return {"title": title, "brand": brand, "platforms": named} | letters | bare


def _draw(choices: tuple[str, ...], count: int, rng: np.random.Generator) -> tuple[str, ...]:
    return tuple(choices[index] for index in rng.permutation(len(choices))[:count])


def _fill(templates: Sequence[str], words: Words, rng: np.random.Generator) -> str:
    """One of the templates, filled; a placeholder with a capital ({Hero}) opens a sentence."""
    capitals = {key.capitalize(): text[0].upper() + text[1:] for key, text in words.items() if text}
    return templates[int(rng.integers(len(templates)))].format_map(words | capitals)
