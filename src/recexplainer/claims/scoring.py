"""How well claims are read: those of a reader, or of a second person, against the labels of a corpus.

Micro precision, recall and F1, by kind and by catalogue, with 95% intervals from texts drawn anew.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from recexplainer.claims.claim import NEIGHBOUR, REST, ParsedClaim
from recexplainer.claims.corpus import Label, LabelledText, is_nearness
from recexplainer.claims.phrases import fold

ALL = "all"
_DRAWS = 1000
_NUMBER = re.compile(r"\d+")


class Stated(NamedTuple):
    """What is claimed, as it is compared: of a history item by its number, of a title that is none as written."""

    kind: str
    target: int | str | None
    value: str


@dataclass(frozen=True)
class Counts:
    """How many claims were found, found wrongly, and missed, of each text `Int[texts, 3]`."""

    of_texts: np.ndarray

    def score(self, which: Callable[[np.ndarray], np.ndarray]) -> tuple[float, float, float]:
        """A score over all texts, and the bounds of its 95% interval."""
        rng = np.random.default_rng(0)
        drawn = self.of_texts[rng.integers(len(self.of_texts), size=(_DRAWS, len(self.of_texts)))].sum(1)
        low, high = np.nanpercentile(which(drawn), [2.5, 97.5])
        return float(which(self.of_texts.sum(0))), float(low), float(high)


def precision(counts: np.ndarray) -> np.ndarray:
    """Right claims among those found; `counts` is `Int[..., 3]`."""
    return _ratio(counts[..., 0], counts[..., 0] + counts[..., 1])


def recall(counts: np.ndarray) -> np.ndarray:
    """Claims found among those made."""
    return _ratio(counts[..., 0], counts[..., 0] + counts[..., 2])


def f1(counts: np.ndarray) -> np.ndarray:
    """The harmonic mean of precision and recall."""
    return _ratio(2 * counts[..., 0], 2 * counts[..., 0] + counts[..., 1] + counts[..., 2])


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=np.asarray(whole) > 0)


def of_labels(labels: Iterable[Label]) -> set[Stated]:
    """What labels say."""
    return {
        Stated(one.kind, one.item if one.item is not None else one.title or None, _label_value(one)) for one in labels
    }


def of_claims(claims: Iterable[ParsedClaim], history: Sequence[int]) -> set[Stated]:
    """What parsed claims say, items by their place in the history."""
    places = {item: place for place, item in reversed(list(enumerate(history)))}
    return {_of_claim(one, places) for one in claims}


def count(made: set[Stated], found: set[Stated]) -> dict[str, tuple[int, int, int]]:
    """For each kind but `other` the claims found rightly, wrongly, and missed."""
    kinds = {one.kind for one in made | found} - {"other"}
    counts: dict[str, tuple[int, int, int]] = {}
    for kind in kinds:
        own, asked = [one for one in found if one.kind == kind], [one for one in made if one.kind == kind]
        right = sum(any(_same(one, other) for other in asked) for one in own)
        missed = sum(not any(_same(one, other) for one in own) for other in asked)
        counts[kind] = right, len(own) - right, missed
    return counts


def tally(texts: Sequence[LabelledText], counts: Sequence[Mapping[str, tuple[int, int, int]]]) -> dict[str, Counts]:
    """Counts by kind, by catalogue (`catalogue NAME`), and over all."""
    rows: defaultdict[str, list[np.ndarray]] = defaultdict(list)
    kinds = sorted({kind for each in counts for kind in each})
    names = Counter(text.case.rsplit("-", 1)[0] for text in texts)
    for text, each in zip(texts, counts, strict=True):
        total = np.sum([(0, 0, 0), *each.values()], 0)
        rows[ALL].append(total)
        rows[f"catalogue {text.case.rsplit('-', 1)[0]}"].append(total)
        for kind in kinds:
            rows[kind].append(np.array(each.get(kind, (0, 0, 0))))
    order = [ALL, *kinds, *(f"catalogue {name}" for name in names)]
    return {key: Counts(np.stack(rows[key])) for key in order}


def _label_value(label: Label) -> str:
    if label.kind == "shared":
        return NEIGHBOUR if is_nearness(label.value) else fold(label.value)
    if label.kind in ("rank", "counterfactual"):
        return _first_number(label.value)
    return label.value if label.kind == "verdict" else ""


def _of_claim(one: ParsedClaim, places: Mapping[int, int]) -> Stated:
    target: int | str | None = one.title or None
    if one.kind in ("verdict", "rank", "popular", "other"):
        target = None
    elif one.item is not None:
        target = places.get(one.item, f"item {one.item}" if not one.title else one.title)
    value = ""
    if one.kind == "no_effect" and one.value == REST:
        target = REST
    elif one.kind == "shared":
        value = NEIGHBOUR if one.sort == NEIGHBOUR or is_nearness(one.value) else fold(one.value)
    elif one.kind in ("rank", "counterfactual"):
        value = _first_number(one.value)
    elif one.kind == "verdict":
        value = one.value
    return Stated(one.kind, target, value)


def _first_number(value: str) -> str:
    found = _NUMBER.search(value.replace(",", ""))
    return found[0] if found else value


def _same(one: Stated, other: Stated) -> bool:
    if isinstance(one.target, str) and isinstance(other.target, str):
        mine, its = fold(one.target), fold(other.target)
        if mine not in its and its not in mine:
            return False
    elif one.target != other.target:
        return False
    if one.kind == "shared" and NEIGHBOUR not in (one.value, other.value):
        return one.value in other.value or other.value in one.value
    return one.value == other.value
