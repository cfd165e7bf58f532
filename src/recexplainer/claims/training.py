"""Training of the reader on the corpus: `python -m recexplainer.claims.training CORPUS BASE`.

BASE is a folder with the weights and the vocabulary of all-MiniLM-L6-v2. The loss is on what is said of each name (a
soft maximum over its marks), on sentences, on pieces, and on pairs of a piece and a name; which words a claim is made
with is learned beside it.
"""

from __future__ import annotations

import logging
import math
import random
import sys
from collections.abc import Iterator, Sequence
from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.optim.lr_scheduler import LambdaLR

from recexplainer.claims.corpus import Corpus, LabelledText
from recexplainer.claims.encoding import HISTORY_MARKS, MARKS, UNKNOWN_PIECE, vocabulary
from recexplainer.claims.lessons import Lesson, Teacher
from recexplainer.claims.minilm import initial_network, trimmed_tokenizer
from recexplainer.claims.network import NAME_LABELS, ReaderNetwork, batch, save_network

_DROPPED = 0.1  # chance that a piece is hidden
_AVERAGE = 0.998  # of the weights, from step to step
_PLAIN = frozenset({"w33", "w34", "w36", "w37", "w38", "w39"})
"""Writers of short, plain texts."""
_log = logging.getLogger(__name__)


def loss_of(network: ReaderNetwork, lessons: Sequence[Lesson], *, noisy: bool = False) -> Tensor:
    """The loss of a batch; `noisy` hides some pieces and mixes the marks of history items."""
    ids, sorts, mask = batch([one.encoded for one in lessons])
    ids = _with_noise(ids, mask) if noisy else ids
    said = network(ids, sorts, mask)
    names, pairs = said.names, said.pairs
    last = NAME_LABELS.index("several")
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
    first, unknown = vocabulary()["[h0]"], vocabulary()[UNKNOWN_PIECE]
    plain = ids < min(vocabulary()[mark] for mark in MARKS)
    ids = torch.where((torch.rand(ids.shape) < _DROPPED) & mask & plain, torch.full_like(ids, unknown), ids)
    mixed = torch.randperm(HISTORY_MARKS)
    return torch.where(ids >= first, first + mixed[(ids - first).clamp(0)], ids)


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
