from __future__ import annotations

import pytest

from recexplainer.evidence.sentences import read_parts


def test_what_fills_a_part_is_found_where_it_stands() -> None:
    text = "Yes, “C” would be recommended. “A” lead the way. It owes most to “B”, which shares the genre X with it."
    opening, reason = read_parts(text)
    assert (opening.group, reason.group) == ("yes.opening", "yes.reason.1")
    assert reason.titles == {"first": "B"} and opening.titles == {}
    assert reason.values == {"first": "B", "why": ", which shares the genre X with it"}
    assert {slot: text[start:end] for slot, (start, end) in reason.places.items()} == reason.values
    assert (reason.sign("first"), reason.denied, list(reason.linked())) == (1, (), [("why", ["first"])])


def test_the_titles_of_a_list_are_numbered() -> None:
    text = "Yes, it is a good match. What ties it to “A” and “B” is the brand X."
    _, common = read_parts(text)
    assert common.titles == {"all 0": "A", "all 1": "B"}
    assert list(common.linked()) == [("common", ["all 0", "all 1"])]
    assert common.sign("all 1") == 1


@pytest.mark.parametrize("text", ["", "Well.", "Yes", "Perhaps, “C” would be recommended."])
def test_other_words_are_passed_over(text: str) -> None:
    assert list(read_parts(text)) == []
