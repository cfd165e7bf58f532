"""The mixture: all Examples of a run, for training and for test, by its settings (paper Table B2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from pydantic import Field, field_validator

from recexplainer.data.attributes import Attributes
from recexplainer.data.conversations import QuestionAnswer, read_conversations
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
from recexplainer.tasks.scored_items import (
    classification_examples,
    ranking_examples,
    retrieval_examples,
    verdict_examples,
)

_RATIONALE_HISTORY = 3  # rationales are trained on histories of at least so many items
_Pair = tuple[list[Example], list[Example]]


class MixtureSettings(Settings):
    """Which tasks are trained and tested, and how much of each."""

    renamed = MappingProxyType(
        {"extra_questions": "synthetic_history_ratio", "extra_classification": "synthetic_classification_share"}
    )

    tasks: tuple[Task, ...] = tuple(task for task in TASKS if task != "verdicts")
    """The tasks to build Examples for; `verdicts` is a number of its own."""
    limits: dict[Task, int] = Field(default_factory=dict)
    """At most so many training Examples of a task, drawn at random; a task not named keeps all, as in the paper."""
    synthetic_history_ratio: float = Field(default=0.0, ge=0)
    """Number of synthetic histories, as a multiple of the number of prefixes; 0 is the paper's training set."""
    synthetic_classification_share: float = Field(default=0.25, ge=0, le=1)
    """Share of the synthetic histories that also give a liked and a disliked item (retrieval and ranking use all)."""
    verdicts: int = Field(default=0, ge=0)
    """Training texts in which one user's items get a verdict one after the other, 16 of them; the paper has none. Each
    takes about as many tokens as three questions about an item."""
    test_users: int | None = Field(default=None, ge=1)
    """At most so many test users, drawn at random; None takes all."""
    classification_test_share: float = Field(default=0.294, ge=0, le=1)
    """Share of the test users that classification is tested on (the paper's 2,294 cases of 3,901 users, two each)."""
    chat_path: Path | None = None
    """Conversations in ShareGPT's layout; None takes the small set inside the package."""
    chat_train: int = Field(default=10_000, ge=0)
    """At most so many conversations for training. One takes about 250 tokens, a question about items 25 to 150."""
    chat_test: int = Field(default=1_000, ge=0)
    """At most so many conversations for test, each with another question, and never more than a tenth of the questions;
    no question of theirs is trained on."""
    chat_characters: int | None = Field(default=2_000, ge=1)
    """Leave out longer conversations (question and answer together), about 500 tokens by default; None keeps all that
    the backbone's `max_length` has room for."""
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

    @field_validator("tasks")
    @classmethod
    def _refuse_verdicts(cls, tasks: tuple[Task, ...]) -> tuple[Task, ...]:
        if "verdicts" in tasks:
            raise ValueError("how many verdicts there are is set by 'verdicts', not among the tasks")
        return tasks

    def cache_key(self) -> dict[str, Any]:
        """The settings that decide the examples, as JSON values; files are known by their content."""
        key = self.model_dump(mode="json", exclude={"chat_path", "summaries_path"})
        return key if self.verdicts else {name: value for name, value in key.items() if name != "verdicts"}


def build_examples(dataset: Dataset, split: Split, recommender: Recommender, settings: MixtureSettings) -> Examples:
    """All Examples of a run, with the recommender's answers; leaving out a task does not change the others.

    Raises RecommenderError if the recommender breaks the contract, DataError if conversations or summaries cannot be
    read.
    """
    builder = _Builder(dataset, split, recommender, settings)
    train, test = builder.build()
    train = _limited(train, settings, builder.rng("limits"))
    return Examples(train, test, builder.report(train, test))


class _Builder:
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
        train, test = self._from_scores()
        train += self._verdicts()
        if "discrimination" in self.settings.tasks:
            train += discrimination_examples(self.dataset, self.recommender)
        others = {"chat": self._chat, "reconstruction": self._reconstruction, "rationale": self._rationale}
        for task, build in others.items():
            if task in self.settings.tasks:
                more_train, more_test = build()
                train += more_train
                test += more_test
        return train, test

    def _from_scores(self) -> _Pair:
        """Retrieval, ranking and classification, from one pass over the scores."""
        users, settings = self.histories, self.settings
        paired = round(settings.synthetic_classification_share * len(users.synthetic))
        tested = round(settings.classification_test_share * len(users.test))
        chosen = set(self.rng("classification test").permutation(len(users.test))[:tested].tolist())
        test_paired = [user for index, user in enumerate(users.test) if index in chosen]
        test_single = [user for index, user in enumerate(users.test) if index not in chosen]
        rngs = {task: self.rng(task) for task in ("ranking", "classification")}
        train = self._scored([*users.last, *users.synthetic[:paired]], rngs, pairs=True)
        train += self._scored([*users.earlier, *users.synthetic[paired:]], rngs, pairs=False)
        rngs = {task: self.rng(f"{task} test") for task in ("ranking", "classification")}
        test = self._scored(test_paired, rngs, pairs=True) + self._scored(test_single, rngs, pairs=False)
        train.sort(key=lambda example: TASKS.index(example.task))
        test.sort(key=lambda example: TASKS.index(example.task))
        return train, test

    def _scored(self, users: Sequence[User], rngs: dict[str, np.random.Generator], *, pairs: bool) -> list[Example]:
        examples: list[Example] = []
        tasks = set(self.settings.tasks) & {"retrieval", "ranking", *(("classification",) if pairs else ())}
        if not tasks:
            return examples
        batches = -(-len(users) // BATCH)
        for batch in track(score_batches(self.recommender, users), "scoring", total=batches):
            if "retrieval" in tasks:
                examples += retrieval_examples(batch)
            if "ranking" in tasks:
                examples += ranking_examples(batch, rngs["ranking"])
            if "classification" in tasks:
                examples += classification_examples(batch, rngs["classification"])
        return examples

    def _verdicts(self) -> list[Example]:
        rng, known = self.rng("verdicts"), self.histories
        users = _spread([*known.last, *known.earlier, *known.synthetic], self.settings.verdicts, rng)
        return [one for batch in score_batches(self.recommender, users) for one in verdict_examples(batch, rng)]

    def _chat(self) -> _Pair:
        """Task 5: conversations keep the language model's general ability (paper section 2.2).

        Files may answer one question several times; no question is in both parts, and each is tested once.
        """
        settings = self.settings
        read, longest = read_conversations(settings.chat_path), settings.chat_characters
        kept = [one for one in read.pairs if longest is None or _characters(one) <= longest]
        drawn = [kept[index] for index in self.rng("chat").permutation(len(kept))]
        by_question = {one.question: one for one in reversed(drawn)}
        questions = list(dict.fromkeys(one.question for one in drawn))
        tested = dict.fromkeys(questions[: min(settings.chat_test, len(questions) // 10)])
        test = [by_question[question] for question in tested]
        others = [one for one in drawn if one.question not in tested]
        train = others[: settings.chat_train]
        self.notes["chat"] = {
            "source": str(settings.chat_path or "embedded"),
            "conversations": len(read.pairs) + read.without_answer,
            "left out without question and answer": read.without_answer,
            "left out as too long": len(read.pairs) - len(kept),
            "left out since their question is tested": len(kept) - len(others) - len(test),
            "left out beyond chat_train": len(others) - len(train),
            "with further turns, not read": read.longer,
            "mean characters": round(sum(map(_characters, train)) / max(len(train), 1)),
        }
        return _chat_examples(train), _chat_examples(test)

    def _reconstruction(self) -> _Pair:
        users = self.histories
        path = self.settings.summaries_path
        given = read_summaries(path, self.dataset.user_ids) if path else {}
        summaries, n_given = summary_examples(users.full, self.attributes, self.rng("summaries"), given)
        self.notes["summaries"] = {"chat endpoint": n_given, "item attributes": len(summaries) - n_given}
        return history_examples([*users.earlier, *users.last]) + summaries, history_examples(users.test)

    def _rationale(self) -> _Pair:
        settings, recommender = self.settings, self.recommender
        if not recommender.answers_changed_history:
            self.notes["rationale"] = "left out: the recommender cannot answer for a changed history"
            return [], []
        shares = recommended_shares(recommender, self.dataset)
        rng = self.rng("rationale")
        wanted = max(settings.rationale_surrogate, settings.rationale_evidence, settings.rationale_causes)
        histories = [*self.histories.last, *self.histories.earlier]
        users = _spread([one for one in histories if len(one.history) >= _RATIONALE_HISTORY] or histories, wanted, rng)
        ungrounded, grounded = rationale_examples(self.dataset, recommender, self.attributes, users, rng, shares)
        train = ungrounded[: settings.rationale_surrogate] + grounded[: settings.rationale_evidence]
        train += cause_examples(grounded)[: settings.rationale_causes]
        users = _spread(self.histories.test, settings.rationale_test, self.rng("rationale test"))
        ungrounded, grounded = rationale_examples(self.dataset, recommender, self.attributes, users, rng, shares)
        return train, ungrounded + grounded

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


def _characters(conversation: QuestionAnswer) -> int:
    return len(conversation.question) + len(conversation.answer)


def _chat_examples(conversations: Sequence[QuestionAnswer]) -> list[Example]:
    return [Example("chat", question=one.question, answer_text=one.answer) for one in conversations]


def _spread(users: Sequence[User], count: int, rng: np.random.Generator) -> list[User]:
    """`count` users in random order, none twice before each came once."""
    if not users:
        return []
    rounds = -(-count // len(users))
    order = np.concatenate([rng.permutation(len(users)) for _ in range(rounds)]) if rounds else np.empty(0, np.int64)
    return [users[index] for index in order[:count].tolist()]


def _counts(examples: Sequence[Example]) -> dict[str, int]:
    counts = Counter(example.task for example in examples)
    return {task: counts[task] for task in TASKS if counts[task]}


def _limited(examples: list[Example], settings: MixtureSettings, rng: np.random.Generator) -> list[Example]:
    """At most the wanted number of each task, drawn at random, in their order."""
    dropped: set[int] = set()
    for task, limit in sorted(settings.limits.items()):
        of_task = [row for row, example in enumerate(examples) if example.task == task]
        dropped.update(of_task[index] for index in rng.permutation(len(of_task))[limit:].tolist())
    return [example for row, example in enumerate(examples) if row not in dropped]
