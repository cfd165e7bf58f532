from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recexplainer.claims.corpus import Corpus, Label, LabelledText
from recexplainer.evidence.evidence import Evidence
from recexplainer.evidence.realised import aspect_wording
from recexplainer.tasks.corpus_explanations import (
    BRIEFLY,
    FOR_A_CUSTOMER,
    FOR_AN_ANALYST,
    IN_DETAIL,
    CorpusExplanation,
    corpus_explanations,
    packed,
    request_words,
)
from recexplainer.tasks.rewriting import Rewriter, UnfitTextError, rewritten

CORPUS = Path(__file__).parents[2] / "corpus"


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus.load(CORPUS)


@pytest.mark.slow
def test_the_package_has_what_is_made_of_the_corpus(corpus: Corpus) -> None:
    made, left_out = rewritten(corpus)
    assert tuple(made) == corpus_explanations()
    assert len(made) + left_out.total() == len(corpus.texts["train"])


def test_the_package_has_many_and_titles_stand_in_quotes_once() -> None:
    explanations = corpus_explanations()
    assert len(explanations) > 1000
    for one in explanations:
        quoted = re.findall("“([^”]*)”", one.text)
        assert len(quoted) == len(set(quoted)) and set(quoted) <= {*one.history, one.item}
        assert "“" not in re.sub("“[^”]*”", "", one.text) and "”" not in re.sub("“[^”]*”", "", one.text)
        assert one.evidence.startswith("rank ") and all(f"“{title}”" in one.evidence for title in one.history[:1])


def test_what_is_packed_is_the_same_each_time() -> None:
    some = corpus_explanations()[:3]
    assert packed(some) == packed(list(some)) != packed(some[:2])


def a_text(corpus: Corpus, words: str, *labels: Label) -> tuple[LabelledText, Evidence]:
    case = corpus.cases["world-000"]
    return LabelledText("x", "world-000", "w", words, (), labels), case


def history_label(text: str, words: str, item: int, kind: str = "history", value: str = "") -> Label:
    start = text.index(words)
    return Label(kind, start, start + len(words), item, value=value)  # pyright: ignore[reportArgumentType]


def test_the_first_mention_of_each_item_becomes_its_title(corpus: Corpus) -> None:
    titles = corpus.catalogues["world"].titles
    case = corpus.cases["world-000"]
    first, second = (titles[case.history[at]] for at in (0, 1))
    text = f'For it: *{first.split()[0]}* did most. The "{second}" did less, and {first.split()[0]} more; the word “x”.'
    labels = [history_label(text, first.split()[0], 0), history_label(text, second, 1)]
    rewrite = Rewriter(corpus).rewrite
    made = rewrite(LabelledText("x", "world-000", "w", text, (), tuple(labels)))
    assert made.text == (
        f'For it: “{first}” did most. The “{second}” did less, and {first.split()[0]} more; the word "x".'
    )
    assert made.item == titles[case.item] and made.history[0] == first
    named = f"{titles[case.item]} is next. {titles[case.item]}, that is."
    assert rewrite(LabelledText("x", "world-000", "w", named, (), ())).text == (
        f"“{titles[case.item]}” is next. {titles[case.item]}, that is."
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mistakes": ("it is not",)}, "not true"),
        ({"labels": (Label("other", 0, 3, value="x"),)}, "facts of the world"),
        ({"text": "lol no"}, "chat or code"),
        ({"text": '{"item": "x"}'}, "chat or code"),
        ({"labels": (Label("history", 0, 4, title="That"),)}, "a title that is not in the history"),
        ({"labels": (Label("history", 0, 4, 0), Label("history", 0, 4, 1))}, "several items named together"),
        ({"labels": (Label("history", 0, 4, 0),)}, "a history item without a word of its title"),
    ],
)
def test_what_cannot_be_rewritten_is_left_out(corpus: Corpus, changes: dict[str, object], reason: str) -> None:
    text = LabelledText("x", "world-000", "w", "This or that.", (), ())
    with pytest.raises(UnfitTextError, match=reason):
        Rewriter(corpus).rewrite(replace(text, **changes))  # pyright: ignore[reportArgumentType]


def test_what_is_asked_for_holds_of_the_text() -> None:
    random = np.random.default_rng(0)
    short = CorpusExplanation(("A",), "B", "rank 1 of 2, recommended.", "Yes, because of “A”.", "genre")
    assert short.length == len("Yes, because of .")
    long = replace(short, text=f"“{'A' * 300}” {'and so on ' * 40}", aspect="")
    asked = {request_words(short, random) for _ in range(80)}
    ways = set(aspect_wording()["genre"])
    assert asked == {"", BRIEFLY, *ways, *(f"{BRIEFLY} {way}" for way in ways)}
    assert {request_words(long, random) for _ in range(40)} == {"", IN_DETAIL}
    assert {request_words(replace(long, text="“A” is " + "good " * 40), random) for _ in range(40)} == {""}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("“Catan 2” is for you: your “Catan” pulled it up.", FOR_A_CUSTOMER),
        ("It ranks 4th; without “Catan” it would be 40th.", FOR_AN_ANALYST),
        ("Fourth place, thanks to “Catan”.", FOR_AN_ANALYST),
        ("You see it at rank 4 thanks to “Catan”.", ""),
        ("Thanks to “Just for You 2”.", ""),
    ],
)
def test_whom_a_text_suits_its_words_say_not_its_titles(text: str, words: str) -> None:
    assert CorpusExplanation(("Catan",), "Catan 2", "rank 4 of 50, recommended.", text).audience_words == words
