"""Attributes that a text says to be shared: brands, genres, platforms, words of titles. It does not check them.

The words that say so are data: `tasks/wording/claiming.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from recexplainer.claims.clauses import Clauses, pattern
from recexplainer.claims.linking import Name
from recexplainer.claims.phrases import Hit, PhraseFinder, longest
from recexplainer.data.attributes import Attributes
from recexplainer.storage import packaged_yaml

SORTS = ("brand", "genre", "platform", "word")
_OPENING = r"(?:\s+(?:of|called|named|is|from))?\s*[:(,]?\s*(?:the\s+)?['‘“\"]?\s*"
_ARTICLE = r"\s+(?:(?:a|an|the|in|of|for|on|by|from)\s+)*['‘“\"]?"
_AND = re.compile(r"['’”\")]*(?:\s*,\s*(?:and\s+)?|\s+and\s+|\s*/\s*|\s*&\s*)(?:the\s+)?['‘“\"]?")
_UNKNOWN = re.compile(
    r"[^\s,.;:!?()'’”\"\0][^,.;:!?()'’”\"\0]*?(?=\s+(?:with|and|in|as|to|that|too|which|or)\b|\s*[,.;:!?()'’”\"\0]|\s*$)"
)
_WITH_NAMES = re.compile(r"['’”\")]*(?:\s+(?:in the title|in its title|in common))?\s+(?:with|as)\s+(?:both\s+)?")
_LONGEST = 5  # words of a name that is no attribute of the catalogue


@dataclass(frozen=True, slots=True)
class Shared:
    """An attribute that is said to be shared.

    Attributes:
        start: Offset of the first character of the words that name it.
        end: Offset after the last one.
        sort: One of `SORTS`, or "" where the text does not say what it is.
        value: Its name, as it stands in the text.
    """

    start: int
    end: int
    sort: str
    value: str


class SharingReader:
    """Finds what texts say to be shared.

    Args:
        attributes: The attributes of the catalogue.
    """

    def __init__(self, attributes: Attributes) -> None:
        brands = {brand for brand in attributes.brands if brand}
        genres = {name for names in attributes.genres for name in names}
        self.values = sorted(brands | genres | {name for names in attributes.platforms for name in names})
        self._finder = PhraseFinder(self.values)
        self._common = frozenset(packaged_yaml("recexplainer.claims", "cues.yaml")["common"])

    def read(self, clauses: Clauses, start: int, end: int) -> list[Shared]:
        """The attributes that the words from `start` to `end` say to be shared, from left to right."""
        sharing = pattern("sharing").search(clauses.words, start, end)
        if sharing is None:
            return []
        if pattern("denying").search(clauses.words, clauses.segment_of(sharing.start()).start, sharing.start()):
            return []
        return self.attributes(clauses.words, start, end)

    def attributes(self, words: str, start: int, end: int) -> list[Shared]:
        """The attributes named from `start` to `end`, where they are named as such ("the brand X", "both are Y")."""
        said = words[:end]
        known = {hit.start: hit for hit in longest(self._known(said, start))}
        found: dict[int, Shared] = {}
        for sort, keyword, at in _places(said, start):
            for one in self._values_at(said, sort, at, known):
                found.setdefault(one.start, Shared(min(keyword, one.start), one.end, one.sort, one.value))
                keyword = len(said)
        for sort, hit in self._before_keywords(said, known):
            found.setdefault(hit.start, Shared(hit.start, hit.end, sort, said[hit.start : hit.end]))
        return [found[at] for at in sorted(found)]

    def _known(self, words: str, start: int) -> Iterator[Hit]:
        shift = words[start:]
        yield from (Hit(start + hit.start, start + hit.end, hit.phrases) for hit in self._finder.find(shift))

    def _values_at(self, words: str, sort: str, at: int, known: dict[int, Hit]) -> Iterator[Shared]:
        """The attributes listed from a place on: known ones, or one that is not."""
        while True:
            hit = known.get(at)
            goes_on = hit is not None and re.match(r"\s+[A-Z]", words[hit.end :]) is not None
            if hit is None or goes_on or sort == "word":
                unknown = _UNKNOWN.match(words, at)
                if unknown and self._is_value(unknown[0], sort):
                    yield Shared(at, unknown.end(), sort, unknown[0])
                return
            yield Shared(at, hit.end, sort, words[at : hit.end])
            more = _AND.match(words, hit.end)
            if more is None or more.end() not in known:
                return
            at = more.end()

    def _is_value(self, words: str, sort: str) -> bool:
        """Whether words that are no attribute of the catalogue are meant as one."""
        first, *others = words.split()
        is_name = first[0].isupper() or first[0].isdigit()
        return first.casefold() not in self._common and len(others) < (_LONGEST if is_name else 2 if sort else 0)

    def _before_keywords(self, words: str, known: dict[int, Hit]) -> Iterator[tuple[str, Hit]]:
        """Known attributes with what they are behind them: "the Nimbus brand"."""
        for hit in known.values():
            for sort in SORTS[:-1]:
                if pattern(sort).match(words, hit.end + 1):
                    yield sort, hit


def items_sharing(clauses: Clauses, one: Shared, history: frozenset[int]) -> list[int]:
    """The history items that an attribute is said to be shared by: those named last before it, or after "with"."""
    lists = [every for every in clauses.lists if any(name.item in history for name in every)]
    start, end = clauses.sentence_of(one.start)
    before = [every for every in lists if every[-1].end <= one.start]
    after = [every for every in lists if one.end <= every[0].start < end]
    joined = _WITH_NAMES.match(clauses.words, one.end)
    if after and (not before or before[-1][0].start < start or _leads_to(joined, after[0][0])):
        before = [*before, after[0]]
    return [name.item for name in (before[-1] if before else ()) if name.item is not None and name.item in history]


def _leads_to(joined: re.Match[str] | None, name: Name) -> bool:
    return joined is not None and joined.end() == name.outer[0]


def _places(words: str, start: int) -> Iterator[tuple[str, int, int]]:
    """Where attributes begin: what they are, where the words before them begin, and the place itself."""
    for sort, expression in _openings():
        for found in expression.finditer(words, start):
            yield sort, found.start("keyword") if sort else found.end(), found.end()


@cache
def _openings() -> list[tuple[str, re.Pattern[str]]]:
    keywords = [(sort, re.compile(rf"(?P<keyword>{pattern(sort).pattern}){_OPENING}", re.IGNORECASE)) for sort in SORTS]
    joint = re.compile(rf"(?P<keyword>{pattern('joint').pattern}){_ARTICLE}", re.IGNORECASE)
    return [*keywords, ("", joint)]
