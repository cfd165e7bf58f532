"""Attributes that a text says to be shared: brands, genres, platforms, words of titles. It does not check them.

The words that say so are in `cues.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache

from recexplainer.claims.claim import ParsedClaim
from recexplainer.claims.clauses import Clauses, pattern
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


class SharingReader:
    """Finds what texts say to be shared.

    Args:
        attributes: The attributes of the catalogue.
    """

    def __init__(self, attributes: Attributes) -> None:
        brands = {brand for brand in attributes.brands if brand}
        genres = {name for names in attributes.genres for name in names}
        platforms = {name for names in attributes.platforms for name in names}
        self._finder = PhraseFinder(sorted(brands | genres | platforms))
        self._common = frozenset(packaged_yaml("recexplainer.claims", "cues.yaml")["common"])

    def read(self, clauses: Clauses, start: int, end: int) -> list[ParsedClaim]:
        """The attributes that the words from `start` to `end` say to be shared, from left to right."""
        sharing = pattern("sharing").search(clauses.words, start, end)
        if sharing is None:
            return []
        if pattern("denying").search(clauses.words, clauses.segment_of(sharing.start()).start, sharing.start()):
            return []
        return self.attributes(clauses.words, start, end)

    def attributes(self, words: str, start: int, end: int) -> list[ParsedClaim]:
        """The attributes named from `start` to `end`, where they are named as such ("the brand X", "both are Y")."""
        words = words[:end]
        hits = longest(self._finder.find(words[start:]))
        known = {start + hit.start: Hit(start + hit.start, start + hit.end, hit.phrases) for hit in hits}
        found: dict[int, ParsedClaim] = {}
        for sort, expression in _openings():
            for opening in expression.finditer(words, start):
                first, at = opening.start("keyword") if sort else opening.end(), opening.end()
                for one in self._values_at(words, sort, at, known):
                    found.setdefault(one.start, replace(one, start=min(first, one.start)))
                    first = len(words)
        for hit in known.values():
            for sort in SORTS[:-1]:
                if pattern(sort).match(words, hit.end + 1):  # "the Nimbus brand"
                    found.setdefault(hit.start, _shared(words, hit.start, hit.end, sort))
        return [found[at] for at in sorted(found)]

    def _values_at(self, words: str, sort: str, at: int, known: Mapping[int, Hit]) -> Iterator[ParsedClaim]:
        """The attributes listed from a place on: known ones, or one that is not."""
        while True:
            hit = known.get(at)
            goes_on = hit is not None and re.match(r"\s+[A-Z]", words[hit.end :]) is not None
            if hit is None or goes_on or sort == "word":
                unknown = _UNKNOWN.match(words, at)
                if unknown and self._is_value(unknown[0], sort):
                    yield _shared(words, at, unknown.end(), sort)
                return
            yield _shared(words, at, hit.end, sort)
            more = _AND.match(words, hit.end)
            if more is None or more.end() not in known:
                return
            at = more.end()

    def _is_value(self, words: str, sort: str) -> bool:
        """Whether words that are no attribute of the catalogue are meant as one."""
        first, *others = words.split()
        is_name = first[0].isupper() or first[0].isdigit()
        return first.casefold() not in self._common and len(others) < (_LONGEST if is_name else 2 if sort else 0)


def _shared(words: str, start: int, end: int, sort: str) -> ParsedClaim:
    return ParsedClaim("shared", start, end, value=words[start:end], sort=sort)


def items_sharing(clauses: Clauses, one: ParsedClaim, history: frozenset[int]) -> list[int]:
    """The history items that an attribute is said to be shared by: those named last before it, or after "with"."""
    lists = [every for every in clauses.lists if any(name.item in history for name in every)]
    start, end = clauses.sentence_of(one.start)
    before = [every for every in lists if every[-1].end <= one.start]
    after = [every for every in lists if one.end <= every[0].start < end]
    joined = _WITH_NAMES.match(clauses.words, one.end)
    leads_on = joined is not None and bool(after) and joined.end() == after[0][0].outer[0]
    if after and (leads_on or not before or before[-1][0].start < start):
        before = [*before, after[0]]
    return [name.item for name in (before[-1] if before else ()) if name.item is not None and name.item in history]


@cache
def _openings() -> list[tuple[str, re.Pattern[str]]]:
    keywords = [(sort, re.compile(rf"(?P<keyword>{pattern(sort).pattern}){_OPENING}", re.IGNORECASE)) for sort in SORTS]
    joint = re.compile(rf"(?P<keyword>{pattern('joint').pattern}){_ARTICLE}", re.IGNORECASE)
    return [*keywords, ("", joint)]
