"""Which items a text names, by whatever people call them."""

from __future__ import annotations

from itertools import pairwise

import pytest

from recexplainer.claims.linking import NameLinker
from recexplainer.data.attributes import Attributes

TITLES = (
    "The Witcher 3: Wild Hunt - PlayStation 4",
    "The Witcher 2 Assassins of Kings Enhanced Edition",
    "Noodler's Ink, Black, 3 oz",
    "Noodler's Ink, Baystate Blue, 3 oz",
    "Heat",
    "Devil's Advocate, The",
    "Grand Theft Auto V",
    "French Polisher, 3 days/week",
    "Lighthouse for sale, keeper included",
    "Schindler's List",
)
WITCHER3, WITCHER2, BLACK, BLUE, HEAT, DEVIL, GTA, POLISHER, LIGHTHOUSE, ASKED = range(len(TITLES))
ATTRIBUTES = Attributes(["", "", "Noodler's", "Noodler's", *[""] * 6], [()] * 10, [()] * 10, [{}] * 10)
COMMON = frozenset(["the", "heat", "sale", "list", "hunt", "week", "day", "wild", "three", "ink", "black", "blue"])


def named(text: str) -> list[tuple[str, tuple[int, ...]]]:
    names = NameLinker(TITLES, ATTRIBUTES, COMMON).link(text, range(9), ASKED)
    return [(text[name.start : name.end], name.items) for name in names]


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("“The Witcher 3: Wild Hunt - PlayStation 4” lifts it.", WITCHER3),
        ("It owes most to Witcher 3.", WITCHER3),
        ("Wild Hunt pulled it up.", WITCHER3),
        ("It owes most to the witcher 2.", WITCHER2),
        ("*The Devil's Advocate* weighs on it.", DEVIL),
        ("devil's advocate weighs on it.", DEVIL),
        ("Then there is Heat.", HEAT),
        ("‘Heat’ did it.", HEAT),
        ("GTA V hurt it.", GTA),
        ("gta5 hurt it.", GTA),
        ("The polishing job counts for it.", POLISHER),
        ("You read about a lighthouse.", LIGHTHOUSE),
        ("The baystate bottle helped.", BLUE),
        ("Schindler is out.", ASKED),
    ],
)
def test_an_item_is_found_by_what_people_call_it(text: str, item: int) -> None:
    assert [items for _, items in named(text)] == [(item,)]


def test_a_series_names_each_of_its_items() -> None:
    assert named("Both Noodler's inks count for it.") == [("Noodler's inks", (BLACK, BLUE))]
    assert named("All Witcher games count for it.") == [("Witcher", (WITCHER3, WITCHER2))]


@pytest.mark.parametrize(
    "text",
    ["The heat is on.", "It is for sale this week, in black.", "A list of three.", "It stands at rank 3 of 4."],
)
def test_everyday_words_name_nothing(text: str) -> None:
    assert named(text) == []


@pytest.mark.parametrize(
    "text", ["“Harbor of Glass” hurt it.", "It owes most to Harbor of Glass.", "*Harbor of Glass*"]
)
def test_a_title_that_is_none_is_found_too(text: str) -> None:
    assert named(text) == [("Harbor of Glass", ())]


def test_names_never_overlap_and_stand_in_the_text() -> None:
    text = "Witcher 3, Witcher 2, both Noodler's inks, “Heat”, “Heat and Witcher”, GTA V and the lighthouse in Rome"
    names = NameLinker(TITLES, ATTRIBUTES, COMMON).link(text, range(9), ASKED)
    assert all(one.outer[1] <= other.outer[0] for one, other in pairwise(names))
    assert all(name.outer[0] <= name.start < name.end <= name.outer[1] for name in names)
