from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from tests.fakes import SameForAll
from tests.tiny import fresh, histories, sasrec, world

from recexplainer.errors import DataError, RecommenderError
from recexplainer.explanations import preference
from recexplainer.explanations.explainer import PairExplainer
from recexplainer.explanations.preference import PreferenceLog, TextSampler, prefer
from recexplainer.recommenders.base import User
from recexplainer.surrogate.batching import EncodedSet
from recexplainer.surrogate.decoding import Decoder
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.prompt import FORMS, Form
from recexplainer.surrogate.settings import PreferenceSettings

SETTINGS = PreferenceSettings(learning_rate=3e-3, epochs=2, tokens_per_batch=1024, held_out=0.25, texts=2)


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Untrained surrogates babble on; a few tokens are enough."""
    monkeypatch.setattr(preference, "MAX_TOKENS", 12)


def pairs(count: int = 8) -> list[tuple[User, int]]:
    return [
        (User(history, f"u{number}"), (17 * number + 5) % 60)
        for number, history in enumerate(histories(count, (3, 5, 6)))
    ]


@pytest.fixture
def telling(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets the texts that are sampled for every question."""

    def write(*texts: str) -> None:
        def sampled(self: Decoder, prompts: EncodedSet, *how: object, **more: object) -> list[list[str]]:
            return [list(texts)] * len(prompts)

        monkeypatch.setattr(Decoder, "sampled", sampled)

    return write


def run(surrogate: Surrogate, watch: Callable[[Surrogate], float] | None = None, **changes: Any) -> PreferenceLog:
    return prefer(surrogate, world(), sasrec(), pairs(), SETTINGS.model_copy(update=changes), watch)


def same_weights(one: Surrogate, other: Surrogate) -> bool:
    weights = other.state_dict()
    return all(torch.equal(weight, weights[name]) for name, weight in one.state_dict().items())


@pytest.mark.parametrize("form", FORMS)
def test_it_learns_from_what_f_tells_apart(form: Form, telling: Callable[..., None]) -> None:
    telling("No.", "Yes.")
    surrogate = deepcopy(fresh(form))
    log = run(surrogate)
    assert (log.questions, log.pairs, log.undone, log.guarded) == (6, 6, False, ())
    assert log.losses[-1] < log.losses[0]
    assert 0 <= log.score_before <= 1
    assert 0 <= log.score_after <= 1
    assert not same_weights(surrogate, fresh(form))
    assert not surrogate.training


def test_texts_of_the_same_score_give_no_pairs_and_nothing_is_learned(telling: Callable[..., None]) -> None:
    telling("Well.", "Hm.", "")
    surrogate = deepcopy(fresh("hybrid"))
    log = run(surrogate)
    assert log == PreferenceLog(6, 0, log.score_before, log.score_before)
    assert same_weights(surrogate, fresh("hybrid"))


def test_only_what_differs_by_more_than_the_margin_is_a_pair(telling: Callable[..., None]) -> None:
    telling("No.", "Yes.")
    assert run(deepcopy(fresh("hybrid")), epochs=1, margin=0.99).pairs == 0


def test_the_guard_gives_back_the_weights_bit_for_bit(telling: Callable[..., None]) -> None:
    telling("No.", "Yes.")
    surrogate, accuracies = deepcopy(fresh("hybrid")), iter([0.90, 0.85])
    log = run(surrogate, lambda _: next(accuracies))
    assert log.undone
    assert log.guarded == (0.90, 0.85)
    assert log.losses
    assert log.score_after == log.score_before
    assert same_weights(surrogate, fresh("hybrid"))


def test_the_guard_lets_pass_what_falls_no_further_than_it_may(telling: Callable[..., None]) -> None:
    telling("No.", "Yes.")
    surrogate, accuracies = deepcopy(fresh("hybrid")), iter([0.5, 0.75, 0.25])
    log = run(surrogate, lambda _: next(accuracies), guard=0.25)
    assert not log.undone
    assert log.guarded == (0.5, 0.75, 0.25)
    assert not same_weights(surrogate, fresh("hybrid"))


def test_what_is_sampled_is_judged_by_f() -> None:
    """No text is put in: an untrained surrogate babbles, and what it says is scored all the same."""
    one, again = (run(deepcopy(fresh("behavior")), epochs=1, margin=0.0, texts=4, temperature=2.0) for _ in range(2))
    assert one == again
    assert one.questions == 6


def test_of_many_questions_as_many_are_drawn_as_the_settings_say(telling: Callable[..., None]) -> None:
    telling("No.", "Yes.")
    assert run(deepcopy(fresh("behavior")), questions=4, epochs=1).questions == 3


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_pairs_are_an_error(count: int) -> None:
    with pytest.raises(DataError, match=f"but {count} came(?s:.)*pairs(?s:.)*at least two"):
        prefer(fresh("behavior"), world(), sasrec(), pairs()[:count], SETTINGS)


def test_what_cannot_be_asked_of_f_is_an_error() -> None:
    with pytest.raises(DataError, match="no history"):
        prefer(fresh("behavior"), world(), sasrec(), [*pairs(), (User((), "newcomer"), 3)], SETTINGS)
    with pytest.raises(RecommenderError, match="changed history"):
        prefer(fresh("behavior"), world(), SameForAll(answers_changed_history=False), pairs(), SETTINGS)


def test_some_are_asked_with_evidence() -> None:
    explainer = PairExplainer(world(), sasrec(), fresh("hybrid"))
    examples, evidence = TextSampler(explainer, 0.3).examples(pairs(10))
    assert [one.subtask for one in examples].count("evidence") == 3
    assert all(one.evidence in (None, each) for one, each in zip(examples, evidence, strict=True))
    alone, _ = TextSampler(explainer).examples(pairs(10))
    assert {one.subtask for one in alone} == {"surrogate"}
