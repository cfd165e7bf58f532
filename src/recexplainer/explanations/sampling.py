"""Texts sampled from a surrogate that explains, most of them by itself, told apart by what f bears out of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from recexplainer.data.dataset import Dataset
from recexplainer.evidence.evidence import Evidence
from recexplainer.explanations.generator import LONGEST
from recexplainer.explanations.recording import Recorder
from recexplainer.explanations.reward import score_claims
from recexplainer.progress import track
from recexplainer.recommenders.base import Recommender, User
from recexplainer.surrogate.batching import EncodedSet, encode_questions
from recexplainer.surrogate.decoding import Decoder
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.settings import PreferenceSettings
from recexplainer.tasks.example import Example

_AT_ONCE = 64


class TextSampler:
    """Samples texts and scores them.

    Args:
        surrogate: g, which is asked to explain.
        dataset: The catalogue.
        recommender: f, which judges what it says.
        backed: Share of the questions, evenly spread, that are asked with evidence, so that it is not unlearned to put
            that in words.
    """

    def __init__(self, surrogate: Surrogate, dataset: Dataset, recommender: Recommender, backed: float = 0.0) -> None:
        self.surrogate, self.dataset, self.recommender = surrogate, dataset, recommender
        self._backed = backed
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
        examples: list[Example] = []
        for place, ((user, _), one) in enumerate(zip(pairs, known, strict=True)):
            example = Example("rationale", "surrogate", user.id, one.history, (one.item,))
            is_backed = int((place + 1) * self._backed) > int(place * self._backed)
            examples.append(replace(example, subtask="evidence", evidence=one) if is_backed else example)
        return examples, known

    def _questions(self, examples: Sequence[Example]) -> EncodedSet:
        return encode_questions(self.surrogate, self.dataset, self.recommender, examples)

    def _score(self, text: str, evidence: Evidence) -> float:
        return score_claims(self._recorder.claims(text, evidence), evidence)
