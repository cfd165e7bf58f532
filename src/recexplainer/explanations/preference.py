"""Preference training on f's own verdict: of several texts that the surrogate says by itself, the truest is preferred.

For each question texts are sampled, f scores what they claim, and the best and the worst become a pair that the
surrogate learns from. It needs nobody's judgement but f's, and does not know how alignment is measured: a guard does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from recexplainer.data.dataset import Dataset
from recexplainer.errors import DataError
from recexplainer.explanations.explainer import LONGEST
from recexplainer.explanations.record import Claim
from recexplainer.explanations.recording import Recorder
from recexplainer.progress import track
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.function import ScoreFunction, as_recommender
from recexplainer.surrogate.batching import EncodedSet
from recexplainer.surrogate.decoding import Decoder
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.preference import PreferenceTrainer, encode_answers
from recexplainer.surrogate.preference_settings import PreferenceSettings
from recexplainer.surrogate.questions import encode_questions
from recexplainer.tasks.evidence import NEGLIGIBLE, Evidence
from recexplainer.tasks.example import Example

Guard = Callable[[Surrogate], float]
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class PreferenceLog:
    """What came of preference training.

    Attributes:
        questions: How many questions texts were sampled for.
        pairs: How many of them gave two texts that f tells apart.
        score_before: Mean score of the greedy texts on held-out questions.
        score_after: The same of the surrogate as it is left; where all was undone, the same number.
        losses: The loss of each step.
        guarded: What the guard said before, and after each epoch; () without a guard.
        undone: Whether alignment fell too far, so that the surrogate has the weights from before.
    """

    questions: int
    pairs: int
    score_before: float
    score_after: float
    losses: tuple[float, ...] = ()
    guarded: tuple[float, ...] = ()
    undone: bool = False


def prefer(
    surrogate: Surrogate,
    dataset: Dataset,
    recommender: Recommender | ScoreFunction,
    pairs: Sequence[tuple[User, int]],
    settings: PreferenceSettings | None = None,
    guard: Guard | None = None,
) -> PreferenceLog:
    """Train a surrogate, in place, to prefer those of its explanations without evidence that f bears out (DPO).

    Args:
        surrogate: g, aligned to f, on the device to train on.
        dataset: The catalogue.
        recommender: f, or a bare function that scores; it must answer for changed histories.
        pairs: Pairs of a user, with a history, and an item index; users that g is tested on should not be among them.
        settings: How.
        guard: How well g is aligned, higher is better, such as the accuracy of its verdicts; None: nothing is guarded.

    Raises:
        DataError: There are fewer than two pairs, a history is empty, or an item is not in the catalogue.
        RecommenderError: f cannot answer for a changed history.
    """
    if len(pairs) < 2:
        raise DataError(
            f"Preferences are learned from some pairs and measured on others, but {len(pairs)} came.",
            where="pairs",
            mend="Give at least two pairs of a user and an item.",
        )
    settings = settings or PreferenceSettings()
    order = np.random.default_rng(settings.seed).permutation(len(pairs))[: settings.questions]
    apart = min(max(1, round(settings.held_out * len(order))), len(order) - 1)
    asking = _Asking(surrogate, dataset, as_recommender(recommender, dataset.item_ids))
    held_out, learned = ([pairs[at] for at in part] for part in np.split(order, [apart]))
    before = asking.score(held_out)
    better, worse = asking.preferences(learned, settings)
    log = PreferenceLog(len(learned), len(better), before, before)
    if not better:
        return log
    answers = encode_answers(surrogate, dataset, asking.recommender, [*better, *worse])
    log = _train(log, PreferenceTrainer(surrogate, answers, settings), surrogate, settings, guard)
    return log if log.undone else replace(log, score_after=asking.score(held_out))


def score_claims(claims: Sequence[Claim], evidence: Evidence) -> float:
    """How far f bears out what a text claims, from 0 to 1: the mean of four parts.

    - Verdict: 1 if it is f's.
    - Honesty: 1 if no title is said to be the user's that is not.
    - Confirmed: the share of the claims that are confirmed; 0 where nothing is claimed.
    - Reach: what the history items that are cited do, counted the way that the text says, as a share of what as many
      can do at most, not below 0; where nothing in the history does anything, 1 for citing nothing, else 0.

    Args:
        claims: What the text claims, marked.
        evidence: What f said of the pair.
    """
    verdict = any(claim.kind == "verdict" and claim.mark == "confirmed" for claim in claims)
    invented = any(claim.kind == "history" and claim.mark == "contradicted" for claim in claims)
    confirmed = sum(claim.mark == "confirmed" for claim in claims) / max(len(claims), 1)
    return (verdict + (not invented) + confirmed + _reach(claims, evidence)) / 4


def _reach(claims: Sequence[Claim], evidence: Evidence) -> float:
    signs: dict[int | None, int] = {}
    for claim in claims:
        if claim.kind in ("for", "against"):
            signs.setdefault(claim.item, 1 if claim.kind == "for" else -1)
    sizes = sorted(map(abs, evidence.weights), reverse=True)
    if sizes[0] < NEGLIGIBLE:
        return float(not signs)
    weights = dict(zip(evidence.history, evidence.weights, strict=True))
    reached = sum(sign * weights[item] for item, sign in signs.items() if item is not None)
    return max(0.0, reached / sum(sizes[: len(signs)])) if signs else 0.0


def _train(
    log: PreferenceLog,
    trainer: PreferenceTrainer,
    surrogate: Surrogate,
    settings: PreferenceSettings,
    guard: Guard | None,
) -> PreferenceLog:
    """The epochs, until the guard sees alignment fall too far: then all is undone."""
    losses, guarded, undone = list[float](), [guard(surrogate)] if guard else [], False
    for _ in range(settings.epochs):
        losses += trainer.epoch()
        if guard is None:
            continue
        guarded.append(guard(surrogate))
        if guarded[0] - guarded[-1] > settings.guard:
            trainer.undo()
            undone = True
            break
    return replace(log, losses=tuple(losses), guarded=tuple(guarded), undone=undone)


class _Asking:
    """A surrogate that is asked to explain by itself, and f, which judges what it says."""

    def __init__(self, surrogate: Surrogate, dataset: Dataset, recommender: Recommender) -> None:
        self.surrogate, self.dataset, self.recommender = surrogate, dataset, recommender
        self._decoder = Decoder(surrogate, dataset.titles)
        self._recorder = Recorder(dataset, recommender)

    def score(self, pairs: Sequence[tuple[User, int]]) -> float:
        """The mean score of what it says first of all."""
        examples, known = self._examples(pairs)
        texts: list[str] = []
        for start in track(range(0, len(examples), _AT_ONCE), "preferences: held-out questions"):
            texts += self._decoder.greedy(self._questions(examples[start : start + _AT_ONCE]), LONGEST)
        return float(np.mean([self._score(text, one) for text, one in zip(texts, known, strict=True)]))

    def preferences(
        self, pairs: Sequence[tuple[User, int]], settings: PreferenceSettings
    ) -> tuple[list[Example], list[Example]]:
        """The best and the worst answers to the questions where they differ by more than the margin; none is empty."""
        better, worse = list[Example](), list[Example]()
        examples, known = self._examples(pairs)
        for start in track(range(0, len(examples), _AT_ONCE), "preferences: sampling"):
            asked = examples[start : start + _AT_ONCE]
            several = self._decoder.sampled(
                self._questions(asked),
                LONGEST,
                settings.texts,
                temperature=settings.temperature,
                seed=settings.seed + start,
            )
            for example, one, texts in zip(asked, known[start:], several, strict=False):
                scored = sorted((self._score(text, one), text) for text in texts if text)
                if scored and scored[-1][0] - scored[0][0] > settings.margin:
                    better.append(replace(example, answer_text=scored[-1][1]))
                    worse.append(replace(example, answer_text=scored[0][1]))
        return better, worse

    def _examples(self, pairs: Sequence[tuple[User, int]]) -> tuple[list[Example], list[Evidence]]:
        known = self._recorder.known(pairs)
        examples = [
            Example("rationale", "surrogate", user.id, one.history, (one.item,))
            for (user, _), one in zip(pairs, known, strict=True)
        ]
        return examples, known

    def _questions(self, examples: Sequence[Example]) -> EncodedSet:
        return encode_questions(self.surrogate, self.dataset, self.recommender, examples)

    def _score(self, text: str, evidence: Evidence) -> float:
        return score_claims(self._recorder.claims(text, evidence), evidence)
