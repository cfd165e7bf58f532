"""The products of the embedded world: which ones the shop has and how it describes them. It knows no people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from recexplainer.data.attributes import join_words
from recexplainer.settings import Settings
from recexplainer.storage import packaged_yaml

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
