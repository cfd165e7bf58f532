"""Preference training: of two answers to a question the better one is made likelier than the worse one (DPO).

Sources: Rafailov et al. (2023), equation 7, and for the weight on the better answer's likelihood Pang et al. (2024).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from accelerate.utils import send_to_device
from torch import Tensor
from torch.nn import functional
from torch.nn.utils import clip_grad_norm_
from transformers import get_cosine_schedule_with_warmup

from recexplainer.progress import track
from recexplainer.surrogate.attention import attention_for_training
from recexplainer.surrogate.batching import EncodedSet, TokenBudget
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.settings import PreferenceSettings


def log_probabilities(surrogate: Surrogate, batch: Mapping[str, Any]) -> Tensor:
    """The log probability of each answer of `EncodedSet.collate` given its question, `Float[batch]`, nats."""
    each = -functional.cross_entropy(surrogate(**batch)["logits"], batch["labels"], reduction="none")
    rows, length = batch["input_ids"].shape
    return each.new_zeros(rows).index_add(0, batch["label_positions"] // length, each)


def preference_loss(policy: Tensor, reference: Tensor, beta: float) -> Tensor:
    """The mean of -log sigmoid(beta * (gain of the better - gain of the worse)): Rafailov et al. (2023), equation 7.

    Both are `Float[2, pairs]`, log probabilities of the better and the worse answers; the reference is before training.
    """
    better, worse = policy - reference
    return -functional.logsigmoid(beta * (better - worse)).mean()


class PreferenceTrainer:
    """Trains a surrogate in place, in one process and without dropout, so that policy and reference begin equal.

    The answers are `[2 * pairs]`: the better ones, then the worse ones, in the same order.
    """

    def __init__(self, surrogate: Surrogate, answers: EncodedSet, settings: PreferenceSettings) -> None:
        self._surrogate, self._answers, self._settings = surrogate.eval(), answers, settings
        self._pairs = len(answers) // 2
        longest = answers.lengths.reshape(2, self._pairs).max(axis=0)
        self._batches = TokenBudget(2 * longest, settings.tokens_per_batch, settings.seed)
        self._answer_lengths = torch.tensor([len(one.ids) - one.answer_start for one in answers.encoded])
        self._weights = [weight for weight in surrogate.parameters() if weight.requires_grad]
        self._before = [weight.detach().clone() for weight in self._weights]
        self._optimizer = torch.optim.AdamW(self._weights, lr=settings.learning_rate, weight_decay=0.0)
        steps = len(self._batches) * settings.epochs
        self._schedule = get_cosine_schedule_with_warmup(self._optimizer, round(settings.warmup * steps), steps)
        self._reference = self.log_probabilities()
        self._epoch = 0

    @torch.no_grad()
    def log_probabilities(self) -> Tensor:
        """Those of all answers now, `Float[2, pairs]`, the better ones first."""
        found = torch.empty(2, self._pairs)
        with self._attention():
            for rows in track(self._batches, "preferences: reference"):
                found[:, rows] = self._of(rows).cpu()
        return found

    def epoch(self) -> list[float]:
        """One pass over all pairs, in an order of its own; returns the loss of each step."""
        self._batches.set_epoch(self._epoch)
        self._epoch += 1
        losses: list[float] = []
        with self._attention():
            for rows in track(self._batches, f"preferences: epoch {self._epoch}"):
                policy = self._of(rows)
                loss = preference_loss(policy, self._reference[:, rows].to(policy), self._settings.beta)
                per_token = policy[0] / self._answer_lengths[rows].to(policy)
                loss = loss - self._settings.likelihood * per_token.mean()
                self._optimizer.zero_grad()
                loss.backward()
                clip_grad_norm_(self._weights, 1.0)
                self._optimizer.step()
                self._schedule.step()
                losses.append(float(loss.detach()))
        return losses

    @torch.no_grad()
    def undo(self) -> None:
        """Restore the weights from before the training."""
        for weight, before in zip(self._weights, self._before, strict=True):
            weight.copy_(before)

    def _of(self, rows: list[int]) -> Tensor:
        """Log probabilities of some pairs' answers, `Float[2, rows]`."""
        both = np.concatenate([rows, np.array(rows) + self._pairs])
        batch = self._answers.collate([self._answers.encoded[row] for row in both])
        return log_probabilities(self._surrogate, send_to_device(batch, self._surrogate.device)).view(2, -1)

    def _attention(self) -> AbstractContextManager[None]:
        return attention_for_training(self._surrogate.backbone, self._surrogate.device.type == "cpu")
