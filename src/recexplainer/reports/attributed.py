"""What the recommender does with an explained pair, drawn and in words: its history item by item, pairs, attributes.

It knows the records and what f was asked; how it looks is in `page/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from recexplainer.evidence.evidence import NEGLIGIBLE
from recexplainer.evidence.pair_attribution import Attribution, Pair
from recexplainer.explanations.record import Explanation
from recexplainer.recommenders.attribution import Shapley
from recexplainer.recommenders.neighbours import AttributeContrast
from recexplainer.reports.bars import attribution_bars
from recexplainer.reports.names import plain, signed


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """One line of the history.

    Attributes:
        title: Its title.
        cited: Whether the text cites it.
        bars: Its effect as a bar, and its Shapley value as a second one where that is known; "" where nothing is.
        effect: Its effect in figures; "" where it is not known.
        shapley: Its Shapley value in figures; "" where it is not known.
    """

    title: str
    cited: bool
    bars: Markup
    attribution: str
    shapley: str = ""


@dataclass(frozen=True, slots=True)
class AttributeLine:
    """One attribute of the item: which neighbours are compared, in words, and by how much they score higher."""

    words: str
    attribution: str


@dataclass(frozen=True, slots=True)
class Attributed:
    """What f was asked about one pair, as shown; what is not known is empty.

    Attributes:
        history: Its lines, with Shapley values.
        shapley: What the Shapley values add up to, in a sentence.
        pair: Which two history items do most together, in a sentence.
        neighbours: How many items are compared for the attributes.
        attributes: A line for each attribute of the item.
        score_std: The unit of the attributes' effects, in f's own scale.
    """

    history: tuple[HistoryItem, ...]
    shapley: str
    pair: str
    neighbours: int
    attributes: tuple[AttributeLine, ...]
    score_std: str


def attributed(explanation: Explanation, found: Attribution) -> Attributed:
    """What f was asked about a pair, as shown."""
    values = () if found.shapley is None else tuple(found.shapley.values.tolist())
    attributes = found.attributes
    return Attributed(
        history=history_lines(explanation, values),
        shapley=_shapley_sentence(explanation, found.shapley) if found.shapley else "",
        pair=_pair_sentence(explanation, found.pair) if found.pair else "",
        neighbours=attributes[0].having + attributes[0].lacking if attributes else 0,
        attributes=tuple(map(_attribute_line, attributes)),
        score_std=plain(found.score_std),
    )


def history_lines(explanation: Explanation, shapley: Sequence[float] = ()) -> tuple[HistoryItem, ...]:
    """The history, oldest first: each item with its effect, and with its Shapley value where they are given."""
    cited = {citation.item for citation in explanation.citations}
    largest = max(map(abs, (*explanation.attributions, *shapley)), default=0.0)
    lines: list[HistoryItem] = []
    for place, (item, title) in enumerate(zip(explanation.history, explanation.history_titles, strict=True)):
        named = {"effect": explanation.attributions[place : place + 1], "Shapley value": shapley[place : place + 1]}
        known = {name: value for name, values in named.items() for value in values}
        spoken = ", ".join(f"{name} {signed(value)}" for name, value in known.items())
        bars = attribution_bars(list(known.values()), largest, spoken) if known else Markup("")
        attribution, own = ("".join(map(signed, values)) for values in named.values())
        lines.append(HistoryItem(title, item in cited, bars, attribution, own))
    return tuple(lines)


def _shapley_sentence(explanation: Explanation, shapley: Shapley) -> str:
    """What the values add up to, and how sure they are where they are estimated."""
    said = (
        f"Shapley values add up to {signed(float(shapley.values.sum()))}: the way from {plain(shapley.baseline)}, "
        f"the mean score of the catalogue, to {plain(explanation.score)}, the score of this item."
    )
    if shapley.exact:
        return said
    return f"{said} They are estimated, with standard errors of at most {plain(float(shapley.errors.max()))}."


def _pair_sentence(explanation: Explanation, pair: Pair) -> str:
    """What the score does without both and without each only: with one gone, the other adds the interaction more."""
    first, second = (f"“{explanation.history_titles[place]}”" for place in pair.places)
    more = "more" if pair.interaction > 0 else "less"
    moves = f" and the rank goes from {explanation.rank:,} to {pair.ablated_rank:,}"
    ranks = moves if pair.ablated_rank != explanation.rank else ""
    said = (
        f"{first} and {second} interact most: without both the score {_movement(pair.both)}{ranks}, while without only "
        f"the first it {_movement(pair.alone[0])} and without only the second it {_movement(pair.alone[1])}. With one "
        f"of them gone, the other adds {plain(abs(pair.interaction))} {more} to the score."
    )
    if len(explanation.history) > len(pair.places):
        return said
    return f"{said} Without both, nothing is left of the history, and the score is the mean of the catalogue."


def _movement(attribution: float) -> str:
    """What the score does without items of that effect."""
    return f"{'falls' if attribution >= 0 else 'rises'} by {plain(abs(attribution))}"


def _attribute_line(found: AttributeContrast) -> AttributeLine:
    attribution = found.contrast or 0.0
    way = "neither higher nor lower" if abs(attribution) < NEGLIGIBLE else "higher" if attribution > 0 else "lower"
    return AttributeLine(f"those {found.attribute} ({found.having}) score {way}", signed(attribution))
