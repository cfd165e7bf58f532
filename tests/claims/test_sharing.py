"""Which attributes a phrase stands for."""

from __future__ import annotations

import pytest

from recexplainer.claims.sharing import AttributeReader, quoted_word
from recexplainer.data.attributes import Attributes

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
