"""Titles: normalised, shortened, made unique, found in text."""

from __future__ import annotations

import pytest

from recexplainer.data.titles import MAX_TITLE, Match, TitleFinder, normalise_title, shorten_title, unique_titles


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("  Two\t words\n", "Two words"),
        ("Tom &amp; Jerry", "Tom & Jerry"),
        ("Red; Blue", "Red, Blue"),
        ("The “Gold” Edition", 'The "Gold" Edition'),
        ("&ldquo;Gold&rdquo;&#59; 2", '"Gold", 2'),
        ("Pokémon", "Pokémon"),
        (" \u00a0 ", ""),
        ("<b>Bold</b> Story", "Bold Story"),
        ("Tom &amp;amp; Jerry", "Tom & Jerry"),
        ("Ember Tales\x00", "Ember Tales"),
        ("var aPageStart = (new Date()).getTime();", ""),
    ],
)
def test_normalise_title(raw: str, normal: str) -> None:
    assert normalise_title(raw) == normal
    assert normalise_title(normal) == normal


def test_shorten_title_cuts_at_a_word_and_keeps_what_fits() -> None:
    assert shorten_title("one two three", 13) == "one two three"
    assert shorten_title("one two three", 12) == "one two…"
    assert shorten_title("one two, three", 11) == "one two…"
    assert shorten_title("x" * 200) == "x" * (MAX_TITLE - 1) + "…"


def test_unique_titles_take_the_first_qualifier_that_tells_apart() -> None:
    titles = ["Quest", "quest", "Quest", "Quest", "Other"]
    brands = ["Nimbus", "Orbit", "Same", "Same", "Nimbus"]
    years = ["", "", "1999", "2001", ""]
    assert unique_titles(titles, (brands, years), ["a", "b", "c", "d", "e"]) == [
        "Quest (Nimbus)",
        "quest (Orbit)",
        "Quest (1999)",
        "Quest (2001)",
        "Other",
    ]


def test_unique_titles_fall_back_on_the_id_and_never_collide_with_another_title() -> None:
    titles = ["Quest", "Quest", "QUEST (A)"]
    assert unique_titles(titles, (), ["a", "b", "c"]) == ["Quest (a, 2)", "Quest (b)", "QUEST (A)"]


@pytest.mark.parametrize(
    "titles",
    [
        ("Assassin's", "Assassin’s"),
        ("Halo", "Ｈａｌｏ"),
        ("Half-Life", "Half–Life"),
        ("☺ Fun", "☺\ufe0f Fun"),
        ("Wait…", "wait..."),
    ],
)
def test_titles_that_look_alike_are_told_apart(titles: tuple[str, str]) -> None:
    assert unique_titles(titles, (), ["a", "b"]) == [f"{titles[0]} (a)", f"{titles[1]} (b)"]


def test_unique_titles_stay_within_the_limit() -> None:
    long = "word " * 23 + "end"
    made = unique_titles([long, long], (["Nimbus", "Orbit"],), ["a", "b"])
    assert all(len(title) <= MAX_TITLE for title in made)
    assert [title.rsplit("… ")[1] for title in made] == ["(Nimbus)", "(Orbit)"]


TITLES = ["Emberfall", "Emberfall II: The Long Winter", "The Long Winter Night", "Pokémon Café", "'Splosion!", "C++"]


def test_find_takes_the_longest_without_overlap() -> None:
    text = "Emberfall II: The Long Winter Night, then Emberfall."
    assert TitleFinder(TITLES).find(text) == [Match(1, 0, 29), Match(0, 42, 51)]


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("", []),
        ("emberfall", []),
        ("Emberfalls and xEmberfall and Emberfall_2", []),
        ("“Emberfall”", [0]),
        ("Emberfall, Emberfall", [0, 0]),
        ("In the Pokémon Café.", [3]),
        ("Pokémon Cafés", []),
        ("play 'Splosion! or C++ now", [4, 5]),
    ],
)
def test_find_at_word_boundaries(text: str, items: list[int]) -> None:
    found = TitleFinder(TITLES).find(text)
    assert [match.item for match in found] == items
    assert [text[match.start : match.end] for match in found] == [TITLES[item] for item in items]


def test_find_agrees_with_a_search_for_each_title() -> None:
    titles = [f"Game {number}" for number in range(30)]
    text = "; ".join(titles)
    assert [match.item for match in TitleFinder(titles).find(text)] == list(range(30))


def test_parse_list() -> None:
    finder = TitleFinder(TITLES)
    assert finder.parse_list("EMBERFALL; nothing; Pokémon Café ") == [0, None, 3]
    assert finder.parse_list("Emberfall; ; Emberfall;") == [0, 0]
    assert finder.parse_list("") == []
