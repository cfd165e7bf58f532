"""The words of the embedded world, read from its YAML files and checked. It knows nothing of how they are combined."""

from __future__ import annotations

from functools import cache
from typing import Any

from recexplainer.settings import Settings
from recexplainer.storage import packaged_yaml


class Series(Settings):
    """One series of games that share a hero and a place."""

    series: str
    """The name that all parts share."""
    brand: str
    """The publisher."""
    genres: tuple[str, ...]
    """The main genre first."""
    hero: str
    """Whom one plays: singular, with its article."""
    place: str
    """Where it happens, with its preposition."""
    parts: dict[str, str]
    """Each title with what is to be done there (a bare infinitive), in order of release."""


class Device(Settings):
    """One device of the shop."""

    kind: str
    """A key of `Vocabulary.devices`."""
    title: str
    """Its full title."""
    brand: str
    """The maker."""
    platform: str
    """The platform it belongs to."""
    also: str = ""
    """The genre of games that it is made for, or "" when it suits all."""


class GenreWords(Settings):
    """What can be said of the games of one genre."""

    features: tuple[str, ...]
    """Noun phrases."""
    remarks: tuple[str, ...]
    """Whole sentences."""


class DeviceWords(Settings):
    """What can be said of one kind of device."""

    label: str
    """The genre under which the catalogue lists it."""
    noun: str
    """What a sentence calls it, without article."""
    features: tuple[str, ...]
    """Noun phrases."""
    purposes: tuple[str, ...]
    """What it is good for: bare infinitives."""


class Vocabulary(Settings):
    """All words that descriptions are made of."""

    platforms: tuple[str, ...]
    """The platforms of this world."""
    genres: dict[str, GenreWords]
    """The words of each genre of games."""
    devices: dict[str, DeviceWords]
    """The words of each kind of device."""
    moulds: dict[str, tuple[str, ...]]
    """Sentences with places, by where they stand in a description."""


@cache
def read_vocabulary() -> Vocabulary:
    """The words and moulds of descriptions."""
    return Vocabulary.model_validate(_read_yaml("vocabulary.yaml"))


@cache
def read_series() -> tuple[Series, ...]:
    """All series of games, in the order of the file."""
    return tuple(Series.model_validate(entry) for entry in _read_yaml("games.yaml"))


@cache
def read_devices() -> tuple[Device, ...]:
    """All devices, the most needed first."""
    return tuple(Device.model_validate(entry) for entry in _read_yaml("devices.yaml"))


def _read_yaml(name: str) -> Any:
    return packaged_yaml("recexplainer.data.sample", name)
