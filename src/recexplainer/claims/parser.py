"""What a text claims, from its words alone, whoever wrote it. It asks no recommender and judges nothing.

Sentences in the wording of rationales are read exactly (`tasks/parts.py`), others by the words of their clauses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from recexplainer.claims.claim import ClaimKind
from recexplainer.claims.clauses import Clauses
from recexplainer.claims.directions import Directions
from recexplainer.claims.faults import find_verdict
from recexplainer.claims.linking import BLANK, Name, NameReader, blanked
from recexplainer.claims.sharing import SharingReader, items_sharing
from recexplainer.data.attributes import Attributes
from recexplainer.evidence.sentences import Part, answer_parts, read_parts

NEIGHBOUR = "neighbour"
"""The sort of what is claimed to be shared where a history item is said to lie close to the item in f's view."""


@dataclass(frozen=True, slots=True)
class Statement:
    """Something that a text says, not yet checked; kind, offsets and item as in `Claim`.

    Attributes:
        value: "yes" or "no" of a verdict, the title as it stands in the text, or the attribute.
        sort: Of an attribute: `brand`, `genre`, `platform`, `word`, `neighbour`, or "" where the text does not say.
    """

    kind: ClaimKind
    start: int
    end: int
    item: int | None = None
    value: str = ""
    sort: str = ""


class ClaimReader:
    """Reads claims.

    Args:
        titles: `[items]`, the titles of the catalogue.
        attributes: The attributes of the catalogue.
    """

    def __init__(self, titles: Sequence[str], attributes: Attributes) -> None:
        self.names = NameReader(titles, attributes)
        self.sharing = SharingReader(attributes)

    def read(self, text: str, history: Sequence[int], item: int) -> list[Statement]:
        """What a text claims, from left to right; the same thing of the same item is claimed once.

        Args:
            text: An explanation.
            history: Item indices.
            item: The item asked about.
        """
        reading = _Reading(text, frozenset(history), item, self.names, self.sharing)
        once: dict[tuple[object, ...], Statement] = {}
        for one in sorted(reading.statements(), key=lambda one: one.start):
            titled = one.item if one.kind != "history" or one.item is not None else one.value
            once.setdefault((one.kind, titled, one.sort, one.value if one.kind == "shared" else ""), one)
        return list(once.values())


class _Reading:
    """One text, and what it says."""

    def __init__(
        self, text: str, history: frozenset[int], item: int, names: NameReader, sharing: SharingReader
    ) -> None:
        self.text, self.history, self.item, self.sharing = text, history, item, sharing
        self.names = names.read(text, {*history, item})
        self.parts = list(read_parts(text))
        self.words = blanked(text, self.names)
        self.clauses = Clauses(self.words, self.names)

    def statements(self) -> Iterator[Statement]:
        sign = 0
        if found := find_verdict(self.words):
            says_yes, (start, end) = found
            sign = 1 if says_yes else -1
            yield Statement("verdict", start, end, self.item, "yes" if says_yes else "no")
        for part in self.parts:
            yield from self._of_part(part)
        directions = Directions(self.clauses, sign)
        for name in self.names:
            if not self._in_part(name.start):
                yield from self._of_name(name, directions)
        for start, end in self._sentences():
            yield from self._denials(start, end)
            yield from self._shared(start, end)

    def _of_part(self, part: Part) -> Iterator[Statement]:
        """What a sentence in the wording of rationales says: its titles, which way they work, and why."""
        named = {name.start: name.item for name in self.names}
        items: dict[str, int | None] = {}
        for slot, (start, end) in part.cited:
            items[slot] = item = named.get(start)
            yield from self._titled(start, end, item, part.sign(slot))
        for sign in part.denied:
            words = self.text[part.start : part.end].rstrip()
            yield Statement(
                "no_positive_attribution" if sign > 0 else "no_negative_attribution",
                part.start,
                part.start + len(words),
            )
        if part.popular:
            yield Statement(
                "popular", part.start, part.start + len(self.text[part.start : part.end].rstrip()), self.item
            )
        leader, second = items.get("first", items.get("for")), items.get("second")
        for slot, about in (("why", [leader]), ("also", [second]), ("common", list(items.values()))):
            if slot in part.places:
                yield from self._links(*part.places[slot], [item for item in about if item is not None])

    def _links(self, start: int, end: int, items: list[int]) -> Iterator[Statement]:
        """What items are said to share in a sentence in the wording of rationales."""
        is_close = self.text[start:end] in answer_parts()["why.close"]
        for item in items:
            if is_close:
                yield Statement("shared", start + 2, end, item, sort=NEIGHBOUR)
            for one in self.sharing.attributes(self.text, start, end):
                yield Statement("shared", one.start, one.end, item, one.value, one.sort)

    def _of_name(self, name: Name, directions: Directions) -> Iterator[Statement]:
        """What is said of a title in words of any kind; the item asked about, or a comparison, is passed over."""
        if name.item in self.history and name.item != self.item:
            yield from self._titled(name.start, name.end, name.item, directions.sign(name))
        elif name.item is None or (name.item != self.item and not directions.is_aside(name)):
            yield from self._titled(name.start, name.end, name.item, 0)

    def _titled(self, start: int, end: int, item: int | None, sign: int) -> Iterator[Statement]:
        yield Statement("history", start, end, item, self.text[start:end])
        if sign and item in self.history:
            yield Statement("positive_attribution" if sign > 0 else "negative_attribution", start, end, item)

    def _denials(self, start: int, end: int) -> Iterator[Statement]:
        """Where nothing in the history is said to speak for the item, or against it, or either."""
        for alone in self.clauses.find("regardless", start, end):
            yield from _nothing((1, -1), *alone)
        for first, last in self.clauses.find("popular", start, end):
            if not self.clauses.is_denied(first):
                yield Statement("popular", first, last, self.item)
        for first, last in self.clauses.find("nothing", start, end):
            for group, signs in (("either", (1, -1)), ("against", (-1,)), ("for", (1,))):
                if told := self.clauses.find(group, last, self.clauses.clause_end(first)):
                    yield from _nothing(signs, first, told[0][1]) if self._is_of_all(first, told[0][1]) else ()
                    break

    def _is_of_all(self, start: int, end: int) -> bool:
        """Whether "nothing" is said without exception, up to the end of the words between commas."""
        end = self.clauses.segment_of(end - 1).end
        return BLANK not in self.words[start:end] and not self.clauses.find("other", start, end)

    def _shared(self, start: int, end: int) -> Iterator[Statement]:
        for one in self.sharing.read(self.clauses, start, end):
            for item in items_sharing(self.clauses, one, self.history) or [None]:
                yield Statement("shared", one.start, one.end, item, one.value, one.sort)

    def _sentences(self) -> Iterator[tuple[int, int]]:
        """The sentences that are not in the wording of rationales."""
        for _, segments in groupby(self.clauses.segments, key=attrgetter("sentence")):
            first, *others = segments
            if not self._in_part(first.start):
                yield first.start, (others or [first])[-1].end

    def _in_part(self, at: int) -> bool:
        return any(part.start <= at < part.end for part in self.parts)


def _nothing(signs: Sequence[int], start: int, end: int) -> Iterator[Statement]:
    for sign in signs:
        yield Statement("no_positive_attribution" if sign > 0 else "no_negative_attribution", start, end)
