"""Lessons for the reader's network: labelled texts as it sees them, and what it should say of their names and pieces.

Names are changed at random, so that no title is learned: known ones to unknown, certain ones to uncertain.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from recexplainer.claims.claim import REST
from recexplainer.claims.corpus import Corpus, Label, LabelledText, is_nearness
from recexplainer.claims.encoding import Encoded, Encoder, common_words
from recexplainer.claims.linking import NameLinker
from recexplainer.claims.network import KINDS, NAME_LABELS, PAIR_LABELS, PIECE_LABELS, SENTENCE_LABELS
from recexplainer.claims.numbers import number_spans
from recexplainer.claims.shortened import Name

_NAME = {label: at for at, label in enumerate(NAME_LABELS)}
_SENTENCE = {label: at for at, label in enumerate(SENTENCE_LABELS)}
_PIECE = {label: at for at, label in enumerate(PIECE_LABELS)}
_KIND = {label: at for at, label in enumerate(KINDS)}
_OF_ITEMS = frozenset({"history", "positive", "negative", "no_effect", "strongest", "shared", "counterfactual"})
_UNKNOWN, _UNCERTAIN, _CERTAIN = 0.08, 0.15, 0.1  # chances that a name is changed so

Target = tuple[int | None, str]
"""A history item by its number in the catalogue, or a title that is none as it is written."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """A text as the network sees it, and what it should say.

    Attributes:
        items: For each history item or other name, the places of its marks and `Float[NAME_LABELS]`.
        groups: For each mark that fits several items, its place and whether several are meant.
        sentences: `Float[sentences, SENTENCE_LABELS]`.
        pieces: `Int[pieces]`, numbers of `PIECE_LABELS`.
        kinds: `Float[pieces, KINDS]`.
        pairs: For each piece that goes with names: the number of the pair's label, its place, and for each of `items`
            whether it goes with it.
    """

    encoded: Encoded
    items: list[tuple[list[int], Tensor]]
    groups: list[tuple[int, float]]
    sentences: Tensor
    pieces: Tensor
    kinds: Tensor
    pairs: list[tuple[int, int, list[float]]]


class LessonMaker:
    """Makes lessons of labelled texts."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._linked: dict[str, list[Name]] = {}
        self._tools = {
            name: (
                NameLinker(catalogue.titles, catalogue.attributes, common_words()),
                Encoder(catalogue.attributes.names()),
            )
            for name, catalogue in corpus.catalogues.items()
        }

    def lesson(self, text: LabelledText, rng: random.Random | None = None) -> Lesson | None:
        """A lesson, with names changed at random if `rng` is given; None for a text too long for one part."""
        linker, encoder = self._tools[self._corpus.catalogue(text).name]
        case = self._corpus.cases[text.case]
        names = self._linked.get(text.id) or linker.link(text.text, case.history, case.item)
        self._linked[text.id] = names
        owners = _owners(text, names, case.history)
        shown = _changed(names, case.item, rng) if rng else names
        parts = encoder.encode(text.text, shown, case.history, case.item)
        return _lesson(text, names, owners, parts[0], case.history, case.item) if len(parts) == 1 else None


def _changed(names: Sequence[Name], item: int, rng: random.Random) -> list[Name]:
    """Names of which some are taken for unknown, some for less or for more certain than they are."""
    unknown = {one for name in names for one in name.items if one != item and rng.random() < _UNKNOWN}
    changed: list[Name] = []
    for name in names:
        if len(name.items) == 1 and name.items[0] in unknown:
            changed.append(replace(name, items=(), certain=False))
        elif name.certain and rng.random() < _UNCERTAIN:
            changed.append(replace(name, certain=False))
        elif not name.certain and len(name.items) == 1 and rng.random() < _CERTAIN:
            changed.append(replace(name, certain=True))
        else:
            changed.append(name)
    return changed


def _target(label: Label, history: Sequence[int]) -> Target:
    return (history[label.item], "") if label.item is not None else (None, label.title)


def _owners(text: LabelledText, names: Sequence[Name], history: Sequence[int]) -> dict[Target, list[int]]:
    """The numbers of the names that stand for each item that the labels are about."""
    owners: dict[Target, list[int]] = {}
    for target in {_target(one, history) for one in text.labels if one.kind in _OF_ITEMS} - {(None, REST)}:
        item, title = target
        if item is not None:
            owners[target] = [number for number, name in enumerate(names) if item in name.items]
        else:
            places = [found.span() for found in re.finditer(re.escape(title), text.text)]
            owners[target] = [
                number
                for number, name in enumerate(names)
                if not set(name.items) & set(history)
                and any(name.start < end and name.end > start for start, end in places)
            ]
    return owners


def _lesson(
    text: LabelledText,
    names: Sequence[Name],
    owners: dict[Target, list[int]],
    encoded: Encoded,
    history: Sequence[int],
    item: int,
) -> Lesson:
    place = {number: at for at, number in encoded.names}
    said: dict[Target, Tensor] = {}
    for target, numbers in owners.items():
        if any(number in place for number in numbers):
            said[target] = torch.zeros(len(NAME_LABELS))
    for label in text.labels:
        name_label = _name_label(label)
        if name_label and (wanted := said.get(_target(label, history))) is not None:
            wanted[_NAME[name_label]] = 1.0
    targets = list(said)
    items = [([place[number] for number in owners[target] if number in place], said[target]) for target in targets]
    taken = {number for target in targets for number in owners[target]}
    items += [
        ([place[number]], torch.zeros(len(NAME_LABELS)))
        for number, name in enumerate(names)
        if number in place and number not in taken and item not in name.items
    ]
    meant = {target[0] for target in targets if target[0] is not None}
    groups = [
        (place[number], float(len(meant.intersection(name.items)) > 1))
        for number, name in enumerate(names)
        if number in place and len(name.items) > 1
    ]
    pieces = torch.zeros(len(encoded.ids), dtype=torch.long)
    pairs = _mark_pieces(text, encoded, pieces, targets, len(items), history)
    return Lesson(encoded, items, groups, _sentence_targets(text, encoded), pieces, _kind_targets(text, encoded), pairs)


def _name_label(label: Label) -> str | None:
    if label.kind == "strongest":
        return f"strongest_{label.value}"
    if label.kind == "shared":
        return "near" if is_nearness(label.value) else None
    return label.kind if label.kind in _NAME else None


def _sentence_targets(text: LabelledText, encoded: Encoded) -> Tensor:
    wanted = torch.zeros(len(encoded.sentences), len(SENTENCE_LABELS))
    spans = [encoded.spans[place] for place in encoded.sentences]
    for label in text.labels:
        name = f"verdict_{label.value}" if label.kind == "verdict" else label.kind
        name = "rest" if label.kind == "no_effect" and label.title == REST else name
        for at, (start, end) in enumerate(spans):
            if label.start < end and label.end > start:
                wanted[at, _SENTENCE["reads"]] = 1.0
                if name in _SENTENCE:
                    wanted[at, _SENTENCE[name]] = 1.0
    return wanted


def _kind_targets(text: LabelledText, encoded: Encoded) -> Tensor:
    wanted = torch.zeros(len(encoded.ids), len(KINDS))
    marks = set(encoded.sentences)
    for label in text.labels:
        for at, (start, end) in enumerate(encoded.spans):
            if at not in marks and start < label.end and end > label.start:
                wanted[at, _KIND[label.kind]] = 1.0
    return wanted


def _mark_pieces(
    text: LabelledText,
    encoded: Encoded,
    pieces: Tensor,
    targets: Sequence[Target],
    items: int,
    history: Sequence[int],
) -> list[tuple[int, int, list[float]]]:
    """Label the pieces of attributes and numbers, and say which of `targets` each goes with."""
    pairs: defaultdict[tuple[int, int], set[Target]] = defaultdict(set)
    for label in text.labels:
        if label.kind == "shared" and not is_nearness(label.value):
            start = text.text.find(label.value, label.start)
            start = start if 0 <= start < label.end else text.text.find(label.value)
            at = _mark(encoded, pieces, (start, start + len(label.value)), "attribute", "attribute_goes_on")
            if at is not None:
                pairs[PAIR_LABELS.index("shared"), at].add(_target(label, history))
        elif label.kind in ("rank", "counterfactual"):
            rank, _, total = label.value.removeprefix("<=").partition(" of ")
            name = "rank_ablated" if label.kind == "counterfactual" else "top" if "<=" in label.value else "rank"
            span = next(number_spans(text.text, label.start, label.end, int(rank)), None)
            at = _mark(encoded, pieces, span, name) if span else None
            if at is not None and label.kind == "counterfactual":
                pairs[PAIR_LABELS.index("rank_ablated"), at].add(_target(label, history))
            if total and (span := next(number_spans(text.text, label.start, label.end, int(total)), None)):
                _mark(encoded, pieces, span, "total")
    return [
        (pair, at, [float(number < len(targets) and targets[number] in own) for number in range(items)])
        for (pair, at), own in pairs.items()
    ]


def _mark(encoded: Encoded, pieces: Tensor, span: tuple[int, int], first: str, others: str | None = None) -> int | None:
    """Label the pieces in a span, and give the place of the first."""
    marks = {*encoded.sentences, *(place for place, _ in encoded.names)}
    inside = [
        at
        for at, (start, end) in enumerate(encoded.spans)
        if at not in marks and start < span[1] and end > span[0] and end > start
    ]
    for at in inside[1:] if others else ():
        pieces[at] = _PIECE[others or first]
    if inside:
        pieces[inside[0]] = _PIECE[first]
    return inside[0] if inside else None
