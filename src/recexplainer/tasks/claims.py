"""What a rationale claims, read from its words alone, and which of it f does not bear out.

The way back from `rationale.py`: a text is read by the parts that rationales are put together from. What is said in
other words is not understood, so it cannot be checked, and counts as a fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations, pairwise

from recexplainer.tasks.evidence import CLOSE, NEGLIGIBLE, Evidence
from recexplainer.tasks.rationale import answer_parts, join_facts, verdict_kind

_Sentence = tuple[str, dict[str, str]]

_VERDICT = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)
_DECISION = re.compile(
    r"(?P<no>\b(?:not|never|unlikely|\w+n['’]t)\b[^.!?;]{0,40}?)?\b(?:recommend|suggest)(?:s|ed|ing)?\b", re.IGNORECASE
)
_QUOTATION = re.compile(r"“[^”]*”|\"[^\"]*\"")
_SLOT = re.compile(r"\{(\w+)\}")
_QUOTED = 100  # characters of what is not understood
_KINDS = {"yes": "yes", "no": "no, in the lower half", "between": "no, in the upper half"}
_NAMED = ("first", "second", "third", "for", "against")
_SLOTS = {
    "item": "“[^”]*”",
    "all": "(?P<all>“[^”]*”(?:(?:, | and )“[^”]*”)+)",
    "common": "(?P<common>[^“”]+)",
    "why": "(?P<why>, [^“”]+?)?",
    "also": "(?P<also>, [^“”]+?)?",
    **{name: f"“(?P<{name}>[^”]*)”" for name in _NAMED},
}


def read_verdict(text: str) -> bool | None:
    """Whether a text says that the item is recommended: by its opening yes or no, else where it first says so.

    Titles in quotation marks are not read. None where neither is found.
    """
    plain = _QUOTATION.sub("…", text)
    if opening := _VERDICT.match(plain):
        return opening[1].lower() == "yes"
    found = _DECISION.search(plain)
    return None if found is None else found["no"] is None


def faults(text: str, evidence: Evidence, titles: Sequence[str]) -> list[str]:
    """What f does not bear out in a rationale, one line each; nothing if all of it holds.

    Args:
        text: An answer to the question why, in the words of the rationale task.
        evidence: What f said of the pair.
        titles: `[items]`, the titles of the catalogue.
    """
    sentences, rest = _read(text)
    if not sentences:
        return [f"no verdict is understood in {_beginning(text)!r}"]
    found = [f"not understood: {_beginning(rest)!r}"] if rest else []
    found += _faults_of_opening(sentences[0][0], evidence)
    places = {titles[item]: place for place, item in enumerate(evidence.history)}
    for group, said in sentences[1:]:
        found += _faults_of_sentence(group, said, evidence, places)
    strongest = evidence.strongest_first[0]
    named = {title for _, said in sentences[1:] for _, title in _cited(said)}
    title = titles[evidence.history[strongest]]
    if abs(evidence.weights[strongest]) >= NEGLIGIBLE and title not in named:
        found.append(f"“{title}” does most and is not named")
    return found


def _beginning(text: str) -> str:
    """So much of a text that it can be found again."""
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"


def _faults_of_opening(group: str, evidence: Evidence) -> Iterator[str]:
    kind = verdict_kind(evidence)
    if group.split(".")[0] != kind:
        yield f"the opening says {_KINDS[group.split('.')[0]]}, where f says {_KINDS[kind]}"
    elif group == "yes.opening.top" and not evidence.at_top:
        yield f"it is said to be at the top, at rank {evidence.rank}"
    elif group == "between.opening.near" and not evidence.near:
        yield f"it is said to be near, at rank {evidence.rank} of {evidence.n_ranked}"


def _faults_of_sentence(group: str, said: dict[str, str], evidence: Evidence, places: dict[str, int]) -> Iterator[str]:
    cited = _cited(said)
    for slot, title in cited:
        if title not in places:
            yield f"“{title}” is not in the history"
        elif _sign(group, slot) * evidence.weights[places[title]] < NEGLIGIBLE:
            yield f"“{title}” is said to speak {'for' if _sign(group, slot) > 0 else 'against'} it"
    for sign in _denied(group):
        if any(sign * weight >= NEGLIGIBLE for weight in evidence.weights):
            yield f"nothing is said to speak {'for' if sign > 0 else 'against'} it"
    if all(title in places for _, title in cited):
        at = {slot: places[title] for slot, title in cited}
        yield from _faults_of_order(group, at, evidence)
        yield from _faults_of_links(said, at, evidence)


def _faults_of_order(group: str, at: dict[str, int], evidence: Evidence) -> Iterator[str]:
    """What is named first must do most; in a sentence about what outweighs, that must be so."""
    size = {slot: abs(evidence.weights[place]) for slot, place in at.items()}
    ordered = [size[slot] for slot in _NAMED[:3] if slot in size]
    if any(one < other for one, other in pairwise(ordered)):
        yield "what is named first does not do most"
    if group in ("yes.outweighed", "between.held.counter") and size["against"] < size["for"]:
        yield "what is said to pull harder does not"


def _faults_of_links(said: dict[str, str], at: dict[str, int], evidence: Evidence) -> Iterator[str]:
    """What an item is said to share with the item asked about, it must share."""
    leader = at.get("first", at.get("for"))
    for slot, place in (("why", leader), ("also", at.get("second"))):
        if slot in said and place is not None and said[slot] not in _links(evidence.shared[place]):
            yield f"{said[slot].strip(', ')!r} does not hold"
    if "common" in said:
        shared = [set(evidence.shared[place]) for place in at.values()]
        if said["common"] not in _facts(sorted(set.intersection(*shared))):
            yield f"{said['common']!r} is not what they share"


def _links(shared: Sequence[str]) -> set[str]:
    """The ways to say truly what one history item shares with the item."""
    links = {part.format(what=what) for part in answer_parts()["why.one"] for what in _facts(shared)}
    return links | set(answer_parts()["why.close"]) if CLOSE in shared else links


def _facts(shared: Sequence[str]) -> set[str]:
    """One or two of the shared attributes, as they may stand in a sentence, in either order."""
    facts = [phrase for phrase in shared if phrase != CLOSE]
    pairs = [pair for one, other in combinations(facts, 2) for pair in ((one, other), (other, one))]
    return {join_facts([fact]) for fact in facts} | {join_facts(pair) for pair in pairs}


def _cited(said: dict[str, str]) -> list[tuple[str, str]]:
    """The slots and titles of a sentence; a list's titles are numbered in place of a name."""
    listed = re.findall("“([^”]*)”", said.get("all", ""))
    return [(slot, said[slot]) for slot in _NAMED if slot in said] + [(f"all {n}", t) for n, t in enumerate(listed)]


def _sign(group: str, slot: str) -> int:
    """Whether a title in this place of a sentence is said to speak for the item (1) or against it (-1)."""
    if slot in ("for", "against"):
        return 1 if slot == "for" else -1
    return -1 if group.startswith("no.reason") else 1


def _denied(group: str) -> tuple[int, ...]:
    """The sides on which a sentence says that there is nothing."""
    denied: dict[str, tuple[int, ...]] = {"yes.agreed": (-1,), "no.agreed": (1,), "yes.despite": (1,)}
    return (1, -1) if group.endswith(".nothing") else denied.get(group, ())


def _read(text: str) -> tuple[list[_Sentence], str]:
    """The opening and the sentences after it, as groups and what fills their slots; then what is not understood."""
    sentences: list[_Sentence] = []
    at = 0
    while at < len(text):
        matches = [
            (match, group)
            for group, pattern in _patterns(text.split(",")[0], opening=not sentences)
            if (match := pattern.match(text, at))
        ]
        if not matches:
            break
        match, group = max(matches, key=lambda pair: pair[0].end())
        sentences.append((group, {slot: value for slot, value in match.groupdict().items() if value}))
        at = match.end()
    return sentences, text[at:]


@cache
def _patterns(verdict: str, *, opening: bool) -> list[tuple[str, re.Pattern[str]]]:
    """The parts that may stand under a verdict ("Yes" or "No"), as patterns."""
    kinds = {"Yes": ("yes",), "No": ("no", "between")}.get(verdict, ())
    return [
        (group, re.compile(_pattern(part) + r"(?: |$)"))
        for group, parts in answer_parts().items()
        if group.split(".")[0] in kinds and (".opening" in group) == opening
        for part in parts
    ]


def _pattern(part: str) -> str:
    words = _SLOT.split(part)
    return "".join(_SLOTS[word] if at % 2 else re.escape(word) for at, word in enumerate(words))
