"""The mixture: all Examples of a run, for training and for test, as its settings say (paper Table B2).

It knows what each task needs (histories, scores, attributes), not how a task builds its Examples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from pydantic import Field

from recexplainer.data.attributes import Attributes
from recexplainer.data.conversations import read_conversations
from recexplainer.data.dataset import Dataset, Split
from recexplainer.progress import track
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.scoring import BATCH, recommended_shares, score_batches
from recexplainer.settings import Settings
from recexplainer.tasks.discrimination import discrimination_examples
from recexplainer.tasks.example import TASKS, Example, Examples, Task
from recexplainer.tasks.histories import collect_histories
from recexplainer.tasks.rationale import cause_examples, rationale_examples
from recexplainer.tasks.reconstruction import history_examples, read_summaries, summary_examples
from recexplainer.tasks.scored_items import classification_examples, ranking_examples, retrieval_examples

# Reasons need something to choose from: rationales are trained on histories of at least so many items.
_RATIONALE_HISTORY = 3
_Pair = tuple[list[Example], list[Example]]


class MixtureSettings(Settings):
    """Which tasks are trained and tested, and how much of each."""

    renamed = MappingProxyType(
        {"extra_questions": "synthetic_history_ratio", "extra_classification": "synthetic_classification_share"}
    )

    tasks: tuple[Task, ...] = TASKS
    """The tasks to build Examples for."""
    limits: dict[Task, int] = Field(default_factory=dict)
    """At most so many training Examples of a task, drawn at random; a task not named keeps all, as in the paper."""
    synthetic_history_ratio: float = Field(default=0.0, ge=0)
    """Synthetic histories to ask about, as a multiple of the number of prefixes; 0 is the paper's training set."""
    synthetic_classification_share: float = Field(default=0.25, ge=0, le=1)
    """Share of the synthetic histories that also give a liked and a disliked item (retrieval and ranking use all)."""
    test_users: int | None = Field(default=None, ge=1)
    """At most so many test users, drawn at random; None takes all."""
    classification_test_share: float = Field(default=0.294, ge=0, le=1)
    """Share of the test users that classification is tested on (the paper's 2,294 cases of 3,901 users, two each)."""
    chat_path: Path | None = None
    """Conversations in ShareGPT's layout; None takes the small set inside the package."""
    chat_train: int = Field(default=10_000, ge=0)
    """At most so many conversations for training."""
    chat_test: int = Field(default=1_000, ge=0)
    """At most so many conversations for test, and never more than a tenth of the file."""
    chat_characters: int | None = Field(default=None, ge=1)
    """Leave out longer conversations (question and answer together); None keeps all."""
    summaries_path: Path | None = None
    """Summaries of users' taste from a chat endpoint (JSON, user id to text); None builds them from attributes."""
    rationale_surrogate: int = Field(default=4_000, ge=0)
    """Rationales to train without evidence in the prompt."""
    rationale_evidence: int = Field(default=4_000, ge=0)
    """Rationales to train with evidence in the prompt."""
    rationale_causes: int = Field(default=4_000, ge=0)
    """Questions for the history item with the largest positive attribution, or negative one."""
    rationale_test: int = Field(default=200, ge=0)
    """Rationales kept for test, without evidence and with it."""
    seed: int = Field(default=0, ge=0)
    """Seeds every draw."""


def build_examples(dataset: Dataset, split: Split, recommender: Recommender, settings: MixtureSettings) -> Examples:
    """Ask the recommender everything that the settings want to know, and turn the answers into Examples.

    The same dataset, recommender and settings give the same Examples; leaving out a task does not change the others.

    Raises:
        RecommenderError: The recommender does not answer as the contract says.
        DataError: The conversations or the summaries cannot be read.
    """
    builder = _Builder(dataset, split, recommender, settings)
    train, test = builder.build()
    train = _limited(train, settings, builder.rng("limits"))
    return Examples(train, test, builder.report(train, test))


class _Builder:
    """Builds the Examples of one run; holds what several tasks share, and notes for the report."""

    def __init__(self, dataset: Dataset, split: Split, recommender: Recommender, settings: MixtureSettings) -> None:
        self.dataset, self.recommender, self.settings = dataset, recommender, settings
        self.attributes = Attributes.of(dataset)
        self.notes: dict[str, Any] = {}
        self.histories = collect_histories(
            dataset,
            split,
            recommender,
            synthetic_ratio=settings.synthetic_history_ratio,
            test_users=settings.test_users,
            rng=self.rng("questions"),
        )

    def rng(self, purpose: str) -> np.random.Generator:
        """A generator of its own for each purpose, so that switching off one task leaves the others as they are."""
        return np.random.default_rng([self.settings.seed, *purpose.encode()])

    def build(self) -> _Pair:
        makers = {
            "discrimination": self._discrimination,
            "chat": self._chat,
            "reconstruction": self._reconstruction,
            "rationale": self._rationale,
        }
        train, test = self._from_scores()
        for task, make in makers.items():
            if task in self.settings.tasks:
                more_train, more_test = make()
                train += more_train
                test += more_test
        return train, test

    def _from_scores(self) -> _Pair:
        """Retrieval, ranking and classification, from one pass over the scores."""
        asked, settings = self.histories, self.settings
        paired = round(settings.synthetic_classification_share * len(asked.synthetic))
        tested = round(settings.classification_test_share * len(asked.test))
        chosen = set(self.rng("classification test").permutation(len(asked.test))[:tested].tolist())
        test_paired = [user for place, user in enumerate(asked.test) if place in chosen]
        test_single = [user for place, user in enumerate(asked.test) if place not in chosen]
        rngs = {task: self.rng(task) for task in ("ranking", "classification")}
        train = self._scored([*asked.last, *asked.synthetic[:paired]], rngs, pairs=True)
        train += self._scored([*asked.earlier, *asked.synthetic[paired:]], rngs, pairs=False)
        rngs = {task: self.rng(f"{task} test") for task in ("ranking", "classification")}
        test = self._scored(test_paired, rngs, pairs=True) + self._scored(test_single, rngs, pairs=False)
        return _by_task(train), _by_task(test)

    def _scored(self, users: Sequence[User], rngs: dict[str, np.random.Generator], *, pairs: bool) -> list[Example]:
        examples: list[Example] = []
        tasks = set(self.settings.tasks) & {"retrieval", "ranking", *(("classification",) if pairs else ())}
        if not tasks:
            return examples
        batches = -(-len(users) // BATCH)
        for batch in track(score_batches(self.recommender, users), "asking the recommender", total=batches):
            if "retrieval" in tasks:
                examples += retrieval_examples(batch)
            if "ranking" in tasks:
                examples += ranking_examples(batch, rngs["ranking"])
            if "classification" in tasks:
                examples += classification_examples(batch, rngs["classification"])
        return examples

    def _discrimination(self) -> _Pair:
        return discrimination_examples(self.dataset, self.recommender), []

    def _chat(self) -> _Pair:
        """Task 5: conversations keep the language model's general ability (paper 2.2); none is in both parts."""
        settings = self.settings
        read, longest = read_conversations(settings.chat_path), settings.chat_characters
        kept = [one for one in read if longest is None or len(one.question) + len(one.answer) <= longest]
        drawn = [kept[index] for index in self.rng("chat").permutation(len(kept))]
        examples = [Example("chat", question=one.question, answer_text=one.answer) for one in drawn]
        n_test = min(settings.chat_test, len(examples) // 10)
        source = str(settings.chat_path or "embedded")
        self.notes["chat"] = {"source": source, "left out as too long": len(read) - len(kept)}
        return examples[n_test : n_test + settings.chat_train], examples[:n_test]

    def _reconstruction(self) -> _Pair:
        asked = self.histories
        given = read_summaries(self.settings.summaries_path) if self.settings.summaries_path else {}
        summaries, n_given = summary_examples(asked.full, self.attributes, self.rng("summaries"), given)
        self.notes["summaries"] = {"chat endpoint": n_given, "item attributes": len(summaries) - n_given}
        return history_examples([*asked.earlier, *asked.last]) + summaries, history_examples(asked.test)

    def _rationale(self) -> _Pair:
        settings, asked, recommender = self.settings, self.histories, self.recommender
        if not recommender.answers_changed_history:
            self.notes["rationale"] = "left out: the recommender cannot answer for a changed history"
            return [], []
        shares = recommended_shares(recommender, self.dataset)
        rng = self.rng("rationale")
        wanted = max(settings.rationale_surrogate, settings.rationale_evidence, settings.rationale_causes)
        histories = [*asked.last, *asked.earlier]
        users = _spread([one for one in histories if len(one.history) >= _RATIONALE_HISTORY] or histories, wanted, rng)
        bare, grounded = rationale_examples(self.dataset, recommender, self.attributes, users, rng, shares)
        train = bare[: settings.rationale_surrogate] + grounded[: settings.rationale_evidence]
        train += cause_examples(grounded)[: settings.rationale_causes]
        users = _spread(asked.test, settings.rationale_test, self.rng("rationale test"))
        bare, grounded = rationale_examples(self.dataset, recommender, self.attributes, users, rng, shares)
        return train, bare + grounded

    def report(self, train: Sequence[Example], test: Sequence[Example]) -> dict[str, Any]:
        tested = {user.history for user in self.histories.test}
        prefixes = [*self.histories.earlier, *self.histories.last]
        histories = {
            "prefixes": len(prefixes),
            "test": len(self.histories.test),
            "synthetic": len(self.histories.synthetic),
            "prefixes equal to a test history": sum(user.history in tested for user in prefixes),
        }
        return {"train": _counts(train), "test": _counts(test), "histories": histories, "notes": self.notes}


def _spread(users: Sequence[User], count: int, rng: np.random.Generator) -> list[User]:
    """Up to `count` users in random order, none twice before each came once."""
    if not users:
        return []
    rounds = -(-count // len(users))
    order = np.concatenate([rng.permutation(len(users)) for _ in range(rounds)]) if rounds else np.empty(0, np.int64)
    return [users[place] for place in order[:count].tolist()]


def _by_task(examples: list[Example]) -> list[Example]:
    return sorted(examples, key=lambda example: TASKS.index(example.task))


def _counts(examples: Sequence[Example]) -> dict[str, int]:
    counts = Counter(example.task for example in examples)
    return {task: counts[task] for task in TASKS if counts[task]}


def _limited(examples: list[Example], settings: MixtureSettings, rng: np.random.Generator) -> list[Example]:
    """Keep at most the wanted number of each task, drawn at random, in the order they had."""
    dropped: set[int] = set()
    for task, limit in sorted(settings.limits.items()):
        places = [place for place, example in enumerate(examples) if example.task == task]
        dropped.update(places[index] for index in rng.permutation(len(places))[limit:].tolist())
    return [example for place, example in enumerate(examples) if place not in dropped]
