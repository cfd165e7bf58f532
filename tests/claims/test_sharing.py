"""Which attributes a phrase stands for."""

from __future__ import annotations

from itertools import combinations

import pytest

from recexplainer.claims.sharing import AttributeReader, quoted_word
from recexplainer.data.attributes import Attributes, distinctive_words

READER = AttributeReader(
    ["Lantern Keep", "Lantern Hill"],
    Attributes(
        ["Nimbus Works", ""], [("Comedy", "Children's"), ("Sci-Fi", "Film-Noir")], [("PlayStation 3",), ()], [{}, {}]
    ),
)


@pytest.mark.parametrize(
    ("phrase", "sort", "names"),
    [
        ("comedy", "genre", {"comedy"}),
        ("comedies", "genre", {"comedy"}),
        ("kids' film", "genre", {"childrens"}),
        ("science-fiction title", "genre", {"sci fi"}),
        ("noir", "genre", {"film noir"}),
        ("Nimbus", "brand", {"nimbus works"}),
        ("the same author", "brand", set()),
        ("PS3", "platform", {"playstation 3"}),
        ("topic", "genre", set()),
    ],
)
def test_what_a_phrase_stands_for(phrase: str, sort: str, names: set[str]) -> None:
    assert [(one.sort, set(one.names)) for one in READER.meant(phrase)] == [(sort, names)]


def test_what_is_not_known_stands_for_nothing() -> None:
    assert READER.meant("western") == []
    assert READER.meant("") == []


def test_words_of_titles() -> None:
    assert quoted_word("the word 'Lantern' in the title") == "Lantern"
    assert READER.has_word(0, "lanterns") and not READER.has_word(1, "keep")


TITLES = (
    *(
        "Jungle2Jungle",
        "George of the Jungle",
        "Jungle_Run",
        "'Jungle' Book",
        "Rock'n'Roll Racing",
        "Roll Racing",
        "Rock n Roll",
    ),
    *(
        "Dogs' Island",
        "Island Dogs",
        "Naïve Café",
        "Naive Cafe",
        "STRASSE",
        "Straße",
        "Runner2049",
        "Blade Runner",
        "O’Hara’s Blade",
    ),
)


def test_a_word_that_titles_share_is_one_of_both() -> None:
    words = distinctive_words(TITLES, [()] * len(TITLES))
    none = [""] * len(TITLES)
    attributes = Attributes(none, [()] * len(TITLES), [()] * len(TITLES), words)
    found = 0
    reader = AttributeReader(TITLES, attributes)
    shared = [(one, other, attributes.shared(one, other)) for one, other in combinations(range(len(TITLES)), 2)]
    for one, other, phrases in shared:
        for phrase in phrases:
            word = quoted_word(phrase)
            assert reader.has_word(one, word) and reader.has_word(other, word), (TITLES[one], TITLES[other], phrase)
            found += 1
    assert found >= 4
    assert attributes.shared(0, 1) == attributes.shared(0, 2) == ()
