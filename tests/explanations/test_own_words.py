from __future__ import annotations

import re
from copy import copy
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tests.tiny import fresh, sasrec, world

from recexplainer.evidence.evidence import Evidence
from recexplainer.evidence.realised import write_rationale
from recexplainer.explanations import generator, preference
from recexplainer.explanations.explainer import PairExplainer
from recexplainer.explanations.own_words import MAX_CHARACTERS, OwnWords, of_sure_effect, request
from recexplainer.explanations.preference import TextSampler, own_words_reward
from recexplainer.explanations.writing import SURROGATE, Style, problems
from recexplainer.recommenders.base import User
from recexplainer.surrogate.decoding import CitingTexts
from recexplainer.surrogate.settings import PreferenceSettings

PAIR = (User((1, 2, 3, 4, 5), "u"), 9)


@cache
def explainer() -> PairExplainer:
    surrogate = copy(fresh("hybrid"))
    surrogate.own_words = True
    return PairExplainer(world(), sasrec(), surrogate)


@cache
def evidence() -> Evidence:
    known = explainer().evidence([PAIR])[0]
    return replace(
        known,
        recommended=True,
        rank=3,
        attributions=(1.0, 0.4, -0.9, 0.0, 0.0),
        score_std=1.0,
        effects=(),
        ablated_ranks=(20, 5, 1, 3, 3),
        shared=((),) * 5,
        recommended_share=0.1,
    )


def checker(*, strict: bool = False) -> OwnWords:
    return OwnWords(explainer().verifier, [evidence()], strict=strict)


def text(words: str) -> str:
    """Words with the title of a history item in place of each number, and of the item asked about in place of 9."""
    return re.sub(r"\d", lambda found: f"“{world().titles[int(found[0])]}”", words)


TRUE = "9 made the list, and 1 deserves most of the credit. 2 helped a little, while 3 pulled the other way."


def test_a_true_text_in_free_words_has_no_problem() -> None:
    written = checker().check(text(TRUE), evidence())
    assert written.problems == () and written.writer == SURROGATE
    assert {one.kind for one in written.claims} >= {"verdict", "positive", "negative"}
    assert not problems(written.claims), "nor has it one for whoever shows it"


@pytest.mark.parametrize(
    "words",
    [
        "9 made the list, and 3 deserves most of the credit.",
        "9 did not make the list, since 3 counts against it.",
        "1 deserves most of the credit.",
        "9 made the list, thanks to 1. Without 1 it would not have been recommended but ranked seventh.",
        "9 made the list, thanks to 6.",
        "No, 9 would be on the list, because of 1.",
        "Yes, 9 is not recommended, in spite of 1.",
        "9 made the list because of 1. It is a 4.",
        "9 made the list, and 1 deserves the credit. 1 is another 2.",
        "9 made the list, and 1 deserves the credit, as does the ‘Quiet Orchard’.",
        "9 made the list, and 1 deserves the credit.”",
        "9 made the list because of 1, and 9 is one of the things that help it.",
        "9 made the list because of 1, and you have already played it.",
        "Yes, 9 made the list.",
        "Yes.",
    ],
)
def test_what_the_recommender_contradicts_or_what_lacks_a_verdict_is_a_problem(words: str) -> None:
    assert checker().check(text(words), evidence()).problems


def test_the_world_is_marked_as_not_checked_and_only_strict_refuses_it() -> None:
    words = text("9 made the list because of 1. Its composer studied in Vienna.")
    written = checker().check(words, evidence())
    others = [one for one in written.claims if one.kind == "other"]
    assert [one.status for one in others] == ["unverified"] and others[0].found.startswith("not checked")
    assert not written.problems
    assert others[0] in checker(strict=True).check(words, evidence()).problems


def test_a_sentence_is_judged_when_it_ends_and_not_within_a_title() -> None:
    judge, wrong = checker(), text("9 made the list, and 3 deserves most of the credit")
    assert judge.may_go_on(0, wrong) and not judge.may_go_on(0, f"{wrong}.")
    assert judge.may_go_on(0, text("9 made the list. ")) and judge.may_go_on(0, text("9 made the list."))
    assert judge.may_go_on(0, f"{wrong}, “Vol.")


def test_strictly_each_word_must_be_accounted_for() -> None:
    words = text("9 made the list because of 1, a gorgeous one.")
    assert not checker().check(words, evidence()).problems
    (problem,) = checker(strict=True).check(words, evidence()).problems
    assert "gorgeous" in problem.found


def test_the_first_text_without_a_problem_settles_a_question_and_is_taken() -> None:
    texts = [text("9 made the list, and 3 deserves most of the credit."), text(TRUE)]
    judge = checker()
    assert [judge.settles(0, number, each) for number, each in enumerate(texts)] == [False, True]
    (best,) = judge.best(CitingTexts([texts], np.array([0.5])))
    assert (best.text, best.problems, best.attempts) == (texts[1], (), 2)


def test_of_two_texts_without_a_problem_the_one_that_is_checked_as_a_whole_is_taken() -> None:
    texts = [text(f"{TRUE} Its composer studied in Vienna."), text(TRUE)]
    judge = checker()
    assert [judge.settles(0, number, each) for number, each in enumerate(texts)] == [False, True]
    assert judge.best(CitingTexts([texts], np.array([0.5])))[0].text == texts[1]
    unchecked = checker()
    unchecked.settles(0, 0, texts[0])
    (best,) = unchecked.best(CitingTexts([texts[:1]], np.array([0.5])))
    assert (best.text, best.problems) == (texts[0], ())


def test_what_depends_on_the_rest_is_not_quoted() -> None:
    known = explainer().evidence([PAIR])[0]
    named = of_sure_effect(known)
    assert set(named) == {known.history[place] for place in range(5) if place not in known.depends}
    assert of_sure_effect(evidence()) == evidence().history


def test_what_never_ends_is_given_up() -> None:
    judge = checker()
    assert judge.may_go_on(0, "a" * MAX_CHARACTERS) and not judge.may_go_on(0, "a" * (MAX_CHARACTERS + 1))
    (best,) = judge.best(CitingTexts([["on and on"]], np.array([0.5])))
    assert best.problems[0].found == "no attempt came to a good end"


@pytest.mark.parametrize(
    ("style", "words"),
    [
        (Style(), ""),
        (Style(length="short"), "Briefly."),
        (Style("by genre", length="long"), "In detail. by genre"),
        (Style(audience="customer", length="short"), "Briefly. For a customer."),
        (Style("by genre", audience="analyst"), "For an analyst. by genre"),
        (Style(audience="regulator"), "In detail. For an analyst."),
        (Style(audience="regulator", length="short"), "Briefly. For an analyst."),
    ],
)
def test_a_style_is_asked_for_in_words(style: Style, words: str) -> None:
    assert request(style) == words


def test_it_quotes_its_own_titles_only_and_what_is_no_explanation_is_not_shown() -> None:
    """An untrained surrogate babbles, with many quotation marks."""
    written = explainer().generator.in_own_words(["u", "v"], [evidence()] * 2, Style(), max_attempts=2)
    titles = {world().titles[item] for item in (*evidence().history, evidence().item)}
    for one in written:
        assert set(re.findall("“([^“”]*)”", one.text)) <= titles
        assert one.problems and 0 <= (one.probability or 0) <= 1
    (record,) = explainer().explain([PAIR])
    assert record.writer == "realised" and record.variant == "grounded" and record.attempts > 1


def test_a_surrogate_that_has_not_learned_it_keeps_to_the_wording_of_rationales(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = PairExplainer(world(), sasrec(), fresh("hybrid"))

    def refuse(*given: object, **more: object) -> None:
        raise AssertionError

    monkeypatch.setattr(plain.generator, "in_own_words", refuse)
    (record,) = plain.explain([PAIR])
    assert record.text.startswith(("Yes", "No"))


def test_truth_wins_and_the_wording_of_rationales_wins_nothing() -> None:
    """In preference training a false text scores less, and a true one in template sentences least."""
    false = "9 made the list, and 3 deserves most of the credit."
    template = write_rationale(evidence(), world().titles, np.random.default_rng(0))
    true, wrong, fixed = (own_words_reward(each, evidence(), checker()) for each in (text(TRUE), text(false), template))
    assert 1 >= true > wrong > fixed == 0
    assert own_words_reward("", evidence(), checker()) == 0
    assert checker().free_share(f"{template} {text(TRUE)}", evidence()) == pytest.approx(0.5, abs=0.3)


def test_free_texts_are_sampled_as_they_are_shown_and_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """An untrained surrogate babbles on; a few tokens are enough."""
    monkeypatch.setattr(preference, "MAX_TOKENS", 12)
    monkeypatch.setattr(generator, "MAX_TOKENS", 12)
    sampler = TextSampler(explainer(), 0.5)
    pairs = [(User((1, 2, 3), f"u{number}"), 9 + number) for number in range(4)]
    examples, _ = sampler.examples(pairs)
    assert [one.subtask for one in examples] == ["surrogate", "own_words"] * 2
    settings = PreferenceSettings(texts=2, margin=0.0, temperature=2.0)
    better, worse = sampler.preferences(pairs, settings)
    assert [one.subtask for one in better] == [one.subtask for one in worse]
    titles = set(world().titles)
    for one in (*better, *worse):
        assert one.subtask != "own_words" or set(re.findall("“([^“”]*)”", one.answer_text)) <= titles
