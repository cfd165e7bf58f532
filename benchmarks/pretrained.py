"""A pretrained backbone: training by type of its weights and by dropout, and prompts read once beside once an answer.

The backbone is one of `recexplainer backbone list`, a folder, or one of the hub; its LoRA is new, since what it says
does not matter to how long it takes. All is done on the embedded world, in the hybrid form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
import torch
from transformers import PrinterCallback, TrainingArguments

from common import Result, arguments, ask_world, begin, finish
from recexplainer.evaluation.alignment import RETURNED
from recexplainer.hardware import has_fast_bfloat16, has_fast_int8
from recexplainer.surrogate.batching import EncodedSet, encode_questions
from recexplainer.surrogate.decoding import Decoder
from recexplainer.surrogate.int8 import products_in_int8
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.pretrained import merge_lora
from recexplainer.surrogate.settings import PretrainedSettings, SurrogateSettings
from recexplainer.surrogate.trainer import TokenBudgetTrainer
from recexplainer.surrogate.training import encode_examples, new_surrogate
from recexplainer.tasks.example import LabelledExamples

LEAST_RATIO = 1.2  # of reading a prompt once over reading it once an answer


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--backbone", default="smollm2", help="as surrogate.backbone")
    parser.add_argument("--tokens", type=int, default=512, help="token budget of a batch")
    parser.add_argument("--steps", type=int, default=6, help="training steps of each way")
    parser.add_argument("--cases", type=int, default=24, help="test histories a round")
    parser.add_argument("--rounds", type=int, default=2, help="rounds of decoding, the ways in turn")
    options = begin(parser)
    asked = ask_world(400)
    results, ratios = training(asked.alignment, options)
    settings = SurrogateSettings(backbone=options.backbone)
    surrogate = new_surrogate("hybrid", asked.alignment, settings).eval()
    merge_lora(surrogate.backbone)
    dataset, recommender = asked.alignment.dataset, asked.alignment.recommender
    tasks = {task: [one for one in asked.test if one.task == task] for task in ("retrieval", "ranking")}
    questions = {task: encode_questions(surrogate, dataset, recommender, some) for task, some in tasks.items()}
    decoder = Decoder(surrogate, dataset.titles)
    candidates = [one.items for one in tasks["ranking"]]

    def beams(rows: list[int]) -> Any:
        return decoder.titles(questions["retrieval"].subset(rows), RETURNED, constrained=False)

    def beams_read_each(rows: list[int]) -> Any:
        return beams_that_read_each(decoder, questions["retrieval"].subset(rows))

    def chosen(rows: list[int]) -> Any:
        return decoder.choose(questions["ranking"].subset(rows), [candidates[row] for row in rows])

    def chosen_read_each(rows: list[int]) -> Any:
        return [chosen_with_the_prompt(decoder, questions["ranking"], row, candidates[row]) for row in rows]

    pairs = {"five beams": (beams, beams_read_each), "ten candidates": (chosen, chosen_read_each)}
    for what, ways in pairs.items():
        rates = in_turn(ways, len(tasks["ranking"]), options)
        for way, rate in zip(("prompt read once", "read once an answer"), rates, strict=True):
            results.append(Result(f"{what}, cases", way, rate, "a second"))
        ratios[f"{what}, read once over once an answer"] = rates[0] / rates[1]
    finish(options, results, ratios)
    slow = [name for name, ratio in ratios.items() if "answer" in name and ratio < LEAST_RATIO]
    assert not slow, f"reading a prompt once saves less than it should: {slow}"


def training(alignment: LabelledExamples, options: Any) -> tuple[list[Result], dict[str, float]]:
    """Tokens a second of each type of the weights, and with dropout."""
    ways: dict[str, PretrainedSettings] = {
        "float32": PretrainedSettings(dtype="float32", dropout=0.0),
        "8-bit integers": PretrainedSettings(dtype="float32", dropout=0.0),
        "8-bit integers, bfloat16": PretrainedSettings(dtype="bfloat16", dropout=0.0),
        "bfloat16": PretrainedSettings(dtype="bfloat16", dropout=0.0),
        "float32, dropout": PretrainedSettings(dtype="float32", dropout=0.05),
    }
    rates: dict[str, float] = {}
    for way, pretrained in ways.items():
        settings = SurrogateSettings(backbone=options.backbone, pretrained=pretrained, tokens_per_batch=options.tokens)
        surrogate = new_surrogate("hybrid", alignment, settings)
        data = encode_examples(surrogate, alignment, settings)
        with products_in_int8(surrogate.backbone) if "8-bit" in way else nullcontext():
            rates[way] = tokens_a_second(surrogate, data, way, options)
    results = [Result("training, tokens", way, rate, "a second") for way, rate in rates.items()]
    results.append(Result("bfloat16 taken by itself", "measured", float(has_fast_bfloat16()), "1: yes"))
    results.append(Result("8-bit integers taken by themselves", "measured", float(has_fast_int8()), "1: yes"))
    return results, {
        "bfloat16 over float32": rates["bfloat16"] / rates["float32"],
        "8-bit integers over float32": rates["8-bit integers"] / rates["float32"],
        "8-bit integers, bfloat16 over bfloat16": rates["8-bit integers, bfloat16"] / rates["bfloat16"],
        "no dropout over dropout": rates["float32"] / rates["float32, dropout"],
    }


def tokens_a_second(surrogate: Surrogate, data: EncodedSet, way: str, options: Any) -> float:
    """The rate of some steps after a first one."""
    with TemporaryDirectory() as folder:
        arguments_ = TrainingArguments(
            output_dir=folder,
            max_steps=options.steps + 1,
            bf16=way == "bfloat16",
            use_cpu=not torch.cuda.is_available(),
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
            remove_unused_columns=False,
        )
        trainer = Timed(surrogate, arguments_, data, options.tokens)
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return sum(trainer.counts[1:]) / (trainer.ends[-1] - trainer.ends[0])


class Timed(TokenBudgetTrainer):
    """Notes the tokens of each step and when it ended."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.counts, self.ends = list[int](), list[float]()

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Any:
        loss = super().training_step(model, inputs, num_items_in_batch)
        self.counts.append(inputs["input_ids"].numel())
        self.ends.append(perf_counter())
        return loss


def in_turn(ways: tuple[Callable[[list[int]], Any], ...], cases: int, options: Any) -> list[float]:
    """Cases a second of each way."""
    random, seconds = np.random.default_rng(0), [0.0] * len(ways)
    for round_ in range(options.rounds + 1):  # the first, short round is not counted
        rows = random.choice(cases, min(options.cases if round_ else 4, cases), replace=False).tolist()
        for at, way in enumerate(ways):
            start = perf_counter()
            way(rows)
            seconds[at] += perf_counter() - start if round_ else 0.0
    return [options.rounds * min(options.cases, cases) / each for each in seconds]


@torch.inference_mode()
def beams_that_read_each(decoder: Decoder, questions: EncodedSet) -> Any:
    """Beams as `generate` of transformers makes them by itself, each with a prompt of its own."""
    surrogate = decoder.surrogate
    inputs, mask = questions.left_padded(range(len(questions)), surrogate.tokenizer.pad_token_id)
    return surrogate.backbone.generate(
        inputs_embeds=surrogate.embed(**inputs),
        attention_mask=mask,
        max_new_tokens=max(map(len, decoder.title_ids)) + 1,
        num_beams=RETURNED,
        num_return_sequences=RETURNED,
        do_sample=False,
        pad_token_id=surrogate.tokenizer.pad_token_id,
        eos_token_id=surrogate.stops,
    )


@torch.inference_mode()
def chosen_with_the_prompt(decoder: Decoder, questions: EncodedSet, row: int, items: Sequence[int]) -> Any:
    """The log probability of each candidate, each behind a prompt of its own, in one batch."""
    question = questions.encoded[row]
    answers = [np.array([*decoder.title_ids[item], decoder.stop], np.int32) for item in items]
    batch = questions.collate([replace(question, ids=np.concatenate([question.ids, one])) for one in answers])
    logits = decoder.surrogate(**batch)["logits"].log_softmax(-1)
    each = logits.gather(1, batch["labels"][:, None])[:, 0].numpy()
    return np.add.reduceat(each, np.cumsum([0, *map(len, answers)])[:-1])


if __name__ == "__main__":
    main()
