"""Alignment: training a surrogate on what the recommender answered, through the Hugging Face Trainer.

Two phases. First the connectors learn to read vectors: items are named from their vectors, and the user connector
starts from the item connector, since both vectors live in one space. Then all tasks are learned together.

Started by torchrun, every process makes the same calls, and the first one writes.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PrinterCallback, TrainerCallback, TrainingArguments
from transformers.integrations.integration_utils import TensorBoardCallback

from recexplainer.hardware import best_device, has_fast_bfloat16
from recexplainer.processes import is_first, world_size
from recexplainer.recommenders.base import User
from recexplainer.storage import complete_folder, write_json
from recexplainer.surrogate.backbone import build_nano
from recexplainer.surrogate.batching import EncodedSet, check_form, encode_prompts, similarities
from recexplainer.surrogate.loop import (
    ShowProgress,
    TimedCheckpoints,
    TokenBudgetTrainer,
    attention_for_training,
    join_weights,
    last_complete_checkpoint,
    split_weights,
)
from recexplainer.surrogate.memory import estimate_memory, require_memory
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.pretrained import load_pretrained
from recexplainer.surrogate.prompt import FORMS, Form, Prompt, applies, render
from recexplainer.surrogate.settings import SurrogateSettings
from recexplainer.tasks.example import Example, LabelledExamples
from recexplainer.tasks.wording import load_wording

_log = logging.getLogger(__name__)
_SIMILARITY_GROUPS = 500  # groups of items by whose similarities a connector starts
_SAMPLED_USERS = 1000


def train_surrogate(
    form: Form,
    alignment: LabelledExamples,
    settings: SurrogateSettings,
    folder: Path | None,
    work: Path,
    start_from: Path | None = None,
    steps: int | None = None,
    callbacks: Sequence[TrainerCallback] = (),
) -> Surrogate:
    """Align a surrogate and save it; started by torchrun, every process calls this, and the first one saves.

    Args:
        form: behavior, intention or hybrid.
        alignment: The data, the recommender and its answers.
        settings: The backbone and how it is trained.
        folder: Where the surrogate, its log and its TensorBoard events go; None: it is not saved.
        work: Where checkpoints are kept until then; a stopped training is resumed from the last one that is complete.
            The same for all processes.
        start_from: A surrogate of another form to continue from; None starts with new weights.
        steps: How many steps all tasks are learned in; None: as many as the settings' epochs take.
        callbacks: Follow the training of all tasks.
    """
    surrogate = new_surrogate(form, alignment, settings)
    if settings.sharded:
        split_weights(surrogate, surrogate.backbone)
    if start_from is not None:
        surrogate.take_over(start_from)
    elif form != "behavior":
        warm_up_connectors(surrogate, alignment, settings, work)
    encoded = encode_examples(surrogate, alignment, settings)
    if settings.backbone != "nano":
        share = -(-settings.tokens_per_batch // world_size())
        _log.info(require_memory(estimate_memory(surrogate, share, int(max(encoded.lengths))), surrogate.device))
    log = _fit(surrogate, encoded, settings, settings.epochs.get(form, 1.0), work / "tasks", steps, callbacks)
    if settings.sharded:
        join_weights(surrogate.backbone)
    if is_first() and folder is not None:
        surrogate.save_pretrained(folder)
        write_json(folder / "training.json", log)
        if (work / "tasks" / "logs").is_dir():
            shutil.copytree(work / "tasks" / "logs", folder / "logs", dirs_exist_ok=True)
    return surrogate.eval()


def new_surrogate(form: Form, alignment: LabelledExamples, settings: SurrogateSettings) -> Surrogate:
    """A surrogate that has learned nothing yet.

    `nano` learns its vocabulary from the catalogue, the wording and the answers; a pretrained backbone has one.
    """
    check_form(form, alignment.recommender)
    backbone, tokenizer = (
        build_nano(_texts(alignment), settings.nano, settings.seed)
        if settings.backbone == "nano"
        else load_pretrained(settings.backbone, settings.pretrained, settings.seed)
    )
    if form == "behavior":
        return Surrogate(backbone, tokenizer, form, 0, settings.connector_width)
    vectors = alignment.recommender.item_vectors()
    surrogate = Surrogate(backbone, tokenizer, form, vectors.shape[1], settings.connector_width)
    embedding_std = float(surrogate.embeddings.weight.detach().std())
    surrogate.connector("item").start_for(torch.from_numpy(vectors), embedding_std)
    surrogate.connector("similarity").start_for(torch.from_numpy(_sample_similarities(vectors)), embedding_std)
    surrogate.connector("user").start_for(torch.from_numpy(_sample_users(alignment)), embedding_std)
    return surrogate


def _sample_users(alignment: LabelledExamples) -> NDArray[np.float32]:
    """Vectors of some users in the examples, `Float[users, d]`."""
    histories = {one.history: None for one in alignment.examples if one.history}
    some = list(histories)[:: max(1, len(histories) // _SAMPLED_USERS)]
    return alignment.recommender.user_vectors([User(history) for history in some])


def _sample_similarities(item_vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """How similar some pairs of items are, `Float[pairs, 2]`, in groups of the size of a short history."""
    random = np.random.default_rng(0)
    groups = random.integers(len(item_vectors), size=(_SIMILARITY_GROUPS, 7))
    return np.concatenate([similarities(item_vectors, [(item, group[0]) for item in group[1:]]) for group in groups])


def _texts(alignment: LabelledExamples) -> list[str]:
    """What the vocabulary is learned from; titles as often as they occur, so that frequent ones become few tokens."""
    titles = alignment.dataset.titles
    often = np.bincount(alignment.dataset.sequence, minlength=len(titles)) + 5
    texts = ["Yes", "No"] * 1000
    texts += [title for title, count in zip(titles, often, strict=True) for _ in range(min(int(count), 200))]
    wording = [phrasing for phrasings in load_wording().values() for phrasing in phrasings]
    for phrasing in wording:
        texts += [piece for piece in phrasing.replace("}", "{").split("{")[::2] if piece] * 15
    words = [one for one in alignment.examples if one.answer_text and one.task != "classification"]
    prompts = [render(one, "intention", "{evidence}", titles).parts for one in words if one.evidence is not None]
    texts += [str(part) for parts in prompts[:3000] for part in parts]
    return texts + [one.answer_text for one in words[:12000]] + [one.question for one in words[:3000] if one.question]


def encode_examples(surrogate: Surrogate, alignment: LabelledExamples, settings: SurrogateSettings) -> EncodedSet:
    """What the form learns from as ids, in a phrasing and (for hybrid) a form drawn from the seed."""
    prompts = _prompts(surrogate.form, alignment, settings)
    return encode_prompts(surrogate, alignment.dataset, alignment.recommender, prompts)


def _prompts(form: Form, alignment: LabelledExamples, settings: SurrogateSettings) -> Iterator[tuple[Prompt, str]]:
    """Each example that is learned from, in the form, for hybrid in a drawn one; rationales always in its own."""
    random = np.random.default_rng(settings.seed)
    kept = settings.task_sampling.get(form, {})
    learned = [one for one in alignment.examples if one.task not in kept or random.random() < kept[one.task]]
    for example in learned:
        drawn = form
        if form == "hybrid" and example.task != "rationale":
            drawn = FORMS[int(random.choice(3, p=settings.hybrid_form_sampling))]
            drawn = drawn if applies(example, drawn) else form
        if applies(example, drawn):
            phrasings = load_wording()[example.task, example.subtask]
            phrasing = phrasings[int(random.integers(len(phrasings)))]
            yield render(example, drawn, phrasing, alignment.dataset.titles), example.user


def warm_up_connectors(
    surrogate: Surrogate, alignment: LabelledExamples, settings: SurrogateSettings, work: Path
) -> None:
    """The first phase: name each item from its vector; then the user connector starts from the item connector."""
    done = work / "items-done"
    if done.exists():
        surrogate.take_over(done)
        return
    dataset, recommender = alignment.dataset, alignment.recommender
    phrasing = load_wording()["discrimination", "title"][0]
    named = [Example("discrimination", "title", items=(item,), answer_items=(item,)) for item in range(dataset.n_items)]
    prompts = [(render(one, "intention", phrasing, ()), "") for one in named]
    items = encode_prompts(surrogate, dataset, recommender, prompts)
    _fit(surrogate, items, settings, settings.connector_warmup_examples / len(items), work / "items")
    item_vectors, users = torch.from_numpy(recommender.item_vectors()), torch.from_numpy(_sample_users(alignment))
    surrogate.connector("user").start_from(surrogate.connector("item"), item_vectors, users)
    if is_first():
        with complete_folder(done) as folder:
            surrogate.save_pretrained(folder)


def _fit(
    surrogate: Surrogate,
    data: EncodedSet,
    settings: SurrogateSettings,
    epochs: float,
    work: Path,
    steps: int | None = None,
    callbacks: Sequence[TrainerCallback] = (),
) -> list[dict[str, Any]]:
    """Train, resumed from the last complete checkpoint; returns the log: step, loss, learning rate, tokens."""
    if not epochs:
        return []
    on_cpu = best_device().type == "cpu"
    low = settings.precision == "bfloat16" or (settings.precision == "auto" and has_fast_bfloat16())
    arguments = TrainingArguments(
        output_dir=str(work),
        num_train_epochs=epochs,
        max_steps=steps or -1,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=settings.warmup,
        weight_decay=settings.weight_decay,
        adam_beta2=0.999,
        max_grad_norm=1.0,
        bf16=low,
        use_cpu=on_cpu,
        logging_steps=20,
        save_strategy="no",
        report_to=[],
        save_total_limit=2,
        disable_tqdm=True,
        seed=settings.seed,
        data_seed=settings.seed,
        remove_unused_columns=False,
        dataloader_pin_memory=not on_cpu,
    )
    trainer = TokenBudgetTrainer(surrogate, arguments, data, settings.tokens_per_batch)
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(ShowProgress(f"{surrogate.form}: {work.name}"))
    trainer.add_callback(TimedCheckpoints(settings.checkpoint_minutes))
    for callback in callbacks:
        trainer.add_callback(callback)
    if is_first() and find_spec("tensorboard") is not None:
        from torch.utils.tensorboard.writer import SummaryWriter

        trainer.add_callback(TensorBoardCallback(SummaryWriter(str(work / "logs"))))
    with attention_for_training(surrogate.backbone, on_cpu):
        trainer.train(resume_from_checkpoint=last_complete_checkpoint(work))
    return trainer.state.log_history
