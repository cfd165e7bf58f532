"""What a text claims, from its words alone, whoever wrote it. It asks no recommender and judges nothing.

Sentences in the wording of rationales are read exactly (`evidence/sentences.py`), others by the words of their clauses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter

from recexplainer.claims.claim import ParsedClaim
from recexplainer.claims.clauses import Clauses, Directions
from recexplainer.claims.linking import BLANK, Name, NameReader, blanked
from recexplainer.claims.sharing import SharingReader, items_sharing
from recexplainer.data.attributes import Attributes
from recexplainer.evidence.sentences import Part, answer_parts, read_parts

NEIGHBOUR = "neighbour"
"""The sort of what is claimed to be shared where a history item lies close to the item in the recommender's view."""

_VERDICT = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)
_DECISION = re.compile(
    r"(?P<no>\b(?:not|never|unlikely|\w+n['’]t)\b[^.!?;]{0,40}?)?\b(?:recommend|suggest)(?:s|ed|ing)?\b", re.IGNORECASE
)
_QUOTATION = re.compile(r"“[^”]*”|\"[^\"]*\"|\0+")


@dataclass(frozen=True, slots=True)
class ParsedText:
    """A text and what it says.

    Attributes:
        text: The text.
        names: The titles that it names, and quoted names that are none, in order.
        words: The text with the names blanked out.
        parts: What of it is in the wording of rationales, in order.
        claims: What it claims, in order; the same thing of the same item is claimed once.
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
    """Reads what texts say.

    Args:
        titles: `[items]`, the titles of the catalogue.
        attributes: The attributes of the catalogue.
    """

    def __init__(self, titles: Sequence[str], attributes: Attributes) -> None:
        self.names = NameReader(titles, attributes)
        self.sharing = SharingReader(attributes)

    def parse(self, text: str, history: Sequence[int], item: int) -> ParsedText:
        """What a text says of an item, from left to right.

        Args:
            text: An explanation.
            history: Item indices.
            item: The item asked about.
        """
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
    """One text being read."""

    def __init__(
        self, text: str, words: str, names: list[Name], history: frozenset[int], item: int, sharing: SharingReader
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
                for item in items_sharing(self.clauses, one, self.history) or [None]:
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
