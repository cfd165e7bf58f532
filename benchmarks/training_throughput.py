"""Training: batches under a token budget with logits only at labels, beside 1,024-token padding with logits everywhere.

Both ways train the same weights on the same examples through the same Trainer in the same precision, in turn, so that
what else the machine does falls on both. The padded way is that of the paper's published code. It is given no
attention mask (padding stands behind the end, so a causal model never sees it), which makes it faster than there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PrinterCallback, Trainer, TrainingArguments

from common import CONNECTOR_WIDTH, NANO, Result, arguments, ask_world, begin, finish
from recexplainer.hardware import has_fast_bfloat16
from recexplainer.surrogate.batching import EncodedSet
from recexplainer.surrogate.connector import EncoderInput
from recexplainer.surrogate.encoding import Encoded
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.settings import SurrogateSettings
from recexplainer.surrogate.trainer import TokenBudgetTrainer
from recexplainer.surrogate.training import encode_examples, new_surrogate

PADDED_LENGTH = 1024
LEAST_RATIO = 8.0
NOT_A_LABEL = -100


class PaddedSet(EncodedSet):
    """The same examples, each padded to the whole length, with a label or none at every position."""

    def collate(self, batch: Sequence[Encoded]) -> dict[str, Any]:
        ids = np.zeros((len(batch), PADDED_LENGTH), np.int64)
        labels = np.full((len(batch), PADDED_LENGTH), NOT_A_LABEL, np.int64)
        for row, one in enumerate(batch):
            ids[row, : len(one.ids)] = one.ids
            labels[row, one.answer_start : len(one.ids)] = one.ids[one.answer_start :]
        inputs = self.encoder_inputs(batch, np.arange(len(batch)) * PADDED_LENGTH)
        return {"input_ids": torch.from_numpy(ids), "labels": torch.from_numpy(labels), "encoder_inputs": inputs}


class FullLogits(nn.Module):
    """The same surrogate, with logits for every position."""

    def __init__(self, surrogate: Surrogate) -> None:
        super().__init__()
        self.surrogate = surrogate

    def forward(
        self,
        input_ids: Tensor,
        labels: Tensor,
        encoder_inputs: dict[str, EncoderInput],
    ) -> dict[str, Tensor]:
        embeddings = self.surrogate.embed(input_ids, encoder_inputs)
        logits = self.surrogate.backbone(inputs_embeds=embeddings, use_cache=False).logits.float()
        loss = functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=NOT_A_LABEL)
        return {"loss": loss}


@dataclass
class Tally:
    """What a way has done so far."""

    samples: int = 0
    tokens: int = 0
    seconds: float = 0.0

    def add(self, data: EncodedSet, trainer: Trainer) -> None:
        """Train one pass over the data, and count it."""
        trainer.remove_callback(PrinterCallback)
        seconds = trainer.train().metrics["train_runtime"]
        self.samples, self.tokens = self.samples + len(data), self.tokens + int(data.lengths.sum())
        self.seconds += seconds


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=800, help="people of the embedded world")
    parser.add_argument("--examples", type=int, default=1500, help="examples a round under the token budget")
    parser.add_argument("--padded", type=int, default=24, help="examples a round with padding")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each way, in turn")
    parser.add_argument("--tokens-per-batch", type=int, default=1024, help="the token budget, as in the demo's recipe")
    options = begin(parser)
    alignment = ask_world(options.users).alignment
    settings = SurrogateSettings(nano=NANO, connector_width=CONNECTOR_WIDTH)
    surrogate = new_surrogate("hybrid", alignment, settings)
    weights = sum(weight.numel() for weight in surrogate.parameters())
    encoded = encode_examples(surrogate, alignment, settings)
    results = [
        Result("weights", "both", weights / 1e6, "million"),
        Result("tokens of an example", "both", float(encoded.lengths.mean()), "mean"),
    ]
    ratios: dict[str, float] = {}
    for low in [False, True] if has_fast_bfloat16() else [False]:
        precision = "bfloat16" if low else "float32"
        budget, padded = measure(surrogate, encoded, options, low)
        for way, tally in ((f"token budget, {precision}", budget), (f"padded, {precision}", padded)):
            results.append(Result("training, samples", way, tally.samples / tally.seconds, "a second"))
            results.append(Result("training, real tokens", way, tally.tokens / tally.seconds, "a second"))
        ratio = (budget.samples / budget.seconds) / (padded.samples / padded.seconds)
        ratios[f"samples a second, token budget over padded, {precision}"] = ratio
    finish(options, results, ratios)
    assert min(ratios.values()) >= LEAST_RATIO, f"the ratio is below {LEAST_RATIO:g}"


def measure(surrogate: Surrogate, encoded: EncodedSet, options: Any, low: bool) -> tuple[Tally, Tally]:
    """Rounds of both ways in turn, each on examples drawn from the same set; the first, short round is not counted."""
    random = np.random.default_rng(0)
    budget, padded = Tally(), Tally()
    full = FullLogits(surrogate)
    with TemporaryDirectory() as folder:
        for round_ in range(options.rounds + 1):
            counted = (budget, padded) if round_ else (Tally(), Tally())
            sizes = (options.examples, options.padded) if round_ else (64, 4)
            some, few = (drawn(encoded, size, random) for size in sizes)
            settings = trainer_arguments(folder, low)
            counted[0].add(some, TokenBudgetTrainer(surrogate, settings, some, options.tokens_per_batch))
            few = PaddedSet(few.encoded, few.user_vectors, few.item_vectors)
            counted[1].add(few, Trainer(full, settings, data_collator=few.collate, train_dataset=few))
    return budget, padded


def drawn(encoded: EncodedSet, size: int, random: np.random.Generator) -> EncodedSet:
    """So many of the examples, drawn at random."""
    rows = random.choice(len(encoded), min(size, len(encoded)), replace=False)
    return encoded.subset(rows.tolist())


def trainer_arguments(folder: str, low: bool) -> TrainingArguments:
    """The Trainer's arguments, the same for both ways; the batch size is that of the padded one."""
    return TrainingArguments(
        output_dir=folder,
        num_train_epochs=1,
        per_device_train_batch_size=4,
        learning_rate=1e-3,
        max_grad_norm=1.0,
        bf16=low,
        use_cpu=True,
        save_strategy="no",
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )


if __name__ == "__main__":
    main()
