"""Findings: what does not hold of a text in the wording of rationales, beside what it states in any words.

That is order and balance of what it names, what is left out, where the item stands, and what is said to tie items.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import combinations, pairwise

from recexplainer.claims.claim import Claim, ClaimKind
from recexplainer.claims.parser import ParsedText
from recexplainer.evidence.evidence import CLOSE, NEGLIGIBLE, Evidence
from recexplainer.evidence.realised import OUTWEIGHS, fact_kind, join_facts, verdict_kind
from recexplainer.evidence.sentences import NAMED, Part, answer_parts

_MOST = ("yes.reason", "yes.common", "no.reason")  # groups that say what does most
_FEW = 5  # of fewer items none is in the best fifth, and not many do better
_QUOTED = 100  # characters of what is not understood


def findings(parsed: ParsedText, evidence: Evidence, titles: Sequence[str]) -> Iterator[Claim]:
    """What fails in a text in the wording of rationales, up to where it goes on in other words.

    `titles` are the catalogue's, `[items]`; the evidence has attributions.
    """
    parts, end = parsed.in_wording, len(parsed.text)
    if not parts:
        yield Claim("no_verdict", "unverified", f"no verdict is understood in {_beginning(parsed.text)!r}", 0, end)
        return
    if rest := parsed.text[parts[-1].end :]:
        yield Claim("not_understood", "unverified", f"not understood: {_beginning(rest)!r}", parts[-1].end, end)
    places = {titles[item]: place for place, item in enumerate(evidence.history)}
    yield from _rank_findings(parts[0], evidence)
    for part in parts[1:]:
        at = {slot: places[title] for slot, title in part.titles.items() if title in places}
        yield from _negligible_findings(part, at, evidence)
        if len(at) == len(part.titles):
            yield from _order_findings(part, at, evidence, titles)
            yield from _link_findings(part, at, evidence)
    yield from _balance_findings(parts, evidence, places)
    named = {title for part in parts for title in part.titles.values()}
    yield from _nothing_shared_findings(parts, [evidence.shared[places[title]] for title in named & places.keys()])
    yield from _omission_findings(named, end, evidence, places)


def _failing(kind: ClaimKind, found: str, part: Part, slot: str = "", item: int | None = None) -> Claim:
    """A finding about the words of a slot, or about a whole part."""
    start, end = part.places[slot] if slot else (part.start, part.end)
    return Claim(kind, "contradicted", found, start, end, item)


def _beginning(text: str) -> str:
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"


def _rank_findings(opening: Part, evidence: Evidence) -> Iterator[Claim]:
    """How far up the list the opening puts the item, where its verdict is right."""
    at, kind = f"at rank {evidence.rank:,} of {evidence.n_ranked:,}", verdict_kind(evidence)
    stated = opening.group.split(".")[0]
    if (stated == "yes") is not evidence.recommended:
        return
    if not evidence.recommended and (evidence.rank == 1 or evidence.n_ranked < _FEW):
        why = f"none scores higher, and {evidence.tied:,} others score the same"
        why = "of so few none is in the best fifth" if evidence.n_ranked < _FEW else why
        yield _failing("standing", f"how others do says nothing {at}: {why}", opening)
        return
    if stated != kind:
        half = "lower" if stated == "no" else "upper"
        yield _failing("standing", f"it is said to be in the {half} half, {at}", opening)
    elif opening.group == "yes.opening.top" and not evidence.at_top:
        yield _failing("standing", f"it is said to be at the top, {at}", opening)
    elif opening.group == "between.opening.near" and not evidence.near:
        yield _failing("standing", f"it is said to be near, {at}", opening)


def _negligible_findings(part: Part, at: Mapping[str, int], evidence: Evidence) -> Iterator[Claim]:
    """Titles given as reasons that do nothing; `at` has the place in the history of the title in each slot."""
    for slot, place in at.items():
        if slot == "depends":
            if place not in evidence.depends:
                found = f"what “{part.titles[slot]}” does is said to depend on the rest of the history, and does not"
                yield _failing("negligible", found, part, slot, evidence.history[place])
        elif abs(evidence.weights[place]) < NEGLIGIBLE:
            way = "for" if part.sign(slot) > 0 else "against"
            end = (
                "but that depends on the rest of the history"
                if place in evidence.depends
                else "and hardly does anything"
            )
            found = f"“{part.titles[slot]}” is said to count {way} it, {end}"
            yield _failing("negligible", found, part, slot, evidence.history[place])


def _order_findings(part: Part, at: Mapping[str, int], evidence: Evidence, titles: Sequence[str]) -> Iterator[Claim]:
    """Which title of a sentence is said to do more than another, or than anything else."""
    size = {slot: abs(evidence.weights[place]) for slot, place in at.items()}
    if any(one < other for one, other in pairwise(size[slot] for slot in NAMED[:3] if slot in size)):
        yield _failing("order", "what is named first does not do most", part)
    if part.group in ("yes.outweighed", "between.held.counter") and not evidence.does_more(at["against"], at["for"]):
        yield _failing("balance", "what is said to pull harder does not", part)
    if part.group.startswith(_MOST):
        most = max(at.values(), key=lambda place: abs(evidence.weights[place]))
        if rivals := evidence.rivals(most):
            title = titles[evidence.history[rivals[0]]]
            found = f"“{title}” may do more, by another way to ask or beside other items"
            yield Claim("order", "unverified", found, part.start, part.end)


def _link_findings(part: Part, at: Mapping[str, int], evidence: Evidence) -> Iterator[Claim]:
    """What a sentence says that its titles share with the item."""
    for slot, owners in part.linked():
        shared = [evidence.shared[at[owner]] for owner in owners]
        common = [phrase for phrase in shared[0] if all(phrase in other for other in shared)] if shared else []
        if shared and part.values[slot] not in (_facts(common) if slot == "common" else _links(common)):
            end = "is not what they share" if slot == "common" else "does not hold"
            yield _failing("link", f"{part.values[slot].strip(', ')!r} {end}", part, slot)


def _omission_findings(named: Set[str], end: int, evidence: Evidence, places: Mapping[str, int]) -> Iterator[Claim]:
    """What does most is named, or something that does as much."""
    sizes = [abs(one) for one in evidence.weights]
    strongest = [title for title, place in places.items() if sizes[place] == max(sizes)]
    if max(sizes) >= NEGLIGIBLE and named.isdisjoint(strongest):
        found = f"“{strongest[0]}” does most and is not named"
        yield Claim("omission", "contradicted", found, end, end, evidence.history[places[strongest[0]]])


def _nothing_shared_findings(parts: Sequence[Part], shared: Sequence[Sequence[str]]) -> Iterator[Claim]:
    """That nothing of a kind is shared, against what the titles named do share."""
    kinds = {fact_kind(fact) for facts in shared for fact in facts}
    for part in parts:
        if part.group.endswith(".aspect") and fact_kind(part.values["kind"]) in kinds:
            yield _failing("nothing_shared", f"no {part.values['kind']} is said to be shared", part)


def _balance_findings(parts: Sequence[Part], evidence: Evidence, places: Mapping[str, int]) -> Iterator[Claim]:
    """What is said to pull the other way, but weakly, must not clearly outweigh all that is named beside it."""
    cited = {title: (part, slot) for part in parts for slot, title in part.titles.items()}
    at = {title: places[title] for title in cited if title in places}
    leading = [place for title, place in at.items() if not cited[title][0].group.endswith(".counter")]
    for title, place in at.items():
        part, slot = cited[title]
        if part.group not in ("yes.counter", "no.counter"):
            continue
        if all(evidence.does_more(place, other, OUTWEIGHS) for other in leading):
            found = f"“{title}” does more than what it is set against"
            yield _failing("balance", found, part, slot, evidence.history[place])


def _links(shared: Sequence[str]) -> set[str]:
    """The ways to say truly what one history item shares with the item."""
    links = {part.format(what=what) for part in answer_parts()["why.one"] for what in _facts(shared)}
    return links | set(answer_parts()["why.close"]) if CLOSE in shared else links


def _facts(shared: Sequence[str]) -> set[str]:
    """One or two of the shared attributes, as they may stand in a sentence, in either order."""
    facts = [phrase for phrase in shared if phrase != CLOSE]
    pairs = [pair for one, other in combinations(facts, 2) for pair in ((one, other), (other, one))]
    return {join_facts([fact]) for fact in facts} | {join_facts(pair) for pair in pairs}
