"""A text cut into sentences, clauses and the words between commas, and which way these say that a title works.

It reads English by the words in `cues.yaml`, and knows no titles.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise, takewhile

from recexplainer.claims.linking import BLANK, Name
from recexplainer.storage import packaged_yaml

_BULLET = r"\s*(?:[-*•]|\d+[.)])\s+"
_JOINT = re.compile(r"[\s,*]*(?:,|\b(?:and|or|as well as|plus|followed by)\b|&)[\s*]*", re.IGNORECASE)
_LAST = re.compile(r"\b(?:and|or|as well as|plus|followed by)\b|&", re.IGNORECASE)
_TURNS = ("contrast", "turn")
_NEGATED_WITHIN = 25  # characters before a word in which "not" denies it


@cache
def pattern(*groups: str) -> re.Pattern[str]:
    """Finds the phrases of groups of the word list, the longer before the shorter."""
    phrases = [phrase for group in groups for phrase in packaged_yaml("recexplainer.claims", "cues.yaml")[group]]
    return re.compile("|".join(map(_expression, sorted(phrases, key=len, reverse=True))), re.IGNORECASE)


def _expression(phrase: str) -> str:
    gaps = re.escape(phrase).replace(r"\ …\ ", r"\s+(?:[\w\0]+\s+){0,3}").replace(r"\ ", r"\s+").replace(r"\~", r"\w*")
    return rf"(?<!\w){gaps}(?!\w)"


@dataclass(frozen=True, slots=True)
class Segment:
    """Words between two commas or the like, with their numbers in the text; a list with its heading is one sentence.

    `turn` is `contrast` or `turn` where the clause begins with such words, else "".
    """

    number: int
    start: int
    end: int
    sentence: int
    clause: int
    turn: str


class Clauses:
    """The clauses of a text, given with the names in it blanked out (`linking.blanked`)."""

    def __init__(self, words: str, names: Sequence[Name]) -> None:
        self.words, self.names = words, names
        self.lists = _lists(words, names)
        self.segments = list(self._split())
        self._starts = [one.start for one in self.segments]
        self._sentences: dict[int, tuple[int, int]] = {}
        for one in self.segments:
            first, _ = self._sentences.get(one.sentence, (one.start, 0))
            self._sentences[one.sentence] = first, one.end
        self._clause_ends = {one.clause: one.end for one in self.segments}
        self._found: dict[str, list[tuple[int, int]]] = {}

    def segment_of(self, at: int) -> Segment:
        """The segment that a place of the text is in."""
        return self.segments[bisect_right(self._starts, at) - 1]

    def sentence_of(self, at: int) -> tuple[int, int]:
        """The first and the last offset of a sentence."""
        return self._sentences[self.segment_of(at).sentence]

    def clause_end(self, at: int) -> int:
        """The offset after the last character of a clause."""
        return self._clause_ends[self.segment_of(at).clause]

    def find(self, group: str, start: int, end: int) -> list[tuple[int, int]]:
        """Where phrases of a group of the word list stand, from `start` to `end`."""
        if group not in self._found:
            self._found[group] = [found.span() for found in pattern(group).finditer(self.words)]
        found = self._found[group]
        begun = found[bisect_left(found, (start, start)) : bisect_right(found, (end, end))]
        return [span for span in begun if span[1] <= end]

    def is_denied(self, at: int) -> bool:
        """Whether words before a place deny what stands there, in the same segment and with no name between."""
        near = self.words[max(self.segment_of(at).start, at - _NEGATED_WITHIN) : at].split(BLANK)[-1]
        return pattern("denying").search(near) is not None

    def beside(self, own: Segment) -> Iterator[Segment]:
        """The segments of the same clause that name nothing: those that follow, then those before, nearest first."""
        yield from self.after(own)
        before = takewhile(lambda one: one.clause == own.clause, reversed(self.segments[: own.number]))
        yield from (one for one in before if not self._names_in(one))

    def after(self, own: Segment) -> Iterator[Segment]:
        """The segments of the same clause that follow and name nothing, up to the next that does."""
        for one in self.segments[own.number + 1 :]:
            if one.clause != own.clause or self._names_in(one):
                return
            yield one

    def _names_in(self, segment: Segment) -> bool:
        return BLANK in self.words[segment.start : segment.end]

    def _ends(self) -> Iterator[tuple[str, int]]:
        """Where segments end, and what ends them; not where the names of a list are joined."""
        joints = [(one.outer[1], other.outer[0]) for every in self.lists for one, other in pairwise(every)]
        for found in _breaks().finditer(self.words):
            joint = bisect_right(joints, (found.start(), len(self.words))) - 1
            if joint < 0 or found.end() > joints[joint][1]:
                kind = found.lastgroup or ""
                yield kind, found.start() if kind in _TURNS else found.end()

    def _split(self) -> Iterator[Segment]:
        """Cut the text at the ends of sentences, before words that turn it, and at commas that join no list."""
        number = sentence = clause = start = 0
        turn, named = "", False
        for kind, end in self._ends():
            if end > start:
                yield Segment(number, start, end, sentence, clause, turn)
                number += 1
            named = named or BLANK in self.words[start:end]
            start = end
            sentence += kind == "sentence"
            if kind in ("sentence", "clause", *_TURNS) or (turn and named):
                clause, named = clause + 1, False
                turn = kind if kind in _TURNS else ""
        if start < len(self.words) or not number:
            yield Segment(number, start, len(self.words), sentence, clause, turn)


class Directions:
    """Reads which way titles are said to work.

    The word nearest to a title decides ("lifts", "speaks against"), first in its own segment, then in those of the same
    clause that name nothing. Without such a word the clause does: after "because" it goes with the verdict, after
    "although" against it.

    The verdict is 1 if the text says yes, -1 if it says no, 0 if neither.
    """

    def __init__(self, clauses: Clauses, verdict: int) -> None:
        self._clauses, self._verdict = clauses, verdict
        self._length = list(accumulate((character != BLANK for character in clauses.words), initial=0))
        self._stated = {name: self._stated_sign(name) for name in clauses.names}
        self._stated_items = {name.item for name, sign in self._stated.items() if sign}

    def sign(self, name: Name) -> int:
        """Which way a title is said to work: 1 for the item, -1 against it, 0 where nothing is said of that.

        What the verdict alone implies counts only of a title of which no more is said anywhere.
        """
        return self._stated[name] or (0 if name.item in self._stated_items else self._implied_sign(name))

    def _stated_sign(self, name: Name) -> int:
        own = self._clauses.segment_of(name.start)
        if self._clauses.find("neutral", own.start, own.end):
            return 0
        sign = self._cue(own, name)
        reason = self._clauses.find("because", own.start, name.outer[0])
        if not sign and reason and own.turn != "contrast":
            return self._verdict
        if not sign:
            sign = next((cue for one in self._clauses.beside(own) if (cue := self._cue(one, name))), 0)
        removed = self._clauses.find("removal", own.start, own.end)
        return -sign if removed and not reason else sign

    def _implied_sign(self, name: Name) -> int:
        own = self._clauses.segment_of(name.start)
        if any(self._clauses.find(group, own.start, own.end) for group in ("neutral", "listing")):
            return 0
        return -self._sign_before(own) if own.turn else self._verdict

    def is_aside(self, name: Name) -> bool:
        """Whether a title is mentioned for comparison alone, and not as the user's."""
        own = self._clauses.segment_of(name.start)
        return any(self._clauses.find("aside", one.start, one.end) for one in (own, *self._clauses.after(own)))

    def _sign_before(self, own: Segment) -> int:
        """What a clause turns from: what the sentence said last before it, else the verdict."""
        before = [name for name in self._clauses.names if own.turn == "turn" and name.start < own.start]
        same = before and self._clauses.segment_of(before[-1].start).sentence == own.sentence
        return (self._stated[before[-1]] if same else 0) or self._verdict

    def _cue(self, segment: Segment, name: Name) -> int:
        """The sign of the word nearest to a name, a word that is denied turned round; 0 if there is none."""
        found: list[tuple[int, int, int]] = []
        for group, sign in (("for", 1), ("against", -1), ("outweighed", -self._verdict)):
            for start, end in self._clauses.find(group, segment.start, segment.end):
                if group == "outweighed" and start < name.start:
                    continue
                denied = group != "outweighed" and self._clauses.is_denied(start)
                found.append((self._distance(start, end, name), start - end, -sign if denied else sign))
        return min(found)[2] if found else 0

    def _distance(self, start: int, end: int, name: Name) -> int:
        """How many characters stand between some words and a name, other names not counted."""
        first, last = (end, name.outer[0]) if start < name.start else (name.outer[1], start)
        return self._length[max(first, last)] - self._length[first]


@cache
def _breaks() -> re.Pattern[str]:
    return re.compile(
        rf"(?P<item>[.!?:;,]*\s*\n{_BULLET})|(?P<sentence>[.!?]+[)*\"”]*(?=\s|$)|\n+)|(?P<clause>;| [–—-] |—)"
        rf"|(?P<comma>[,:()])|(?P<contrast>{pattern('contrast').pattern})|(?P<turn>{pattern('turn').pattern})",
        re.IGNORECASE,
    )


def _lists(words: str, names: Sequence[Name]) -> list[list[Name]]:
    """Names that are joined by commas and "and" in one list each; two names with a comma alone are none."""
    lists: list[list[Name]] = []
    for name in names:
        between = words[lists[-1][-1].outer[1] : name.outer[0]] if lists else "."
        if lists and _JOINT.fullmatch(between):
            lists[-1].append(name)
        else:
            lists.append([name])
    closed: list[list[Name]] = []
    for every in lists:
        is_list = len(every) != 2 or _LAST.search(words[every[0].outer[1] : every[1].outer[0]])
        closed += [every] if is_list else [[name] for name in every]
    return closed
