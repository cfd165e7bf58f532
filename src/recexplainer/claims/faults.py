"""What a rationale claims, read from its words alone, and which of it f does not bear out.

The way back from `writing.py`: a text is read by the parts that rationales are put together from. What is said in
other words is not understood, so it cannot be checked, and counts as a fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, pairwise

from recexplainer.evidence.evidence import CLOSE, NEGLIGIBLE, Evidence
from recexplainer.evidence.realised import OUTWEIGHS, fact_kind, join_facts, verdict_kind
from recexplainer.evidence.sentences import NAMED, Part, Span, answer_parts, read_parts

_VERDICT = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)
_DECISION = re.compile(
    r"(?P<no>\b(?:not|never|unlikely|\w+n['’]t)\b[^.!?;]{0,40}?)?\b(?:recommend|suggest)(?:s|ed|ing)?\b", re.IGNORECASE
)
_QUOTATION = re.compile(r"“[^”]*”|\"[^\"]*\"|\0+")
_QUOTED = 100  # characters of what is not understood
_KINDS = {"yes": "yes", "no": "no, in the lower half", "between": "no, in the upper half"}


def find_verdict(text: str) -> tuple[bool, Span] | None:
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
    return (opening[1].lower() == "yes" if opening else found["no"] is None), (start, end)


def read_verdict(text: str) -> bool | None:
    """Whether a text says that the item is recommended: by its opening yes or no, else where it first says so.

    Titles in quotation marks, or blanked out, are not read. None where neither is found.
    """
    found = find_verdict(text)
    return None if found is None else found[0]


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
    found += _faults_of_opening(sentences[0].group, evidence)
    places = {titles[item]: place for place, item in enumerate(evidence.history)}
    for sentence in sentences[1:]:
        found += _faults_of_sentence(sentence, text, evidence, places)
    found += _faults_of_view(sentences, text, evidence, places)
    found += _faults_of_balance(sentences, text, evidence, places)
    found += _faults_of_omission(sentences, text, evidence, titles)
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


def _faults_of_sentence(part: Part, text: str, evidence: Evidence, places: dict[str, int]) -> Iterator[str]:
    cited = [(slot, text[start:end]) for slot, (start, end) in part.cited]
    for slot, title in cited:
        if title not in places:
            yield f"“{title}” is not in the history"
        elif part.sign(slot) * evidence.standardized[places[title]] < NEGLIGIBLE:
            yield f"“{title}” is said to speak {'for' if part.sign(slot) > 0 else 'against'} it"
    if part.popular and not evidence.popular:
        yield "it is said to please most users"
    for sign in part.denied:
        if any(sign * weight >= NEGLIGIBLE for weight in evidence.standardized):
            yield f"nothing is said to speak {'for' if sign > 0 else 'against'} it"
    if all(title in places for _, title in cited):
        at = {slot: places[title] for slot, title in cited}
        yield from _faults_of_order(part.group, at, evidence)
        yield from _faults_of_links(part.said, at, evidence)


def _faults_of_order(group: str, at: dict[str, int], evidence: Evidence) -> Iterator[str]:
    """What is named first must do most; in a sentence about what outweighs, that must be so."""
    size = {slot: abs(evidence.standardized[place]) for slot, place in at.items()}
    ordered = [size[slot] for slot in NAMED[:3] if slot in size]
    if any(one < other for one, other in pairwise(ordered)):
        yield "what is named first does not do most"
    if group in ("yes.outweighed", "between.held.counter") and size["against"] < size["for"]:
        yield "what is said to pull harder does not"


def _faults_of_links(said: Mapping[str, str], at: dict[str, int], evidence: Evidence) -> Iterator[str]:
    """What an item is said to share with the item asked about, it must share."""
    leader = at.get("first", at.get("for"))
    for slot, place in (("why", leader), ("also", at.get("second"))):
        if slot in said and place is not None and said[slot] not in _links(evidence.shared[place]):
            yield f"{said[slot].strip(', ')!r} does not hold"
    if "common" in said:
        shared = [set(evidence.shared[place]) for place in at.values()]
        if said["common"] not in _facts(sorted(set.intersection(*shared))):
            yield f"{said['common']!r} is not what they share"


def _faults_of_balance(parts: Sequence[Part], text: str, evidence: Evidence, places: dict[str, int]) -> Iterator[str]:
    """What is said to pull the other way, but weakly, must not clearly outweigh all that is named beside it."""
    cited = {text[start:end]: part.group for part in parts for _, (start, end) in part.cited}
    sizes = {title: abs(evidence.standardized[places[title]]) for title in cited if title in places}
    for title, size in sizes.items():
        others = [sizes[other] for other in sizes if not cited[other].endswith(".counter")]
        if cited[title] in ("yes.counter", "no.counter") and size > OUTWEIGHS * max(others, default=0.0):
            yield f"“{title}” does more than what it is set against"


def _faults_of_view(parts: Sequence[Part], text: str, evidence: Evidence, places: dict[str, int]) -> Iterator[str]:
    """Where no genre, brand or the like is said to tie the item to those named, none must."""
    shared = {fact_kind(fact) for title in _named(parts, text) & set(places) for fact in evidence.shared[places[title]]}
    for part in parts:
        if part.group.endswith(".view") and fact_kind(part.said["kind"]) in shared:
            yield f"no {part.said['kind']} is said to be shared"


def _faults_of_omission(parts: Sequence[Part], text: str, evidence: Evidence, titles: Sequence[str]) -> Iterator[str]:
    """The history item that does most must be named, or another that does as much."""
    named = _named(parts, text)
    most = max(map(abs, evidence.standardized))
    sizes = zip(evidence.history, map(abs, evidence.standardized), strict=True)
    strongest = [titles[item] for item, size in sizes if size == most]
    if most >= NEGLIGIBLE and named.isdisjoint(strongest):
        yield f"“{strongest[0]}” does most and is not named"


def _named(parts: Sequence[Part], text: str) -> set[str]:
    return {text[start:end] for part in parts for _, (start, end) in part.cited}


def _links(shared: Sequence[str]) -> set[str]:
    """The ways to say truly what one history item shares with the item."""
    links = {part.format(what=what) for part in answer_parts()["why.one"] for what in _facts(shared)}
    return links | set(answer_parts()["why.close"]) if CLOSE in shared else links


def _facts(shared: Sequence[str]) -> set[str]:
    """One or two of the shared attributes, as they may stand in a sentence, in either order."""
    facts = [phrase for phrase in shared if phrase != CLOSE]
    pairs = [pair for one, other in combinations(facts, 2) for pair in ((one, other), (other, one))]
    return {join_facts([fact]) for fact in facts} | {join_facts(pair) for pair in pairs}


def _read(text: str) -> tuple[list[Part], str]:
    """The opening and the parts that follow without a gap; then what is not understood."""
    at, understood = 0, list[Part]()
    for part in read_parts(text):
        if part.start != at:
            break
        understood.append(part)
        at = part.end
    return understood, text[at:]
