"""Beside the authors' published code: training samples and retrieval cases a second, of one backbone, on one processor.

Both sides read the same samples of a run. The published code (folder RecExplainer of github.com/microsoft/RecAI, MIT)
is started as it is, in an environment of its own; this script writes the files that it reads. `peer.md` says which.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import numpy as np
import psutil
import torch
from transformers import PrinterCallback

from common import Result, arguments, begin, finish
from peer_files import PEER_TASK, PEER_TYPE, Known, Sample, recommender_config, record, write_backbone
from recexplainer.evaluation.alignment import RETURNED
from recexplainer.pipeline.layout import RunLayout, load_surrogate
from recexplainer.pipeline.recipe import load_recipe
from recexplainer.pipeline.runs import find_run, open_target, recipe_of
from recexplainer.surrogate.attention import attention_for_training
from recexplainer.surrogate.batching import encode_prompts, encode_questions
from recexplainer.surrogate.decoding import Decoder
from recexplainer.surrogate.int8 import products_in_int8
from recexplainer.surrogate.loading import load_model
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.precision import choose_precision
from recexplainer.surrogate.prompt import applies, render
from recexplainer.surrogate.published import find_backbone
from recexplainer.surrogate.settings import SurrogateSettings
from recexplainer.surrogate.trainer import TokenBudgetTrainer
from recexplainer.surrogate.training import new_surrogate
from recexplainer.tasks.example import Example, LabelledExamples, load_examples
from recexplainer.tasks.wording import load_wording
from training_throughput import trainer_arguments

PEER_LENGTH, PEER_STEP, PEER_NEW_TOKENS = 1024, 16, 150  # of the shell scripts that come with the published code
_TRAINING = ("***** Running training *****", "Training completed.")
_SHOWN = {"median": np.median, "least": np.min, "most": np.max}
_INFERENCE = ("***** Running inference *****", "hit@5:")


@dataclass(frozen=True)
class Spent:
    """What some work took: seconds by the clock, and of the processor."""

    clock: float
    processor: float

    @classmethod
    def now(cls) -> Spent:
        """The time until now, of this process."""
        return cls(perf_counter(), process_time())

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.clock + other.clock, self.processor + other.processor)

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.clock - other.clock, self.processor - other.processor)


class Peer:
    """The published code, with the files that it reads in one folder."""

    def __init__(self, options: Any, known: Known, folder: Path) -> None:
        self._source, self._python = options.peer_folder.absolute(), options.peer_python.absolute()
        self._known, self._folder = known, folder
        self.training, self.inference, self._batch = options.peer_training, options.peer_inference, options.peer_batch
        self._attention, self._threads = options.peer_attention, options.threads
        torch.save({"config": recommender_config(known), "state_dict": {}}, folder / "SASRec.pth")
        titles = "".join(json.dumps({"title": title}) + "\n" for title in known.dataset.titles)
        (folder / "metadata.json").write_text(titles, encoding="utf-8")
        (folder / "test_top.txt").touch()  # only ranking reads it

    def train(self, samples: Sequence[Sample], backbone: Path) -> Spent:
        """One pass over the samples; what its steps took."""
        self._write(samples)
        how: dict[str, Any] = {
            "seed": 2024,
            "rec_model_name_or_path": self._folder / "SASRec.pth",
            "train_file": self._folder / "samples.json",
            "output_dir": self._folder / "trained",
            "learning_rate": 1e-4,
            "num_train_epochs": 1,
            "per_device_train_batch_size": self._batch,
            "gradient_accumulation_steps": PEER_STEP // self._batch,
            "weight_decay": 0.0,
            "warmup_ratio": 0.1,
            "save_strategy": "no",
            "report_to": "none",
            "model_max_length": PEER_LENGTH,
            "torch_dtype": self.training,
        }
        flags = ["--do_train", "--use_cpu", "--overwrite_output_dir"] + ["--bf16"] * (self.training == "bfloat16")
        return self._run("sft_training.py", how, flags, backbone, _TRAINING)[0]

    def retrieve(self, cases: Sequence[Sample], backbone: Path, new_tokens: int | None = None) -> tuple[Spent, float]:
        """Five titles for each case, of so many tokens exactly (None: at most 150); what it took, and hit@5."""
        self._write(cases)
        limit = new_tokens or PEER_NEW_TOKENS
        how: dict[str, Any] = {
            "output_dir": self._folder / "inferred" / "none",
            "per_device_eval_batch_size": 1,
            "validation_file": self._folder / "samples.json",
            "metadata_file": self._folder / "metadata.json",
            "test_top_file": self._folder / "test_top.txt",
            "inference_mode": "uid2next",
            "max_new_tokens": limit,
            "min_new_tokens": new_tokens or 1,
            "num_beams": RETURNED,
            "num_return_sequences": RETURNED,
            "torch_dtype": self.inference,
            "model_max_length": PEER_LENGTH - PEER_NEW_TOKENS + limit,  # a prompt is padded to this less the limit
        }
        spent, last = self._run("inference.py", how, [], backbone, _INFERENCE)
        return spent, float(last.split(_INFERENCE[1])[1].split(";")[0])

    def _write(self, samples: Sequence[Sample]) -> None:
        """Samples as records, each with a user of its own, and the histories of these users."""
        records = [record(number, one, self._known.dataset.titles) for number, one in enumerate(samples, 1)]
        (self._folder / "samples.json").write_text(json.dumps(records), encoding="utf-8")
        histories = [(number, *(1 + item for item in one.example.history)) for number, one in enumerate(samples, 1)]
        lines = [" ".join(map(str, each)) for each in histories]
        (self._folder / "sequential_data.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _run(
        self, script: str, how: dict[str, Any], flags: Sequence[str], backbone: Path, marks: tuple[str, str]
    ) -> tuple[Spent, str]:
        """Start a script; what passed between the lines with these marks, and the last of them."""
        how |= {
            "model_name_or_path": backbone,
            "cache_dir": self._folder / "cache",
            "sequential_file": self._folder / "sequential_data.txt",
            "max_hist_len": self._known.recommender.max_history,
            "task_type": PEER_TASK[self._known.form],
            "template_name": "llama-2",
            "rec_model_type": "SASRec",
            "attn_implementation": self._attention,
        }
        values = [part for name, value in how.items() for part in (f"--{name}", str(value))]
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(self._threads))
        quiet = {"PYTHONUNBUFFERED": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
        own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        process = psutil.Popen(
            [self._python, self._source / "src" / script, *values, *flags],
            env={**own, **threads, **quiet, "ACCELERATE_USE_CPU": "true"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        lines, times, last = list[str](), list[Spent](), ""
        for line in process.stdout:
            lines.append(line)
            if len(times) < len(marks) and marks[len(times)] in line:
                used = process.cpu_times()
                times.append(Spent(perf_counter(), used.user + used.system))
                last = line
        if process.wait() or len(times) < len(marks):
            raise SystemExit(f"{script} of the published code ended with {process.returncode}:\n{''.join(lines[-30:])}")
        return times[1] - times[0], last


class Ours:
    """This package: a new surrogate that is trained as alignment trains, and an aligned one that decodes."""

    def __init__(self, known: Known, alignment: LabelledExamples, settings: SurrogateSettings, aligned: Path) -> None:
        self._known, self._settings = known, settings
        self._surrogate = new_surrogate(known.form, alignment, settings)
        self._decoder = Decoder(load_surrogate(aligned), known.dataset.titles)
        self._decoder.surrogate.prompt_encoder(known.dataset.titles)
        self._surrogate.prompt_encoder(known.dataset.titles)
        self.decoding = str(self._decoder.surrogate.embeddings.weight.dtype).removeprefix("torch.")
        self.precision = choose_precision(settings, on_cpu=True)

    def train(self, samples: Sequence[Sample]) -> Spent:
        """One pass over the samples, from their prompts on; what it took."""
        start = Spent.now()
        pairs = [(one.prompt, one.example.user) for one in samples]
        encoded = encode_prompts(self._surrogate, self._known.dataset, self._known.recommender, pairs)
        taken = Spent.now() - start
        backbone, settings = self._surrogate.backbone, self._settings
        integers = products_in_int8(backbone) if self.precision == "int8" else nullcontext()
        with TemporaryDirectory() as folder, attention_for_training(backbone, on_cpu=True), integers:
            how = trainer_arguments(folder, low=self.precision == "bfloat16")
            title_rate = settings.titles.learning_rate if settings.titles is not None else None
            trainer = TokenBudgetTrainer(self._surrogate, how, encoded, settings.tokens_per_batch, title_rate)
            trainer.remove_callback(PrinterCallback)
            start = Spent.now()
            trainer.train()
            return taken + (Spent.now() - start)

    def retrieve(self, cases: Sequence[Sample]) -> tuple[Spent, list[list[str]]]:
        """Five titles for each case, free, from its example on, as alignment is evaluated; what it took, and they."""
        start = Spent.now()
        examples = [one.example for one in cases]
        known, decoder = self._known, self._decoder
        questions = encode_questions(decoder.surrogate, known.dataset, known.recommender, examples)
        answers = decoder.titles(questions, RETURNED, constrained=False)
        return Spent.now() - start, answers

    def tokens(self, answers: Sequence[Sequence[str]]) -> int:
        """How many tokens the longest answer to a question takes with its stop token, on average."""
        tokenizer = self._decoder.tokenizer
        longest = [max(len(tokenizer(text, add_special_tokens=False).input_ids) for text in five) for five in answers]
        return 1 + round(fmean(longest))

    def length(self, samples: Sequence[Sample]) -> float:
        """Tokens of a sample, on average."""
        pairs = [(one.prompt, one.example.user) for one in samples]
        encoded = encode_prompts(self._surrogate, self._known.dataset, self._known.recommender, pairs)
        return float(encoded.lengths.mean())


def drawn(examples: Sequence[Example], kinds: Sequence[tuple[str, str]], known: Known, count: int) -> list[Sample]:
    """So many samples, of each kind equally many and in turn, in a task's first phrasing."""
    random = np.random.default_rng(0)
    groups: list[list[Sample]] = []
    for kind in kinds:
        some = [one for one in examples if (one.task, one.subtask) == kind and applies(one, known.form)]
        chosen = random.permutation(len(some))[: -(-count // len(kinds))] if some else []
        phrasing = load_wording()[kind][0]  # pyright: ignore[reportArgumentType]
        groups.append([Sample(some[at], render(some[at], known.form, phrasing, known.dataset.titles)) for at in chosen])
    return [one for row in zip(*filter(None, groups), strict=False) for one in row][:count]


def compare(
    peer: Peer,
    backbones: tuple[Path, Path],
    ours: Ours,
    known: Known,
    work: tuple[list[Sample], list[Sample]],
    options: Any,
) -> tuple[list[Result], dict[str, float]]:
    """Rounds of both sides in turn: rates by the clock and by the processor's time, and the ratios of the rounds."""
    (plain, merged), (samples, cases) = backbones, work
    few, some = samples[: options.peer_samples], cases[: options.peer_cases]
    firsts = [known.dataset.titles[one.example.answer_items[0]] for one in some]
    results = [
        Result("tokens of a training sample", "ours", ours.length(samples), "mean"),
        Result("tokens of a training sample", "published", PEER_LENGTH, "padded"),
    ]
    rounds: list[dict[str, tuple[tuple[float, float], tuple[float, float]]]] = []
    for number in range(1, options.rounds + 1):
        results.append(Result("load", f"before round {number}", os.getloadavg()[0], "processes"))
        theirs, mine = peer.train(few, plain), ours.train(samples)
        both = {"training, samples": (rates(len(few), theirs), rates(len(samples), mine))}
        mine, answers = ours.retrieve(cases)
        tokens = ours.tokens(answers[: len(some)])
        for what, limit in (("retrieval, cases", None), (f"retrieval, cases, {tokens} tokens", tokens)):
            theirs, share = peer.retrieve(some, merged, limit)
            both[what] = rates(len(some), theirs), rates(len(cases), mine)
            results.append(Result(f"{what}: hit@5", f"published, round {number}", share, "share"))
        hits = sum(first in five for first, five in zip(firsts, answers, strict=False)) / len(some)
        results.append(Result("retrieval, the same cases: hit@5", f"ours, round {number}", hits, "share"))
        rounds.append(both)
        print(number, both, flush=True)
    ratios: dict[str, float] = {}
    for what in rounds[0]:
        each = np.array([both[what] for both in rounds])  # rounds, sides, clocks
        for at, unit in enumerate(("a second by the clock", "a second of the processor")):
            for side, way in enumerate(("published", "ours")):
                results += [
                    Result(what, f"{way}, {name}", float(pick(each[:, side, at])), unit)
                    for name, pick in _SHOWN.items()
                ]
            ratio = each[:, 1, at] / each[:, 0, at]
            ratios |= {f"{what} {unit}, {name}": float(pick(ratio)) for name, pick in _SHOWN.items()}
    return results, ratios


def rates(count: int, spent: Spent) -> tuple[float, float]:
    """So many a second, by the clock and of the processor."""
    return count / spent.clock, count / spent.processor


def main() -> None:
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # both on the processor
    parser = arguments(__doc__)
    parser.add_argument("run", help="a run with a surrogate of the form on a Llama, such as SmolLM2")
    parser.add_argument("--peer-folder", type=Path, required=True, help="RecExplainer of microsoft/RecAI")
    parser.add_argument("--peer-python", type=Path, required=True, help="Python of an environment with its packages")
    parser.add_argument("--peer-attention", default="sdpa", help="its attn_implementation")
    for what, usual in (("training", "bfloat16"), ("inference", "float32")):
        choices = ("float32", "bfloat16")
        parser.add_argument(f"--peer-{what}", default=usual, choices=choices, help=f"arithmetic of its {what}")
    parser.add_argument("--peer-batch", type=int, default=4, help="its samples at a time, 16 a step; fewer for memory")
    parser.add_argument("--peer-samples", type=int, default=16, help="its training samples a round")
    parser.add_argument("--peer-cases", type=int, default=4, help="its retrieval cases a round, in each of two ways")
    parser.add_argument("--recipe", help="settings of our training; if not given, those of the run")
    parser.add_argument("--form", default="hybrid", choices=list(PEER_TASK))
    parser.add_argument("--samples", type=int, default=160, help="our training samples a round")
    parser.add_argument("--cases", type=int, default=48, help="our retrieval cases a round")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of both sides, in turn")
    options = begin(parser)
    run = find_run(options.run)
    layout = RunLayout(run)
    settings = (load_recipe(options.recipe) if options.recipe else recipe_of(run)).surrogate
    known = Known(*open_target(run), options.form)
    examples = load_examples(layout.complete_stage("examples"))
    samples = drawn(examples.train, list(PEER_TYPE), known, options.samples)
    cases = drawn(examples.test, [("retrieval", "")], known, options.cases)
    aligned = layout.complete_stage(f"surrogate-{known.form}")
    ours = Ours(known, LabelledExamples(known.dataset, known.recommender, examples.train), settings, aligned)
    with TemporaryDirectory() as made:
        folder = Path(made)
        backbone, tokenizer = load_model(find_backbone(settings.backbone), dtype=torch.float32)
        plain = write_backbone(folder / "plain", backbone, tokenizer, known, aligned=False)
        backbone = Surrogate.from_pretrained(aligned, merged=True).backbone
        merged = write_backbone(folder / "merged", backbone, tokenizer, known, aligned=True)
        peer = Peer(options, known, folder)
        results, ratios = compare(peer, (plain, merged), ours, known, (samples, cases), options)
    options.our_training, options.our_decoding = ours.precision, ours.decoding
    options.run, options.peer_folder, options.peer_python = run.name, "RecExplainer", "python"  # no paths are kept
    finish(options, results, ratios)


if __name__ == "__main__":
    main()
