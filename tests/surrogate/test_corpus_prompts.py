from __future__ import annotations

from copy import copy, deepcopy
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from tests.tiny import SETTINGS, alignment, fresh, sasrec, world

from recexplainer.surrogate.batching import encode_prompts
from recexplainer.surrogate.corpus_prompts import corpus_prompts, render_explanation
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.prompt import FORMS, Form
from recexplainer.surrogate.settings import SurrogateSettings
from recexplainer.surrogate.training import encode_examples
from recexplainer.tasks.corpus_explanations import CorpusExplanation, corpus_explanations

ONE = CorpusExplanation(("A", "B {x}"), "C", "rank 1 of 9, recommended. For: “A” +1.0.", "Thanks to “A”, yes.")


@pytest.fixture(autouse=True)
def long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny vocabulary needs many tokens for words that are not its catalogue's."""
    limit(monkeypatch, 100_000)


def limit(monkeypatch: pytest.MonkeyPatch, max_length: int) -> None:
    monkeypatch.setattr(Surrogate, "max_length", max_length)
    for form in FORMS:
        monkeypatch.setattr(fresh(form), "_prompt_encoder", None)


def test_titles_of_another_catalogue_are_text_and_apart_in_quotes() -> None:
    prompt = render_explanation(ONE, "{history}. Of {item}: {evidence} In your own words. ")
    assert "".join(cast(tuple[str, ...], prompt.parts)) == (
        "A; B {x}. Of C: rank 1 of 9, recommended. For: “A” +1.0. In your own words."
    )
    assert prompt.answer == ("Thanks to ", "“", "A", "”", ", yes.")
    assert prompt.history == ()


@pytest.mark.parametrize("passes", [0, 0.1, 1, 1.2])
def test_each_is_learned_from_so_many_times(passes: float) -> None:
    prompts = corpus_prompts(fresh("behavior"), world().titles, passes, np.random.default_rng(0))
    assert len(prompts) == round(passes * len(corpus_explanations()))


def test_what_is_too_long_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, 600)
    surrogate = fresh("behavior")
    prompts = corpus_prompts(surrogate, world().titles, 0.3, np.random.default_rng(0))
    assert 0 < len(prompts) < round(0.3 * len(corpus_explanations()))
    lengths = encode_prompts(surrogate, world(), sasrec(), ((one, "") for one in prompts)).lengths
    assert lengths.max() <= 600


def encoded(form: Form, settings: SurrogateSettings) -> int:
    return len(encode_examples(deepcopy(fresh(form)), alignment(), settings))


@pytest.mark.parametrize("form", FORMS)
def test_so_many_are_learned_from_as_the_settings_say(form: Form) -> None:
    plain, added = encoded(form, SETTINGS), round(0.2 * len(corpus_explanations()))
    assert encoded(form, SETTINGS.model_copy(update={"corpus_passes": 0.2})) == plain + added
    half = SETTINGS.model_copy(update={"corpus_passes": 0.4, "task_sampling": {form: {"rationale": 0.5}}})
    assert plain < encoded(form, half) <= plain + added
    without = replace(alignment(), examples=[one for one in alignment().examples if one.task == "ranking"])
    every = SETTINGS.model_copy(update={"corpus_passes": 0.1})
    assert len(encode_examples(deepcopy(fresh(form)), without, every)) == len(without.examples), (
        "nothing is to be explained"
    )


@pytest.mark.parametrize(("passes", "sampled", "learned"), [(0.0, 1.0, False), (0.1, 1.0, True), (0.1, 0.0, False)])
def test_a_surrogate_has_its_own_words_where_it_learns_from_some(passes: float, sampled: float, learned: bool) -> None:
    settings = SETTINGS.model_copy(
        update={"corpus_passes": passes, "task_sampling": {"behavior": {"rationale": sampled}}}
    )
    surrogate = deepcopy(fresh("behavior"))
    encode_examples(surrogate, alignment(), settings)
    assert surrogate.own_words is learned


def test_by_default_none_is_learned_from() -> None:
    plain, other = SurrogateSettings(), SurrogateSettings(corpus_passes=0.5)
    assert plain.corpus_passes == 0
    later = {"corpus_passes", "connector_warmup_list", "titles"}
    assert not later & set(plain.cache_key()), "runs from before there were such settings are not made anew"
    assert other.cache_key()["corpus_passes"] == 0.5


def test_what_was_learned_is_kept_with_the_surrogate(tmp_path: Path) -> None:
    for own_words in (False, True):
        surrogate = copy(fresh("behavior"))
        surrogate.own_words = own_words
        surrogate.save_pretrained(tmp_path / str(own_words))
        assert Surrogate.from_pretrained(tmp_path / str(own_words)).own_words is own_words
