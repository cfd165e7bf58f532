"""What a language model forgets: the loss of conversations by hand, the same tokens for all, and the rows."""

from __future__ import annotations

from math import exp

import numpy as np
import pytest
import torch
from tests.tiny import ARCHITECTURES, fresh, sasrec, world

from recexplainer.evaluation.forgetting import GeneralAbility, answer_records, forgetting_rows, measure_ability
from recexplainer.evaluation.instructions import KINDS, load_instructions
from recexplainer.evaluation.rows import Row
from recexplainer.explanations.record import Method
from recexplainer.surrogate.frame import encode
from recexplainer.surrogate.prompt import FORMS, Form
from recexplainer.tasks.example import Example, LabelledExamples

CHATS = [
    Example("chat", question="Hello, who are you?", answer_text="A friend."),
    Example("chat", question="Too long?", answer_text="word " * 3000),
    Example("chat", question="Why?", answer_text="Because it is so, and has been so for long."),
    Example("chat", question="Not asked.", answer_text="No."),
]
CASES = LabelledExamples(world(), sasrec(), [Example("retrieval", history=(1, 2), answer_items=(3,)), *CHATS])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("form", FORMS)
def test_the_loss_is_that_of_each_answer_with_its_end(form: Form, architecture: str) -> None:
    surrogate = fresh(form, architecture)
    ability = measure_ability(surrogate, CASES, 2)
    tokenizer, frame = surrogate.tokenizer, surrogate.frame
    for place, chat in enumerate((CHATS[0], CHATS[2])):
        question = [*frame.before, *encode(tokenizer, chat.question), *frame.between]
        answer = [*encode(tokenizer, chat.answer_text), frame.stop]
        with torch.inference_mode():
            logits = surrogate.backbone(input_ids=torch.tensor([[*question, *answer]])).logits[0]
        likely = logits.double().log_softmax(-1)[len(question) - 1 : -1].gather(1, torch.tensor(answer)[:, None])
        assert ability.tokens[place] == len(answer)
        assert ability.nats[place] == pytest.approx(-float(likely.sum()), rel=1e-4)
    assert len(ability.nats) == 2
    assert len(ability.answers) == len(ability.fulfilled) == len(load_instructions())


def test_all_forms_are_measured_on_the_same_tokens() -> None:
    tokens = [measure_ability(fresh(form), CASES, 9).tokens.tolist() for form in FORMS]
    assert tokens[0] == tokens[1] == tokens[2] and len(tokens[0]) == 3


def ability(nats: list[float], tokens: list[int], brief: float, writing: float) -> GeneralAbility:
    """Of each kind of instructions the first are fulfilled, up to these shares."""
    fulfilled: list[float] = []
    for kind, share in zip(KINDS, (brief, writing), strict=True):
        count = sum(one.kind == kind for one in load_instructions())
        fulfilled += [float(place < round(share * count)) for place in range(count)]
    answers = tuple(f"answer {place}" for place in range(len(fulfilled)))
    return GeneralAbility(np.array(nats), np.array(tokens), answers, np.array(fulfilled))


def by_name(rows: list[Row]) -> dict[tuple[str, str], Row]:
    return {(one.task, one.metric): one for one in rows}


def test_rows_are_per_token_and_compared_case_by_case() -> None:
    before, after = ability([2.0, 6.0], [2, 6], 0.0, 1.0), ability([3.0, 9.0], [2, 6], 1.0, 0.0)
    rows = by_name(forgetting_rows(Method("hybrid", "without_chat"), after, before))
    values = {name: one.value for name, one in rows.items()}
    assert values == {
        ("chat", "loss"): 1.5,
        ("chat", "perplexity"): pytest.approx(exp(1.5)),
        ("chat", "loss_increase"): 0.5,
        ("brief_answers", "accuracy"): 1,
        ("brief_answers", "accuracy_change"): 1,
        ("writing", "accuracy"): 0,
        ("writing", "accuracy_change"): -1,
    }
    increase = rows["chat", "loss_increase"]
    assert (increase.low, increase.high) == (0.5, 0.5), "the same for every token"
    assert {one.cases for (task, _), one in rows.items() if task == "chat"} == {2}
    assert sum(rows[kind, "accuracy"].cases for kind in KINDS) == len(load_instructions())
    assert {(one.method, one.variant) for one in rows.values()} == {("hybrid", "without_chat")}
    assert set(by_name(forgetting_rows(Method("unaligned"), before))) == {
        ("chat", "loss"),
        ("chat", "perplexity"),
        ("brief_answers", "accuracy"),
        ("writing", "accuracy"),
    }


def test_without_conversations_only_instructions_are_measured() -> None:
    none = LabelledExamples(world(), sasrec(), CASES.of("retrieval"))
    measured = measure_ability(fresh("behavior"), none, 5)
    assert len(measured.nats) == len(measured.tokens) == 0
    rows = forgetting_rows(Method("behavior"), measured, measured)
    assert {one.task for one in rows} == set(KINDS)


def test_answers_are_kept_by_instruction() -> None:
    count = len(load_instructions())
    one = ability([], [], 0.1, 0.1)
    records = answer_records({Method("unaligned"): one, Method("hybrid"): one})
    assert len(records) == count
    assert records[0]["instruction"] == load_instructions()[0].text
    assert records[0]["answers"][1] == {"name": "hybrid", "variant": "", "answer": "answer 0", "fulfilled": True}
