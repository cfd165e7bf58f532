"""What a recommender is fitted to: the next item at every position, or the scores of another recommender.

The next item stands against the whole catalogue or a drawn item.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from recexplainer.recommenders.towers import Towers

Loss = Literal["softmax", "bce", "bpr"]


def next_item_loss(model: Towers, windows: Tensor, loss: Loss = "softmax") -> Tensor:
    """The mean loss over all positions of `Int[users, length + 1]`, padded with `n_items`.

    Args:
        model: What is fitted.
        windows: The items; each but the first is a target.
        loss: `softmax`: cross entropy over the whole catalogue. `bce`: binary cross entropy of the target and of one
            drawn item (the original SASRec). `bpr`: the target above one drawn item. Drawn items are not in the window.
    """
    inputs, targets = windows[:, :-1], windows[:, 1:]
    there = targets != model.n_items
    states, positive = model(inputs)[there], targets[there]
    if loss == "softmax":
        return functional.cross_entropy(model.logits(states), positive)
    table = model.table()
    above = (states * table[positive]).sum(-1)
    below = (states * table[_others(windows, model.n_items)[there]]).sum(-1)
    if loss == "bpr":
        return -functional.logsigmoid(above - below).mean()
    return -(functional.logsigmoid(above) + functional.logsigmoid(-below)).mean()


def distillation_loss(scores: Tensor, teacher: Tensor, temperature: float = 1.0) -> Tensor:
    """`KL(softmax(teacher / temperature) || softmax(scores))`, the mean over users (paper section 3.2.3).

    Args:
        scores: The student's, `Float[users, items]`.
        teacher: The teacher's, `Float[users, items]`; an item that has -inf is left out of both.
        temperature: Above 1 the teacher's chances are flattened, below 1 they are sharpened.
    """
    left_out = teacher == -torch.inf
    student = scores.masked_fill(left_out, torch.finfo(scores.dtype).min).log_softmax(-1)
    return functional.kl_div(student, (teacher / temperature).softmax(-1), reduction="batchmean")


def _others(windows: Tensor, n_items: int) -> Tensor:
    """One item for each position, `Int[users, length]`, evenly drawn among those that the window lacks."""
    chances = torch.ones(len(windows), n_items + 1, device=windows.device)
    chances.scatter_(1, windows, 1e-9)
    return torch.multinomial(chances[:, :n_items], windows.shape[1] - 1, replacement=True)
