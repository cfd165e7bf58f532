from __future__ import annotations

from typing import Any

import pytest

from recexplainer.chat.lists import read_list


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ('["a", 1, null]', ["a", 1, None]),
        ("['a', None]", ["a", None]),
        ("Here:\n```json\n[]\n```", []),
        ('{"claims": [{"a": [1]}]}', [{"a": [1]}]),
        ('As asked [in JSON]: [{"a": 1}]. See [1].', [{"a": 1}]),
        ("7]", None),
        ("[" * 5000 + "]", None),
        ('[{"a": 1', None),
        ("{1: 2}", None),
        ("", None),
    ],
    ids=str,
)
def test_the_list_in_an_answer(text: str, held: Any) -> None:
    assert read_list(text) == held
