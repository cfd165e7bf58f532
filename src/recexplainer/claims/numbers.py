"""Numbers as people write them: "1,830", "3rd", "number two", "the runner-up"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from recexplainer.storage import packaged_yaml

_NUMBER = re.compile(r"\d+(?:[,.\u00a0\u202f]\d{3})*|[A-Za-z]+(?:-[A-Za-z]+)?")


@cache
def _words() -> dict[str, int]:
    """Numbers in words, from zero to twenty and the tens."""
    words: dict[str, list[str]] = packaged_yaml("recexplainer.claims", "words.yaml")
    numbers = {word: number for name in ("ordinals", "cardinals") for number, word in enumerate(words[name])}
    for number, word in enumerate(words["tens"], 2):
        numbers |= {word: 10 * number, f"{word[:-1]}ieth": 10 * number}
    return numbers | {"runner-up": 2, "top": 1, "topmost": 1, "hundred": 100, "hundredth": 100}


def read_number(words: str) -> int | None:
    """The number that a word stands for, None if it is none."""
    if words[:1].isdigit():
        return int(re.sub(r"\D", "", words))
    word = words.casefold()
    known = _words()
    if word in known:
        return known[word]
    tens, _, ones = word.partition("-")
    tens, ones = known.get(tens, 0), known.get(ones, 0)
    return tens + ones if tens in range(20, 100, 10) and 0 < ones < 10 else None


def number_spans(text: str, start: int, end: int, number: int) -> Iterator[tuple[int, int]]:
    """Where a number stands in a stretch of a text."""
    for found in _NUMBER.finditer(text, start, end):
        if read_number(found[0]) == number:
            yield found.span()


def number_at(text: str, at: int) -> tuple[int, int, int] | None:
    """The number that a place of a text is in: its span and what it is."""
    line = text.rfind("\n", 0, at) + 1
    for found in _NUMBER.finditer(text, line):
        if found.start() > at:
            return None
        if found.end() > at and (number := read_number(found[0])) is not None:
            return *found.span(), number
    return None
