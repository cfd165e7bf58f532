"""Alignment: training a surrogate on the recommender's answers, with the Trainer of Hugging Face.

First the connectors learn to read vectors: items are named from their vectors, and the user connector starts from the
item connector, since both vectors are of one space. Then all tasks are learned together. Started by torchrun, every
process makes the same calls, and the first one writes.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import (
    PrinterCallback,
    TrainerCallback,
    TrainingArguments,
)
from transformers.integrations.integration_utils import TensorBoardCallback

from recexplainer.errors import SurrogateError
from recexplainer.hardware import best_device
from recexplainer.processes import is_first, world_size
from recexplainer.recommenders.base import User
from recexplainer.storage import complete_folder, write_json
from recexplainer.surrogate.attention import attention_for_training
from recexplainer.surrogate.backbone import build_nano, chat_frame
from recexplainer.surrogate.batching import (
    EncodedSet,
    check_form,
    encode_prompts,
    similarities,
    token_shares,
)
from recexplainer.surrogate.corpus_prompts import corpus_prompts
from recexplainer.surrogate.int8 import products_in_int8
from recexplainer.surrogate.memory import estimate_memory, require_memory
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.precision import choose_precision
from recexplainer.surrogate.pretrained import load_pretrained
from recexplainer.surrogate.prompt import FORMS, Encoder, Form, Prompt, applies, render
from recexplainer.surrogate.settings import OwnWordsSettings, SurrogateSettings
from recexplainer.surrogate.sharding import join_weights, split_weights
from recexplainer.surrogate.trainer import (
    ShowProgress,
    TimedCheckpoints,
    TokenBudgetTrainer,
    last_complete_checkpoint,
)
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
    """Align a surrogate and save it with its log and TensorBoard events in `folder`; None: it is not saved.

    Checkpoints are kept in `work`, the same for all processes; a stopped training is resumed from the last complete
    one. `start_from` is the folder of a surrogate of another form to continue from; None starts with new weights. All
    tasks are learned in so many `steps`; None: as many as the settings' epochs take. `callbacks` follow this phase.
    """
    surrogate = new_surrogate(form, alignment, settings)
    if settings.sharded:
        split_weights(surrogate, surrogate.backbone)
    if start_from is not None:
        surrogate.take_over(start_from)
    elif form != "behavior":
        warm_up_connectors(surrogate, alignment, settings, work)
    encoded = encode_examples(surrogate, alignment, settings)
    if settings.is_pretrained:
        share = -(-settings.tokens_per_batch // world_size())
        _log.info(require_memory(estimate_memory(surrogate, share, int(max(encoded.lengths))), surrogate.device))
    log = _fit(surrogate, encoded, settings, settings.epochs.get(form, 1.0), work / "tasks", steps, callbacks)
    return _ended(surrogate, settings, log, work / "tasks", folder)


def learn_own_words(
    surrogate: Surrogate,
    alignment: LabelledExamples,
    settings: SurrogateSettings,
    own_words: OwnWordsSettings,
    folder: Path | None,
    work: Path,
    callbacks: Sequence[TrainerCallback] = (),
) -> Surrogate:
    """Teach an aligned surrogate to explain in its own words; saved and resumed as by `train_surrogate`.

    Explanations that are longer than the surrogate's `max_length` are left out; SurrogateError if all are.
    """
    if settings.sharded:
        split_weights(surrogate, surrogate.backbone)
    random = np.random.default_rng(settings.seed)
    fits = surrogate.prompt_encoder(alignment.dataset.titles).fits
    drawn = corpus_prompts(surrogate.form, alignment, own_words, random)
    explanations = [one for one in drawn if fits(one[0])]
    limit = f"max_length ({surrogate.max_length} tokens)"
    if not explanations:
        raise SurrogateError(
            f"No explanation of the corpus fits in {limit}.",
            location="surrogate.own_words",
            hint="Raise surrogate.pretrained.max_length, or its passes.",
        )
    if too_long := len(drawn) - len(explanations):
        _log.info(
            f"{surrogate.form}: {too_long:,} of {len(drawn):,} explanations of the corpus left out, longer than {limit}"
        )
    again = [one for one in alignment.examples if random.random() < own_words.replay]
    encoded = encode_examples(surrogate, replace(alignment, examples=again), settings, explanations)
    surrogate.own_words = True
    rate = settings.model_copy(update={"learning_rate": own_words.learning_rate})
    log = _fit(surrogate, encoded, rate, 1.0, work / "own_words", callbacks=callbacks)
    return _ended(surrogate, settings, log, work / "own_words", folder)


def _ended(
    surrogate: Surrogate, settings: SurrogateSettings, log: list[dict[str, Any]], work: Path, folder: Path | None
) -> Surrogate:
    """The trained surrogate, saved with its log and TensorBoard events in `folder`; None: it is not saved."""
    if settings.sharded:
        join_weights(surrogate.backbone)
    if is_first() and folder is not None:
        surrogate.save_pretrained(folder)
        write_json(folder / "training.json", log)
        if (work / "logs").is_dir():
            shutil.copytree(work / "logs", folder / "logs", dirs_exist_ok=True)
    return surrogate.eval()


def new_surrogate(form: Form, alignment: LabelledExamples, settings: SurrogateSettings) -> Surrogate:
    """An untrained surrogate; `nano` learns its vocabulary from the catalogue, the wording and the answers."""
    check_form(form, alignment.recommender)
    if not settings.is_pretrained:
        backbone, tokenizer = build_nano(_texts(alignment), settings.nano, settings.seed)
        frame = chat_frame(tokenizer)
    else:
        backbone, tokenizer = load_pretrained(settings.backbone, settings.pretrained, settings.seed)
        frame = chat_frame(tokenizer, settings.pretrained.system_message)
    if form == "behavior":
        return Surrogate(backbone, tokenizer, form, 0, settings.connector_width, frame)
    vectors = alignment.recommender.item_vectors()
    sizes = vectors.shape[1], settings.connector_width
    titles: dict[str, Any] = {}
    if settings.titles is not None:
        titles = {"title_positions": settings.titles.most_positions, "title_width": settings.titles.width}
    surrogate = Surrogate(backbone, tokenizer, form, *sizes, frame, **titles)
    embedding_std = surrogate.embedding_std()
    read: dict[Encoder, int] = {"item": 1, "title": surrogate.title_positions}
    for encoder, positions in read.items():
        if positions:
            connector = surrogate.connector(encoder)
            connector.start_for(torch.from_numpy(vectors), embedding_std)
            words = surrogate.title_embeddings(alignment.dataset.titles, positions)
            connector.read_as(torch.from_numpy(vectors), words, known=True)
    groups = np.random.default_rng(0).integers(len(vectors), size=(_SIMILARITY_GROUPS, 7))  # 7: a short history
    some = np.concatenate([similarities(vectors, [(item, group[0]) for item in group[1:]]) for group in groups])
    surrogate.connector("similarity").start_for(torch.from_numpy(some), embedding_std)
    surrogate.connector("user").start_for(torch.from_numpy(_sample_users(alignment)), embedding_std)
    return surrogate


def _sample_users(alignment: LabelledExamples) -> NDArray[np.float32]:
    """Vectors of some users in the examples, `Float[users, d]`."""
    histories = {one.history: None for one in alignment.examples if one.history}
    some = list(histories)[:: max(1, len(histories) // _SAMPLED_USERS)]
    return alignment.recommender.user_vectors([User(history) for history in some])


def _texts(alignment: LabelledExamples) -> list[str]:
    """The texts that the vocabulary is learned from; titles as often as they occur: frequent ones become few tokens."""
    titles = alignment.dataset.titles
    often = np.bincount(alignment.dataset.sequence, minlength=len(titles)) + 5
    texts = ["Yes", "No"] * 1000
    texts += [title for title, count in zip(titles, often, strict=True) for _ in range(min(int(count), 200))]
    # Not of what only a pretrained backbone is asked, nor of verdicts where there are none.
    unused = {("rationale", "own_words"), ("discrimination", "titles")}
    unused |= {("verdicts", "")} - {(one.task, one.subtask) for one in alignment.examples}
    used = (some for key, some in load_wording().items() if key not in unused)
    for phrasing in chain.from_iterable(used):
        texts += [piece for piece in phrasing.replace("}", "{").split("{")[::2] if piece] * 15
    return texts + _worded(alignment)


def _worded(alignment: LabelledExamples) -> list[str]:
    """What examples say in words: evidence in its prompt, answers and questions."""
    titles = alignment.dataset.titles
    words = [one for one in alignment.examples if one.answer_text and one.task != "classification"]
    prompts = [render(one, "intention", "{evidence}", titles).parts for one in words if one.evidence is not None]
    texts = [str(part) for parts in prompts[:3000] for part in parts]
    return texts + [one.answer_text for one in words[:12000]] + [one.question for one in words[:3000] if one.question]


def encode_examples(
    surrogate: Surrogate,
    alignment: LabelledExamples,
    settings: SurrogateSettings,
    explanations: Sequence[tuple[Prompt, str]] = (),
) -> EncodedSet:
    """The training examples as ids, in drawn phrasings, and for hybrid in drawn forms, but rationales in its own.

    General conversations that are longer than the surrogate's `max_length` are left out; that is logged, and so is the
    share of the tokens that each task takes. `explanations` are added to the rationales, each with the id of its user.
    """
    form, dataset = surrogate.form, alignment.dataset
    fits = surrogate.prompt_encoder(dataset.titles).fits
    random = np.random.default_rng(settings.seed)
    kept = settings.task_sampling.get(form, {})
    learned = [one for one in alignment.examples if one.task not in kept or random.random() < kept[one.task]]
    prompts: list[tuple[Prompt, str]] = []
    tasks: list[str] = []
    for example in learned:
        drawn = form
        if form == "hybrid" and example.task != "rationale":
            drawn = FORMS[int(random.choice(3, p=settings.hybrid_form_sampling))]
            drawn = drawn if applies(example, drawn) else form
        if applies(example, drawn):
            phrasings = load_wording()[example.task, example.subtask]
            phrasing = phrasings[int(random.integers(len(phrasings)))]
            prompt = render(example, drawn, phrasing, dataset.titles)
            if example.task != "chat" or fits(prompt):
                prompts.append((prompt, example.user))
                tasks.append(example.task)
    prompts += explanations
    tasks += ["rationale"] * len(explanations)
    encoded = encode_prompts(surrogate, dataset, alignment.recommender, prompts)
    if too_long := sum(one.task == "chat" for one in learned) - tasks.count("chat"):
        _log.info(
            f"{form}: {too_long:,} conversations left out, longer than max_length ({surrogate.max_length} tokens)"
        )
    _log.info(f"{form}: tokens by task: {token_shares(tasks, encoded.lengths)}")
    return encoded


def warm_up_connectors(
    surrogate: Surrogate, alignment: LabelledExamples, settings: SurrogateSettings, work: Path
) -> None:
    """The first phase: name each item from its vector; then the user connector starts from the item connector."""
    done = work / "items-done"
    if done.exists():
        surrogate.take_over(done)
        return
    dataset, recommender = alignment.dataset, alignment.recommender
    named = _named_items(dataset.n_items, settings)
    prompts = [(render(one, "intention", load_wording()[one.task, one.subtask][0], ()), "") for one in named]
    items = encode_prompts(surrogate, dataset, recommender, prompts)
    epochs = settings.connector_warmup_examples / sum(len(one.items) for one in named)
    _fit(surrogate, items, settings, epochs, work / "items")
    item_vectors, users = torch.from_numpy(recommender.item_vectors()), torch.from_numpy(_sample_users(alignment))
    surrogate.connector("user").start_from(surrogate.connector("item"), item_vectors, users)
    if is_first():
        with complete_folder(done) as folder:
            surrogate.save_pretrained(folder)


def _named_items(n_items: int, settings: SurrogateSettings) -> list[Example]:
    """Examples that name every item: alone, or in lists, in each round of them beside others."""
    length = settings.connector_warmup_list
    if length == 1:
        return [Example("discrimination", "title", items=(item,), answer_items=(item,)) for item in range(n_items)]
    random, named = np.random.default_rng(settings.seed), list[Example]()
    for _ in range(max(1, -(-settings.connector_warmup_examples // n_items))):
        for group in np.array_split(random.permutation(n_items), -(-n_items // length)):
            items = tuple(group.tolist())
            named.append(Example("discrimination", "titles", items=items, answer_items=items))
    return named


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
    precision = choose_precision(settings, on_cpu)
    arguments = TrainingArguments(
        output_dir=str(work),
        num_train_epochs=epochs,
        max_steps=steps or -1,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=settings.warmup,
        weight_decay=settings.weight_decay,
        bf16=precision == "bfloat16",
        use_cpu=on_cpu,
        logging_steps=20,
        save_strategy="no",
        report_to=[],
        save_total_limit=2,
        disable_tqdm=True,
        seed=settings.seed,
        remove_unused_columns=False,
        dataloader_pin_memory=not on_cpu,
    )
    title_rate = settings.titles.learning_rate if settings.titles is not None else None
    trainer = TokenBudgetTrainer(surrogate, arguments, data, settings.tokens_per_batch, title_rate)
    trainer.remove_callback(PrinterCallback)
    label = f"{surrogate.form}: {work.name}"
    for callback in (ShowProgress(label), TimedCheckpoints(settings.checkpoint_minutes), *callbacks):
        trainer.add_callback(callback)
    if is_first() and find_spec("tensorboard") is not None:
        from torch.utils.tensorboard.writer import SummaryWriter

        trainer.add_callback(TensorBoardCallback(SummaryWriter(str(work / "logs"))))
    integers = products_in_int8(surrogate.backbone) if precision == "int8" else nullcontext()
    with attention_for_training(surrogate.backbone, on_cpu), integers:
        trainer.train(resume_from_checkpoint=last_complete_checkpoint(work))
    return trainer.state.log_history
