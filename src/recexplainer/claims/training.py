"""Training of the reader on the corpus: `python -m recexplainer.claims.training CORPUS BASE`.

BASE is a folder with the weights and the vocabulary of all-MiniLM-L6-v2. Several networks with all its layers are
trained first; the one that is kept learns from the labels and from them. It takes minutes on a GPU.
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
from torch.optim.lr_scheduler import LambdaLR

from recexplainer.claims.corpus import Corpus, LabelledText
from recexplainer.claims.lessons import Lesson, LessonMaker
from recexplainer.claims.losses import Batch, loss_of, with_teachers
from recexplainer.claims.minilm import initial_network, trimmed_tokenizer
from recexplainer.claims.network import ReaderNetwork, save_network

_AVERAGE = 0.998  # of the weights, from step to step
_TEACHERS = 4
_TAUGHT = 0.6  # share of what is wanted that the teachers say
_log = logging.getLogger(__name__)


def train_reader(
    corpus: Corpus,
    base: Path,
    *,
    layers: int = 5,
    teachers: Sequence[ReaderNetwork] = (),
    epochs: int = 9,
    batch_size: int = 16,
    learning_rate: float = 2e-4,
    seed: int = 0,
) -> ReaderNetwork:
    """Train a reader on the corpus's training texts; the weights are an average over the steps.

    It begins with the MiniLM in the folder `base`; what teachers say is mixed with the labels. It is left on the
    GPU where there is one.
    """
    torch.manual_seed(seed)
    torch.set_float32_matmul_precision("medium")  # bfloat16 where the processor has it
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    rng = random.Random(seed)
    lesson_maker, network = LessonMaker(corpus), initial_network(base, layers).to(device)
    chosen = corpus.texts["train"]
    heads = [weight for name, weight in network.named_parameters() if "_head" in name or "pair_" in name]
    body = [weight for name, weight in network.named_parameters() if "_head" not in name and "pair_" not in name]
    groups = [{"params": body, "lr": learning_rate}, {"params": heads, "lr": 10 * learning_rate}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01, fused=True)
    steps = epochs * math.ceil(len(chosen) / batch_size)
    warm = max(1, steps // 16)
    schedule = LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / warm) * max(0.0, 1 - step / steps))
    average = deepcopy(network)
    for epoch in range(epochs):
        losses: list[Tensor] = []
        for lessons in _batches(lesson_maker, chosen, batch_size, rng):
            wanted = Batch.of(lessons, device)
            wanted = with_teachers(teachers, wanted, _TAUGHT) if teachers else wanted
            loss = loss_of(network.train(), wanted, noisy=True)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.detach())
            _follow(average, network, min(_AVERAGE, len(losses) / (len(losses) + 10) if epoch == 0 else 1.0))
        _log.info("epoch %d of %d: loss %.4f", epoch + 1, epochs, float(torch.stack(losses).mean()))
    return average.eval()


def _batches(
    maker: LessonMaker, texts: Sequence[LabelledText], size: int, rng: random.Random
) -> Iterator[list[Lesson]]:
    """Lessons in a new order, those of like length together."""
    lessons = [lesson for text in rng.sample(texts, len(texts)) if (lesson := maker.lesson(text, rng))]
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
    teachers = [train_reader(corpus, base, layers=6, seed=seed) for seed in range(1, 1 + _TEACHERS)]
    network = train_reader(corpus, base, teachers=teachers, epochs=16)
    save_network(network.cpu(), to / "weights.safetensors")


if __name__ == "__main__":
    main()
