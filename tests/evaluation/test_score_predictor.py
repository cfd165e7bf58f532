# pyright: reportUnknownLambdaType=false
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.evaluation.test_discriminator import explanation, values
from tests.evaluation.test_encoder import save_encoder, settings

from recexplainer.claims.parser import read_verdict
from recexplainer.errors import DataError
from recexplainer.evaluation.controls import (
    CONTROLS,
    linear_predictor,
    mask_verdict,
    score_predictor_controls,
    verdict_features,
)
from recexplainer.evaluation.encoder import fit_predict
from recexplainer.evaluation.predictors import MEAN, evaluate_score_predictor, pearson, split_cases
from recexplainer.evidence.sentences import answer_parts
from recexplainer.explanations.record import Explanation, Method


def world(cases: int, seed: int = 0) -> dict[Method, list[Explanation]]:
    """The score is ±2 by the verdict and ±1 by a word of the reasons; `vague` has neither."""
    rng = np.random.default_rng(seed)
    yes, red = rng.random((2, cases)) < 0.5
    scores = 5.0 + np.where(yes, 2.0, -2.0) + np.where(red, 1.0, -1.0)
    clear = [f"{'Yes' if y else 'No'}, this {'red' if r else 'blue'} item" for y, r in zip(yes, red, strict=True)]
    return {
        Method("clear"): [
            explanation("clear", case, text, score)
            for case, (text, score) in enumerate(zip(clear, scores, strict=True))
        ],
        Method("vague"): [explanation("vague", case, "the item", score) for case, score in enumerate(scores)],
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_encoder(tmp_path_factory.mktemp("encoder"))


def test_rows_by_hand() -> None:
    """Ten cases with scores 0 to 9: mean 4.5, variance 8.25; the two held out are predicted as 4.5 and 7.5."""
    made = {Method("ours"): [explanation("ours", case, "x", float(case)) for case in range(10)]}
    _, test = split_cases(made, 0)
    score_std = 8.25**0.5

    def predict(texts_train: Any, targets_train: Any, texts_test: Any, *, classes: int | None) -> Any:
        assert classes is None
        return np.array([0.0, 3.0 / score_std])

    rows = evaluate_score_predictor(made, predict)
    found = values(rows)
    errors = np.array([4.5, 7.5]) - test
    assert found["ours", "mse_raw"] == pytest.approx((errors**2).mean())
    assert found["ours", "mse"] == pytest.approx((errors**2).mean() / 8.25)
    assert found["ours", "mae"] == pytest.approx(np.abs(errors).mean() / score_std)
    assert found["ours", "pearson"] == pytest.approx(1.0), "two points, both rising"
    others = np.mean([case for case in range(10) if case not in test])
    assert found[MEAN, "mse_raw"] == pytest.approx(((others - test) ** 2).mean())
    assert found[MEAN, "pearson"] is None
    assert {one.cases for one in rows} == {2}
    assert {one.task for one in rows} == {"score_predictor"}


def test_pearson_by_hand() -> None:
    ones: Sequence[float] = [1.0, 2.0, 3.0, 4.0]
    assert pearson(np.array(ones), np.array([2.0, 4.0, 6.0, 8.0])) == pytest.approx(1.0)
    assert pearson(np.array(ones), np.array([4.0, 3.0, 2.0, 1.0])) == pytest.approx(-1.0)
    assert pearson(np.array(ones), np.array([1.0, 2.0, 2.0, 1.0])) == pytest.approx(0.0)
    assert pearson(np.array([1.0, 1.0, 2.0]), np.array([0.0, 1.0, 1.0])) == pytest.approx(0.5)
    assert np.isnan(pearson(np.array([3.0, 3.0]), np.array([0.0, 1.0])))
    assert np.isnan(pearson(np.array([3.0]), np.array([1.0])))


@pytest.mark.slow
def test_a_score_that_the_text_gives_is_found_and_one_that_it_does_not_is_not(folder: Path) -> None:
    rows = evaluate_score_predictor(world(200), partial(fit_predict, settings=settings(folder)))
    found = {(one.method, one.metric): one for one in rows}
    clear, vague = found["clear", "mse"], found["vague", "mse"]
    assert clear.value is not None
    assert clear.value < 0.2
    assert (vague.value or 0) > 0.7
    assert (found[MEAN, "mse"].value or 0) == pytest.approx(1.0, abs=0.35)
    correlation = found["clear", "pearson"]
    assert correlation.low is not None
    assert correlation.high is not None
    assert 0.85 < correlation.low <= (correlation.value or 0) <= correlation.high <= 1.0


@pytest.mark.slow
def test_controls_take_the_verdict_apart_from_the_reasons(folder: Path) -> None:
    """Of a variance of 5, the verdict has 4 and the reasons have 1."""
    rows = score_predictor_controls(world(400), settings(folder, batch_size=16, epochs=5))
    found = {control: values(rows, control) for control in CONTROLS}
    names = {(method, metric) for method in ("clear", "vague") for metric in ("mse", "mae", "mse_raw", "pearson")}
    assert {one.rater for one in rows} == {*CONTROLS}
    assert all({*each} == names for each in found.values())
    assert found["verdict_only"]["clear", "mse"] == pytest.approx(0.2, abs=0.05)
    assert found["verdict_masked"]["clear", "mse"] == pytest.approx(0.8, abs=0.15)
    assert (found["shuffled"]["clear", "mse"] or 0) > 0.85
    assert abs(found["shuffled"]["clear", "pearson"] or 0.0) < 0.3
    assert found["verdict_only"]["vague", "pearson"] is None


def test_the_verdict_alone_predicts_the_mean_of_its_training_scores() -> None:
    predict = linear_predictor(verdict_features)
    texts = ["Yes."] * 3 + ["No."] * 3 + ["Perhaps."] * 2
    predicted = predict(texts, np.array([1.0, 2.0, 3.0, -1.0, -2.0, -3.0, 7.0, 9.0]), ["Yes", "No", "?"], classes=None)
    np.testing.assert_allclose(predicted, [2.0, -2.0, 8.0], atol=0.1)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Yes, it suits the history well.", True),
        ("No, it comes close.", False),
        ("**No.** It is far away.", False),
        ("Based on this, the recommender would suggest “No Man's Sky”.", True),
        ("The recommender would not suggest “Yes, Minister”.", False),
        ("I don't think that it would be recommended.", False),
        ("It is unlikely to be recommended. Others are recommended.", False),
        ("“No More Heroes” is recommended", True),
        ("The recommender knows nothing of it.", None),
        ("Nothing to say.", None),
        ("", None),
    ],
)
def test_verdicts_are_read(text: str, verdict: bool | None) -> None:
    assert read_verdict(text) is verdict


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Yes, “Far Cry 3” would be recommended.", "[…], “Far Cry 3” […]."),
        ("No, “Yes, Not Recommended” does not suit this user.", "[…], “Yes, Not Recommended” […]."),
        ("Its genre is not what the user wants.", "Its genre is […] what the user wants."),
        ('They wouldn\'t recommend "No More Heroes".', 'They […] "No More Heroes".'),
        ("An item of the brand Atlus.", "An item of the brand Atlus."),
        ("", ""),
    ],
)
def test_verdicts_are_masked(text: str, masked: str) -> None:
    assert mask_verdict(text) == masked


def test_a_masked_rationale_says_neither_yes_nor_no() -> None:
    """Each part of this package's wording, filled: nothing of it stays but titles and words that join."""
    slots = dict.fromkeys(("item", "first", "second", "third", "for", "against", "depends"), "“T”")
    slots |= {"all": "“T” and “T”", "common": "“F”", "kind": "“F”", "why": "", "also": ""}
    left: set[str] = set()
    for group, parts in answer_parts().items():
        for part in parts if not group.startswith("why.") else ():
            masked = mask_verdict(part.format(**slots))
            assert read_verdict(masked) is None, part
            left |= set(masked.replace("“T”", " ").replace("“F”", " ").replace("[…]", " ").split())
    words = {word for word in left if any(letter.isalpha() for letter in word)}
    assert words <= {"and", "with", "but", "is", "whether"}, words


@pytest.mark.parametrize(
    "spoil",
    [
        lambda made: {},
        lambda made: {method: side[:4] for method, side in made.items()},
        lambda made: {method: [replace(one, score=3.0) for one in side] for method, side in made.items()},
        lambda made: {method: [replace(one, score=float("nan")) for one in side] for method, side in made.items()},
        lambda made: made | {Method("vague"): made[Method("vague")][1:]},
    ],
    ids=["none", "few", "all the same", "no numbers", "other cases"],
)
def test_what_cannot_be_predicted_is_refused(spoil: Any, folder: Path) -> None:
    with pytest.raises(DataError):
        evaluate_score_predictor(spoil(world(20)), linear_predictor(verdict_features))
    with pytest.raises(DataError):
        score_predictor_controls(spoil(world(20)), settings(folder))
