"""Forgetting: what a pretrained language model loses of its general ability when it is aligned.

Measured before alignment and after, on the same tokens: the loss of held-out general conversations (task 5), and the
share of short instructions that are fulfilled. It does not know which surrogates a run has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from accelerate.utils import send_to_device
from numpy.typing import NDArray
from torch.nn import functional

from recexplainer.evaluation.instructions import KINDS, load_instructions
from recexplainer.evaluation.rows import Row, Statistic, row
from recexplainer.explanations.record import Method
from recexplainer.progress import track
from recexplainer.surrogate.batching import EncodedSet, TokenBudget, encode_answers, encode_questions, that_fit
from recexplainer.surrogate.decoding import Decoder
from recexplainer.surrogate.model import Surrogate
from recexplainer.tasks.example import Example, LabelledExamples

_BATCH_TOKENS = 2048  # logits are kept for all of an answer's tokens
_ANSWER_TOKENS = 96


@dataclass(frozen=True)
class GeneralAbility:
    """What was measured of one language model."""

    nats: NDArray[np.float64]
    """`Float[conversations]`, minus the log probability of each answer, its end included."""
    tokens: NDArray[np.int64]
    """`Int[conversations]`, the tokens of each answer."""
    answers: tuple[str, ...]
    """Its greedy answer to each instruction."""
    fulfilled: NDArray[np.float64]
    """`Float[instructions]`, 1 where the answer is as the instruction wants it."""


def measure_ability(surrogate: Surrogate, cases: LabelledExamples, count: int) -> GeneralAbility:
    """Measure a surrogate, or a backbone before it is aligned, on the first `count` conversations among the cases.

    Conversations that are longer than `max_length` are left out.
    """
    chats = that_fit(surrogate, cases.dataset, cases.of("chat"))[:count]
    nats, tokens = _losses(surrogate.eval(), encode_answers(surrogate, cases.dataset, cases.recommender, chats))
    instructions = load_instructions()
    asked = [Example("chat", question=one.text) for one in instructions]
    questions = encode_questions(surrogate, cases.dataset, cases.recommender, asked)
    answers = Decoder(surrogate, cases.dataset.titles).greedy(questions, _ANSWER_TOKENS)
    fulfilled = [one.is_fulfilled(answer) for one, answer in zip(instructions, answers, strict=True)]
    return GeneralAbility(nats, tokens, tuple(answers), np.array(fulfilled, np.float64))


@torch.inference_mode()
def _losses(surrogate: Surrogate, chats: EncodedSet) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The loss of each answer in nats, summed over its tokens, and the number of these."""
    tokens = np.array([len(one.ids) - one.answer_start for one in chats.encoded], np.int64)
    nats = np.zeros(len(chats))
    for rows in track(list(TokenBudget(chats.lengths, _BATCH_TOKENS, seed=0)), "general conversations"):
        batch = send_to_device(chats.collate([chats.encoded[row] for row in rows]), surrogate.device)
        each = functional.cross_entropy(surrogate(**batch)["logits"], batch["labels"], reduction="none")
        starts = np.cumsum([0, *tokens[rows][:-1]])
        nats[rows] = np.add.reduceat(each.double().cpu().numpy(), starts)
    return nats, tokens


def forgetting_rows(method: Method, ability: GeneralAbility, before: GeneralAbility | None = None) -> list[Row]:
    """The rows of one language model; `before` is the same backbone before alignment, None: this is it.

    Task `chat`: `loss` (nats a token), `perplexity` (its exponential), and `loss_increase` over `before`. Tasks
    `brief_answers` and `writing`, the two kinds of instructions: `accuracy`, the share fulfilled, and
    `accuracy_change`. Differences are taken case by case, so their intervals are narrower than those of the two.
    Without conversations there are no rows of `chat`.
    """
    nats, tokens, rows = ability.nats, ability.tokens, list[Row]()

    def per_token(values: NDArray[np.float64]) -> Statistic:
        return lambda drawn: values[drawn].sum(1) / tokens[drawn].sum(1)

    if cases := len(tokens):
        loss = per_token(nats)
        rows.append(row(method, "chat", "loss", loss, cases=cases))
        rows.append(row(method, "chat", "perplexity", lambda drawn: np.exp(loss(drawn)), cases=cases))
        if before is not None:
            rows.append(row(method, "chat", "loss_increase", per_token(nats - before.nats), cases=cases))
    kinds = np.array([one.kind for one in load_instructions()])
    for kind in KINDS:
        rows.append(row(method, kind, "accuracy", ability.fulfilled[kinds == kind]))
        if before is not None:
            change = (ability.fulfilled - before.fulfilled)[kinds == kind]
            rows.append(row(method, kind, "accuracy_change", change))
    return rows


def answer_records(abilities: Mapping[Method, GeneralAbility]) -> list[dict[str, Any]]:
    """Each instruction with the answer of every method and whether it is fulfilled, ready for JSON."""
    return [
        {
            "instruction": one.text,
            "kind": one.kind,
            "answers": [
                asdict(method) | {"answer": each.answers[at], "fulfilled": bool(each.fulfilled[at])}
                for method, each in abilities.items()
            ],
        }
        for at, one in enumerate(load_instructions())
    ]
