"""Whether what a text says holds, of f by asking it, of items by the catalogue. It does not know who wrote the text."""

from __future__ import annotations

from collections.abc import Collection

from recexplainer.claims.catalogue import Catalogue, Found
from recexplainer.claims.claim import Claim
from recexplainer.claims.parser import NEIGHBOUR, ClaimReader, Statement
from recexplainer.data.attributes import Attributes
from recexplainer.data.dataset import Dataset
from recexplainer.evidence.evidence import CLOSE, EXPECTED, NEGLIGIBLE, Evidence
from recexplainer.recommenders.base import Recommender


class Verifier:
    """Marks what texts claim.

    - A verdict is supported if it is f's.
    - A title said to be the user's is supported if it is in the history.
    - A history item said to speak for or against is supported if leaving it out moves the score that way, by no less
      than what counts as an effect and by more than leaving out a random other item of the history does on average;
      contradicted if the score moves the other way by no less than what counts as an effect.
    - That the item pleases most users is supported if f recommends it to half of them, contradicted if to fewer than
      one in five, which any item may expect.
    - That nothing speaks for or against is contradicted if something does.
    - What is said to be shared is supported if the catalogue says so of both items, unverified if it does not know the
      attribute or has none of its kind for one of them. Said of the whole history it need be so of one item.

    Args:
        dataset: The catalogue.
        recommender: f; only one with vectors tells which items are close.
        attributes: The attributes of the catalogue where they are known already; None works them out.
    """

    def __init__(self, dataset: Dataset, recommender: Recommender, attributes: Attributes | None = None) -> None:
        attributes = attributes or Attributes.of(dataset)
        self._titles = dataset.titles
        self._has_vectors = recommender.has_vectors
        self._reader = ClaimReader(dataset.titles, attributes)
        self._catalogue = Catalogue(dataset.titles, attributes)

    def claims(self, text: str, evidence: Evidence) -> tuple[Claim, ...]:
        """What a text claims of a pair, in order of appearance, each with its mark.

        Args:
            text: An explanation, whoever wrote it.
            evidence: What f said of the pair; without effects, what works which way is unverified.
        """
        return tuple(self._marked(one, evidence) for one in self._reader.read(text, evidence.history, evidence.item))

    def _marked(self, one: Statement, evidence: Evidence) -> Claim:
        if one.kind == "verdict":
            mark, found = _of_verdict(one, evidence)
        elif one.kind == "history":
            mark, found = self._of_title(one, evidence)
        elif one.kind == "shared":
            mark, found = self._of_shared(one, evidence)
        elif one.kind == "popular":
            mark, found = _of_popularity(evidence)
        elif not evidence.attributions:
            mark, found = "unverified", "the recommender cannot say what a history item does"
        elif one.item is not None:
            mark, found = _of_direction(one.kind, one.item, evidence)
        else:
            mark, found = self._of_nothing(one, evidence)
        return Claim(one.kind, mark, found, one.start, one.end, one.item)

    def _of_title(self, one: Statement, evidence: Evidence) -> Found:
        if one.item is None:
            nearest = self._reader.names.nearest(one.value)
            also = f"; the nearest is “{nearest}”" if nearest else ""
            return "contradicted", f"“{one.value}” is no title of the catalogue{also}"
        if one.item in evidence.history:
            return "supported", "it is in the history"
        return "contradicted", f"“{self._titles[one.item]}” is not in the history"

    def _of_nothing(self, one: Statement, evidence: Evidence) -> Found:
        sign, way = (1, "for") if one.kind == "no_positive_attribution" else (-1, "against")
        place = max(range(len(evidence.history)), key=lambda place: sign * evidence.standardized[place])
        if sign * evidence.standardized[place] < NEGLIGIBLE:
            return "supported", f"no history item speaks {way} it"
        title = self._titles[evidence.history[place]]
        return "contradicted", f"“{title}” speaks {way} it: without it {_movement(evidence.attributions[place])}"

    def _of_shared(self, one: Statement, evidence: Evidence) -> Found:
        others = evidence.history if one.item is None else (one.item,)
        if one.sort == NEIGHBOUR:
            return self._of_closeness(others, evidence)
        return self._catalogue.check_shared(one.sort, one.value, evidence.item, others)

    def _of_closeness(self, others: Collection[int], evidence: Evidence) -> Found:
        if not self._has_vectors:
            return "unverified", "the recommender has no vectors that tell what is close"
        phrases = dict(zip(evidence.history, evidence.shared, strict=True))
        if any(CLOSE in phrases.get(other, ()) for other in others):
            return "supported", "it is one of the item's nearest neighbours"
        return "contradicted", "it is none of the item's nearest neighbours"


def _of_verdict(one: Statement, evidence: Evidence) -> Found:
    said = "yes" if evidence.recommended else "no"
    rank = f"rank {evidence.rank:,} of {evidence.n_ranked:,}"
    return "supported" if one.value == said else "contradicted", f"the recommender says {said}, {rank}"


def _of_popularity(evidence: Evidence) -> Found:
    """Whether f recommends the item to most users."""
    if evidence.recommended_share is None:
        return "unverified", "the recommender was not asked about other users"
    mark = (
        "supported" if evidence.popular else "contradicted" if evidence.recommended_share < EXPECTED else "unverified"
    )
    return mark, f"the recommender suggests it to {evidence.recommended_share:.0%} of users"


def _of_direction(kind: str, item: int, evidence: Evidence) -> Found:
    """Whether leaving a history item out moves the score as is said, by more than leaving out a random other does."""
    sign, place = 1 if kind == "positive_attribution" else -1, evidence.history.index(item)
    own = evidence.attributions[place]
    others = [attribution for other, attribution in enumerate(evidence.attributions) if other != place]
    found = f"without it {_movement(own)}"
    if others:
        mean = sum(others) / len(others)
        found += f" (a random other item: {_number(mean if own > 0 else -mean)})"
    weight = sign * evidence.standardized[place]
    if weight <= -NEGLIGIBLE:
        return "contradicted", found
    return "supported" if weight >= NEGLIGIBLE and evidence.stands_out(place) else "unverified", found


def _movement(attribution: float) -> str:
    """What the score does without an item of that effect."""
    if attribution == 0:
        return "the score stays the same"
    return f"the score {'falls' if attribution > 0 else 'rises'} by {_number(abs(attribution))}"


def _number(value: float) -> str:
    """Two digits after the point, and of small numbers two that tell something."""
    return (f"{value:,.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.2g}").replace("-", "−")
