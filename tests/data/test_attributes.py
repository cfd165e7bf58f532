"""Attributes of items: what items share, platforms and distinctive words in titles, words for a sentence."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from recexplainer.data.attributes import Attributes, distinctive_words, join_words, platforms_in_titles, shorten
from recexplainer.data.dataset import Dataset


@pytest.mark.parametrize(
    ("text", "characters", "expected"),
    [
        ("short", 10, "short"),
        ("One two.  Three four five.", 12, "One two."),
        ("alpha beta gamma", 11, "alpha beta…"),
        ("alpha beta gamma", 12, "alpha beta…"),
        ("Oh. alphabetical order", 16, "Oh.…"),
        ("unbreakable", 5, "unbr…"),
    ],
)
def test_shorten(text: str, characters: int, expected: str) -> None:
    assert shorten(text, characters) == expected
    assert len(shorten(text, characters)) <= characters


def test_join_words() -> None:
    assert [join_words(list("abc")[:count]) for count in range(4)] == ["", "a", "a and b", "a, b and c"]


def test_platforms_are_read_off_titles() -> None:
    titles = [
        "Kart - Xbox 360",
        "Golf - Xbox 360",
        "Ski - XBOX 360",
        "Xbox 360 Cable",
        "Xbox 3600",
        "Chess - Gold Edition",
    ]
    assert platforms_in_titles(titles) == [("Xbox 360",)] * 4 + [(), ()]
    assert platforms_in_titles(["Chess", "Golf - PC"]) == [(), ()]


def test_distinctive_words_are_rare_but_shared() -> None:
    titles = ["Zelda Quest", "The Zelda Game", "Mario Game", "Mario Land"] + ["Quest Land"] * 10
    words = distinctive_words(titles, [()] * 4 + [("Quest",)] * 10)
    assert words[:4] == [{"zelda": "Zelda"}, {"zelda": "Zelda"}, {"mario": "Mario"}, {"mario": "Mario"}]
    assert distinctive_words(["Zelda", "Zelda"], [("Zelda",), ()]) == [{}, {}]


def test_shared_phrases(dataset: Dataset) -> None:
    attributes = Attributes.of(dataset)
    assert attributes.shared(1, 5) == ("brand Orrery", "genre racing", "genre puzzle")
    assert attributes.shared(0, 1) == ("genre puzzle",)
    assert attributes.shared(2, 10) == ("platform Orbit",)
    assert attributes.shared(2, 3) == ()


@pytest.mark.real
def test_platforms_in_real_titles(real_data: Callable[[str], Path]) -> None:
    with gzip.open(real_data("amazon-video-games") / "amazon-video-games.item.gz", "rt", encoding="utf-8") as file:
        titles = [line.rstrip("\n").split("\t")[1] for line in file][1:]
    platforms = platforms_in_titles(titles)
    found = {name for names in platforms for name in names}
    assert {"Xbox 360", "PlayStation 4", "Nintendo 3DS"} <= found
    assert not {"Black", "White", "Standard Edition"} & found
    assert sum(map(bool, platforms)) > len(titles) / 3
