"""Words of chat models, parsed; the forms that prompts ask for are in the tests of judge and simulatability."""

from __future__ import annotations

from typing import Any

import pytest

from recexplainer.data.titles import TitleFinder
from recexplainer.evaluation.answer_parsing import parse_choice, parse_rating, parse_titles, parse_yes_no


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>Rating: 1? no, Rating: 2</think>\nRating: 3", 3),
        ("<think>maybe <br>RATING-1</br>.</think>\n<br>RATING-3</br>", 3),
        ("I would go for RATING-1.</think>RATING-2", 2),
        ("<think>Rating: 1", None),
        ("**Rating:** 2", 2),
        ("**Rating**: **2**", 2),
        ("### Rating\n2", 2),
        ("Rating: 3/3", 3),
        ("2 out of 3", 2),
        ("**2/3**", 2),
        ("rating = two", 2),
        ("Two.", 2),
        ("It deserves a score of three out of three.", 3),
        ("I'd rate this a 2.", 2),
        ("I would rate this explanation 2 out of 3.", 2),
        ("I would give this explanation a 1.", 1),
        ('{"reason": "fine", "rating": 2}', 2),
        ("<rating>2</rating>", 2),
        ("The answer is \\boxed{RATING-2}", 2),
        ("Rating: 2.0", 2),
        ("Rating (0–3): 1", 1),
        ("RATING‑2", 2),
        ("RATING_2", 2),
        ("Rating：2", 2),
        ("[[2]]", 2),
        ("<br>RATING-2", 2),
        ("&lt;br&gt;RATING-2&lt;/br&gt;", 2),
        ("Score: 2/3 because it names 3 titles", 2),
        ("RATING-1 would be too low. Rating: 2", 2),
        ("The reasons hold together, and Rating: 1 would be too low, so I", None),
        ("I would not give it a 3. Rating: 2", 2),
        ("Rating [0-3]: 2", 2),
        ("Rating on a scale of 0-3: 2", 2),
        ("Score (out of 3): 2", 2),
        ("Rating 0-3", None),
        ("This does not deserve a rating of 3.", None),
        ("I cannot rate 3 of these.", None),
        ("Rating: 3/5", None),
        ("2/10", None),
        ("Rating: 20%", None),
        ("Rating: 2 or 3", None),
        ("Rating: between 2 and 3", None),
        ("Rating: N/A", None),
        ("overrated 2 games", None),
        ("It is rated one of the best.", None),
    ],
)
def test_ratings(text: str, expected: Any) -> None:
    assert parse_rating(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>\nA\n</think>\nB", "B"),
        ("**B**", "B"),
        ("B.", "B"),
        ("b)", "B"),
        ("The answer is B", "B"),
        ("The answer is **A**.", "A"),
        ("answer is b.", "B"),
        ("Option B", "B"),
        ("I'd choose option A.", "A"),
        ("Final answer: Option A", "A"),
        ("Answer: A because B is not named", "A"),
        ("Option B is named first, but the answer is A.", "A"),
        ("B) A long title", "B"),
        ("B, since the text names it.", "B"),
        ('{"answer": "B"}', "B"),
        ("\\boxed{B}", "B"),
        ("Neither A nor B", "NEITHER"),
        ("The answer is neither.", "NEITHER"),
        ("A or B", None),
        ("The answer is either A or B", None),
        ("Answer: A and B", None),
        ("Answer: A, not B.", "A"),
        ("I'd rather not choose A; the answer is B", "B"),
        ("The answer is not A", None),
        ("I would not choose A.", None),
        ("Don't choose A", None),
        ("Hard to choose. A? B?", None),
        ("Answer: A film is named", None),
        ("Option A is named, option B is not.", None),
        ("A: one\nB: two", None),
        ("A, B", None),
        ("Both", None),
    ],
)
def test_choices(text: str, expected: Any) -> None:
    assert parse_choice(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("**Yes**", True),
        ("Answer: Yes", True),
        ("“Yes”", True),
        ("<think>No?</think>Yes, it would.", True),
        ("The answer is no.", False),
        ("**Answer:** No", False),
        ("No, it would not.", False),
        ("No because it is a sequel", False),
        ("I'd say yes.", True),
        *((text, None) for text in ("No idea", "No clear answer.", "No information is given.", "No doubt, yes")),
        ("Yes and no", None),
        ("Yes or No", None),
        ("Yes/No", None),
        ("I cannot say.", None),
    ],
)
def test_yes_and_no(text: str, expected: Any) -> None:
    assert parse_yes_no(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1942; Up, Up and Away", [0, 1]),
        ("1. 1942\n2. 3. Liga", [0, 2]),
        ("3. Liga", [2]),
        ("1942, 3. Liga", [0, 2]),
        ("1942 > 3. Liga", [0, 2]),
        ("Up, Up and Away", [1]),
        ("Sure! Here they are:\n* 1942\n* Nothing", [0, None]),
        ("1942, and more", [None]),
        ('{"titles": ["1942", "Nothing"]}', [0, None]),
        ('Sure:\n```json\n[{"rank": 1, "title": "1942"}]\n```\nEnjoy!', [0]),
        ("['1942', '3. Liga']", [0, 2]),
        ("1. **1942**: a game\n2. **3. Liga**: a league", [0, 2]),
        ("#1 1942\n#2 3. Liga", [0, 2]),
        ("Rank 1: 1942\n2 . 3. Liga", [0, 2]),
        ("[1942]; 3. Liga", [None, 2]),
        ("<think>1942", []),
    ],
)
def test_lists_of_titles(text: str, expected: list[int | None]) -> None:
    assert parse_titles(text, TitleFinder(["1942", "Up, Up and Away", "3. Liga"])) == expected
