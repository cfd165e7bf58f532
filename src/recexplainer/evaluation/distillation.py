"""Distillation: a fresh SASRec learns to score as another recommender does (paper section 3.2.3, after EMKD).

Only the teacher's scores are asked, for the prefixes of the training histories, never for a test history. The longest
prefix of each user is held out to stop early and to choose the temperature; the winner then learns from all of them.
It knows nothing of Examples, nor of how agreement with the teacher is reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from recexplainer.data.dataset import Dataset, Split
from recexplainer.errors import RecommenderError
from recexplainer.progress import track
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.fitting import Fit, LoopSettings, held_out_ranks, stop_early
from recexplainer.recommenders.sasrec import SASRec, SASRecSettings
from recexplainer.recommenders.scoring import BATCH, score_batches


class DistillationSettings(LoopSettings):
    """How the student learns; the held-out score is the hit ratio at 5 of the teacher's first item."""

    renamed: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"width": "hidden_size", "layers": "num_hidden_layers", "heads": "num_attention_heads"}
        | {"memory": "cache_bytes", **LoopSettings.renamed}
    )

    temperatures: tuple[Annotated[float, Field(gt=0)], ...] = Field(default=(0.25, 0.5, 1.0), min_length=1)
    """Temperatures of the teacher's softmax to try. The unit is the spread of its scores, the mean over users of their
    standard deviation, so that a teacher may score on any scale."""
    learning_rate: float = Field(default=3e-3, gt=0)
    """Learning rate of AdamW."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """The student's dropout; low, for a teacher's scores have little noise."""
    hidden_size: int = Field(default=64, ge=4)
    """Width of the student where the teacher is no SASRec; of a SASRec it takes the shape (the paper: the same one)."""
    num_hidden_layers: int = Field(default=1, ge=1)
    """Transformer blocks where the teacher is no SASRec."""
    num_attention_heads: int = Field(default=2, ge=1)
    """Attention heads where the teacher is no SASRec."""
    cache_bytes: int = Field(default=1 << 30, ge=0)
    """Bytes of the teacher's scores to keep; those beyond are computed anew in each epoch."""
    batch_size: int = Field(default=256, ge=1)
    """Histories a step."""
    epochs: int = Field(default=8, ge=1)
    """The most epochs a temperature may take."""
    patience: int = Field(default=2, ge=1)
    """Epochs that do not better the held-out hit ratio before a temperature is given up."""


@dataclass(frozen=True, slots=True)
class DistillationTrial:
    """One temperature tried: its best epoch, and how often the teacher's held-out first was in the student's five."""

    temperature: float
    epochs: int
    hit_ratio: float


def distill_sasrec(
    dataset: Dataset, split: Split, teacher: Recommender, settings: DistillationSettings
) -> tuple[SASRec, list[DistillationTrial]]:
    """Let a SASRec learn the teacher's scores of all items that a history lacks.

    The teacher is asked for its `scores` alone, never for vectors, and about no more than `split`'s training histories.
    Returns the student and all trials, the best first.

    Raises:
        RecommenderError: The teacher scores another catalogue, knows users by id alone, or its scores are all equal or
            not finite; or no user has three interactions to train on.
    """
    earlier, held = _prefixes(dataset, split, teacher)
    users = earlier + held
    targets = _TeacherScores(teacher, users, settings.cache_bytes)
    firsts = targets.of(np.arange(len(earlier), len(users))).argmax(1).numpy()
    lengths = torch.tensor([len(user.history) for user in users])
    histories = pad_sequence([torch.tensor(user.history) for user in users], True, padding_value=teacher.n_items)
    own = teacher.settings if isinstance(teacher, SASRec) else settings
    shape = own.model_dump(include={"hidden_size", "num_hidden_layers", "num_attention_heads"})
    # a seed that no recommender is fitted with: a student with its teacher's first weights would have it easy
    seed = int(np.random.default_rng([settings.seed, *b"distillation"]).integers(2**31))

    def start(temperature: float, rows: int) -> Fit[SASRec]:
        torch.manual_seed(seed)
        shaped = SASRecSettings(max_history=teacher.max_history, dropout=settings.dropout, **shape)
        student = SASRec(dataset.n_items, shaped)

        def loss(some: NDArray[np.int64]) -> Tensor:
            states = student.last_states(histories[some, : int(lengths[some].max())], lengths[some])
            return distillation_loss(student.logits(states), targets.of(some), temperature)

        return Fit(student, rows, loss, settings.learning_rate, settings)

    def hit_ratio(student: SASRec) -> float:
        return float((held_out_ranks(student, held, firsts) <= 5).mean())

    trials: list[DistillationTrial] = []
    for temperature in track(settings.temperatures, "distilling: temperatures"):
        trials.append(
            DistillationTrial(temperature, *stop_early(start(temperature, len(earlier)), hit_ratio, settings))
        )
    trials.sort(key=lambda trial: -trial.hit_ratio)
    fit = start(trials[0].temperature, len(users))
    for _ in track(range(trials[0].epochs), "distilling: the best of them"):
        fit.epoch()
    return fit.model.eval().requires_grad_(False), trials


def distillation_loss(scores: Tensor, teacher: Tensor, temperature: float = 1.0) -> Tensor:
    """`KL(softmax(teacher / temperature) || softmax(scores))`, the mean over users (paper section 3.2.3).

    Both are `Float[users, items]`; an item that the teacher gives -inf is left out of both. A temperature above 1
    flattens the teacher's probabilities, one below 1 sharpens them.
    """
    student = scores.masked_fill(teacher == -torch.inf, torch.finfo(scores.dtype).min).log_softmax(-1)
    return functional.kl_div(student, (teacher / temperature).softmax(-1), reduction="batchmean")


class _TeacherScores:
    """The teacher's scores, each user's best eligible item at 0, divided by their spread; -inf where one is not.

    Those of as many users as fit are kept, as halves, which are the most precise near 0, where the best items are.
    """

    def __init__(self, teacher: Recommender, users: Sequence[User], cache_bytes: int) -> None:
        self._teacher, self._users, self._spread = teacher, users, 1.0
        some = self._scores(users[:: -(-len(users) // BATCH)])
        self._spread = float(np.mean([np.std(row[np.isfinite(row)]) for row in some]))
        if not self._spread > 0:
            raise RecommenderError(
                "The teacher gives all items the same score, so nothing can be learned from it.",
                location="Recommender.scores",
                hint="Return scores that differ.",
            )
        self._kept = np.empty((min(len(users), cache_bytes // (2 * teacher.n_items)), teacher.n_items), np.float16)
        for start in track(range(0, len(self._kept), BATCH), "asking the teacher"):
            block = self._kept[start : start + BATCH]
            block[:] = self._scores(users[start : start + len(block)])

    def of(self, rows: NDArray[np.int64]) -> Tensor:
        """`Float[rows, items]` of the users with these numbers."""
        kept = rows < len(self._kept)
        found = np.empty((len(rows), self._kept.shape[1]), np.float16)
        found[kept] = self._kept[rows[kept]]
        if not kept.all():
            found[~kept] = self._scores([self._users[row] for row in rows[~kept]])
        return torch.from_numpy(found).float()

    def _scores(self, users: Sequence[User]) -> NDArray[np.float32]:
        batches = score_batches(self._teacher, users)
        scores = np.concatenate([np.where(batch.eligible, batch.scores, -np.inf) for batch in batches])
        return (scores - scores.max(1, keepdims=True)) / self._spread


def _prefixes(dataset: Dataset, split: Split, teacher: Recommender) -> tuple[list[User], list[User]]:
    """All prefixes of all training histories, cut to what the teacher looks at; the longest of each user apart.

    A training history itself is no prefix of its own: it is what the test asks about.
    """
    if teacher.n_items != dataset.n_items:
        raise RecommenderError(
            f"The teacher scores {teacher.n_items:,} items, but the catalogue has {dataset.n_items:,}.",
            location=f"dataset {dataset.name!r}",
            hint="Distil it on the dataset that it was fitted to.",
        )
    if not teacher.answers_changed_history:
        raise RecommenderError(
            "The teacher knows users by id alone, so it has no answers for the prefixes of their histories.",
            location="Recommender.answers_changed_history",
            hint="Leave the distilled student out for this recommender.",
        )
    earlier: list[User] = []
    held: list[User] = []
    for index, user_id in enumerate(dataset.user_ids):
        history = tuple(split.train_history(index).tolist())
        prefixes = [User(history[:end][-teacher.max_history :], user_id) for end in range(1, len(history))]
        earlier += prefixes[:-1]
        held += prefixes[-1:]
    if not earlier:
        raise RecommenderError(
            "No user has three interactions to train on, so there is nothing to learn the teacher's scores from.",
            location=f"dataset {dataset.name!r}",
            hint="Loosen the filter, or give users with longer histories.",
        )
    return earlier, held
