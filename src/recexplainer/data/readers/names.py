"""What the files of known data sets are called, so that a folder is recognised without opening a file.

It knows names only, not what the files hold. Every name may end in `.gz`; upper and lower case are the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

MOVIELENS = (("u.data", "u.item"), ("ratings.dat", "movies.dat"), ("ratings.csv", "movies.csv"))
"""Ratings and films of MovieLens, by edition: 100K; 1M and 10M; 20M and later."""

_AMAZON_ITEMS = re.compile(r"meta_(.+)\.jsonl?")
_AMAZON_REVIEWS = re.compile(r"(.+)\.jsonl?")
_STEAM = re.compile(r"steam_(reviews|games).*\.json|steam[-_](200k|play).*\.csv")


def plain_name(path: Path) -> str:
    """The name of a file, lower-cased and without `.gz`."""
    return path.name.lower().removesuffix(".gz")


def amazon_files(folder: Path) -> list[Path]:
    """Files `meta_NAME.json` (or `.jsonl`) of items, and `NAME.json`, `NAME_5.json` and the like of reviews."""
    there = _files(folder)
    names = [match[1] for file in there if (match := _AMAZON_ITEMS.fullmatch(plain_name(file)))]
    return [file for file in there if _of_amazon(plain_name(file), names)]


def movielens_files(folder: Path) -> list[Path]:
    """The files of MovieLens; `ratings.csv` and `movies.csv`, which anybody may have, only where both are there."""
    there = _files(folder)
    names = {plain_name(file) for file in there}
    known = {name for pair in MOVIELENS for name in pair if not name.endswith(".csv") or names.issuperset(pair)}
    more = {"links.csv", "tags.csv"} if "ratings.csv" in known else set[str]()
    return [file for file in there if plain_name(file) in known | more]


def steam_files(folder: Path) -> list[Path]:
    """Files `steam_reviews*.json`, `steam_games*.json`, `steam-200k*.csv` and `steam-play*.csv`."""
    return [file for file in _files(folder) if _STEAM.fullmatch(plain_name(file))]


def data_set_files(folder: Path) -> list[Path]:
    """All files that belong to one of these data sets."""
    return [*amazon_files(folder), *movielens_files(folder), *steam_files(folder)]


def claimed(path: Path, files_of: Callable[[Path], list[Path]]) -> bool:
    """Whether a folder holds such files, or a file is one of them."""
    return bool(files_of(path)) if path.is_dir() else path in files_of(path.parent)


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.is_file())


def _of_amazon(name: str, names: list[str]) -> bool:
    if _AMAZON_ITEMS.fullmatch(name):
        return True
    match = _AMAZON_REVIEWS.fullmatch(name)
    return match is not None and any(match[1] == own or match[1].startswith(f"{own}_") for own in names)
