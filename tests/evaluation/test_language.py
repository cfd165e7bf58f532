from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, log
from pathlib import Path

import numpy as np
import pytest
from tests.contracts.evaluation import EvaluationContract, of_templates
from tests.tiny import explanation_of, world

from recexplainer.claims.corpus import Corpus
from recexplainer.claims.linking import NameLinker
from recexplainer.data.attributes import Attributes
from recexplainer.data.dataset import Dataset
from recexplainer.evaluation import Evaluation
from recexplainer.evaluation.language import (
    ALIKE,
    CLASSIFIER,
    CLASSIFIER_ALIKE,
    CORPUS,
    MASK,
    Text,
    auroc_statistic,
    distinct,
    evaluate_language,
    halves,
    mask_titles,
    self_bleu,
    words_of,
)
from recexplainer.evaluation.rows import Row
from recexplainer.explanations.record import Explanation, Method
from recexplainer.recommenders.base import Recommender
from recexplainer.tasks.corpus_explanations import corpus_explanations

FOLDER = Path(__file__).parents[2] / "corpus"


class TestContract(EvaluationContract):
    @pytest.fixture
    def evaluate(self) -> Evaluation:
        def language(
            explanations: Mapping[Method, Sequence[Explanation]],
            dataset: Dataset,
            recommender: Recommender,
            seed: int,
        ) -> list[Row]:
            return evaluate_language(explanations, dataset.titles, Attributes.of(dataset), seed=seed)

        return language


@pytest.mark.parametrize(
    ("texts", "n", "segment", "expected"),
    [
        (["a b a c"], 1, 4, [3 / 4]),
        (["a b a b"], 2, 4, [2 / 3]),
        (["a b", "a b"], 2, 4, [1 / 2]),  # not "b a", which spans two texts
        (["a a", "b c d"], 1, 2, [1 / 2, 1]),  # "d" is left over
        (["a b"], 1, 3, []),
        (["a", "b"], 2, 2, []),
        ([], 1, 1, []),
    ],
)
def test_distinct_by_hand(texts: Sequence[str], n: int, segment: int, expected: Sequence[float]) -> None:
    assert distinct([text.split() for text in texts], n, segment).tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["a b c d", "a b c d"], [1.0, 1.0]),
        (["a b", "a b"], [1.0, 1.0]),  # too short for three and four words
        # 2 of 3 words, 1 of 2 pairs, none of 1 triple; of the other 2 of 4, 1 of 3, none of 2, none of 1
        (
            ["a b x", "a b y z"],
            [
                exp(1 - 4 / 3) * (2 / 3 * 1 / 2 * 0.1) ** (1 / 3),
                (2 / 4 * 1 / 3 * 0.1 / 2 * 0.1) ** (1 / 4),
            ],
        ),
        # "a" counts as often as the reference that has it most: twice of three
        (["a a a", "a a b", "a c d"], [(2 / 3 * 1 / 2 * 0.1) ** (1 / 3), None, None]),
        (["a", "b"], [0.1, 0.1]),
    ],
)
def test_self_bleu_by_hand(texts: Sequence[str], expected: Sequence[float | None]) -> None:
    found = self_bleu([text.split() for text in texts])
    for value, wanted in zip(found, expected, strict=True):
        assert wanted is None or value == pytest.approx(wanted)
    assert all(0 < value <= 1 for value in found)


def test_a_reference_has_its_nearest_length() -> None:
    """Of references of two and of nine words that of two is the nearest to three, so that there is no penalty."""
    texts = ["a b c", "a b", "a b c d e f g h i"]
    assert self_bleu([text.split() for text in texts])[0] == pytest.approx(1.0)
    assert log(self_bleu([texts[1].split(), texts[2].split()])[0]) == pytest.approx(1 - 9 / 2)


def test_the_auroc_by_hand() -> None:
    """Scores 3 and 1 against 2 and 1: of four pairs two won, one lost, one tied. Drawn twice, a text counts twice."""
    statistic = auroc_statistic(
        np.array([3.0, 1.0, 2.0, 1.0]), np.array([True, True, False, False]), np.array([0, 1, 2, 3])
    )
    found = statistic(np.array([[0, 1, 2, 3], [0, 0, 1, 2], [0, 1, 1, 0]]))
    assert found[:2].tolist() == pytest.approx([2.5 / 4, 2 / 3])
    assert np.isnan(found[2])


def test_names_are_masked_with_their_quotation_marks() -> None:
    titles = world().titles
    linker = NameLinker(titles, Attributes.of(world()))
    text = f"Yes, since “{titles[0]}” is like {titles[3]}."
    assert mask_titles(text, linker, (0, 1), 3) == f"Yes, since {MASK} is like {MASK}."
    assert words_of(f"It's {MASK}, a well-made Game!") == ["it's", MASK, "a", "well-made", "game"]


def test_halves_are_of_different_writers_on_the_same_subjects() -> None:
    made = [("a", "jobs", 3), ("b", "jobs", 2), ("c", "news", 4), ("d", "music", 2), ("a", "music", 1)]
    texts = [Text("x", 1, f"{name}{n}", name, subject) for name, subject, count in made for n in range(count)]
    first, second = halves(texts)
    assert [(one.writer, one.subject) for one in first] == [("a", "jobs")] * 2 + [("a", "music")]
    assert [(one.writer, one.subject) for one in second] == [("b", "jobs")] * 2 + [("d", "music")]


def test_texts_that_are_none_are_no_cases() -> None:
    titles = world().titles
    records = [explanation_of(titles, text, user=text) for text in ("", " … ", "Yes, it fits.")]
    found = {one.metric: one for one in evaluate_language({Method("hybrid"): records}, titles, Attributes.of(world()))}
    assert (found["words"].value, found["words"].cases) == (3, 1)
    assert {found[name].value for name in ("distinct_1", "distinct_2", "self_bleu")} == {None}
    assert "auroc" not in found


@pytest.mark.slow
def test_templates_are_told_from_the_corpus_and_are_less_varied() -> None:
    (method, own), *_ = of_templates().items()
    many = [*own] * 10
    rows = evaluate_language({method: many}, world().titles, Attributes.of(world()), Corpus.load(FOLDER))
    found = {(one.method, one.metric): one for one in rows}
    value = {name: one.value or 0.0 for name, one in found.items()}
    assert value[method.name, "auroc"] > 0.95
    assert value[CORPUS, "auroc"] < 0.75
    assert value[method.name, "self_bleu"] > value[CORPUS, "self_bleu"] + 0.3
    assert value[method.name, "distinct_2"] < value[CORPUS, "distinct_2"] - 0.2
    assert found[CORPUS, "words"].cases == 700


@pytest.mark.slow
def test_texts_about_like_items_are_compared_with_but_for_those_learned_from() -> None:
    """Hand-written texts about games are told from those about other things, yet not from one another."""
    (method, own), *_ = of_templates().items()
    corpus, learned = Corpus.load(FOLDER), {one.id for one in corpus_explanations()}
    rows = evaluate_language({method: [*own] * 10}, world().titles, Attributes.of(world()), corpus, 0, ["games"])
    found = {(one.method, one.variant, one.metric, one.rater): one for one in rows}
    value = {name: one.value or 0.0 for name, one in found.items()}
    assert len(found) == len(rows)
    assert value[CORPUS, ALIKE, "auroc", CLASSIFIER] > 0.9 > 0.75 > value[CORPUS, ALIKE, "auroc", CLASSIFIER_ALIKE]
    assert value[method.name, method.variant, "auroc", CLASSIFIER_ALIKE] > 0.95
    games = [text for text in corpus.texts["train"] if corpus.catalogue(text).name == "games"]
    assert (
        found[CORPUS, ALIKE, "words", None].cases
        == len([text for text in games if text.id not in learned])
        < len(games)
    )
    assert value[CORPUS, "", "auroc", CLASSIFIER] < 0.75
