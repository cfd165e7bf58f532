"""What a text claims, from its words alone, whoever wrote it. It asks no recommender and judges nothing.

Sentences in the wording of rationales are read exactly (`evidence/sentences.py`), others by the words of their clauses:
those of `cues.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from operator import attrgetter

from recexplainer.claims.claim import ParsedClaim
from recexplainer.claims.clauses import Clauses, Directions, pattern
from recexplainer.claims.linking import BLANK, Hit, Name, NameReader, PhraseFinder, blanked, longest
from recexplainer.data.attributes import Attributes
from recexplainer.evidence.sentences import Part, answer_parts, read_parts
from recexplainer.storage import packaged_yaml

NEIGHBOUR = "neighbour"
"""The sort of what is claimed to be shared where a history item lies close to the item in the recommender's view."""

_VERDICT = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)
_DECISION = re.compile(
    r"(?P<no>\b(?:not|never|unlikely|\w+n['’]t)\b[^.!?;]{0,40}?)?\b(?:recommend|suggest)(?:s|ed|ing)?\b", re.IGNORECASE
)
_QUOTATION = re.compile(r"“[^”]*”|\"[^\"]*\"|\0+")
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
class ParsedText:
    """A text and what it says: the titles and quoted names in it, the text with these blanked out, its claims in order.

    `parts` are in the wording of rationales. The same thing of the same item is claimed once.
    """

    text: str
    names: Sequence[Name]
    words: str
    parts: Sequence[Part]
    claims: tuple[ParsedClaim, ...]

    @property
    def in_wording(self) -> list[Part]:
        """The parts that follow each other without a gap from the beginning of the text."""
        ends = [0, *(part.end for part in self.parts)]
        gap = (at for at, part in enumerate(self.parts) if part.start != ends[at])
        return list(self.parts[: next(gap, len(self.parts))])

    @property
    def verdict(self) -> bool | None:
        """Whether it says that the item is recommended; None where it says neither."""
        return next((one.value == "yes" for one in self.claims if one.kind == "verdict"), None)


class ClaimParser:
    """Reads what texts say of items of a catalogue, by its `[items]` titles and their attributes."""

    def __init__(self, titles: Sequence[str], attributes: Attributes) -> None:
        self.names = NameReader(titles, attributes)
        self.sharing = _SharingReader(attributes)

    def parse(self, text: str, history: Sequence[int], item: int) -> ParsedText:
        """What an explanation of an item to a user with that history says, from left to right."""
        names = self.names.read(text, {*history, item})
        words = blanked(text, names)
        parsing = _Parsing(text, words, names, frozenset(history), item, self.sharing)
        once: dict[tuple[object, ...], ParsedClaim] = {}
        for one in sorted(parsing.claims(), key=lambda one: one.start):
            value = "" if one.kind in ("verdict", "history") and one.item is not None else one.value
            once.setdefault((one.kind, one.item, one.sort, value), one)
        return ParsedText(text, names, words, parsing.parts, tuple(once.values()))


def read_verdict(text: str) -> bool | None:
    """Whether a text says that the item is recommended: by its opening yes or no, else where it first says so.

    Titles in quotation marks, or blanked out, are not read. None where neither is found.
    """
    found = _find_verdict(text)
    return None if found is None else found[0]


def _find_verdict(text: str) -> tuple[bool, int, int] | None:
    """What `read_verdict` reads, and the place of the words that say so."""
    plain = _QUOTATION.sub("…", text)
    opening = _VERDICT.match(plain)
    found = opening or _DECISION.search(plain)
    if found is None:
        return None
    start, end = found.span(1 if opening else 0)
    for quotation in _QUOTATION.finditer(text):
        left_out = len(quotation[0]) - 1
        start += left_out if quotation.start() < start else 0
        end += left_out if quotation.start() < end - 1 else 0
    return (opening[1].lower() == "yes" if opening else found["no"] is None), start, end


class _Parsing:
    def __init__(
        self, text: str, words: str, names: list[Name], history: frozenset[int], item: int, sharing: _SharingReader
    ) -> None:
        self.text, self.words, self.names = text, words, names
        self.history, self.item, self.sharing = history, item, sharing
        self.parts = list(read_parts(text))
        self.clauses = Clauses(words, names)
        self._item_at = {name.start: name.item for name in names}

    def claims(self) -> Iterator[ParsedClaim]:
        sign = 0
        if found := _find_verdict(self.words):
            positive, start, end = found
            sign = 1 if positive else -1
            yield ParsedClaim("verdict", start, end, self.item, "yes" if positive else "no")
        for part in self.parts:
            yield from self._of_part(part)
        directions = Directions(self.clauses, sign)
        for name in self.names:
            if not self._in_part(name.start):
                yield from self._of_name(name, directions)
        for start, end in self._free_sentences():
            yield from self._denials(start, end)
            for one in self.sharing.read(self.clauses, start, end):
                for item in _items_sharing(self.clauses, one, self.history) or [None]:
                    yield replace(one, item=item)

    def _of_part(self, part: Part) -> Iterator[ParsedClaim]:
        """What a sentence in the wording of rationales says: its titles, which way they work, and why."""
        items = {slot: self._item_at.get(part.places[slot][0]) for slot in part.titles}
        for slot, item in items.items():
            yield from self._titled(*part.places[slot], item, part.sign(slot))
        end = part.start + len(self.text[part.start : part.end].rstrip())
        yield from _nothing(part.denied, part.start, end)
        if part.popular:
            yield ParsedClaim("popular", part.start, end, self.item)
        for slot, owners in part.linked():
            start, end = part.places[slot]
            for item in (items[owner] for owner in owners if items[owner] is not None):
                if part.values[slot] in answer_parts()["why.close"]:
                    yield ParsedClaim("shared", start + 2, end, item, sort=NEIGHBOUR)
                for one in self.sharing.attributes(self.text, start, end):
                    yield replace(one, item=item)

    def _of_name(self, name: Name, directions: Directions) -> Iterator[ParsedClaim]:
        """What is said of a title in words of any kind; the item asked about, or a comparison, is passed over."""
        if name.item in self.history and name.item != self.item:
            yield from self._titled(name.start, name.end, name.item, directions.sign(name))
        elif name.item is None or (name.item != self.item and not directions.is_aside(name)):
            yield from self._titled(name.start, name.end, name.item, 0)

    def _titled(self, start: int, end: int, item: int | None, sign: int) -> Iterator[ParsedClaim]:
        yield ParsedClaim("history", start, end, item, self.text[start:end])
        if sign and item in self.history:
            yield ParsedClaim("positive_attribution" if sign > 0 else "negative_attribution", start, end, item)

    def _denials(self, start: int, end: int) -> Iterator[ParsedClaim]:
        """Where nothing in the history is said to count for the item, or against it, or either."""
        for alone in self.clauses.find("regardless", start, end):
            yield from _nothing((1, -1), *alone)
        for first, last in self.clauses.find("popular", start, end):
            if not self.clauses.is_denied(first):
                yield ParsedClaim("popular", first, last, self.item)
        for first, last in self.clauses.find("nothing", start, end):
            for group, signs in (("either", (1, -1)), ("against", (-1,)), ("for", (1,))):
                if found := self.clauses.find(group, last, self.clauses.clause_end(first)):
                    yield from _nothing(signs, first, found[0][1]) if self._is_of_all(first, found[0][1]) else ()
                    break

    def _is_of_all(self, start: int, end: int) -> bool:
        """Whether "nothing" is said without exception, up to the end of the words between commas."""
        end = self.clauses.segment_of(end - 1).end
        return BLANK not in self.words[start:end] and not self.clauses.find("other", start, end)

    def _free_sentences(self) -> Iterator[tuple[int, int]]:
        """The sentences that are not in the wording of rationales."""
        for _, segments in groupby(self.clauses.segments, key=attrgetter("sentence")):
            first, *others = segments
            start, end = first.start, (others or [first])[-1].end
            if not self._in_part(start + len(self.words[start:end]) - len(self.words[start:end].lstrip())):
                yield start, end

    def _in_part(self, at: int) -> bool:
        return any(part.start <= at < part.end for part in self.parts)


def _nothing(signs: Sequence[int], start: int, end: int) -> Iterator[ParsedClaim]:
    for sign in signs:
        yield ParsedClaim("no_positive_attribution" if sign > 0 else "no_negative_attribution", start, end)


class _SharingReader:
    """Finds what texts say to be shared."""

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


def _items_sharing(clauses: Clauses, one: ParsedClaim, history: frozenset[int]) -> list[int]:
    """The history items that an attribute is said to be shared by: those named last before it, or after "with"."""
    lists = [every for every in clauses.lists if any(name.item in history for name in every)]
    return [name.item for name in _list_meant(clauses, one, lists) if name.item is not None and name.item in history]


def _list_meant(clauses: Clauses, one: ParsedClaim, lists: Sequence[list[Name]]) -> list[Name]:
    start, end = clauses.sentence_of(one.start)
    before = next((every for every in reversed(lists) if every[-1].end <= one.start), [])
    after = next((every for every in lists if one.end <= every[0].start < end), [])
    if not after or not before or before[0].start < start:
        return after or before
    joined = _WITH_NAMES.match(clauses.words, one.end)
    return after if joined is not None and joined.end() == after[0].outer[0] else before


@cache
def _openings() -> list[tuple[str, re.Pattern[str]]]:
    keywords = [(sort, re.compile(rf"(?P<keyword>{pattern(sort).pattern}){_OPENING}", re.IGNORECASE)) for sort in SORTS]
    joint = re.compile(rf"(?P<keyword>{pattern('joint').pattern}){_ARTICLE}", re.IGNORECASE)
    return [*keywords, ("", joint)]
