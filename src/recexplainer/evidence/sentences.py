"""The parts that rationales are put together from, and found again in a text by. It knows no recommender, no titles."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from recexplainer.storage import packaged_yaml

Span = tuple[int, int]
"""Where words stand in a text: offset of the first character, and after the last."""
POPULAR = ".popular"
"""Ends the name of a group whose parts say that the item pleases most users."""
NAMED = ("first", "second", "third", "for", "against", "depends")

_TITLE = re.compile("“([^”]*)”")
_SLOT = re.compile(r"\{(\w+)\}")
_SENTENCE_END = re.compile(r"[.!?][”\"]?\s+|\n+")
_SLOTS = {
    "item": "“[^”]*”",
    "all": "(?P<all>“[^”]*”(?:(?:, | and )“[^”]*”)+)",
    "common": "(?P<common>[^“”]+)",
    "why": "(?P<why>, [^“”]+?)?",
    "also": "(?P<also>, [^“”]+?)?",
    "kind": "(?P<kind>[a-z ]+)",
    **{name: f"“(?P<{name}>[^”]*)”" for name in NAMED},
}
_VERDICTS = {"Yes": ("yes",), "No": ("no", "between")}
_DENIED = {"yes.agreed": (-1,), "no.agreed": (1,), "yes.despite": (1,)}


@cache
def answer_parts() -> dict[str, list[str]]:
    """The parts that rationales are put together from, by group: `yes.opening`, `no.reason.2`, and so on."""
    return packaged_yaml("recexplainer.evidence", "wording/sentences.yaml")


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a text that stands in the wording of rationales; it ends after the space that follows.

    Attributes:
        group: The group of `wording/sentences.yaml`, without `.popular`.
        popular: Whether it says that the item pleases most users.
        places: Where what fills its slots stands, by slot; `values` are the words.
        titles: The titles that it gives as reasons, without quotation marks, by slot; those of a list are numbered.
    """

    group: str
    popular: bool
    start: int
    end: int
    places: Mapping[str, Span]
    values: Mapping[str, str]
    titles: Mapping[str, str]

    @property
    def denied(self) -> tuple[int, ...]:
        """The sides, for (1) and against (-1), on which it says that there is nothing."""
        return (1, -1) if self.group.endswith(".nothing") else _DENIED.get(self.group, ())

    def sign(self, slot: str) -> int:
        """Whether the title in a slot is said to count for the item (1) or against it (-1); 0: that depends."""
        if slot == "depends":
            return 0
        if slot in ("for", "against"):
            return 1 if slot == "for" else -1
        return -1 if self.group.startswith(("no.reason", "no.several")) else 1

    def linked(self) -> Iterator[tuple[str, list[str]]]:
        """The slots that say what titles share with the item asked about, each with the slots of those titles."""
        for slot, owners in (("why", ("first", "for")), ("also", ("second",)), ("common", tuple(self.titles))):
            if slot in self.values:
                yield slot, [owner for owner in owners if owner in self.titles]


def read_parts(text: str) -> Iterator[Part]:
    """The parts of a text in the wording of rationales, left to right; sentences in other words are passed over."""
    verdict, at = text.split(",", 1)[0], 0
    while at < len(text):
        if part := _part_at(text, at, verdict):
            yield part
            at = part.end
        else:
            onward = _SENTENCE_END.search(text, at)
            at = onward.end() if onward else len(text)


def _part_at(text: str, at: int, verdict: str) -> Part | None:
    """The longest part that stands at a place; an opening stands at the beginning alone, and nothing else does."""
    matches = [
        (match, group)
        for kind in _VERDICTS.get(verdict, ())
        for group, pattern in _patterns(kind, opening=at == 0)
        if (match := pattern.match(text, at))
    ]
    if not matches:
        return None
    match, group = max(matches, key=lambda pair: pair[0].end())
    places = {slot: match.span(slot) for slot, value in match.groupdict().items() if value}
    listed = _TITLE.finditer(text, *places["all"]) if "all" in places else ()
    numbered = {f"all {number}": one.span(1) for number, one in enumerate(listed)}
    values = {slot: text[start:end] for slot, (start, end) in (places | numbered).items()}
    titles = {slot: values[slot] for slot in (*NAMED, *numbered) if slot in values}
    own, popular = group.removesuffix(POPULAR), group.endswith(POPULAR)
    return Part(own, popular, at, match.end(), places | numbered, values, titles)


@cache
def _patterns(kind: str, *, opening: bool) -> list[tuple[str, re.Pattern[str]]]:
    """The parts that may stand in a rationale of a kind (`yes`, `no`, `between`), as patterns."""
    return [
        (group, re.compile(_pattern(part) + r"(?: |$)"))
        for group, parts in answer_parts().items()
        if group.split(".")[0] == kind and (".opening" in group) == opening
        for part in parts
    ]


def _pattern(part: str) -> str:
    words = _SLOT.split(part)
    return "".join(_SLOTS[word] if at % 2 else re.escape(word) for at, word in enumerate(words))
