"""Preference training on the recommender's own verdict: of several texts of the surrogate the truest is preferred.

For each question texts are sampled, the recommender scores what they claim, and the best and the worst become a pair
that the surrogate learns from. It does not know how alignment is measured: a guard does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from recexplainer.claims.claim import CHECKABLE, SIGNS, Claim, stated
from recexplainer.data.dataset import Dataset
from recexplainer.errors import DataError
from recexplainer.evidence.evidence import NEGLIGIBLE, Evidence
from recexplainer.explanations.explainer import PairExplainer
from recexplainer.explanations.generator import MAX_TOKENS
from recexplainer.explanations.own_words import DRAWING, OwnWords
from recexplainer.progress import track
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.function import ScoreFunction, as_recommender
from recexplainer.surrogate.batching import EncodedSet, encode_answers, encode_questions
from recexplainer.surrogate.dpo import PreferenceTrainer
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.settings import PreferenceSettings
from recexplainer.tasks.example import Example

Guard = Callable[[Surrogate], float]
_DEEPEST = 3  # how many of the items cited first count for the reward
_BATCH_SIZE = 64


@dataclass(frozen=True, slots=True)
class PreferenceLog:
    """What came of preference training.

    Attributes:
        questions: How many questions texts were sampled for.
        pairs: How many of them gave two texts of different rewards.
        score_before: Mean reward of the greedy texts on held-out questions.
        score_after: The same of the surrogate as it is left.
        losses: The loss of each step.
        guarded: What the guard gave before, and after each epoch; () without a guard.
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
    """Train a surrogate, in place, to prefer those of its explanations that the recommender supports (DPO).

    Args:
        surrogate: The surrogate, aligned to the recommender, on the device to train on.
        dataset: The catalogue.
        recommender: It must answer for changed histories.
        pairs: Pairs of a user, with a history, and an item index; users that it is tested on should not be among them.
        settings: How.
        guard: How well the surrogate is aligned, higher is better, such as the accuracy of its verdicts; None: nothing
            is guarded.

    Raises:
        DataError: There are fewer than two pairs, a history is empty, or an item is not in the catalogue.
        RecommenderError: The recommender cannot answer for a changed history.
    """
    if len(pairs) < 2:
        raise DataError(
            f"Preferences are learned from some pairs and measured on others, but {len(pairs)} came.",
            location="pairs",
            hint="Give at least two pairs of a user and an item.",
        )
    settings = settings or PreferenceSettings()
    order = np.random.default_rng(settings.seed).permutation(len(pairs))[: settings.questions]
    apart = min(max(1, round(settings.held_out * len(order))), len(order) - 1)
    sampler = TextSampler(PairExplainer(dataset, recommender, surrogate), settings.evidence)
    held_out, learned = ([pairs[at] for at in part] for part in np.split(order, [apart]))
    before = sampler.score(held_out)
    better, worse = sampler.preferences(learned, settings)
    log = PreferenceLog(len(learned), len(better), before, before)
    if not better:
        return log
    answers = encode_answers(surrogate, dataset, as_recommender(recommender, dataset.item_ids), [*better, *worse])
    log = _train(log, PreferenceTrainer(surrogate, answers, settings), surrogate, settings, guard)
    return log if log.undone else replace(log, score_after=sampler.score(held_out))


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


def reward(claims: Sequence[Claim], evidence: Evidence) -> float:
    """How far the recommender supports what a text claims, from 0 to 1: the mean of four parts.

    - Verdict: 1 if it is the recommender's.
    - Honesty: 1 if no title is said to be the user's that is not.
    - Supported: the share of the claims that are supported; 0 where nothing is claimed. Findings do not count.
    - Reach: what the first one, two and three history items cited do, counted the way that the text says, each time as
      a share of what as many can do at most; the mean of the three, not below 0. So to cite fewer is to reach less, as
      with the area over the deletion curve. Where nothing in the history does anything, 1 for citing nothing, else 0.
    """
    claims = stated(claims)
    verdict = any(claim.kind == "verdict" and claim.status == "supported" for claim in claims)
    invented = any(claim.kind == "history" and claim.status == "contradicted" for claim in claims)
    checkable = [claim for claim in claims if claim.kind in CHECKABLE]
    supported = sum(claim.status == "supported" for claim in checkable) / max(len(checkable), 1)
    return (verdict + (not invented) + supported + _reach(claims, evidence)) / 4


def own_words_reward(text: str, evidence: Evidence, check: OwnWords) -> float:
    """How good a text in the surrogate's own words is, from 0 to 1.

    The mean of `reward` and whether it may be shown, times the share of its sentences that are not in the wording of
    rationales: falling back to that wins nothing.
    """
    written = check.check(text, evidence)
    return (reward(written.claims, evidence) + (not written.problems)) / 2 * check.free_share(text, evidence)


def _reach(claims: Sequence[Claim], evidence: Evidence) -> float:
    signs: dict[int | None, int] = {}
    for claim in claims:
        if claim.kind in SIGNS:
            signs.setdefault(claim.item, SIGNS[claim.kind])
    sizes = sorted(map(abs, evidence.standardized), reverse=True)[:_DEEPEST]
    if sizes[0] < NEGLIGIBLE:
        return float(not signs)
    standardized = dict(zip(evidence.history, evidence.standardized, strict=True))
    gains = [sign * standardized[item] for item, sign in signs.items() if item in standardized][: len(sizes)]
    gains += [0.0] * (len(sizes) - len(gains))
    return max(0.0, float(np.mean(np.cumsum(gains) / np.cumsum(sizes))))


class TextSampler:
    """Samples texts of the surrogate and scores them by the recommender.

    A share of the questions, evenly spread, is asked with evidence, so that it is not unlearned to put that in words; a
    surrogate that has learned it is asked for its own words.
    """

    def __init__(self, explainer: PairExplainer, grounded_share: float = 0.0) -> None:
        self._explainer, self._generator, self._grounded_share = explainer, explainer.generator, grounded_share

    def score(self, pairs: Sequence[tuple[User, int]]) -> float:
        """The mean reward of the greedy texts."""
        examples, evidence = self.examples(pairs)
        texts: list[str] = []
        for start in track(range(0, len(examples), _BATCH_SIZE), "preferences: held-out questions"):
            questions = self._questions(examples[start : start + _BATCH_SIZE])
            texts += self._generator.decoder.greedy(questions, MAX_TOKENS)
        cases = zip(examples, texts, evidence, strict=True)
        return float(np.mean([self._reward(example, text, one) for example, text, one in cases]))

    def preferences(
        self, pairs: Sequence[tuple[User, int]], settings: PreferenceSettings
    ) -> tuple[list[Example], list[Example]]:
        """The best and the worst answers to the questions where they differ by more than the margin; none is empty."""
        better, worse = list[Example](), list[Example]()
        examples, evidence = self.examples(pairs)
        for start in track(range(0, len(examples), _BATCH_SIZE), "preferences: sampling"):
            batch, known = examples[start : start + _BATCH_SIZE], evidence[start : start + _BATCH_SIZE]
            samples = self._sampled(batch, known, settings, settings.seed + start)
            for example, one, texts in zip(batch, known, samples, strict=True):
                scored = sorted((self._reward(example, text, one), text) for text in texts if text)
                if scored and scored[-1][0] - scored[0][0] > settings.margin:
                    better.append(replace(example, answer_text=scored[-1][1]))
                    worse.append(replace(example, answer_text=scored[0][1]))
        return better, worse

    def examples(self, pairs: Sequence[tuple[User, int]]) -> tuple[list[Example], list[Evidence]]:
        """The questions about pairs, and what the recommender says of them."""
        evidence = self._explainer.evidence(pairs)
        examples: list[Example] = []
        for place, ((user, _), one) in enumerate(zip(pairs, evidence, strict=True)):
            example = Example("rationale", "surrogate", user.id, one.history, (one.item,))
            is_grounded = int((place + 1) * self._grounded_share) > int(place * self._grounded_share)
            subtask = "own_words" if self._generator.surrogate.own_words else "evidence"
            examples.append(replace(example, subtask=subtask, evidence=one) if is_grounded else example)
        return examples, evidence

    def _sampled(
        self, examples: Sequence[Example], evidence: Sequence[Evidence], settings: PreferenceSettings, seed: int
    ) -> list[list[str]]:
        """Texts for each of `[questions]`; those in the surrogate's own words quote titles as where they are shown."""
        texts: dict[int, list[str]] = {}
        for own_words in (False, True):
            rows = [row for row, one in enumerate(examples) if (one.subtask == "own_words") is own_words]
            questions = self._questions([examples[row] for row in rows])
            if own_words:
                drawing = replace(DRAWING, temperature=settings.temperature)
                known = [evidence[row] for row in rows]
                numbers = range(settings.seed * settings.texts, (settings.seed + 1) * settings.texts)
                some = self._generator.draw_own_words(questions, known, numbers, drawing=drawing).texts
            else:
                some = self._generator.decoder.sampled(
                    questions, MAX_TOKENS, settings.texts, temperature=settings.temperature, seed=seed
                )
            texts |= dict(zip(rows, some, strict=True))
        return [texts[row] for row in range(len(examples))]

    def _questions(self, examples: Sequence[Example]) -> EncodedSet:
        surrogate = self._generator.surrogate
        return encode_questions(surrogate, self._explainer.dataset, self._explainer.recommender, examples)

    def _reward(self, example: Example, text: str, evidence: Evidence) -> float:
        verifier = self._explainer.verifier
        if example.subtask == "own_words":
            return own_words_reward(text, evidence, OwnWords(verifier, [evidence]))
        return reward(verifier.claims(text, evidence), evidence)
