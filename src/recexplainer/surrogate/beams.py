"""Beam search over prompts that were read once; a question whose beams are done takes no more time."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from recexplainer.surrogate.prefill import Prefill

_WORTH_DROPPING = 0.75  # of the questions still going on: each time all keys and values are copied


@dataclass
class _Beams:
    """The beams of one question: those that go on, side by side in the batch, and those that have ended."""

    ids: list[list[int]]
    scores: NDArray[np.float64]
    ended: list[tuple[float, list[int]]] = field(default_factory=list)
    done: bool = False


class BeamSearch:
    """Beam search as in `generate` of transformers with `early_stopping=False`.

    A beam that ends scores the sum of its log probabilities over its length to the power of `length_penalty`. A
    question is done when as many beams have ended as it has, and none that goes on would be better if it ended now.

    Args:
        width: Beams of a question, and answers to it.
        limit: Most tokens of an answer.
        stops: The tokens that end one.
        length_penalty: 0 orders answers by their probability, 1 by the mean over their tokens.
        constraint: Takes the ids of beams, `Int[beams, tokens]`, and log probabilities, `Float[beams, vocabulary]`, and
            returns them with what must not follow at -inf; None: all may.
    """

    def __init__(
        self,
        width: int,
        limit: int,
        stops: Collection[int],
        length_penalty: float = 1.0,
        constraint: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> None:
        self._width, self._limit, self._stops = width, limit, frozenset(stops)
        self._penalty, self._constraint = length_penalty, constraint

    def __call__(self, read: Prefill) -> list[list[list[int]]]:
        """The answers to each prompt as ids, best first, `[prompts][width]`; its logits are those after each prompt."""
        scores = np.full(self._width, -np.inf)
        scores[0] = 0.0
        every = [_Beams([[] for _ in range(self._width)], scores.copy()) for _ in read.logits]
        logits, batch = read.logits.repeat(self._width, 0), every.copy()
        read.continued(self._width)
        for length in range(1, self._limit + 1):
            origins: list[int] = []
            for at, (one, (tokens, parents, found)) in enumerate(zip(batch, self._best(batch, logits), strict=True)):
                kept = list(range(self._width)) if one.done else self._advance(one, tokens, parents, found, length)
                origins += [at * self._width + parent for parent in kept]
            going = [at for at, one in enumerate(batch) if not one.done]
            if not going or length == self._limit:
                break
            if len(going) <= _WORTH_DROPPING * len(batch):
                batch = [batch[at] for at in going]
                origins = [origins[at * self._width + beam] for at in going for beam in range(self._width)]
            read.keep(origins)
            logits = read.step([ids[-1] if ids else 0 for one in batch for ids in one.ids])
        return [self._answers(one) for one in every]

    def _best(
        self, batch: list[_Beams], logits: NDArray[np.float32]
    ) -> list[tuple[list[int], list[int], NDArray[np.float64]]]:
        """Of each question the best next tokens, the beams that they follow, and the scores with them.

        There are so many that `width` beams can go on even if all stop tokens are among them.
        """
        scores = torch.from_numpy(logits).log_softmax(-1)
        if self._constraint is not None:
            begun = [torch.tensor(ids, dtype=torch.long) for one in batch for ids in one.ids]
            scores = self._constraint(pad_sequence(begun, batch_first=True), scores)  # some are done
        vocabulary = scores.shape[1]
        scores = scores + torch.from_numpy(np.concatenate([one.scores for one in batch]))[:, None]
        found = scores.view(len(batch), -1).topk(min((1 + len(self._stops)) * self._width, self._width * vocabulary), 1)
        rows = zip(found.indices.tolist(), found.values.double().numpy(), strict=True)
        return [([at % vocabulary for at in some], [at // vocabulary for at in some], each) for some, each in rows]

    def _advance(
        self, one: _Beams, tokens: list[int], parents: list[int], scores: NDArray[np.float64], length: int
    ) -> list[int]:
        """Let the beams of a question go on by a token; returns which of its beams each of them follows."""
        ids: list[list[int]] = []
        kept: list[int] = []
        chosen: list[float] = []
        for rank, (token, parent, score) in enumerate(zip(tokens, parents, scores.tolist(), strict=True)):
            if token not in self._stops:
                ids.append([*one.ids[parent], token])
                kept.append(parent)
                chosen.append(score)
            elif rank < self._width and np.isfinite(score):
                one.ended.append((score / length**self._penalty, [*one.ids[parent], token]))
            if len(ids) == self._width:
                break
        one.ids, one.scores = ids, np.array(chosen)
        one.ended = sorted(one.ended, key=lambda each: -each[0])[: self._width]
        attainable = max(chosen, default=-np.inf) / length**self._penalty
        one.done = len(one.ended) == self._width and one.ended[-1][0] >= attainable
        return kept

    def _answers(self, one: _Beams) -> list[list[int]]:
        """The best answers, also those that did not end within the limit."""
        cut = (
            []
            if one.done
            else [(score / len(ids) ** self._penalty, ids) for score, ids in zip(one.scores, one.ids, strict=True)]
        )
        return [ids for _, ids in sorted([*one.ended, *cut], key=lambda each: -each[0])[: self._width]]
