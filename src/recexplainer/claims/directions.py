"""Which way a text says that a title works: for the item asked about or against it, by the words of its clause."""

from __future__ import annotations

from itertools import accumulate

from recexplainer.claims.clauses import Clauses, Segment
from recexplainer.claims.linking import BLANK, Name


class Directions:
    """Reads which way titles are said to work.

    The word nearest to a title decides ("lifts", "speaks against"), first in its own segment, then in those of the same
    clause that name nothing. Without such a word the clause does: after "because" it goes with the verdict, after
    "although" against it.

    Args:
        clauses: The clauses of a text.
        verdict: 1 if the text says yes, -1 if it says no, 0 if neither.
    """

    def __init__(self, clauses: Clauses, verdict: int) -> None:
        self._clauses, self._verdict = clauses, verdict
        self._length = list(accumulate((character != BLANK for character in clauses.words), initial=0))
        self._said = {name: self._sign_said(name) for name in clauses.names}
        self._told_of = {name.item for name, told in self._said.items() if told}

    def sign(self, name: Name) -> int:
        """Which way a title is said to work: 1 for the item, -1 against it, 0 where nothing is said of that.

        What the verdict alone implies counts only of a title of which no more is said anywhere.
        """
        return self._said[name] or (0 if name.item in self._told_of else self._implied(name))

    def _sign_said(self, name: Name) -> int:
        """What the words next to a title say."""
        own = self._clauses.segment_of(name.start)
        if self._clauses.find("neutral", own.start, own.end):
            return 0
        told = self._cue(own, name)
        reason = self._clauses.find("because", own.start, name.outer[0])
        if not told and reason and own.turn != "contrast":
            return self._verdict
        if not told:
            told = next((cue for one in self._clauses.beside(own) if (cue := self._cue(one, name))), 0)
        removed = self._clauses.find("removal", own.start, own.end)
        return -told if removed and not reason else told

    def _implied(self, name: Name) -> int:
        """What follows from the clause and the verdict where a title has no words of its own."""
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
        told = before and self._clauses.segment_of(before[-1].start).sentence == own.sentence
        return (self._said[before[-1]] if told else 0) or self._verdict

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
