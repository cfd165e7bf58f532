"""Short instructions, and the checks that decide whether an answer fulfils them."""

from __future__ import annotations

from typing import Any

import pytest

from recexplainer.evaluation.instructions import CHECKS, KINDS, Instruction, load_instructions

LETTER = '{"name": "Ann", "age": 3}'


def test_the_instructions_are_about_forty_each_with_known_checks() -> None:
    instructions = load_instructions()
    assert len({one.text for one in instructions}) == len(instructions) == 40
    assert {one.kind for one in instructions} == set(KINDS)
    used = {name for one in instructions for name in one.checks}
    assert used <= set(CHECKS)
    assert set(CHECKS) - used == set(), "no check without an instruction"


@pytest.mark.parametrize(
    "answer", ["", "…", "Yes", "No", "Emberfall; Quiet Harbor; Lantern Road", "Yes, it suits this user."]
)
def test_answers_of_one_who_speaks_of_items_only_fulfil_hardly_any(answer: str) -> None:
    assert sum(one.is_fulfilled(answer) for one in load_instructions()) <= 1


@pytest.mark.parametrize(
    ("check", "given", "passes", "fails"),
    [
        ("words", 1, ["Paris.", "well-known", "don't"], ["of Paris"]),
        ("words", [2, 3], ["a b", "a, b, c"], ["a", "a b c d"]),
        ("sentences", 2, ['One. "Two!"', "One? Two."], ["One.", "One. Two", "One. Two. And thr"]),
        ("sentences", [2, 9], ["One. Two. And thr"], ["One. Two"]),
        ("sentences", 1, ["Version 2.5 is here."], ["Here. There."]),
        ("lines", 2, ["a\n\nb"], ["a b", "a\nb\nc"]),
        ("upper", True, ["HI, YOU 2!"], ["Hi", "12"]),
        ("lower", True, ["hi, you!"], ["Hi"]),
        ("starts", "Once upon", ["once upon a time"], ["At once upon"]),
        ("ends", "Best wishes", ["Thanks.\nBest wishes!", '"best wishes"'], ["Best wishes, Ann"]),
        ("one_of", ["7", "seven"], ["7.", '"Seven"'], ["7 days", "77"]),
        ("any", ["dog", "cat"], ["My CAT."], ["A bird."]),
        ("all", ["rain", "green"], ["Green after rain."], ["Rain."]),
        ("none", ["red"], ["A round fruit."], ["It is Red."]),
        ("pattern", '".+"', ['"Hello."'], ["Hello.", '"Hello']),
        ("parts", {"by": ",", "count": 2}, ["red, blue."], ["red", "red, red", "red, ", "I like red and also, blue"]),
        ("list", {"mark": "-", "count": 2}, ["- a\n- b", "Two:\n- a\n- b"], ["- a", "- a\n-", "* a\n* b"]),
        ("list", {"mark": r"\d\.", "count": 2}, ["1. a\n2. b"], ["1. a 2. b"]),
        ("json", ["name", "age"], [LETTER, f"```json\n{LETTER}\n```"], ['{"name": "Ann"}', "name: Ann", "[]", "Ann"]),
    ],
)
def test_checks(check: str, given: Any, passes: list[str], fails: list[str]) -> None:
    asked = Instruction("", {check: given})
    assert [one for one in passes if not asked.is_fulfilled(one)] == []
    assert [one for one in fails if asked.is_fulfilled(one)] == []


def test_all_checks_of_an_instruction_count() -> None:
    asked = Instruction("", {"words": 1, "any": ["Paris"]})
    assert asked.is_fulfilled("Paris")
    assert not asked.is_fulfilled("London") and not asked.is_fulfilled("In Paris")
