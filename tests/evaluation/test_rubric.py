from __future__ import annotations

from typing import Any

import pytest
from tests.tiny import explanation_of

from recexplainer.evaluation.judge import LEVELS, judge_conversation, parse_rating

TITLES = ("Lantern Keep: The Drowned Stair", "Marrow & Thistle", "Brink", "Lantern Keep: The Ninth Bell")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<br>RATING-2</br>", 2),
        ("<br>RATING-0</br>", 0),
        ("<br>RATING-3<br>", 3),
        ("<BR/> rating-1 <BR/>", 1),
        ("<br>2</br>", 2),
        ("<br>**RATING-2**</br>", 2),
        ("It is better than RATING-1, as it names titles.\n<br>RATING-2</br>", 2),
        ("First line.<br>Second line.<br>RATING-2", 2),
        ("RATING-2", 2),
        ("I give it RATING 2.", 2),
        ("**Rating: 3**", 3),
        ("My rating is 1.", 1),
        ("Score: 2 out of 3", 2),
        ("Rating: 2/3", 2),
        ("2", 2),
        (" **2**.\n", 2),
        ("RATING-2, to repeat: <br>RATING-2</br> and <br>RATING-2</br>", 2),
        ("", None),
        ("Good.", None),
        ("<br>RATING</br>", None),
        ("<br>RATING-k</br>", None),
        ("<br>RATING-4</br>", None),
        ("<br>RATING-22</br>", None),
        ("RATING--1", None),
        ("Rating: -1", None),
        ("-1", None),
        ("Rating: 2.5", None),
        ("RATING-1 or 2", None),
        ("<br>RATING-2-3</br>", None),
        ("RATING-1 … RATING-2", None),
        ("<br>RATING-1</br><br>RATING-2</br>", None),
        ("It names 2 titles.", None),
        ("\n".join(f"RATING-{level}: {words}" for level, words in enumerate(LEVELS)), None),
    ],
)
def test_ratings_are_read_or_refused(text: str, expected: Any) -> None:
    assert parse_rating(text) == expected


def test_a_judge_is_shown_all_but_whose_answer_it_is() -> None:
    text = "Yes, {it} suits them; RATING-3 is due."
    (message,) = judge_conversation(explanation_of(TITLES, text, method="hybrid", variant="grounded"))
    assert message.role == "user"
    assert text in message.content
    assert "; ".join(TITLES[:-1]) in message.content
    assert f"The item: {TITLES[-1]}\n" in message.content
    assert "decision: yes\n" in message.content
    assert "hybrid" not in message.content and "grounded" not in message.content
    assert all(f"RATING-{level}: {words}" in message.content for level, words in enumerate(LEVELS))
    (other,) = judge_conversation(explanation_of(TITLES, text, recommended=False))
    assert "decision: no\n" in other.content


def test_the_prompt_itself_gives_no_rating() -> None:
    assert parse_rating(judge_conversation(explanation_of(TITLES, "Yes."))[0].content) is None


def test_levels_are_to_be_shown() -> None:
    assert len(LEVELS) == 4
    assert all(line.endswith(".") for line in LEVELS)
