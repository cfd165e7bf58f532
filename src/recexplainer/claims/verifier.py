"""Whether what a text says holds, by the evidence and the catalogue. It does not know who wrote the text."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from recexplainer.claims.claim import NEIGHBOUR, REST, Claim, ClaimStatus, ParsedClaim
from recexplainer.claims.findings import findings
from recexplainer.claims.parser import ClaimParser, ParsedText
from recexplainer.claims.sharing import AttributeReader, Meant, quoted_word
from recexplainer.data.attributes import Attributes
from recexplainer.data.dataset import Dataset
from recexplainer.evidence.evidence import CLOSE, EXPECTED, NEGLIGIBLE, Evidence
from recexplainer.recommenders.base import Recommender
from recexplainer.recommenders.stability import Effect

_Found = tuple[ClaimStatus, str]
CERTAIN = 0.97
"""The confidence that a claim must be read with to be contradicted; below, it is unverified."""
_BEST_FIRST: tuple[ClaimStatus, ...] = ("supported", "unverified", "contradicted")
_NOT_SEEN = "it is older than what the recommender looks at"


class Verifier:
    """Gives what texts claim a status.

    - A verdict is supported if it is the recommender's.
    - A title said to be the user's is supported if it is in the history, unverified if its words fit several items.
    - A history item said to count for or against the item is supported if its effect is stable and goes that way,
      contradicted if it is stable and goes the other way, or hardly moves the score at all; unverified if it depends on
      the rest of the history. Where effects were not asked in several ways, leaving it out decides, by more than
      leaving out a random other item of the history does on average.
    - That an item has no effect is supported if leaving it out moves the score by less than what counts as one,
      contradicted if by half as much again.
    - That it does most is supported if no other does more however one asks, contradicted if another clearly does.
    - A rank is supported if it is the recommender's, rounded as said; a rank without a history item likewise.
    - That the item pleases most users is supported if the recommender suggests it to half of them, contradicted if to
      fewer than one in five, which any item may expect.
    - That nothing counts for or against it is contradicted if something does.
    - What is said to be shared is supported if the catalogue says so of both items, unverified if it does not know the
      attribute or has none of its kind for one of them. Said of the whole history it need be so of one item.
    - Anything else is unverified, and so is what would be contradicted but is read with little confidence.

    Only a recommender with vectors tells which items are close.
    """

    def __init__(self, titles: Sequence[str], attributes: Attributes, *, has_vectors: bool) -> None:
        self.parser = ClaimParser(titles, attributes)
        self._titles = titles
        self._has_vectors = has_vectors
        self._attributes = AttributeReader(titles, attributes)

    @classmethod
    def of(cls, dataset: Dataset, recommender: Recommender, attributes: Attributes | None = None) -> Verifier:
        """The verifier for a catalogue and a recommender; attributes that are None are worked out."""
        attributes = attributes or Attributes.of(dataset)
        return cls(dataset.titles, attributes, has_vectors=recommender.has_vectors)

    def claims(self, text: str, evidence: Evidence) -> tuple[Claim, ...]:
        """`verify` of a text that is not parsed yet."""
        return self.verify(self.parser.parse(text, evidence.whole_history, evidence.item), evidence)

    def verify(self, parsed: ParsedText, evidence: Evidence) -> tuple[Claim, ...]:
        """What a text claims of a pair, in order of appearance, each with its status; of findings those that fail.

        The text is parsed for the whole history and the item of the evidence. Without attributions in the evidence,
        what counts for and against the item is unverified.
        """
        claims = [self._checked(one, parsed, evidence) for one in parsed.claims]
        if evidence.attributions:
            claims += {one.found: one for one in findings(parsed, evidence, self._titles)}.values()
        return tuple(sorted(claims, key=lambda one: one.start))

    def _checked(self, one: ParsedClaim, parsed: ParsedText, evidence: Evidence) -> Claim:
        status, found = self._check(one, parsed, evidence)
        if status == "contradicted" and one.confidence < CERTAIN:
            status, found = "unverified", f"{found}; but the text may not mean this"
        return Claim(one.kind, status, found, one.start, one.end, one.item, one.value, one.title)

    def _check(self, one: ParsedClaim, parsed: ParsedText, evidence: Evidence) -> _Found:
        match one.kind:
            case "verdict":
                verdict = "yes" if evidence.recommended else "no"
                found = f"the recommender says {verdict}, rank {evidence.rank:,} of {evidence.n_ranked:,}"
                return "supported" if one.value == verdict else "contradicted", found
            case "history":
                return self._check_title(one, parsed, evidence)
            case "shared":
                if one.title or (one.item is not None and one.item not in evidence.whole_history):
                    return "contradicted", "it is not in the history"
                others = evidence.whole_history if one.item is None else (one.item,)
                if one.sort == NEIGHBOUR:
                    return self._check_neighbour(others, evidence)
                return self._check_shared(one, evidence.item, others)
            case "popular":
                return _check_popularity(evidence)
            case "rank":
                return _check_rank(one.value, evidence)
            case "other":
                found = "not checked: knowledge of the writer, which neither the recommender nor the catalogue has"
                return "unverified", found
            case _:
                return self._check_attribution(one, parsed, evidence)

    def _check_attribution(self, one: ParsedClaim, parsed: ParsedText, evidence: Evidence) -> _Found:
        """What a history item is said to do, or that none does anything for the item, or against it."""
        if not evidence.attributions:
            return "unverified", "the recommender cannot say what a history item does"
        if one.kind in ("nothing_positive", "nothing_negative"):
            return self._check_nothing(1 if one.kind == "nothing_positive" else -1, evidence)
        if one.kind == "no_effect" and one.value == REST:
            return self._check_rest({name.item for name in parsed.names}, evidence)
        if one.item not in evidence.history:
            if one.item in evidence.older:
                return _check_older(one, evidence)
            return "contradicted", "it is not in the history"
        place = evidence.history.index(one.item)
        match one.kind:
            case "no_effect":
                return _check_no_effect(place, evidence)
            case "strongest":
                return self._check_strongest(one.value, place, evidence)
            case "counterfactual":
                return _check_ablated_rank(one.value, place, evidence)
            case _:
                return _check_effect(1 if one.kind == "positive" else -1, place, evidence)

    def _check_rest(self, named: Collection[int | None], evidence: Evidence) -> _Found:
        """That the history items which are not named have no effect."""
        rest = [place for place, item in enumerate(evidence.history) if item not in named]
        if not rest:
            return "unverified", "no other history item is left"
        most = max(rest, key=lambda place: abs(evidence.standardized[place]))
        status, found = _check_no_effect(most, evidence)
        return status, f"of the others “{self._titles[evidence.history[most]]}” does most: {found}"

    def _check_strongest(self, way: str, place: int, evidence: Evidence) -> _Found:
        sign = {"positive": 1, "negative": -1}.get(way, 0)
        sizes = [sign * one if sign else abs(one) for one in evidence.weights]
        most = max(range(len(sizes)), key=sizes.__getitem__)
        if place in evidence.depends:
            return "unverified", _range(evidence.effects[place])
        if sizes[place] >= sizes[most] - NEGLIGIBLE / 2 and sizes[place] >= NEGLIGIBLE:
            if rivals := evidence.rivals(place):
                title = self._titles[evidence.history[rivals[0]]]
                return "unverified", f"“{title}” may do more: {_range(evidence.effects[rivals[0]], depends=False)}"
            return "supported", "no other history item does more"
        found = (
            f"“{self._titles[evidence.history[most]]}” does more: without it {_movement(evidence.attributions[most])}"
        )
        return ("unverified" if sizes[place] >= 0.8 * sizes[most] > 0 else "contradicted"), found

    def _check_shared(self, one: ParsedClaim, item: int, others: Collection[int]) -> _Found:
        """Whether an item shares an attribute with any of several others."""
        word = quoted_word(one.value) if one.sort in ("", "word") else one.value
        if one.sort == "word":
            found = [self._have_word(word, (other, item)) for other in others]
        else:
            meant = self._attributes.meant(one.value, one.sort)
            found = [self._have(each, one.value, (other, item)) for each in meant for other in others]
            if not one.sort and (not found or word != one.value):
                held = [self._have_word(word, (other, item)) for other in others]
                found += [each for each in held if each[0] == "supported" or word != one.value]
        unknown: _Found = ("unverified", f"the catalogue knows no {one.sort or 'attribute'} “{one.value}”")
        return min(found, key=lambda each: _BEST_FIRST.index(each[0]), default=unknown)

    def _have_word(self, word: str, items: tuple[int, int]) -> _Found:
        lacking = [item for item in items if not self._attributes.has_word(item, word)]
        if not lacking:
            return "supported", f"both titles have the word “{word}”"
        return "contradicted", f"“{self._titles[lacking[0]]}” does not have the word “{word}”"

    def _have(self, meant: Meant, value: str, items: tuple[int, int]) -> _Found:
        own = {item: self._attributes.has(item, meant) for item in items}
        if common := [name for name in own[items[0]] if name in own[items[1]]]:
            return "supported", f"both have the {meant.sort} “{common[0]}”"
        lacking = [item for item in items if not own[item]] or list(items)
        unknown = [item for item in lacking if not self._attributes.in_words(item, meant.sort)]
        if unknown:
            return "unverified", f"the catalogue has no {meant.sort} for “{self._titles[unknown[0]]}”"
        names = self._attributes.in_words(lacking[0], meant.sort)
        return "contradicted", f"“{self._titles[lacking[0]]}” has the {meant.sort} “{names}”"

    def _check_title(self, one: ParsedClaim, parsed: ParsedText, evidence: Evidence) -> _Found:
        if one.ambiguous:
            fits = [self._titles[item] for name in parsed.names if name.start == one.start for item in name.items]
            return "unverified", f"it may be {' or '.join(f'“{title}”' for title in fits)}"
        if one.item is None:
            nearest = self.parser.names.nearest(one.title)
            also = f"; the nearest is “{nearest}”" if nearest else ""
            return "contradicted", f"“{one.title}” is no title of the catalogue{also}"
        if one.item in evidence.whole_history:
            return "supported", "it is in the history"
        return "contradicted", f"“{self._titles[one.item]}” is not in the history"

    def _check_nothing(self, sign: int, evidence: Evidence) -> _Found:
        way = "for" if sign > 0 else "against"
        place = max(range(len(evidence.history)), key=lambda place: sign * evidence.weights[place])
        if sign * evidence.weights[place] < NEGLIGIBLE:
            if unsure := evidence.depends:
                title = self._titles[evidence.history[unsure[0]]]
                return "unverified", f"of “{title}”: {_range(evidence.effects[unsure[0]])}"
            return "supported", f"no history item speaks {way} it"
        title = self._titles[evidence.history[place]]
        return "contradicted", f"“{title}” speaks {way} it: without it {_movement(evidence.attributions[place])}"

    def _check_neighbour(self, others: Collection[int], evidence: Evidence) -> _Found:
        if not self._has_vectors:
            return "unverified", "the recommender has no vectors that tell what is close"
        phrases = dict(zip(evidence.history, evidence.shared, strict=True))
        if any(CLOSE in phrases.get(other, ()) for other in others):
            return "supported", "it is one of the item's nearest neighbours"
        if not phrases.keys() & set(others):
            return "unverified", _NOT_SEEN
        return "contradicted", "it is none of the item's nearest neighbours"


def _check_popularity(evidence: Evidence) -> _Found:
    share = evidence.recommended_share
    if share is None:
        return "unverified", "the recommender was not asked about other users"
    status = "supported" if evidence.popular else "contradicted" if share < EXPECTED else "unverified"
    return status, f"the recommender suggests it to {share:.0%} of users"


def _check_effect(sign: int, place: int, evidence: Evidence) -> _Found:
    """Whether a history item counts as claimed: by its stable effect; where not asked, by more than a random other."""
    if place in evidence.depends:
        return "unverified", _range(evidence.effects[place])
    own = evidence.attributions[place]
    others = [attribution for other, attribution in enumerate(evidence.attributions) if other != place]
    found = f"without it {_movement(own)}"
    if others:
        mean = sum(others) / len(others)
        found += f" (a random other item: {_number(mean if own > 0 else -mean)})"
    standardized = sign * evidence.standardized[place]
    if evidence.effects and standardized >= NEGLIGIBLE:
        return "supported", f"{found}; {_range(evidence.effects[place], depends=False)}"
    if standardized <= NEGLIGIBLE / 2:
        return "contradicted", found
    return "supported" if standardized >= NEGLIGIBLE and evidence.stands_out(place) else "unverified", found


def _range(effect: Effect, *, depends: bool = True) -> str:
    """The least and the most that an effect comes to, by how one asks."""
    low, high = (f"{'+' if end > 0 else ''}{_number(end)}" for end in effect.span)
    ways = f"{len(effect.ways)} ways to ask say {low} to {high}" if len(effect.ways) > 1 else f"left out: {low}"
    if not depends:
        return ways
    if min(effect.span) * max(effect.span) < 0:
        return f"it depends on the rest of the history: {ways}"
    if effect.replacement is None:
        return f"it depends on how one asks: {ways}"
    if effect.shapley is not None and not effect.agrees:
        return f"it depends on the rest of the history: in {effect.agreement:.0%} of its parts it works this way"
    return f"it is not sure: {ways}, and random items in its place do nearly as much"


def _check_no_effect(place: int, evidence: Evidence) -> _Found:
    if place in evidence.depends:
        return "unverified", _range(evidence.effects[place])
    size, found = abs(evidence.standardized[place]), f"without it {_movement(evidence.attributions[place])}"
    return "supported" if size < NEGLIGIBLE else "unverified" if size < 1.5 * NEGLIGIBLE else "contradicted", found


def _check_older(one: ParsedClaim, evidence: Evidence) -> _Found:
    """What is said of a history item that is too old for the recommender to look at: it changes nothing."""
    if one.kind == "counterfactual":
        status, found = _check_rank(one.value, evidence)
        return status, f"{_NOT_SEEN}, so {found} without it too"
    return ("supported" if one.kind == "no_effect" else "contradicted"), _NOT_SEEN


def _check_rank(said: str, evidence: Evidence) -> _Found:
    found = f"its rank is {evidence.rank:,} of {evidence.n_ranked:,}"
    rank, _, total = said.partition(" of ")
    fits = evidence.rank <= int(rank[2:]) if rank.startswith("<=") else _rounded(int(rank), evidence.rank)
    fits = fits and (not total or _rounded(int(total), evidence.n_ranked))
    return "supported" if fits else "contradicted", found


def _check_ablated_rank(said: str, place: int, evidence: Evidence) -> _Found:
    if not evidence.ablated_ranks:
        return "unverified", "the recommender was not asked for its rank without a history item"
    rank = evidence.ablated_ranks[place]
    status = "supported" if _rounded(int(said.removeprefix("<=")), rank) else "contradicted"
    return status, f"without it its rank is {rank:,} of {evidence.n_ranked:,}"


def _rounded(said: int, true: int) -> bool:
    """Whether a number is the true one, or that with zeros in place of its last digits."""
    unit = 1
    while said and said % (unit * 10) == 0:
        unit *= 10
    return abs(said - true) <= min(unit // 2, 0.05 * true)


def _movement(attribution: float) -> str:
    """What the score does without an item of that attribution."""
    if attribution == 0:
        return "the score stays the same"
    return f"the score {'falls' if attribution > 0 else 'rises'} by {_number(abs(attribution))}"


def _number(value: float) -> str:
    """Two digits after the point; of small numbers two digits that are not 0."""
    return (f"{value:,.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.2g}").replace("-", "−")
