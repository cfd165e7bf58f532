from __future__ import annotations

import pytest

from recexplainer.evidence import sentences as parts
from recexplainer.evidence.sentences import answer_parts, read_parts


def test_what_fills_a_part_is_found_where_it_stands():
    text = "Yes, “C” would be recommended. “A” lead the way. It owes most to “B”, which shares the genre X with it."
    opening, reason = read_parts(text)
    assert (opening.group, reason.group) == ("yes.opening", "yes.reason.1")
    assert [text[start:end] for _, (start, end) in reason.cited] == ["B"]
    assert reason.said == {"first": "B", "why": ", which shares the genre X with it"}
    assert (reason.sign("first"), reason.denied, opening.cited) == (1, (), [])


@pytest.mark.parametrize("text", ["", "Well.", "Yes", "Perhaps, “C” would be recommended."])
def test_other_words_are_passed_over(text: str):
    assert list(read_parts(text)) == []


def test_texts_in_any_words_leave_nothing_behind():
    """Patterns are made once for each kind of rationale, not once for whatever a text begins with."""
    for number in range(50):
        assert list(read_parts(f"In case {number} it is likely, since the user is number {number}.")) == []
    kinds = {group.split(".")[0] for group in answer_parts()}
    assert parts._patterns.cache_info().currsize <= 2 * len(kinds)
