from __future__ import annotations

from copy import deepcopy
from math import exp, log

import numpy as np
import pytest
import torch
from tests.tiny import ARCHITECTURES, examples, fresh, sasrec, world

from recexplainer.surrogate.batching import EncodedSet, encode_answers, encode_questions
from recexplainer.surrogate.dpo import PreferenceTrainer, log_probabilities, preference_loss
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.prompt import FORMS, Form
from recexplainer.surrogate.settings import PreferenceSettings
from recexplainer.tasks.example import Example

EVERY = [(form, architecture) for form in FORMS for architecture in ARCHITECTURES]
SETTINGS = PreferenceSettings(learning_rate=3e-3, epochs=4, tokens_per_batch=1024)


def rationales(count: int = 6) -> list[Example]:
    found = [one for one in examples().train if (one.task, one.subtask) == ("rationale", "surrogate")]
    return found[:count]


def answers(surrogate: Surrogate, count: int = 6) -> EncodedSet:
    """True rationales, and the same in the other order: each is preferred to that of another question."""
    good = rationales(count)
    texts = [one.answer_text for one in good]
    bad = [Example("rationale", "surrogate", one.user, one.history, one.items, answer_text=text) for one, text in
           zip(good, texts[1:] + texts[:1], strict=True)]  # fmt: skip
    return encode_answers(surrogate, world(), sasrec(), [*good, *bad])


def alone(surrogate: Surrogate, data: EncodedSet, row: int) -> float:
    """The log probability of one answer: the whole model, token after token, no batch, no label positions."""
    one = data.encoded[row]
    ids = torch.from_numpy(one.ids[None].astype(np.int64))
    embedded = surrogate.embed(ids, data.encoder_inputs([one], np.zeros(1, np.int64)))
    logits = surrogate.backbone(inputs_embeds=embedded).logits[0].double()
    return sum(float(logits[at - 1].log_softmax(-1)[one.ids[at]]) for at in range(one.answer_start, len(one.ids)))


@pytest.mark.parametrize(("form", "architecture"), EVERY)
def test_log_probabilities_in_a_batch_are_those_of_each_answer_alone(form: Form, architecture: str) -> None:
    surrogate = fresh(form, architecture)
    data = answers(surrogate, 3)
    with torch.inference_mode():
        found = log_probabilities(surrogate, data.collate(data.encoded))
        each = [alone(surrogate, data, row) for row in range(len(data))]
    assert len(set(data.lengths.tolist())) > 1, "some are padded"
    assert found.tolist() == pytest.approx(each, rel=1e-4)
    trainer = PreferenceTrainer(surrogate, data, PreferenceSettings(tokens_per_batch=600))
    assert trainer.log_probabilities().flatten().tolist() == pytest.approx(each, rel=1e-4)


@pytest.mark.parametrize("form", FORMS)
def test_answers_follow_the_questions_of_explanations(form: Form) -> None:
    surrogate = fresh(form)
    data = answers(surrogate, 3)
    questions = encode_questions(surrogate, world(), sasrec(), rationales(3))
    stop = surrogate.tokenizer.eos_token_id
    for one, question, example in zip(data.encoded, questions.encoded, rationales(3), strict=False):
        assert one.ids[: one.answer_start].tolist() == question.ids.tolist()
        answer = one.ids[one.answer_start :].tolist()
        assert answer[-1] == stop
        assert surrogate.tokenizer.decode(answer[:-1]) == example.answer_text


def test_the_loss_by_hand() -> None:
    """Gains of the better: 2 and -1; of the worse: 1 and 3; times a beta of a half: 0.5 and -2."""
    policy = torch.tensor([[-8.0, -11.0], [-19.0, -7.0]])
    reference = torch.tensor([[-10.0, -10.0], [-20.0, -10.0]])
    by_hand = (log(1 + exp(-0.5)) + log(1 + exp(2.0))) / 2
    assert float(preference_loss(policy, reference, 0.5)) == pytest.approx(by_hand, rel=1e-6)
    assert float(preference_loss(reference, reference, 0.5)) == pytest.approx(log(2), rel=1e-6)


def test_the_first_step_has_the_loss_by_hand() -> None:
    """Nothing has moved yet: log 2, and the weight of the better answers' own likelihood for each token."""
    surrogate = deepcopy(fresh("hybrid"))
    data = answers(surrogate, 4)
    settings = SETTINGS.model_copy(update={"tokens_per_batch": 100_000, "likelihood": 0.5, "epochs": 1})
    with torch.inference_mode():
        each = [alone(surrogate, data, row) for row in range(4)]
    tokens = [len(one.ids) - one.answer_start for one in data.encoded[:4]]
    per_token = np.mean([total / count for total, count in zip(each, tokens, strict=True)])
    losses = PreferenceTrainer(surrogate, data, settings).epoch()
    assert losses == [pytest.approx(log(2) - 0.5 * per_token, rel=1e-4)]


@pytest.mark.parametrize("form", FORMS)
def test_what_is_preferred_becomes_likelier_than_what_is_not(form: Form) -> None:
    surrogate = deepcopy(fresh(form))
    trainer = PreferenceTrainer(surrogate, answers(surrogate), SETTINGS)
    before = trainer.log_probabilities()
    losses = [trainer.epoch() for _ in range(SETTINGS.epochs)]
    better, worse = trainer.log_probabilities() - before
    assert float((better - worse).mean()) > 1
    assert float(better.mean()) > 0, "the own likelihood of what is preferred does not fall"
    assert np.mean(losses[-1]) < np.mean(losses[0])


def test_undone_the_weights_are_those_from_before_bit_for_bit() -> None:
    surrogate = deepcopy(fresh("hybrid"))
    trainer = PreferenceTrainer(surrogate, answers(surrogate), SETTINGS)
    trainer.epoch()
    before = fresh("hybrid").state_dict()
    assert any(not torch.equal(weight, before[name]) for name, weight in surrogate.state_dict().items())
    trainer.undo()
    assert all(torch.equal(weight, before[name]) for name, weight in surrogate.state_dict().items())


def test_what_is_frozen_stays() -> None:
    surrogate = deepcopy(fresh("hybrid"))
    surrogate.backbone.requires_grad_(False)
    PreferenceTrainer(surrogate, answers(surrogate), SETTINGS).epoch()
    before = fresh("hybrid").state_dict()
    moved = {name for name, weight in surrogate.state_dict().items() if not torch.equal(weight, before[name])}
    assert moved
    assert all(name.startswith("connectors.") for name in moved)


def test_the_same_seed_gives_the_same_weights() -> None:
    def trained(seed: int) -> Surrogate:
        surrogate = deepcopy(fresh("intention"))
        settings = SETTINGS.model_copy(update={"seed": seed})
        PreferenceTrainer(surrogate, answers(surrogate, 12), settings).epoch()
        return surrogate

    one, again, other = (trained(seed).embeddings.weight for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
