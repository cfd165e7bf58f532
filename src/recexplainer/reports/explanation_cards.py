"""Explanations as the page shows them: cards, case studies, and what the recommender does with a pair, in words.

It knows the records and what the recommender was asked; how it looks is in `page/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recexplainer.errors import RunError
from recexplainer.evidence.evidence import NEGLIGIBLE
from recexplainer.evidence.pair_attribution import InteractingPair, PairAttribution
from recexplainer.explanations.record import Explanation
from recexplainer.recommenders.neighbours import AttributeContrast
from recexplainer.recommenders.shapley import Shapley
from recexplainer.reports.names import plain, signed


@dataclass(frozen=True, slots=True)
class Card:
    """One user and one item: the explanation with evidence, that of the surrogate alone, and further attributions."""

    number: int
    record: Explanation
    alone: Explanation | None
    attribution: PairAttribution | None

    @property
    def page(self) -> str:
        """The name of the file that shows more of it."""
        return f"{self.number:02d}.html"


def cards(
    explanations: Sequence[Explanation],
    surrogate_alone: Sequence[Explanation],
    attributions: Sequence[PairAttribution] = (),
) -> list[Card]:
    """A card for each explanation, with that of the surrogate alone beside it where the same pair has one.

    Raises RunError if there are attributions, but not as many as explanations.
    """
    if attributions and len(attributions) != len(explanations):
        what = f"There are {len(attributions)} attributions of {len(explanations)} explanations."
        hint = "Give one for each explanation, or none."
        raise RunError(what, location="ReportInputs.attributions", hint=hint)
    by_pair = {(each.user, each.item): each for each in surrogate_alone}
    pairs = zip(explanations, attributions or [None] * len(explanations), strict=True)
    return [
        Card(number, each, by_pair.get((each.user, each.item)), attribution)
        for number, (each, attribution) in enumerate(pairs, start=1)
    ]


def case_studies(cases: Sequence[Sequence[Explanation]]) -> list[Sequence[Explanation]]:
    """The cases that have explanations. Raises RunError if those of one case are of different pairs."""
    found = [case for case in cases if case]
    for first, *others in found:
        for other in others:
            if (other.user, other.item) != (first.user, first.item):
                raise RunError(
                    "Explanations shown side by side are of different pairs.",
                    location=f"item {other.item} for user {other.user}, beside item {first.item} for user {first.user}",
                    hint="Put the explanations of one user and one item into a case of their own.",
                )
    return found


def shapley_sentence(explanation: Explanation, shapley: Shapley) -> str:
    """What the Shapley values add up to, and how sure they are where they are estimated."""
    sentence = (
        f"Shapley values add up to {signed(float(shapley.values.sum()))}: the way from {plain(shapley.baseline)}, "
        f"the mean score of the catalogue, to {plain(explanation.score)}, the score of this item."
    )
    if shapley.exact:
        return sentence
    return f"{sentence} They are estimated, with standard errors of at most {plain(float(shapley.errors.max()))}."


def pair_sentence(explanation: Explanation, pair: InteractingPair) -> str:
    """What the score does without both items and without each only, and how much more the other adds without one."""
    first, second = (f"“{explanation.history_titles[place]}”" for place in pair.places)
    more = "more" if pair.interaction > 0 else "less"
    moves = f" and the rank goes from {explanation.rank:,} to {pair.ablated_rank:,}"
    ranks = moves if pair.ablated_rank != explanation.rank else ""
    sentence = (
        f"{first} and {second} interact most: without both the score {_movement(pair.both)}{ranks}, while without only "
        f"the first it {_movement(pair.alone[0])} and without only the second it {_movement(pair.alone[1])}. With one "
        f"of them gone, the other adds {plain(abs(pair.interaction))} {more} to the score."
    )
    if len(explanation.history) > len(pair.places):
        return sentence
    return f"{sentence} Without both, nothing is left of the history, and the score is the mean of the catalogue."


def attribute_phrase(found: AttributeContrast) -> str:
    """Which neighbors are compared, and which way: `those of brand Nimbus (5) score higher`."""
    contrast = found.contrast or 0.0
    way = "neither higher nor lower" if abs(contrast) < NEGLIGIBLE else "higher" if contrast > 0 else "lower"
    return f"those {found.attribute} ({found.having}) score {way}"


def _movement(attribution: float) -> str:
    return f"{'falls' if attribution >= 0 else 'rises'} by {plain(abs(attribution))}"
