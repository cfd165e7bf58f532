"""What the paper's two tests of a text lack: how far they go by style alone, by the verdict alone, and without it.

The same evaluations, with less to read; a control is the rater of its rows. A verdict in words that are not known here
is neither read nor masked, so `verdict_only` is then too weak and `verdict_masked` too strong.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from recexplainer.claims.parser import read_verdict
from recexplainer.evaluation.encoder import EncoderSettings, Predictor, fit_predict
from recexplainer.evaluation.metrics import Values
from recexplainer.evaluation.predictors import MEAN, evaluate_discriminator, evaluate_score_predictor
from recexplainer.evaluation.rows import Row
from recexplainer.evidence.sentences import answer_parts
from recexplainer.explanations.record import Explanation, Method

CONTROLS = ("style_only", "verdict_only", "verdict_masked", "shuffled")
Explanations = Mapping[Method, Sequence[Explanation]]

_TITLE = re.compile(r"(“[^”]*”|\"[^\"]*\")")
_VERDICT_WORD = re.compile(
    r"\b(?:yes|no|not|nor|never|none|nothing|neither|hardly|cannot|(?:un)?likely|would|\w+n['’]t|"
    r"(?:recommend|suggest)(?:s|ed|ing)?)\b",
    re.IGNORECASE,
)
_SLOT = re.compile(r"\{\w+\}")
_MASK = "[…]"
_MASKS = re.compile(r"\[…\](?:\W*\[…\])*")
_MARKS = ",.;:!?()-–“”\"'’*\n"
_BUCKETS = 64  # of opening words
_OPENING_WORDS = 3
_PENALTY = 1e-3  # on the squared weights of the linear model, beside the mean loss


def discriminator_controls(explanations: Explanations, settings: EncoderSettings, seed: int = 0) -> list[Row]:
    """The rows of the discriminator, by each control.

    `style_only` sees lengths, punctuation and opening words, `verdict_only` whether the text states yes or no;
    `verdict_masked` is the encoder on the text without it; `shuffled`, the encoder on texts that are exchanged at
    random among the methods of their case, must be at chance. The seed of `evaluate_discriminator` holds out the same
    cases; errors as there.
    """
    rng = np.random.default_rng(seed)
    cases = [rng.permutation(np.array(case, dtype=object)) for case in zip(*explanations.values(), strict=False)]
    shuffled = {method: [case[place] for case in cases] for place, method in enumerate(explanations)}
    return [
        one
        for control, (predict, changed) in _controls(explanations, settings, shuffled).items()
        for one in evaluate_discriminator(changed, predict, seed, control).rows
    ]


def score_predictor_controls(explanations: Explanations, settings: EncoderSettings, seed: int = 0) -> list[Row]:
    """The rows of the score predictor, by each control.

    The controls are those of `discriminator_controls`, but for `shuffled`: texts with other cases' scores, exchanged in
    the same way for all methods. Seed and errors as there, of `evaluate_score_predictor`.
    """
    order = np.random.default_rng(seed).permutation(min(map(len, explanations.values()), default=0))
    shuffled = {
        method: [replace(own[case], text=own[other].text) for case, other in enumerate(order)]
        for method, own in explanations.items()
    }
    return [
        one
        for control, (predict, changed) in _controls(explanations, settings, shuffled).items()
        for one in evaluate_score_predictor(changed, predict, seed, control)
        if one.method != MEAN
    ]


def mask_verdict(text: str) -> str:
    """The text with `[…]` for every word that gives a verdict, and for the wording of this package's rationales.

    Titles in quotation marks stay. Rationales are put together from parts each of which belongs to one verdict, so
    of these only titles, what items share, and joining words stay.
    """
    pieces = _TITLE.split(text)
    pieces[::2] = [_VERDICT_WORD.sub(_MASK, _wording().sub(_MASK, piece)) for piece in pieces[::2]]
    return _MASKS.sub(_MASK, "".join(pieces))


def style_features(texts: Sequence[str]) -> Values:
    """`Float[texts, features]`: lengths, counts of punctuation, and the opening words, hashed; the verdict is masked.

    The lengths are logarithms of words and of characters, and characters a word; then the share of capitals and digits.
    """
    rows: list[list[float]] = []
    for text in map(mask_verdict, texts):
        words, size = text.split(), max(len(text), 1)
        lengths = [np.log1p(len(words)), np.log1p(len(text)), len(text) / max(len(words), 1)]
        shares = [sum(map(kind, text)) / size for kind in (str.isupper, str.isdigit)]
        opening = [0.0] * _BUCKETS
        for place, word in enumerate(words[:_OPENING_WORDS]):
            opening[zlib.crc32(f"{place} {word.lower()}".encode()) % _BUCKETS] += 1.0
        rows.append([*lengths, *shares, *(float(text.count(mark)) for mark in _MARKS), *opening])
    return np.array(rows)


def verdict_features(texts: Sequence[str]) -> Values:
    """`Float[texts, 3]`: 1 where the text states yes, no, or neither that is understood."""
    return np.array([[float(read_verdict(text) is verdict) for verdict in (True, False, None)] for text in texts])


def linear_predictor(features: Callable[[Sequence[str]], Values]) -> Predictor:
    """A linear model of standardised features of the texts, to be used as `encoder.fit_predict` is.

    It is ridge regression for numbers and multinomial logistic regression for classes, by scikit-learn.
    """

    def predict(
        texts_train: Sequence[str], targets_train: ArrayLike, texts_test: Sequence[str], *, classes: int | None
    ) -> Values:
        from sklearn.linear_model import LogisticRegression, Ridge
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        penalty, test = len(texts_train) * _PENALTY, features(texts_test)
        linear = LogisticRegression(C=0.5 / penalty, max_iter=1000, tol=1e-6) if classes else Ridge(alpha=penalty)
        model: Any = make_pipeline(StandardScaler(), linear).fit(features(texts_train), np.asarray(targets_train))
        if not classes:
            return model.predict(test)
        probabilities = np.zeros((len(texts_test), classes))
        probabilities[:, model.classes_] = model.predict_proba(test)
        return probabilities

    return predict


def _controls(
    explanations: Explanations, settings: EncoderSettings, shuffled: Explanations
) -> dict[str, tuple[Predictor, Explanations]]:
    """Each control: what predicts, and from which texts."""
    encoder = partial(fit_predict, settings=settings)
    masked = {
        method: [replace(one, text=mask_verdict(one.text)) for one in own] for method, own in explanations.items()
    }
    return {
        "style_only": (linear_predictor(style_features), explanations),
        "verdict_only": (linear_predictor(verdict_features), explanations),
        "verdict_masked": (encoder, masked),
        "shuffled": (encoder, shuffled),
    }


@cache
def _wording() -> re.Pattern[str]:
    """What stands between the slots of a rationale's parts, but for single words within a sentence; longest first."""
    parts = [part for group, parts in answer_parts().items() if not group.startswith("why.") for part in parts]
    runs = {run.strip(" ,.;:") for part in parts for run in _SLOT.split(part)}
    known = sorted((run for run in runs if " " in run or run.istitle()), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, known))})(?!\w)")
