from __future__ import annotations

import re
from copy import copy, deepcopy
from dataclasses import replace
from pathlib import Path
from typing import cast, get_args

import numpy as np
import pytest
from tests.tiny import MIXTURE, SETTINGS, alignment, fresh, sasrec, world

from recexplainer import Explainer
from recexplainer.errors import SurrogateError
from recexplainer.surrogate.corpus_prompts import corpus_prompts, render_explanation
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.prompt import FORMS, Form, Placeholder, Prompt, Title
from recexplainer.surrogate.settings import CorpusCatalogue, OwnWordsSettings, SurrogateSettings
from recexplainer.surrogate.training import learn_own_words
from recexplainer.tasks.corpus_explanations import CorpusExplanation, corpus_explanations

ONE = CorpusExplanation(("A", "B {x}"), "C", "rank 1 of 9, recommended. For: “A” +1.0.", "Thanks to “A”, yes.")
GAMES = OwnWordsSettings(passes=0, like_catalogues=("world",), like_passes=1)


@pytest.fixture(autouse=True)
def long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny vocabulary needs many tokens for words that are not its catalogue's."""
    limit(monkeypatch, 100_000)


def limit(monkeypatch: pytest.MonkeyPatch, max_length: int) -> None:
    monkeypatch.setattr(Surrogate, "max_length", max_length)
    for form in FORMS:
        monkeypatch.setattr(fresh(form), "_prompt_encoder", None)


def prompts(form: Form, settings: OwnWordsSettings) -> list[tuple[Prompt, str]]:
    return corpus_prompts(form, alignment(), settings, np.random.default_rng(0))


def test_titles_of_another_catalogue_are_text_and_apart_in_quotes() -> None:
    prompt = render_explanation(ONE, "{history}. Of {item}: {evidence} In your own words. ")
    assert "".join(cast(tuple[str, ...], prompt.parts)) == (
        "A; B {x}. Of C: rank 1 of 9, recommended. For: “A” +1.0. In your own words."
    )
    assert prompt.answer == ("Thanks to ", "“", "A", "”", ", yes.")
    assert prompt.history == ()


@pytest.mark.parametrize("passes", [0, 0.1, 1, 1.2])
def test_each_is_learned_from_so_many_times(passes: float) -> None:
    assert len(prompts("behavior", OwnWordsSettings(passes=passes))) == round(passes * len(corpus_explanations()))
    alike = sum(one.catalogue == "world" for one in corpus_explanations())
    assert len(prompts("behavior", GAMES.model_copy(update={"like_passes": passes}))) == round(passes * alike)


def test_the_settings_name_the_catalogues_that_there_are() -> None:
    assert {one.catalogue for one in corpus_explanations()} == set(get_args(CorpusCatalogue))
    with pytest.raises(ValueError, match="like_catalogues"):
        OwnWordsSettings.model_validate({"like_catalogues": ["shoes"]})


def test_with_other_titles_all_else_is_the_same() -> None:
    for one in (one for one in corpus_explanations() if one.by_title):
        others = [f"History {place}" for place in range(len(one.history))]
        moved = one.about(others, "Item")
        back = moved.about(one.history, one.item)
        assert back == one and all(f"“{name}”" in moved.evidence for name in others)
        assert not any(title in moved.text for title in (*one.history, one.item) if len(title) > 12)


@pytest.mark.parametrize("form", FORMS)
def test_those_of_a_like_catalogue_are_about_pairs_of_ones_own(form: Form) -> None:
    """In the surrogate's own form: its histories, whose titles stand in the evidence, and the vectors it knows."""
    titles = world().titles
    own = [(prompt, user) for prompt, user in prompts(form, GAMES) if prompt.history]
    longest = max(len(one.history) for one in alignment().of("rationale"))
    movable = [one for one in corpus_explanations() if one.catalogue == "world" and one.by_title]
    assert len(own) == sum(len(one.history) <= longest for one in movable) > 10
    pairs = {(one.history, one.items, one.user) for one in alignment().of("rationale")}
    for prompt, user in own:
        item = next(
            part for part in prompt.parts if isinstance(part, Title | Placeholder) and part != Placeholder("user")
        )
        about = item.items[0] if isinstance(item, Placeholder) else item.item
        if form != "behavior":
            assert Placeholder("user") in prompt.parts and (prompt.history, (about,), user) in pairs
        known = {titles[one] for one in (*prompt.history, about)}
        quoted = [part for before, part in zip(prompt.answer, prompt.answer[1:], strict=False) if before == "“"]
        assert form == "behavior" or set(quoted) <= known
    assert len({prompt.history for prompt, _ in own}) > 3, "not about one"


def test_a_history_that_is_too_short_is_not_written_about() -> None:
    short = [replace(one, history=one.history[:1]) for one in alignment().of("rationale")]
    found = corpus_prompts("hybrid", replace(alignment(), examples=short), GAMES, np.random.default_rng(0))
    fitting = [
        one for one in corpus_explanations() if one.catalogue == "world" and one.by_title and len(one.history) == 1
    ]
    assert sum(bool(prompt.history) for prompt, _ in found) == len(fitting)


@pytest.mark.parametrize("form", FORMS)
def test_an_aligned_surrogate_learns_them_and_some_examples_again(form: Form, tmp_path: Path) -> None:
    surrogate = deepcopy(fresh(form)).train()
    before = {name: weight.clone() for name, weight in surrogate.named_parameters()}
    settings = OwnWordsSettings(passes=0.01, replay=0.02)
    learned = learn_own_words(surrogate, alignment(), SETTINGS, settings, tmp_path / "made", tmp_path / "work")
    assert learned.own_words
    assert any((weight != before[name]).any() for name, weight in learned.named_parameters())
    kept = Surrogate.from_pretrained(tmp_path / "made")
    assert kept.own_words and (tmp_path / "made" / "training.json").is_file()


def test_what_is_too_long_is_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    settings = OwnWordsSettings(passes=0.02, replay=0)

    def learn(name: str) -> Surrogate:
        surrogate = deepcopy(fresh("behavior"))
        return learn_own_words(surrogate, alignment(), SETTINGS, settings, None, tmp_path / name)

    limit(monkeypatch, 600)
    with caplog.at_level("INFO"):
        assert learn("some").own_words
    assert re.search(
        r"behavior: [1-9]\d* of 21 explanations of the corpus left out, longer than max_length", caplog.text
    )
    limit(monkeypatch, 60)
    with pytest.raises(SurrogateError, match="No explanation of the corpus fits in max_length"):
        learn("none")


@pytest.mark.parametrize("own_words", [None, OwnWordsSettings(passes=0.01, replay=0)])
def test_the_library_teaches_them_too(own_words: OwnWordsSettings | None) -> None:
    settings = SETTINGS.model_copy(update={"own_words": own_words, "epochs": {"behavior": 0.02}})
    explainer = Explainer.fit(world(), sasrec(), form="behavior", mixture=MIXTURE, settings=settings)
    assert explainer.surrogate.own_words is (own_words is not None)


def test_by_default_none_is_learned_from() -> None:
    plain, other = SurrogateSettings(), SurrogateSettings(own_words=OwnWordsSettings())
    assert plain.own_words is None
    assert not {"own_words", "connector_warmup_list", "titles"} & set(plain.cache_key()), (
        "runs from before there were such settings are not made anew"
    )
    assert plain.cache_key() == other.cache_key(), "it is a stage of its own"


def test_what_was_learned_is_kept_with_the_surrogate(tmp_path: Path) -> None:
    for own_words in (False, True):
        surrogate = copy(fresh("behavior"))
        surrogate.own_words = own_words
        surrogate.save_pretrained(tmp_path / str(own_words))
        assert Surrogate.from_pretrained(tmp_path / str(own_words)).own_words is own_words
