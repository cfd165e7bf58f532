"""Files damaged byte by byte, and what must still be read of them: every line that the damage left as it was.

The right reading of a damaged line cannot be known, that of its neighbours can. So a damaged file is read rightly where
the events and titles of untouched lines are read as before, those of a user in the same order, and no more events are
new than lines are. What is lost must be counted or warned of.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.data.readers.published import CLEAN, EVENTS, TITLES, Published

from recexplainer.data.dataset import Dataset

Mutation = Callable[[bytes, random.Random], bytes]
_NAMES = dict(zip(TITLES, CLEAN, strict=True))
_WORDS = (b"null", b"1", b"2", b'"u1"', b"[]", b"{}", b"-1", b"1e999", b"NaN", b"True", b"Ash", b"''", b"1500000000")
_JUNK = (b"\0", b"\n", b"\r", b'"', b"'", b"{", b"}", b"\t", b",", b"|", b"::", b"\xff\xfe", b"\\", b"\\ud800", b"-")
_HUGE = (
    b"9" * 30,
    b"9" * 5000,
    b"1e308",
    b"-9223372036854775809",
    b"18446744073709551616",
    b"[" * 3000,
    b"{'a':" * 500,
)


def flip_byte(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data))
    return data[:place] + bytes([chance.randrange(256)]) + data[place + 1 :]


def cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def drop_span(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data))
    return data[:start] + data[start + chance.randrange(1, 12) :]


def double_span(data: bytes, chance: random.Random) -> bytes:
    start, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    return data[:end] + data[start:]


def drop_line(data: bytes, chance: random.Random) -> bytes:
    rows = data.splitlines(keepends=True)
    del rows[chance.randrange(len(rows))]
    return b"".join(rows)


def shuffle_lines(data: bytes, chance: random.Random) -> bytes:
    rows = data.splitlines(keepends=True)
    return b"".join(chance.sample(rows, len(rows)))


def drop_field(data: bytes, chance: random.Random) -> bytes:
    """One field of every line goes: what stands before, between or behind two separators."""
    separator, place = chance.choice((b",", b"\t", b"|", b"::", b", ")), chance.randrange(5)
    rows = [row.split(separator) for row in data.split(b"\n")]
    return b"\n".join(separator.join(row[:place] + row[place + 1 :]) for row in rows)


def change_words(data: bytes, chance: random.Random) -> bytes:
    old, new = chance.sample(_WORDS, 2)
    return data.replace(old, new)


def insert(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data) + 1)
    return data[:place] + chance.choice(_JUNK + _HUGE) + data[place:]


def encode_otherwise(data: bytes, chance: random.Random) -> bytes:
    text = data.decode("latin-1")
    return text.encode(chance.choice(("utf-16", "utf-16-le", "utf-8-sig", "utf-32", "utf-8")))


MUTATIONS: tuple[Mutation, ...] = (
    flip_byte,
    cut,
    drop_span,
    double_span,
    drop_line,
    shuffle_lines,
    drop_field,
    change_words,
    insert,
    encode_otherwise,
)


Event = tuple[str, str, int]


@dataclass(frozen=True)
class Expected:
    """What must be read of damaged files.

    Attributes:
        before: All events before the damage: user, item, time.
        kept: Those whose lines are untouched.
        titles: Of the items whose lines are untouched, by id.
        new: How many lines of events are new.
        timed: Whether events have times.
    """

    before: Sequence[Event]
    kept: Sequence[Event]
    titles: Mapping[str, str]
    new: int
    timed: bool

    def faults(self, dataset: Dataset) -> list[str]:
        """What was read otherwise without a word."""
        if any(note.warning for note in dataset.notes):
            return []
        found: list[str] = []
        titles = dict(zip(dataset.item_ids, dataset.titles, strict=True))
        if len(gone := self.titles.keys() - titles) > _dropped(dataset, "item"):
            found.append(f"items are lost: {sorted(gone)}")
        wrong = {one: titles[one] for one, title in self.titles.items() if not titles.get(one, title).startswith(title)}
        if len(wrong) > _dropped(dataset, "items with an id seen before"):  # the first line of an id counts
            found.append(f"titles are others: {wrong}")
        histories = {user: dataset.history(row).tolist() for row, user in enumerate(dataset.user_ids)}
        read = {(user, dataset.item_ids[item]) for user, items in histories.items() for item in items}
        lost = {(user, item) for user, item, _ in self.kept if item in titles} - read
        if len(lost) > _dropped(dataset, "event"):
            found.append(f"events are lost: {sorted(lost)}")
        if len(added := read - {event[:2] for event in self.before}) > self.new:
            found.append(f"events are new: {sorted(added)}")
        if self.timed and not any("order of rows" in note.what for note in dataset.notes):
            ids = {user: [dataset.item_ids[item] for item in items] for user, items in histories.items()}
            found += [f"{user} is out of order: {items}" for user, items in ids.items() if self._mixed(user, items)]
        return found

    def _mixed(self, user: str, items: Sequence[str]) -> bool:
        """Whether more of a user's untouched events are out of order than new lines can have moved."""
        times = {item: time for one, item, time in self.kept if one == user}
        order = [times[item] for item in items if item in times]
        rising: list[int] = []
        for time in order:
            place = bisect_left(rising, time)
            rising[place : place + 1] = [time]
        return len(order) - len(rising) > self.new


def expected(published: Published, damaged: Mapping[str, bytes]) -> Expected:
    """What must be read of a published folder once it is damaged."""
    names = list(published.files)
    untitled = len(names) == 1  # titles are the ids
    events = sorted(EVENTS, key=lambda event: event[2]) if untitled else EVENTS
    events = [(user, TITLES[item] if untitled else item, time) for user, item, time in events]
    lines = _lines(published.files[names[0]])
    there = _lines(damaged[names[0]])
    kept = [event for event, own in zip(events, _of_each(lines, len(events)), strict=True) if own in there]
    if untitled:
        clean = dict(zip(map(str, TITLES.values()), CLEAN, strict=True))
        titles = {item: clean[item] for _, item, _ in kept}
    else:
        there_items = _lines(damaged[names[1]])
        rows = zip(TITLES, CLEAN, _of_each(_lines(published.files[names[1]]), len(TITLES)), strict=True)
        titles = {item: title for item, title, own in rows if own in there_items}
    return Expected(events, kept, titles, sum((Counter(there) - Counter(lines)).values()), not untitled)


def _lines(data: bytes) -> list[bytes]:
    return [line for line in data.split(b"\n") if line.strip()]


def _of_each(lines: Sequence[bytes], records: int) -> list[bytes]:
    """The last line of each record, behind any header."""
    each = len(lines) // records
    return list(lines[len(lines) % records :][each - 1 :: each])


def _dropped(dataset: Dataset, what: str) -> int:
    return sum(note.count for note in dataset.notes if note.what.startswith(what) and "dropped" in note.what)
