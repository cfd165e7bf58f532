"""The catalogue of the embedded world: which products the shop has and how it describes them. It knows no people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from recexplainer.data.sample.vocabulary import Device, Series, Vocabulary, read_devices, read_series, read_vocabulary

Words = dict[str, str]

ORDINALS = ("first", "second", "third", "fourth")
DEVICE_SHARE = 0.25
REMARK_CHANCE = 0.6


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


def make_catalogue(items: int, rng: np.random.Generator) -> list[Product]:
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
    moulds = vocabulary.moulds
    sentences = [_fill(moulds[_opening_mould(title, part)], words, rng), _fill(moulds["closing"], words, rng)]
    if rng.random() < REMARK_CHANCE:
        sentences.insert(1, _draw(main.remarks, 1, rng)[0])
    return Product(
        title, " ".join(sentences), series.brand, series.genres, platforms, features, series=series.series, part=part
    )


def _opening_mould(title: str, part: int) -> str:
    if title.endswith(("Edition", "Collection")):
        return "collection"
    # A second title with a platform in parentheses is the same game again, not its sequel.
    return "first" if part == 0 or title.endswith(")") else "sequel"


def _describe_device(device: Device, vocabulary: Vocabulary, rng: np.random.Generator) -> Product:
    kind = vocabulary.devices[device.kind]
    features = _draw(kind.features, 3, rng)
    words = _common_words(device.title.partition(",")[0], device.brand, (device.platform,), features) | {
        "article": "an" if kind.noun[0] in "aeiou" else "a",
        "noun": kind.noun,
        "purpose": _draw(kind.purposes, 1, rng)[0],
        "genre": device.also.lower(),
    }
    moulds = ["device", "device_closing", *(["device_genre"] if device.also else [])]
    return Product(
        title=device.title,
        description=" ".join(_fill(vocabulary.moulds[mould], words, rng) for mould in moulds),
        brand=device.brand,
        genres=(kind.label, *([device.also] if device.also else [])),
        platforms=(device.platform,),
        features=features,
    )


def _common_words(title: str, brand: str, platforms: tuple[str, ...], features: tuple[str, ...]) -> Words:
    letters = dict(zip("abc", features, strict=True))
    bare = {f"{letter}_bare": feature.removeprefix("a ").removeprefix("an ") for letter, feature in letters.items()}
    return {"title": title, "brand": brand, "platforms": _enumerate(platforms)} | letters | bare


def _enumerate(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _draw(choices: tuple[str, ...], count: int, rng: np.random.Generator) -> tuple[str, ...]:
    return tuple(choices[index] for index in rng.permutation(len(choices))[:count])


def _fill(moulds: Sequence[str], words: Words, rng: np.random.Generator) -> str:
    """One of the moulds with its places filled; a place with a capital ({Hero}) opens a sentence."""
    capitals = {key.capitalize(): text[0].upper() + text[1:] for key, text in words.items() if text}
    return moulds[int(rng.integers(len(moulds)))].format_map(words | capitals)
