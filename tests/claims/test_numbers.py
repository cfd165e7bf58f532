"""Numbers as people write them."""

from __future__ import annotations

import pytest

from recexplainer.claims.numbers import number_at, number_spans, read_number


@pytest.mark.parametrize(
    ("words", "number"),
    [("3", 3), ("1,830", 1830), ("third", 3), ("Twelve", 12), ("twenty-first", 21), ("ninetieth", 90), ("film", None)],
)
def test_a_number_is_read(words: str, number: int | None) -> None:
    assert read_number(words) == number


def test_a_number_is_found_where_it_stands() -> None:
    text = "ranked 3rd of 1,830, number two before"
    assert [text[start:end] for start, end in number_spans(text, 0, len(text), 1830)] == ["1,830"]
    assert [text[start:end] for start, end in number_spans(text, 0, len(text), 2)] == ["two"]
    assert number_at(text, text.index("830")) == (14, 19, 1830)
    assert number_at(text, 0) is None
