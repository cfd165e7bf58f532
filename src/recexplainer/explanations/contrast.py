"""Why one item and not another: what in a history does more for the one, however one asks. It asks nothing itself.

The text is put together here; what it says of either item is checked by the verifier, like any other text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recexplainer.claims.claim import Claim, ParsedClaim, StatedKind, stated
from recexplainer.claims.parser import ParsedText
from recexplainer.claims.verifier import Verifier
from recexplainer.evidence.evidence import NEGLIGIBLE, Evidence

_MOST_NAMED = 2


@dataclass(frozen=True, slots=True)
class Contrast:
    """Why one item and not another.

    Attributes:
        evidence: What the recommender says of the one item.
        other: What it says of the other, for the same history.
        text: The contrast in words.
        claims: What the text says of either item, each with its status, in order.
        deciding: Places in the history that do more for the item that stands higher, however one asks; the one with the
            largest difference first.
    """

    evidence: Evidence
    other: Evidence
    text: str
    claims: tuple[Claim, ...]
    deciding: tuple[int, ...]


@dataclass(slots=True)
class _Text:
    """A text while it is written, sentence by sentence."""

    text: str = ""

    def add(self, words: str) -> tuple[int, int]:
        """Add a sentence; returns its offsets."""
        start = len(self.text) + (1 if self.text else 0)
        self.text = f"{self.text} {words}" if self.text else words
        return start, len(self.text)


def contrast(one: Evidence, other: Evidence, titles: Sequence[str], verifier: Verifier) -> Contrast:
    """Why the one item and not the other, for the same history; where the other stands higher, the other way round."""
    higher, lower = (one, other) if one.rank <= other.rank else (other, one)
    deciding = _deciding(higher, lower)
    written, said = _Text(), list[tuple[Evidence, ParsedClaim]]()
    first, second = (f"“{titles[each.item]}”" for each in (higher, lower))
    ranks = f"{first} stands at rank {higher.rank} of {higher.n_ranked}, {second} at rank {lower.rank}."
    span = written.add(f"It is the other way round: {ranks}" if higher is other else ranks)
    for each in (higher, lower):
        said.append((each, ParsedClaim("rank", *span, item=each.item, value=f"{each.rank} of {each.n_ranked}")))
    for place in deciding[:_MOST_NAMED]:
        item = higher.history[place]
        kinds = _kind(higher, place), _kind(lower, place)
        span = written.add(f"“{titles[item]}” {_effect_words(kinds, first, second)}.")
        said += [(each, ParsedClaim(kind, *span, item=item)) for each, kind in zip((higher, lower), kinds, strict=True)]
    if not deciding:
        written.add(f"No single item of the history is sure to do more for {first} than for {second}.")
    elif higher.ablated_ranks:
        item = higher.history[deciding[0]]
        without = [each.ablated_ranks[deciding[0]] for each in (higher, lower)]
        ranks = f"{first} would stand at rank {without[0]}, {second} at rank {without[1]}"
        span = written.add(f"Without “{titles[item]}”, {ranks}.")
        for each, rank in zip((higher, lower), without, strict=True):
            said.append((each, ParsedClaim("counterfactual", *span, item=item, value=str(rank))))
    claims: list[Claim] = []
    for each in (higher, lower):
        own = tuple(claim for about, claim in said if about is each)
        claims += stated(verifier.verify(ParsedText(written.text, (), "", (), own), each))
    return Contrast(one, other, written.text, tuple(sorted(claims, key=lambda claim: claim.start)), deciding)


def _deciding(higher: Evidence, lower: Evidence) -> tuple[int, ...]:
    """Places whose least effect on the one is above the most on the other, by all ways to ask; none that depends."""
    unsure = {*higher.depends, *lower.depends}
    least = NEGLIGIBLE * higher.score_std

    def difference(place: int) -> float:
        return higher.effects[place].deletion - lower.effects[place].deletion

    places = [
        place
        for place in range(len(higher.effects))
        if place not in unsure
        and higher.effects[place].span[0] > lower.effects[place].span[1]
        and difference(place) >= least
    ]
    return tuple(sorted(places, key=difference, reverse=True))


def _kind(evidence: Evidence, place: int) -> StatedKind:
    """What a history item that does not depend on the others is said to do."""
    weight = evidence.standardized[place]
    return "no_effect" if abs(weight) < NEGLIGIBLE else "positive" if weight > 0 else "negative"


def _effect_words(kinds: tuple[StatedKind, StatedKind], first: str, second: str) -> str:
    """What a history item does, that does more for the first item than for the second."""
    match kinds:
        case ("positive", "positive"):
            return f"counts more for {first} than for {second}"
        case ("positive", "negative"):
            return f"counts for {first} and against {second}"
        case ("positive", _):
            return f"counts for {first} and does hardly anything for {second}"
        case ("negative", _):
            return f"counts more against {second} than against {first}"
        case _:
            return f"counts against {second} and does hardly anything to {first}"
