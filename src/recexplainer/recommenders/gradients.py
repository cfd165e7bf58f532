"""Integrated gradients of a fitted recommender of two towers along the embeddings of the history.

It looks into the recommender, so it needs one of our own (SASRec, MF); all other attributions ask any recommender.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from recexplainer.errors import RecommenderError
from recexplainer.recommenders.ablation import check_cases, lengths
from recexplainer.recommenders.base import Floats, Recommender, User
from recexplainer.recommenders.towers import Towers

_CASES = 16  # whose paths are held at a time


def integrated_gradients(
    recommender: Recommender, users: Sequence[User], items: Sequence[int], *, steps: int = 64
) -> list[Floats]:
    """The attribution of each history item, for each case `Float[history]` (Sundararajan et al., ICML 2017).

    The path goes straight from embeddings of zero, as padding has, to those of the history; positions stay. The
    gradient is taken in the middle of each of the `steps`. Attributions are in units of the score and sum to the score
    minus that at the path's start, but for the error of the steps.

    Raises as `ablation.py` says, and RecommenderError for a recommender that is no `Towers`.
    """
    check_cases(recommender, users, items)
    if not isinstance(recommender, Towers):
        message = "Integrated gradients need the weights of the recommender, and this one can only be asked."
        hint = "Use occlusion_attributions or shapley_values, which ask any recommender."
        raise RecommenderError(message, location=type(recommender).__name__, hint=hint)
    recommender.eval()
    attributions: list[Floats] = []
    for start in range(0, len(users), _CASES):
        some = slice(start, start + _CASES)
        attributions += _attributed(recommender, users[some], items[some], steps)
    return attributions


def _attributed(model: Towers, users: Sequence[User], items: Sequence[int], steps: int) -> list[Floats]:
    device = model.table().device
    histories = nn.utils.rnn.pad_sequence(
        [torch.tensor(user.history) for user in users], batch_first=True, padding_value=model.n_items
    ).to(device)
    counts = torch.tensor(lengths(users), device=device)
    whole = model.items(histories).detach()
    shares = (torch.arange(steps, device=device) + 0.5) / steps
    path = (shares[:, None, None, None] * whole).flatten(0, 1).requires_grad_()  # `Float[steps * cases, history, d]`
    with torch.enable_grad():
        states = _states(model, path, histories.repeat(steps, 1), counts.repeat(steps))
        targets = model.table()[torch.tensor(items, device=device)].detach().repeat(steps, 1)
        (gradients,) = torch.autograd.grad((states * targets).sum(), path)
    values = (whole * gradients.unflatten(0, (steps, len(users))).mean(0)).sum(-1).cpu().numpy()
    return [row[:count] for row, count in zip(values, lengths(users), strict=True)]


def _states(model: Towers, embeddings: Tensor, histories: Tensor, counts: Tensor) -> Tensor:
    """User vectors, `Float[users, d]`, of histories with given embeddings, `Float[users, history, d]`."""

    def given(*_: object) -> Tensor:
        return embeddings

    hook = model.items.register_forward_hook(given)
    try:
        return model.last_states(histories, counts)
    finally:
        hook.remove()
