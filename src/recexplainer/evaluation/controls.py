"""What the paper's two tests of a text lack: how far they go by style alone, by the verdict alone, and without it.

The same evaluations, with less to read. A verdict in words that are not known here is neither read nor masked, so
`verdict-only` is then too weak and `verdict-masked` too strong.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial

import numpy as np
from numpy.typing import ArrayLike

from recexplainer.claims.faults import read_verdict
from recexplainer.evaluation.discriminator import SAID_AS, evaluate_discriminator
from recexplainer.evaluation.encoder import EncoderSettings, Predictor, fit_predict
from recexplainer.evaluation.metrics import Values
from recexplainer.evaluation.rows import Row
from recexplainer.evaluation.score_predictor import MEAN, evaluate_score_predictor
from recexplainer.evidence.sentences import answer_parts
from recexplainer.explanations.record import Explanation

Told = Mapping[str, Sequence[Explanation]]

_TITLE = re.compile(r"(“[^”]*”|\"[^\"]*\")")
_SAYING = re.compile(
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
_PENALTY = 1e-3  # on the squared weights of the linear model


def discriminator_controls(explanations: Told, settings: EncoderSettings, seed: int = 0) -> list[Row]:
    """The discriminator again, by each control; its name follows the metric: `accuracy/style-only`.

    `style-only` sees lengths, punctuation and opening words, `verdict-only` whether the text says yes or no;
    `verdict-masked` is the encoder on the text without it; `shuffled`, the encoder on texts that have changed hands
    among the methods of their case, must be at chance.

    Args:
        explanations: As for `evaluate_discriminator`.
        settings: The encoder's.
        seed: The same as for `evaluate_discriminator`, so that the same cases are held out.

    Raises:
        DataError: As `evaluate_discriminator`.
    """
    ways = _ways(explanations, settings, _swap_methods(explanations, seed))
    return [one for one in _by_control(evaluate_discriminator, ways, seed) if not one.metric.startswith(SAID_AS)]


def score_predictor_controls(explanations: Told, settings: EncoderSettings, seed: int = 0) -> list[Row]:
    """The score predictor again, by each control: `mse/verdict-only`, and so on.

    The controls are those of `discriminator_controls`, but for `shuffled`: texts with other cases' scores.

    Args:
        explanations: As for `evaluate_score_predictor`.
        settings: The encoder's.
        seed: The same as for `evaluate_score_predictor`, so that the same cases are held out.

    Raises:
        DataError: As `evaluate_score_predictor`.
    """
    ways = _ways(explanations, settings, _swap_scores(explanations, seed))
    return [one for one in _by_control(evaluate_score_predictor, ways, seed) if one.method != MEAN]


def mask_verdict(text: str) -> str:
    """The text with `[…]` for every word that gives a verdict, and for the wording of this package's rationales.

    Titles in quotation marks stay. Rationales are put together from parts each of which belongs to one verdict, so
    of these only titles, what items share, and joining words stay.
    """
    pieces = _TITLE.split(text)
    pieces[::2] = [_SAYING.sub(_MASK, _wording().sub(_MASK, piece)) for piece in pieces[::2]]
    return _MASKS.sub(_MASK, "".join(pieces))


def style_features(texts: Sequence[str]) -> Values:
    """`Float[texts, features]`: lengths, counts of punctuation, and the opening words, hashed; the verdict is masked.

    Features are the logarithm of words and of characters, characters a word, and the share of capitals and digits.
    """
    return np.array([_style(mask_verdict(text)) for text in texts])


def verdict_features(texts: Sequence[str]) -> Values:
    """`Float[texts, 3]`: 1 where the text says yes, no, or neither that is understood."""
    return np.array([[float(read_verdict(text) is said) for said in (True, False, None)] for text in texts])


def linear_predictor(features: Callable[[Sequence[str]], Values]) -> Predictor:
    """A linear model of features of the texts, to be used as `encoder.fit_predict` is.

    It is ridge regression for numbers and multinomial logistic regression for classes.
    """

    def predict(
        texts_train: Sequence[str], targets_train: ArrayLike, texts_test: Sequence[str], *, classes: int | None
    ) -> Values:
        return _fit_linear(features(texts_train), np.asarray(targets_train), features(texts_test), classes)

    return predict


def _by_control(
    evaluate: Callable[[Told, Predictor, int], list[Row]], ways: Mapping[str, tuple[Predictor, Told]], seed: int
) -> list[Row]:
    """The evaluation by each control, whose name follows the metric's."""
    return [
        replace(one, metric=f"{one.metric}/{control}")
        for control, (predict, told) in ways.items()
        for one in evaluate(told, predict, seed)
    ]


def _ways(explanations: Told, settings: EncoderSettings, shuffled: Told) -> dict[str, tuple[Predictor, Told]]:
    """Each control: who predicts, and from what."""
    encoder = partial(fit_predict, settings=settings)
    masked = {
        method: [replace(one, text=mask_verdict(one.text)) for one in told] for method, told in explanations.items()
    }
    return {
        "style-only": (linear_predictor(style_features), explanations),
        "verdict-only": (linear_predictor(verdict_features), explanations),
        "verdict-masked": (encoder, masked),
        "shuffled": (encoder, shuffled),
    }


def _swap_methods(explanations: Told, seed: int) -> Told:
    """Each case's texts, dealt out anew among the methods."""
    rng = np.random.default_rng(seed)
    dealt = [rng.permutation(np.array(case, dtype=object)) for case in zip(*explanations.values(), strict=False)]
    return {method: [case[place] for case in dealt] for place, method in enumerate(explanations)}


def _swap_scores(explanations: Told, seed: int) -> Told:
    """Each text with the user, the item and the score of another case, the same for all methods."""
    order = np.random.default_rng(seed).permutation(min(map(len, explanations.values()), default=0))
    return {
        method: [replace(told[case], text=told[other].text) for case, other in enumerate(order)]
        for method, told in explanations.items()
    }


@cache
def _wording() -> re.Pattern[str]:
    """What stands between the slots of a rationale's parts, but for single words within a sentence; longest first."""
    parts = [part for group, parts in answer_parts().items() if not group.startswith("why.") for part in parts]
    runs = {run.strip(" ,.;:") for part in parts for run in _SLOT.split(part)}
    known = sorted((run for run in runs if " " in run or run.istitle()), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, known))})(?!\w)")


def _style(text: str) -> list[float]:
    words, size = text.split(), max(len(text), 1)
    opening = [0.0] * _BUCKETS
    for place, word in enumerate(words[:_OPENING_WORDS]):
        opening[zlib.crc32(f"{place} {word.lower()}".encode()) % _BUCKETS] += 1.0
    shares = [sum(map(kind, text)) / size for kind in (str.isupper, str.isdigit)]
    lengths = [np.log1p(len(words)), np.log1p(len(text)), len(text) / max(len(words), 1)]
    return [*lengths, *shares, *(float(text.count(mark)) for mark in _MARKS), *opening]


def _fit_linear(train: Values, targets: Values, test: Values, classes: int | None) -> Values:
    """`Float[test, classes]` probabilities or `Float[test]` numbers, of standardised features."""
    import torch
    from torch.nn import functional as F

    mean, spread = train.mean(axis=0), train.std(axis=0)
    known, asked = (torch.from_numpy((part - mean) / np.where(spread > 0, spread, 1.0)) for part in (train, test))
    wanted = torch.from_numpy(targets)
    start = torch.zeros(classes or 1, dtype=torch.float64)
    weights = torch.zeros(known.shape[1], len(start), dtype=torch.float64, requires_grad=True)
    bias = (start if classes else wanted.mean()[None]).clone().requires_grad_(True)
    optimizer = torch.optim.LBFGS([weights, bias], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        said = known @ weights + bias
        missed = F.cross_entropy(said, wanted.long()) if classes else F.mse_loss(said[:, 0], wanted)
        total = missed + _PENALTY * weights.square().sum()
        total.backward()
        return total

    optimizer.step(loss)
    with torch.no_grad():
        said = asked @ weights + bias
        return torch.softmax(said, dim=1).numpy() if classes else said[:, 0].numpy()
