# pyright: reportUnknownLambdaType=false
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.evaluation.test_encoder import save_encoder, settings

from recexplainer.errors import DataError
from recexplainer.evaluation.controls import (
    CONTROLS,
    discriminator_controls,
    linear_predictor,
    mask_verdict,
    style_features,
    verdict_features,
)
from recexplainer.evaluation.encoder import fit_predict
from recexplainer.evaluation.predictors import evaluate_discriminator, split_cases
from recexplainer.evaluation.rows import Row
from recexplainer.explanations.record import Explanation, Method


def explanation(method: str, case: int, text: str, score: float = 0.0) -> Explanation:
    blank: dict[str, Any] = {"history": (1,), "history_titles": ("A",), "item_title": "B", "citations": ()}
    blank |= {"verdict": True, "probability": 0.5, "recommended": True, "rank": 1, "n_ranked": 9, "attributions": ()}
    return Explanation(method=method, user=str(case), item=case, text=text, score=score, **blank)


def three(cases: int, seed: int = 0) -> dict[Method, list[Explanation]]:
    """Three methods of which each has a word of its own after the opening; all words are of one length."""
    rng = np.random.default_rng(seed)

    def text(word: str) -> str:
        filler = rng.choice(["item", "game", "best", "most"], int(rng.integers(4, 9)))
        return " ".join(np.insert(filler, int(rng.integers(3, len(filler))), word).tolist())

    words = {"ours": "this", "vicuna": "good", "chatgpt": "poor"}
    return {
        Method(name): [explanation(name, case, text(word)) for case in range(cases)] for name, word in words.items()
    }


def values(rows: Sequence[Row], rater: str | None = None) -> dict[tuple[str, str], float | None]:
    """The values of one rater, or of all."""
    rows = [one for one in rows if rater in (None, one.rater)]
    named = {(one.method, one.metric): one.value for one in rows}
    assert len(named) == len(rows), "no row twice"
    return named


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_encoder(tmp_path_factory.mktemp("encoder"))


class Fixed:
    """Predicts given labels, and keeps what it has read."""

    def __init__(self, labels: Sequence[int]) -> None:
        self.labels = labels
        self.given: list[Any] = []

    def __call__(self, texts_train: Any, targets_train: Any, texts_test: Any, *, classes: int | None) -> Any:
        self.given = [texts_train, targets_train, texts_test]
        return np.eye(classes or 1)[list(self.labels)]


def test_rows_by_hand() -> None:
    """Two held-out cases; ours is taken for ours and vicuna, vicuna twice for vicuna, chatgpt for ours and vicuna."""
    made = evaluate_discriminator(three(10), Fixed([0, 1, 1, 1, 0, 1]))
    rows, found = made.rows, values(made.rows)
    assert {(one.task, one.rater) for one in rows} == {("discriminator", "encoder")}
    assert found["all", "accuracy"] == pytest.approx(3 / 6)
    assert [found[method, "recall"] for method in ("ours", "vicuna", "chatgpt")] == [0.5, 1.0, 0.0]
    assert [found[method, "precision"] for method in ("ours", "vicuna", "chatgpt")] == [0.5, 0.5, None]
    shares = {(one.method, one.predicted_method): one.share for one in made.confusion}
    assert shares["ours", "ours"] == shares["ours", "vicuna"] == 0.5
    assert shares["chatgpt", "chatgpt"] == 0.0
    assert {one.cases for one in made.confusion} == {2}
    assert {one.cases for one in rows if one.metric in ("accuracy", "recall")} == {2}
    assert [one.cases for one in rows if one.metric == "precision"] == [2, 4, 0]


def test_methods_are_told_apart_and_confusion_shares_sum_to_one(folder: Path) -> None:
    made = evaluate_discriminator(three(80), partial(fit_predict, settings=settings(folder)))
    found = values(made.rows)
    assert (found["all", "accuracy"] or 0) > 0.9
    for method in three(1):
        shares = {one.predicted_method: one.share for one in made.confusion if one.method == method.name}
        assert len(shares) == 3
        assert sum(shares.values()) == pytest.approx(1.0)
        assert shares[method.name] == found[method.name, "recall"]


def test_no_case_is_on_both_sides() -> None:
    tagged = {method: [replace(one, text=f"{one.item}") for one in side] for method, side in three(53).items()}
    judge = Fixed([0] * 30)
    evaluate_discriminator(tagged, judge)
    train, targets, test = judge.given
    assert set(train).isdisjoint(test)
    assert sorted(map(int, {*train, *test})) == list(range(53))
    assert len(set(test)) == 10
    assert all(list(train).count(text) == 3 for text in train)
    assert [list(targets).count(label) for label in range(3)] == [43, 43, 43]


def test_the_seed_draws_the_split() -> None:
    first, repeated, other = (split_cases(three(40), seed)[1].tolist() for seed in (0, 0, 1))
    assert first == repeated != other


@pytest.mark.parametrize(
    "spoil",
    [
        lambda made: {Method("ours"): made[Method("ours")]},
        lambda made: {},
        lambda made: {method: side[:4] for method, side in made.items()},
        lambda made: made | {Method("vicuna"): made[Method("vicuna")][:-1]},
        lambda made: made | {Method("vicuna"): made[Method("vicuna")][::-1]},
        lambda made: made | {Method("vicuna"): [replace(one, score=1.0) for one in made[Method("vicuna")]]},
    ],
    ids=["one method", "none", "few cases", "fewer cases", "other order", "other scores"],
)
def test_what_cannot_be_compared_is_refused(spoil: Any, folder: Path) -> None:
    with pytest.raises(DataError):
        evaluate_discriminator(spoil(three(20)), Fixed([]))
    with pytest.raises(DataError):
        discriminator_controls(spoil(three(20)), settings(folder))


@pytest.mark.slow
def test_controls_tell_style_from_words(folder: Path) -> None:
    """The words tell the methods apart here; style and verdict do not, and shuffled texts cannot."""
    rows = discriminator_controls(three(120), settings(folder))
    names = {("all", "accuracy"), *((method.name, metric) for method in three(1) for metric in ("recall", "precision"))}
    found = {control: values(rows, control) for control in CONTROLS}
    assert {one.rater for one in rows} == {*CONTROLS}
    assert all({*each} == names for each in found.values())
    assert (found["verdict_masked"]["all", "accuracy"] or 0) > 0.9
    for control in ("verdict_only", "shuffled", "style_only"):
        assert found[control]["all", "accuracy"] == pytest.approx(1 / 3, abs=0.17), control


def test_style_alone_tells_a_method_that_writes_longer() -> None:
    made = three(60)
    made[Method("vicuna")] = [replace(one, text=f"{one.text}, {one.text}!") for one in made[Method("vicuna")]]
    found = values(evaluate_discriminator(made, linear_predictor(style_features)).rows)
    assert (found["vicuna", "recall"] or 0) == 1.0
    assert (found["vicuna", "precision"] or 0) == 1.0


def test_style_does_not_see_the_verdict() -> None:
    yes, no = style_features(["Yes, it is a good match.", "No, it is a poor match."])
    np.testing.assert_array_equal(yes, no)
    assert mask_verdict("Yes, it is a good match.") == mask_verdict("No, it is a poor match.") == "[…]."
    np.testing.assert_array_equal(
        verdict_features(["Yes.", "No.", "Perhaps."]), [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    )
