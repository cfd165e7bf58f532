"""What a text claims in words of any kind: decided by a small network over its names, sentences and pieces.

It asks no recommender and judges nothing. The network is that of `network.py`, the same for all catalogues.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import exp
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from recexplainer.claims.claim import NEIGHBOUR, REST, ParsedClaim, StatedKind
from recexplainer.claims.encoding import Encoded, Encoder
from recexplainer.claims.numbers import number_at
from recexplainer.claims.phrases import fold
from recexplainer.claims.shortened import Name
from recexplainer.claims.stems import small_words

if TYPE_CHECKING:
    from recexplainer.claims.network import ReaderNetwork

_THRESHOLD = 0.5
_DOUBTFUL = 0.9  # what the confidence is multiplied by where a name may be no title
_BESIDE = 0.8  # of a second effect that is said of the same item
_BOTH = 0.9  # where one sentence says that nothing counts for the item and nothing against it, of the less likely
_PART = 0.4  # of a claim's words: probability of a piece
_EFFECTS: tuple[StatedKind, ...] = ("positive", "negative", "no_effect")
_STRONGEST = ("positive", "negative", "any")
_WHOLE: tuple[StatedKind, ...] = ("nothing_positive", "nothing_negative", "popular")
_OPPOSITE = ("nothing_positive", "nothing_negative")
_WORD = re.compile(r"[\w-]")


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a text: its claims, and the sentences in which nothing was."""

    claims: tuple[ParsedClaim, ...]
    unread: tuple[tuple[int, int], ...]


class Case(NamedTuple):
    """A text, the history of the user, and the item that it is about."""

    text: str
    history: Sequence[int]
    item: int


class ClaimReader(Protocol):
    """What reads claims; `tests/contracts/claim_reader.py` checks an implementation."""

    def prepare(self, cases: Sequence[Case]) -> None:
        """Told of texts that are read next, for what is faster with several at a time."""
        ...

    def read(self, text: str, names: Sequence[Name], history: Sequence[int], item: int) -> Reading:
        """What a text says, whose names are linked, from left to right; the same thing of the same item once."""
        ...


class Reader:
    """Reads texts about items of a catalogue; `attributes` are its brands, genres and platforms."""

    def __init__(self, attributes: Sequence[str]) -> None:
        self._encoder = Encoder(attributes)

    def prepare(self, cases: Sequence[Case]) -> None:
        """Nothing: the network reads a text at a time."""

    def read(self, text: str, names: Sequence[Name], history: Sequence[int], item: int) -> Reading:
        """What a text says, from left to right; the same thing of the same item once."""
        claims: list[ParsedClaim] = []
        unread: list[tuple[int, int]] = []
        for encoded in self._encoder.encode(text, names, history, item):
            part = _Part(text, names, encoded, history, item, self._encoder)
            claims += part.claims()
            unread += part.unread(claims)
        return Reading(tuple(sorted(claims, key=lambda one: (one.start, one.end))), tuple(unread))


class _Part:
    """One part of a text, with what the network says of it: probabilities, `[places, labels]`."""

    def __init__(
        self,
        text: str,
        names: Sequence[Name],
        encoded: Encoded,
        history: Sequence[int],
        item: int,
        encoder: Encoder,
    ) -> None:
        from recexplainer.claims import network

        self.text, self.names, self.encoded, self.item, self.encoder = text, names, encoded, item, encoder
        self.history = frozenset(history)
        logits = _ask(encoded)
        self.name_logits, self.pair_logits = logits.names[0].numpy(), logits.pairs[0].numpy()
        self.sentences = logits.sentences[0].sigmoid().numpy()
        self.kinds = logits.kinds[0].sigmoid().numpy()
        chances = logits.pieces[0].softmax(-1)
        self.labels: list[str] = [network.PIECE_LABELS[label] for label in chances.argmax(-1).tolist()]
        self.certain: list[float] = chances.amax(-1).tolist()
        self.name_label = {label: at for at, label in enumerate(network.NAME_LABELS)}
        self.sentence_label = {label: at for at, label in enumerate(network.SENTENCE_LABELS)}
        self.kind = {label: at for at, label in enumerate(network.KINDS)}
        self.marks = {*encoded.sentences, *(place for place, _ in encoded.names)}
        self.owners = self._owners()

    def claims(self) -> list[ParsedClaim]:
        """All that is claimed, each once."""
        found = [*self._of_names(), *self._of_doubtful_names(), *self._of_sentences(), *self._of_pieces()]
        return list({(one.kind, one.item, one.title, one.value): one for one in found}.values())

    def unread(self, claims: Sequence[ParsedClaim]) -> Iterator[tuple[int, int]]:
        """The sentences that none of the claims stands in."""
        for place in self.encoded.sentences:
            start, end = self.encoded.spans[place]
            if not any(one.start < end and one.end > start for one in claims):
                yield start, end

    def _owners(self) -> dict[tuple[int | None, int], list[int]]:
        """The places of the marks of each item, and of each name that is none of the case."""
        owners: defaultdict[tuple[int | None, int], list[int]] = defaultdict(list)
        for place, number in self.encoded.names:
            items = [one for one in self.names[number].items if one != self.item]
            if len(self.names[number].items) > 1:
                several = self.name_logits[place, self.name_label["several"]] > 0
                for one in items if several else ():
                    owners[one, 0].append(place)
            elif items and items[0] in self.history:
                owners[items[0], 0].append(place)
            elif items or not self.names[number].items:
                owners[items[0] if items else None, 1 + number].append(place)
        said = self.name_label["history"]
        return {key: places for key, places in owners.items() if self._most(self.name_logits[places, said]) > 0}

    def _of_names(self) -> Iterator[ParsedClaim]:
        for (item, number), places in self.owners.items():
            title = self.names[number - 1] if number else None
            first = self._name_at(places[0])
            written = self.text[title.start : title.end] if title and item is None else ""
            trust = _trust(title, self.text) if written else 1.0
            chances = {
                label: trust * _chance(self._most(self.name_logits[places, at]))
                for label, at in self.name_label.items()
            }
            said = 1.0 if first.certain or first.outer != (first.start, first.end) else chances["history"]
            yield ParsedClaim("history", first.start, first.end, item, title=written, confidence=said)
            likely = max(chances[kind] for kind in _EFFECTS)
            for kind in _EFFECTS:
                if chances[kind] > _THRESHOLD and (chances[kind] == likely or chances[kind] > _BESIDE):
                    span = self._words(kind, places, kind)
                    yield ParsedClaim(kind, *span, item, title=written, confidence=chances[kind])
            strongest = {which: chances[f"strongest_{which}"] for which in _STRONGEST}
            if sum(strongest.values()) > _THRESHOLD:
                which = max(strongest, key=lambda one: strongest[one])
                span = self._words("strongest", places, f"strongest_{which}")
                yield ParsedClaim("strongest", *span, item, which, "", written, strongest[which])
            if chances["near"] > _THRESHOLD:
                start, end = self._words("shared", places, "near")
                words = self.text[start:end]
                yield ParsedClaim("shared", start, end, item, words, NEIGHBOUR, written, chances["near"])

    def _of_doubtful_names(self) -> Iterator[ParsedClaim]:
        """Names that fit several items where one of them is meant: which one is not said."""
        history, several = self.name_label["history"], self.name_label["several"]
        for place, number in self.encoded.names:
            name, said = self.names[number], self.name_logits[place]
            if len(name.items) > 1 and said[history] > 0 >= said[several]:
                yield ParsedClaim("history", name.start, name.end, confidence=_chance(float(said[history])))

    def _of_sentences(self) -> Iterator[ParsedClaim]:
        spans = [self.encoded.spans[place] for place in self.encoded.sentences]
        chances = self.sentences[self.encoded.sentences]
        yes, no = (chances[:, self.sentence_label[f"verdict_{which}"]] for which in ("yes", "no"))
        if max(float(yes.max()), float(no.max())) > _THRESHOLD:
            which = yes if yes.max() > no.max() else no
            at = int(which.argmax())
            span = self._within("verdict", *spans[at])
            confidence = float(which.max() / (yes.max() + no.max()) * min(1.0, float(yes.max() + no.max())))
            value = "yes" if which is yes else "no"
            yield ParsedClaim("verdict", *span, self.item, value, confidence=confidence)
        whole: dict[StatedKind, NDArray[np.float32]] = {kind: chances[:, self.sentence_label[kind]] for kind in _WHOLE}
        for kind, of_kind in whole.items():
            at = int(of_kind.argmax())
            rival = max((float(whole[other][at]) for other in _OPPOSITE if kind in _OPPOSITE), default=0.0)
            if of_kind[at] > (_THRESHOLD if of_kind[at] >= rival else _BOTH):
                span = self._within(kind, *spans[at])
                about = self.item if kind == "popular" else None
                yield ParsedClaim(kind, *span, about, confidence=float(of_kind.max()))
        rest = chances[:, self.sentence_label["rest"]]
        if rest.max() > _THRESHOLD:
            span = self._within("no_effect", *spans[int(rest.argmax())])
            yield ParsedClaim("no_effect", *span, None, REST, confidence=float(rest.max()))
        for at, chance in enumerate(chances[:, self.sentence_label["other"]].tolist()):
            if chance > _THRESHOLD:
                start, end = self._within("other", *spans[at])
                yield ParsedClaim("other", start, end, None, self.text[start:end])

    def _of_pieces(self) -> Iterator[ParsedClaim]:
        plain = [at for at in range(len(self.labels)) if at not in self.marks]
        yield from self._of_attributes([at for at in plain if self.labels[at] == "attribute"])
        totals = [(at, self._number(at)) for at in plain if self.labels[at] == "total"]
        for at in plain:
            number = self._number(at) if self.labels[at] in ("rank", "top", "rank_ablated") else None
            if number is None:
                continue
            start, end, rank = number
            if self.labels[at] == "rank_ablated":
                for item, written, chance in self._linked(1, [at]):
                    sure = chance * self.certain[at]
                    yield ParsedClaim("counterfactual", start, end, item, str(rank), "", written, sure)
                continue
            total = next((f" of {one[2]}" for place, one in totals if place > at and one), "")
            value = f"<={rank}" if self.labels[at] == "top" else f"{rank}{total}"
            yield ParsedClaim("rank", start, end, self.item, value, confidence=self.certain[at])

    def _of_attributes(self, places: Sequence[int]) -> Iterator[ParsedClaim]:
        """What is shared, by the pieces that begin its names; a name that the catalogue knows is taken whole."""
        known = self.encoder.attributes(self.text)
        spans: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        for at in places:
            start, end = self._attribute(at)
            whole = [span for span in known if span[0] < end and span[1] > start]
            for span in whole or [(start, end)]:
                spans[span].append(at)
        for (start, end), own in spans.items():
            value = self.encoder.spelling(self.text[start:end])
            certain = max(self.certain[at] for at in own)
            for item, written, chance in self._linked(0, own):
                yield ParsedClaim("shared", start, end, item, value, "", written, chance * certain)

    def _number(self, at: int) -> tuple[int, int, int] | None:
        return number_at(self.text, self.encoded.spans[at][0])

    def _linked(self, pair: int, pieces: Sequence[int]) -> Iterator[tuple[int | None, str, float]]:
        """The items that pieces go with, the title as written where it is none of the catalogue, and how surely."""
        for (item, number), places in self.owners.items():
            chance = _chance(max(self._most(self.pair_logits[pair, at, places]) for at in pieces))
            if chance > _THRESHOLD:
                name = self.names[number - 1] if number and item is None else None
                written = self.text[name.start : name.end] if name else ""
                yield item, written, chance * _trust(name, self.text)

    def _most(self, logits: NDArray[np.float32]) -> float:
        """A soft maximum over the marks of one item."""
        return float(np.logaddexp.reduce(2 * logits) / 2) if len(logits) > 1 else float(logits[0])

    def _name_at(self, place: int) -> Name:
        return next(self.names[number] for at, number in self.encoded.names if at == place)

    def _words(self, kind: StatedKind, places: Sequence[int], label: str) -> tuple[int, int]:
        """The words that claim something of an item: about the mark that says it most clearly."""
        place = max(places, key=lambda at: float(self.name_logits[at, self.name_label[label]]))
        start, end = self._sentence(place)
        return self._within(kind, start, end, self._name_at(place).outer)

    def _within(self, kind: StatedKind, start: int, end: int, about: tuple[int, int] | None = None) -> tuple[int, int]:
        """The words of a sentence that are part of a claim of a kind, next to `about`; the sentence if none are."""
        likely = self.kinds[:, self.kind[kind]]
        runs: list[list[int]] = []
        for at, (first, last) in enumerate(self.encoded.spans):
            if at in self.encoded.sentences or first < start or last > end or float(likely[at]) < _PART:
                continue
            if runs and runs[-1][1] + 1 >= at:
                runs[-1][1] = at
            else:
                runs.append([at, at])
        spans = [
            (self.encoded.spans[first][0], max(self.encoded.spans[at][1] for at in range(first, last + 1)))
            for first, last in runs
        ]
        if not spans:
            return start, end
        if about is None:
            return max(spans, key=lambda span: span[1] - span[0])
        return min(spans, key=lambda span: max(span[0] - about[1], about[0] - span[1], 0))

    def _sentence(self, place: int) -> tuple[int, int]:
        before = [at for at in self.encoded.sentences if at <= place]
        return self.encoded.spans[before[-1]]

    def _attribute(self, at: int) -> tuple[int, int]:
        start, end = self.encoded.spans[at]
        for place in range(at + 1, len(self.labels)):
            if self.labels[place] != "attribute_goes_on" or place in self.marks:
                break
            end = self.encoded.spans[place][1]
        return _whole_words(self.text, start, end)


def _trust(name: Name | None, text: str) -> float:
    """How sure it is that a name of none of the items is a title: a single word in no quotes may be a person."""
    if name is None or name.outer != (name.start, name.end):
        return 1.0
    words = [word for word in fold(text[name.start : name.end]).split() if word not in small_words()]
    return 1.0 if len(words) > 1 else _DOUBTFUL


def _chance(logit: float) -> float:
    return 1 / (1 + exp(-logit))


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    while start > 0 and _WORD.match(text[start - 1]):
        start -= 1
    while end < len(text) and _WORD.match(text[end]):
        end += 1
    return start, end


@cache
def _network() -> ReaderNetwork:
    from recexplainer.claims.network import load_network

    return load_network()


def _ask(encoded: Encoded):
    import torch

    from recexplainer.claims.network import batch

    with torch.inference_mode():
        return _network()(*batch([encoded]))
