"""What a text claims, from its words alone, whoever wrote it. It asks no recommender and judges nothing.

Sentences in the wording of rationales are read exactly (`evidence/sentences.py`), all others by the reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass

from recexplainer.claims.claim import NEIGHBOUR, ParsedClaim
from recexplainer.claims.encoding import common_words, split_sentences
from recexplainer.claims.linking import NameLinker, blanked
from recexplainer.claims.phrases import PhraseFinder, longest
from recexplainer.claims.reader import Case, ClaimReader, Reader
from recexplainer.claims.shortened import Name
from recexplainer.data.attributes import Attributes
from recexplainer.evidence.sentences import Part, answer_parts, read_parts

_VERDICT = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)
_OPENING = re.compile(r"[\W_]*(yes|no)\b[\W_]*?[.,:;!–—](?!\s*\d)", re.IGNORECASE)
_DECISION = re.compile(
    r"(?P<no>\b(?:not|never|unlikely|\w+n['’]t)\b[^.!?;]{0,40}?)?\b(?:recommend|suggest)(?:s|ed|ing)?\b", re.IGNORECASE
)
_QUOTATION = re.compile(r"“[^”]*”|\"[^\"]*\"|\0+")
_WORD_SHARED = re.compile(r"\bthe word ['‘]([^'’]+)['’]")


@dataclass(frozen=True, slots=True)
class ParsedText:
    """A text and what it says: the titles and quoted names in it, the text with these blanked out, its claims in order.

    `parts` are in the wording of rationales; `unread` are those of its `sentences` in which nothing was read. The same
    thing of the same item is claimed once.
    """

    text: str
    names: Sequence[Name]
    words: str
    parts: Sequence[Part]
    claims: tuple[ParsedClaim, ...]
    unread: tuple[tuple[int, int], ...] = ()
    sentences: int = 0

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
    """Reads what texts say of items of a catalogue, by its `[items]` titles and their attributes.

    `reader` reads the sentences that are not in the wording of rationales; None: the network.
    """

    def __init__(self, titles: Sequence[str], attributes: Attributes, reader: ClaimReader | None = None) -> None:
        self.names = NameLinker(titles, attributes, common_words())
        self._attributes = PhraseFinder(attributes.names())
        self._reader: ClaimReader = reader or Reader(attributes.names())

    def with_reader(self, reader: ClaimReader) -> ClaimParser:
        """This parser with another reader."""
        other = copy(self)
        other._reader = reader
        return other

    def prepare(self, cases: Sequence[Case]) -> None:
        """Let the reader know of texts that are parsed next: those with sentences that it has to read."""
        self._reader.prepare([one for one in cases if not self.in_wording(one.text)])

    def in_wording(self, text: str) -> bool:
        """Whether each sentence of a text is in the wording of rationales, so that nothing is left to the reader."""
        return not _free(split_sentences(text, ()), list(read_parts(text)))

    def parse(self, text: str, history: Sequence[int], item: int) -> ParsedText:
        """What an explanation of an item to a user with that history says, from left to right."""
        names = self.names.link(text, history, item)
        parts = list(read_parts(text))
        exact = [*_verdicts(parts, text, item)]
        exact += [claim for part in parts for claim in self._of_part(part, text, names, history, item)]
        sentences = split_sentences(text, names)
        free = _free(sentences, parts)
        read: list[ParsedClaim] = []
        unread: tuple[tuple[int, int], ...] = ()
        if free:
            reading = self._reader.read(text, names, history, item)
            opening = [] if exact and exact[0].kind == "verdict" else list(_opening(text, item))
            exact += opening
            read = [
                one
                for one in reading.claims
                if not (one.kind == "verdict" and opening)
                and not any(_overlaps((one.start, one.end), part) for part in parts)
            ]
            unread = tuple(span for span in reading.unread if span in free)
        claims = sorted([*exact, *read], key=lambda one: one.start)
        return ParsedText(text, names, blanked(text, names), parts, tuple(_once(claims)), unread, len(sentences))

    def _of_part(
        self, part: Part, text: str, names: Sequence[Name], history: Sequence[int], item: int
    ) -> Iterator[ParsedClaim]:
        """What a sentence in the wording of rationales says: its titles, which way they work, and why."""
        end = part.start + len(text[part.start : part.end].rstrip())
        item_at = {name.start: name.item for name in names}
        items = {slot: item_at.get(part.places[slot][0]) for slot in part.titles}
        for slot, named in items.items():
            start, last = part.places[slot]
            yield ParsedClaim("history", start, last, named, title="" if named is not None else text[start:last])
            if (sign := part.sign(slot)) and named in history:
                yield ParsedClaim("positive" if sign > 0 else "negative", start, last, named)
        for sign in part.denied:
            yield ParsedClaim("nothing_positive" if sign > 0 else "nothing_negative", part.start, end)
        if part.popular:
            yield ParsedClaim("popular", part.start, end, item)
        yield from self._links(part, text, items)

    def _links(self, part: Part, text: str, items: dict[str, int | None]) -> Iterator[ParsedClaim]:
        for slot, owners in part.linked():
            start, end = part.places[slot]
            for named in (items[owner] for owner in owners if items[owner] is not None):
                if part.values[slot] in answer_parts()["why.close"]:
                    yield ParsedClaim("shared", start + 2, end, named, text[start + 2 : end], NEIGHBOUR)
                words = list(_WORD_SHARED.finditer(text, start, end))
                for found in words:
                    yield ParsedClaim("shared", found.start(), found.end(), named, found[1], "word")
                for hit in longest(self._attributes.find(text[start:end])):
                    first, last = start + hit.start, start + hit.end
                    if not any(found.start() <= first < found.end() for found in words):
                        yield ParsedClaim("shared", first, last, named, text[first:last])


def read_verdict(text: str) -> bool | None:
    """Whether an answer says that the item is recommended: by its opening yes or no, else where it first says so.

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


def _verdicts(parts: Sequence[Part], text: str, item: int) -> Iterator[ParsedClaim]:
    """The verdict of a text that opens in the wording of rationales."""
    opening = parts[0] if parts and not text[: parts[0].start].strip() else None
    if opening and (found := _find_verdict(text[opening.start : opening.end])):
        positive, start, end = found
        yield ParsedClaim("verdict", opening.start + start, opening.start + end, item, "yes" if positive else "no")


def _opening(text: str, item: int) -> Iterator[ParsedClaim]:
    """The verdict of a text that opens with Yes or No, and a mark after it."""
    if found := _OPENING.match(text):
        yield ParsedClaim("verdict", *found.span(1), item, found[1].lower())


def _once(claims: Sequence[ParsedClaim]) -> list[ParsedClaim]:
    """Each thing of each item once, the first of them."""
    once: dict[tuple[object, ...], ParsedClaim] = {}
    for one in claims:
        once.setdefault((one.kind, one.item, one.title, one.sort, "" if one.kind == "verdict" else one.value), one)
    return list(once.values())


def _free(sentences: Sequence[tuple[int, int]], parts: Sequence[Part]) -> list[tuple[int, int]]:
    """The sentences that are not in the wording of rationales."""
    return [span for span in sentences if not any(_overlaps(span, part) for part in parts)]


def _overlaps(span: tuple[int, int], part: Part) -> bool:
    return span[0] < part.end and span[1] > part.start
