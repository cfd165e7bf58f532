"""Preference training on f's own verdict: of several texts that the surrogate says, the truest is preferred.

For each question texts are sampled, f scores what they claim, and the best and the worst become a pair that the
surrogate learns from. It needs nobody's judgement but f's, and does not know how alignment is measured: a guard does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from recexplainer.data.dataset import Dataset
from recexplainer.errors import DataError
from recexplainer.explanations.sampling import TextSampler
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.function import ScoreFunction, as_recommender
from recexplainer.surrogate.batching import encode_answers
from recexplainer.surrogate.dpo import PreferenceTrainer
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.settings import PreferenceSettings

Guard = Callable[[Surrogate], float]


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
    """Train a surrogate, in place, to prefer those of its explanations that f bears out (DPO).

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
            location="pairs",
            hint="Give at least two pairs of a user and an item.",
        )
    settings = settings or PreferenceSettings()
    order = np.random.default_rng(settings.seed).permutation(len(pairs))[: settings.questions]
    apart = min(max(1, round(settings.held_out * len(order))), len(order) - 1)
    sampler = TextSampler(surrogate, dataset, as_recommender(recommender, dataset.item_ids), settings.evidence)
    held_out, learned = ([pairs[at] for at in part] for part in np.split(order, [apart]))
    before = sampler.score(held_out)
    better, worse = sampler.preferences(learned, settings)
    log = PreferenceLog(len(learned), len(better), before, before)
    if not better:
        return log
    answers = encode_answers(surrogate, dataset, sampler.recommender, [*better, *worse])
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
