"""What each item of the history does, as page and terminal show it: for, against, by the rest of the history, or not.

It knows the records only; how a range is drawn is in `page/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from recexplainer.evidence.evidence import NEGLIGIBLE
from recexplainer.explanations.record import Explanation
from recexplainer.recommenders.stability import AGREEMENT, REPLACEMENTS, SUB_HISTORIES, Effect
from recexplainer.reports.names import plain, signed

Direction = Literal["for", "against", "depends", "negligible", "unknown"]
_LABELS: dict[Direction, str] = {
    "for": "for",
    "against": "against",
    "depends": "depends",
    "negligible": "hardly any",
    "unknown": "not known",
}
_IN_FULL = {"depends": "depends on the rest of the history", "negligible": "hardly any effect"}
_WAYS = {
    "deletion": "left out",
    "padding": "left out with its place kept",
    "replacement": f"replaced by {REPLACEMENTS} random items of the catalogue in turn",
    "shapley": f"added to parts of the history, all or {SUB_HISTORIES} random ones, which is its Shapley value",
}


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """One line of the history.

    Attributes:
        title: Its title.
        cited: Whether the text cites it.
        direction: What it does to the score of the item asked about.
        effect: The answers by the ways of asking; None if the recommender cannot say.
        shapley: Its Shapley value; None if it was not asked.
    """

    title: str
    cited: bool
    direction: Direction
    effect: Effect | None = None
    shapley: float | None = None

    @property
    def span(self) -> tuple[float, float] | None:
        """The smallest and the largest answer."""
        return None if self.effect is None else self.effect.span

    @property
    def range(self) -> str:
        """The smallest and the largest answer: `+0.92 … +1.40`, or one number where they read the same; "" if none."""
        if self.span is None:
            return ""
        low, high = map(signed, self.span)
        return low if low == high else f"{low} … {high}"

    @property
    def several(self) -> bool:
        """Whether it was asked about in several ways."""
        return self.effect is not None and len(self.effect.ways) > 1

    @property
    def label(self) -> str:
        """The direction in a word or two."""
        return _LABELS[self.direction]

    @property
    def spoken(self) -> str:
        """What a bar says, without seeing it."""
        if self.effect is None:
            return self.label
        ways = len(self.effect.ways)
        asked = f" by {ways} ways of asking, left out {signed(self.effect.deletion)}" if self.several else ""
        return f"{_IN_FULL.get(self.direction, self.label)}: {self.range.replace(' … ', ' to ')}{asked}"

    @property
    def share(self) -> str:
        """In how many parts of the history it works this way, where that is what it depends on: `83%`; else ""."""
        effect = self.effect
        if self.direction != "depends" or effect is None or effect.shapley is None or effect.agrees:
            return ""
        return f"{effect.agreement:.0%}" if effect.span[0] * effect.span[1] > 0 else ""

    @property
    def hint(self) -> str:
        """Why an effect is taken to depend on the rest of the history; "" where it is not."""
        if self.direction != "depends" or self.effect is None:
            return ""
        if self.effect.shapley is None or self.effect.span[0] * self.effect.span[1] <= 0:
            return "the ways of asking do not agree"
        if self.share:
            return f"in {self.share} of the parts of the history it works this way"
        return "too small, or too uncertain, in parts of the history or with other items in its place"


def history_items(explanation: Explanation, shapley: Sequence[float] | None = None) -> list[HistoryItem]:
    """The history, oldest first, each item with what it does; `shapley` are the values of all, where they are known."""
    cited = {citation.item for citation in explanation.citations}
    unknown = [None] * len(explanation.history)
    effects = explanation.effects or tuple(map(Effect, explanation.attributions)) or unknown
    lines = zip(explanation.history, explanation.history_titles, effects, shapley or unknown, strict=True)
    return [
        HistoryItem(title, item in cited, _direction(explanation, effect), effect, value)
        for item, title, effect, value in lines
    ]


def items_by_index(explanation: Explanation) -> dict[int, HistoryItem]:
    """Each item of the history by its index."""
    return dict(zip(explanation.history, history_items(explanation), strict=True))


def _direction(explanation: Explanation, effect: Effect | None) -> Direction:
    """What an effect counts as; one that was asked in one way alone counts by its sign."""
    if effect is None:
        return "unknown"
    least = NEGLIGIBLE * explanation.score_std
    if not effect.counts(least):
        return "negligible"
    sign = effect.sign(least) if explanation.effects else effect.deletion
    return "depends" if sign == 0 else "for" if sign > 0 else "against"


def way_columns(items: Sequence[HistoryItem]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The answers of each way in a column: its heading, and a cell an item; what was asked of none is left out.

    A cell has a number and its standard error; both are "" where they are not known.
    """
    rows = [_cells(item, item.effect) for item in items if item.effect]
    columns = {heading: [row[heading] for row in rows] for heading in (rows[0] if rows else {})}
    return [(heading, cells) for heading, cells in columns.items() if any(number for number, _ in cells)]


def _cells(item: HistoryItem, effect: Effect) -> dict[str, tuple[str, str]]:
    """The cells of an item by the heading of their column."""
    asked = effect.shapley is not None
    return {
        "left out": _cell(effect.deletion),
        "place kept": _cell(effect.padding),
        "replaced": _cell(effect.replacement, effect.replacement_error),
        "in parts": _cell(effect.shapley, effect.shapley_error),
        "same way in": (f"{effect.agreement:.0%}" if asked else "", ""),
        "Shapley value": _cell(item.shapley),
    }


def _cell(value: float | None, error: float = 0.0) -> tuple[str, str]:
    return ("" if value is None else signed(value)), (f"± {plain(error)}" if error else "")


def ends(items: Sequence[HistoryItem]) -> tuple[float, float]:
    """From where to where the bars of a history go, zero included; (0, 1) where there are none."""
    values = [end for item in items for end in item.span or ()]
    low, high = min([0.0, *values]), max([0.0, *values])
    return (low, high) if low < high else (0.0, 1.0)


def ways_asked(explanations: Sequence[Explanation]) -> list[str]:
    """The ways in which any history item was asked about, each as what was done with it; [] where none was."""
    items = [item for each in explanations for item in history_items(each)]
    asked = {name for item in items if item.effect for name in item.effect.ways}
    return [words for name, words in _WAYS.items() if name in asked]


def ways_sentence(explanations: Sequence[Explanation]) -> str:
    """What the bars of histories show, and when an effect counts; "" where the recommender cannot say."""
    ways = ways_asked(explanations)
    if len(ways) < 2:
        return "A bar shows what the recommender’s score loses without the item." if ways else ""
    return (
        f"The recommender is asked about each item of a history in {len(ways)} ways: {'; '.join(ways)}. A bar goes "
        "from the least to the most that the item adds to the score, with a dot where it is left out. It counts "
        "for or against the item asked about only if its effect is stable: all ways clearly agree, and it works the "
        f"same way in at least {AGREEMENT:.0%} of the parts. Else it depends on the rest of the history, "
        "and neither “for” nor “against” is true of it."
    )
