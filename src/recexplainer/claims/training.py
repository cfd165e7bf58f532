"""Training of the reader on the corpus: `python -m recexplainer.claims.training CORPUS BASE`.

BASE is a folder with the weights and the vocabulary of all-MiniLM-L6-v2. The loss is on what is said of each name (a
soft maximum over its marks), on sentences, on pieces, and on pairs of a piece and a name; which words a claim is made
with is learned beside it. Names are changed at random, so that no title is learned: known ones to unknown, certain ones
to uncertain.
"""

from __future__ import annotations

import logging
import math
import random
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.optim.lr_scheduler import LambdaLR

from recexplainer.claims.claim import REST
from recexplainer.claims.corpus import Corpus, Label, LabelledText, is_nearness
from recexplainer.claims.encoding import HISTORY_MARKS, MARKS, Encoded, Encoder, common_words, vocabulary
from recexplainer.claims.linking import NameLinker
from recexplainer.claims.network import (
    KINDS,
    NAME_LABELS,
    PAIR_LABELS,
    PIECE_LABELS,
    SENTENCE_LABELS,
    ReaderNetwork,
    Shape,
    batch,
    save_network,
)
from recexplainer.claims.numbers import number_spans
from recexplainer.claims.shortened import Name

_NAME = {label: at for at, label in enumerate(NAME_LABELS)}
_SENTENCE = {label: at for at, label in enumerate(SENTENCE_LABELS)}
_PIECE = {label: at for at, label in enumerate(PIECE_LABELS)}
_KIND = {label: at for at, label in enumerate(KINDS)}
_OF_ITEMS = frozenset({"history", "positive", "negative", "no_effect", "strongest", "shared", "counterfactual"})
_UNKNOWN, _UNCERTAIN, _CERTAIN = 0.08, 0.15, 0.1  # chances that a name is changed so
_DROPPED = 0.1  # chance that a piece is hidden
_AVERAGE = 0.998  # of the weights, from step to step
VOCABULARY = 7000
"""How many pieces the reader's vocabulary has."""
_ALWAYS = re.compile(r"(?:##)?(?:[a-z]|\d{1,2}|[!-/:-@\[-`{-~“”‘’–—…•])|\d{1,4}|(?:st|nd|rd|th|##st|##nd|##rd|##th)")
_PLAIN = frozenset({"w33", "w34", "w36", "w37", "w38", "w39"})
"""Writers of short, plain texts."""
_UNKNOWN_PIECE = "[UNK]"
_log = logging.getLogger(__name__)

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


class Teacher:
    """Makes lessons of labelled texts."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
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
        names = linker.link(text.text, case.history, case.item)
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


def loss_of(network: ReaderNetwork, lessons: Sequence[Lesson], *, noisy: bool = False) -> Tensor:
    """The loss of a batch; `noisy` hides some pieces and mixes the marks of history items."""
    ids, sorts, mask = batch([one.encoded for one in lessons])
    ids = _with_noise(ids, mask) if noisy else ids
    said = network(ids, sorts, mask)
    names, pairs = said.names, said.pairs
    last = _NAME["several"]
    marks = [
        (row, at, number)
        for number, (row, places) in enumerate(
            (row, places) for row, one in enumerate(lessons) for places, _ in one.items
        )
        for at in places
    ]
    total = 2 * binary_cross_entropy_with_logits(
        said.sentences[_index((row, at) for row, one in enumerate(lessons) for at in one.encoded.sentences)],
        torch.cat([one.sentences for one in lessons]),
    )
    total = total + 2 * cross_entropy(said.pieces[mask], torch.cat([one.pieces for one in lessons]))
    total = total + 2 * binary_cross_entropy_with_logits(said.kinds[mask], torch.cat([one.kinds for one in lessons]))
    if marks:
        rows, places, owners = (torch.tensor(each) for each in zip(*marks, strict=True))
        wanted = torch.stack([labels for one in lessons for _, labels in one.items])
        most = soft_maximum(names[rows, places], owners, len(wanted))
        total = total + 4 * binary_cross_entropy_with_logits(most[:, :last], wanted[:, :last])
    if groups := [(row, at, meant) for row, one in enumerate(lessons) for at, meant in one.groups]:
        rows, places, several = (torch.tensor(each) for each in zip(*groups, strict=True))
        total = total + 0.3 * binary_cross_entropy_with_logits(names[rows, places, last], several)
    linked = [
        (row, pair, at, place, (row, at, pair, number), wanted[number])
        for row, one in enumerate(lessons)
        for pair, at, wanted in one.pairs
        for number, (places, _) in enumerate(one.items)
        for place in places
    ]
    if linked:
        keys = {key: number for number, key in enumerate(dict.fromkeys(each[4] for each in linked))}
        rows, kinds, places, names_at = (torch.tensor([each[at] for each in linked]) for at in range(4))
        owners = torch.tensor([keys[each[4]] for each in linked])
        wanted = torch.zeros(len(keys)).scatter(0, owners, torch.tensor([each[5] for each in linked]))
        most = soft_maximum(pairs[rows, kinds, places, names_at], owners, len(keys))
        total = total + binary_cross_entropy_with_logits(most, wanted)
    return total


def _index(pairs: Iterator[tuple[int, int]]) -> tuple[Tensor, Tensor]:
    rows, places = zip(*pairs, strict=True)
    return torch.tensor(rows), torch.tensor(places)


def soft_maximum(values: Tensor, owners: Tensor, count: int) -> Tensor:
    """For each of `count` owners the soft maximum of its values, `[values, ...]` to `[owners, ...]`."""
    index = owners.view(-1, *[1] * (values.ndim - 1)).expand_as(values)
    top = values.new_full((count, *values.shape[1:]), -1e4)
    top = top.scatter_reduce(0, index, 2 * values.detach(), "amax", include_self=False)
    total = torch.zeros_like(top).scatter_add(0, index, (2 * values - top.gather(0, index)).exp())
    return (total.clamp_min(1e-9).log() + top) / 2


def _with_noise(ids: Tensor, mask: Tensor) -> Tensor:
    first, unknown = vocabulary()["[h0]"], vocabulary()[_UNKNOWN_PIECE]
    plain = ids < min(vocabulary()[mark] for mark in MARKS)
    ids = torch.where((torch.rand(ids.shape) < _DROPPED) & mask & plain, torch.full_like(ids, unknown), ids)
    mixed = torch.randperm(HISTORY_MARKS)
    return torch.where(ids >= first, first + mixed[(ids - first).clamp(0)], ids)


def initial_network(base: Path, layers: int) -> ReaderNetwork:
    """A network with the weights of the MiniLM in a folder, as far as it has them; its last layer is always kept."""
    stored = {name.removeprefix("bert."): weight for name, weight in load_file(base / "model.safetensors").items()}
    words = {word: at for at, word in enumerate((base / "vocab.txt").read_text("utf-8").splitlines())}
    embeddings = stored["embeddings.word_embeddings.weight"]
    middle = embeddings[words["item"]]
    generator = torch.Generator().manual_seed(0)
    own = sorted(vocabulary(), key=vocabulary().__getitem__)
    noise = embeddings.std() * torch.randn(len(own), embeddings.shape[1], generator=generator)
    rows = [embeddings[words[word]] if word in words else middle + 0.3 * noise[at] for at, word in enumerate(own)]
    weights = {
        "words.weight": torch.stack(rows),
        "positions.weight": stored["embeddings.position_embeddings.weight"],
        "sorts.weight": stored["embeddings.token_type_embeddings.weight"][:1].repeat(Shape.sorts, 1),
        "norm.weight": stored["embeddings.LayerNorm.weight"],
        "norm.bias": stored["embeddings.LayerNorm.bias"],
    }
    depth = 1 + max(int(name.split(".")[2]) for name in stored if name.startswith("encoder.layer."))
    for layer, source in enumerate(torch.linspace(0, depth - 1, layers).round().int().tolist()):
        weights |= _layer(stored, f"encoder.layer.{source}.", f"layers.{layer}.")
    network = ReaderNetwork(Shape(len(own), layers))
    network.load_state_dict(weights, strict=False)
    return network


def _layer(stored: dict[str, Tensor], source: str, to: str) -> dict[str, Tensor]:
    same = {
        "self_attn.out_proj": "attention.output.dense",
        "norm1": "attention.output.LayerNorm",
        "linear1": "intermediate.dense",
        "linear2": "output.dense",
        "norm2": "output.LayerNorm",
    }
    weights: dict[str, Tensor] = {}
    for part in ("weight", "bias"):
        three = [stored[f"{source}attention.self.{name}.{part}"] for name in ("query", "key", "value")]
        weights[f"{to}self_attn.in_proj_{part}"] = torch.cat(three)
        weights |= {f"{to}{own}.{part}": stored[f"{source}{its}.{part}"] for own, its in same.items()}
    return weights


def train_reader(
    corpus: Corpus,
    base: Path,
    *,
    texts: Sequence[LabelledText] | None = None,
    network: ReaderNetwork | None = None,
    layers: int = 5,
    epochs: int = 10,
    batch_size: int = 16,
    learning_rate: float = 2e-4,
    seed: int = 0,
) -> ReaderNetwork:
    """Train a reader on the corpus's training texts, or on those given; the weights are an average over the steps.

    It begins with a network that is given, else with the MiniLM in the folder `base`.
    """
    torch.manual_seed(seed)
    torch.set_float32_matmul_precision("medium")  # bfloat16 where the processor has it
    rng = random.Random(seed)
    teacher, network = Teacher(corpus), network or initial_network(base, layers)
    chosen = list(corpus.texts["train"] if texts is None else texts)
    heads = [weight for name, weight in network.named_parameters() if "_head" in name or "pair_" in name]
    body = [weight for name, weight in network.named_parameters() if "_head" not in name and "pair_" not in name]
    groups = [{"params": body, "lr": learning_rate}, {"params": heads, "lr": 10 * learning_rate}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01, fused=True)
    steps = epochs * math.ceil(len(chosen) / batch_size)
    warm = max(1, steps // 16)
    schedule = LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / warm) * max(0.0, 1 - step / steps))
    average = deepcopy(network)
    for epoch in range(epochs):
        losses: list[float] = []
        for lessons in _batches(teacher, chosen, batch_size, rng):
            loss = loss_of(network.train(), lessons, noisy=True)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
            _follow(average, network, min(_AVERAGE, len(losses) / (len(losses) + 10) if epoch == 0 else 1.0))
        _log.info("epoch %d of %d: loss %.4f", epoch + 1, epochs, sum(losses) / len(losses))
    return average.eval()


def _batches(teacher: Teacher, texts: Sequence[LabelledText], size: int, rng: random.Random) -> Iterator[list[Lesson]]:
    """Lessons in a new order, those of like length together."""
    lessons = [lesson for text in rng.sample(texts, len(texts)) if (lesson := teacher.lesson(text, rng))]
    batches: list[list[Lesson]] = []
    for start in range(0, len(lessons), 8 * size):
        alike = sorted(lessons[start : start + 8 * size], key=lambda one: len(one.encoded.ids))
        batches += [alike[at : at + size] for at in range(0, len(alike), size)]
    rng.shuffle(batches)
    yield from batches


@torch.no_grad()
def _follow(average: ReaderNetwork, network: ReaderNetwork, kept: float) -> None:
    for own, new in zip(average.parameters(), network.parameters(), strict=True):
        own.lerp_(new, 1 - kept)


def trimmed_tokenizer(base: Path, texts: Sequence[str], size: int = VOCABULARY) -> Tokenizer:
    """The tokenizer of the MiniLM in a folder with fewer pieces: letters and numbers, those of the texts, the frequent.

    Its vocabulary has the more frequent words first, as BERT's has.
    """
    words = (base / "vocab.txt").read_text("utf-8").splitlines()
    whole = _word_piece(words)
    counts = Counter(number for text in texts for number in whole.encode(text, add_special_tokens=False).ids)
    used = {number for number, count in counts.items() if count > 1}
    kept = {number for number, word in enumerate(words) if number in used or _ALWAYS.fullmatch(word)}
    special = {number for number, word in enumerate(words) if word.startswith("[")}
    for number in range(len(words)):
        if len(kept - special) >= size - len(MARKS) - 2:
            break
        if words[number].isascii():
            kept.add(number)
    return _word_piece(["[PAD]", _UNKNOWN_PIECE, *(words[number] for number in sorted(kept - special)), *MARKS])


def _word_piece(words: Sequence[str]) -> Tokenizer:
    made = Tokenizer(WordPiece({word: at for at, word in enumerate(words)}, unk_token=_UNKNOWN_PIECE))
    made.normalizer = BertNormalizer(lowercase=True)
    made.pre_tokenizer = BertPreTokenizer()
    return made


def main() -> None:
    """Train the reader anew, in place of the one that the package has."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    folder, base = map(Path, sys.argv[1:3])
    corpus, to = Corpus.load(folder), Path(__file__).parent / "reader"
    trimmed_tokenizer(base, [text.text for text in corpus.texts["train"]]).save(
        str(to / "tokenizer.json"), pretty=False
    )
    network = train_reader(corpus, base)
    network = train_reader(corpus, base, network=network, epochs=7, learning_rate=1.5e-4, seed=1)
    texts = list(corpus.texts["train"])
    texts += [text for text in texts if text.writer in _PLAIN]  # twice: what small models write
    network = train_reader(corpus, base, texts=texts, network=network, epochs=4, learning_rate=1e-4, seed=2)
    save_network(network, to / "weights.safetensors")


if __name__ == "__main__":
    main()
