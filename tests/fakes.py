"""Fakes: small recommenders whose scores a test knows by hand, and a chat model; all note what they are asked.

Recommenders fulfil the contract of `recommenders.base.Recommender`; the batches of users that are scored are kept in
`batches`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from recexplainer.chat.model import Conversation
from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Floats, Recommender, User


class FakeRecommender:
    """What all fakes share; a subclass says what `score` is.

    Args:
        n_items: Size of the catalogue.
        max_history: How many last items it looks at.
        vectors: Its item vectors, `Float[items, d]`; None: it has no vectors.
        answers_changed_history: False: it knows users by id alone.
    """

    def __init__(
        self,
        n_items: int = 60,
        max_history: int = 6,
        *,
        vectors: Floats | None = None,
        answers_changed_history: bool = True,
    ) -> None:
        self.n_items: int = n_items
        self.max_history: int = max_history
        self.has_vectors: bool = vectors is not None
        self.answers_changed_history: bool = answers_changed_history
        self.vectors = vectors
        self.batches: list[list[User]] = []

    @property
    def asked(self) -> list[User]:
        """All users that were scored, in the order of the questions."""
        return [user for batch in self.batches for user in batch]

    def scores(self, users: Sequence[User]) -> Floats:
        self.batches.append(list(users))
        return np.array(self.score(users), np.float32).reshape(len(users), self.n_items)

    def score(self, users: Sequence[User]) -> Any:
        raise AssertionError("the recommender was asked for scores")

    def item_vectors(self) -> Floats:
        if self.vectors is None:
            raise RecommenderError("This fake has no vectors.", location="fake", hint="Ask for scores only.")
        return self.vectors.copy()

    def user_vectors(self, users: Sequence[User]) -> Floats:
        raise RecommenderError("This fake has no user vectors.", location="fake", hint="Ask for scores only.")


class NeverAsked(FakeRecommender):
    """Fails the test when it is asked for scores."""


class ScoredBy(FakeRecommender):
    """Scores by a function of the users."""

    def __init__(self, function: Callable[[Sequence[User]], Any], n_items: int = 60, max_history: int = 6, **more: Any):
        super().__init__(n_items, max_history, **more)
        self.function = function

    def score(self, users: Sequence[User]) -> Any:
        return self.function(users)


class ScoredByTable(FakeRecommender):
    """The scores of a user are a row of a table, `Float[rows, items]`: that of the history's item at `place`."""

    def __init__(self, table: Any, place: int = -1, max_history: int = 5, **more: Any) -> None:
        self.table = np.array(table, np.float32)
        super().__init__(self.table.shape[1], max_history, **more)
        self.place = place

    def score(self, users: Sequence[User]) -> Floats:
        return self.table[[user.history[self.place] for user in users]]


class SameForAll(FakeRecommender):
    """Scores every item by one row, `Float[items]`, for everyone; by default item 0 highest of 60."""

    def __init__(self, row: Any = range(60, 0, -1), max_history: int = 6, **more: Any) -> None:
        self.row = np.array(row, np.float32)
        super().__init__(len(self.row), max_history, **more)

    def score(self, users: Sequence[User]) -> Floats:
        return np.tile(self.row, (len(users), 1))


class AdditiveRecommender(FakeRecommender):
    """The score of item i is the sum over the history of `weights[h, i]`: the attribution of h is its own weight."""

    def __init__(self, n_items: int = 6, max_history: int = 10, **more: Any) -> None:
        super().__init__(n_items, max_history, **more)
        self.weights = np.random.default_rng(0).normal(size=(n_items, n_items)).astype(np.float32)

    def score(self, users: Sequence[User]) -> Floats:
        return np.stack([self.weights[list(user.history)].sum(0) for user in users])


class LinearRecommender(FakeRecommender):
    """Two towers: the user vector is the sum of fixed item vectors, the later the item, the heavier."""

    def __init__(self, n_items: int = 20, max_history: int = 4, width: int = 3, seed: int = 5) -> None:
        self.table = np.random.default_rng(seed).normal(size=(n_items, width)).astype(np.float32)
        super().__init__(n_items, max_history, vectors=self.table)

    def user_vectors(self, users: Sequence[User]) -> Floats:
        vectors = np.zeros((len(users), self.table.shape[1]))
        for row, user in zip(vectors, users, strict=True):
            if not user.history:
                raise RecommenderError("The history is empty.", location=f"user {user.id!r}", hint="Give a history.")
            for place, item in enumerate(user.history[-self.max_history :]):
                row += self.table[item] * (1 + place)
        return vectors.astype(np.float32)

    def score(self, users: Sequence[User]) -> Floats:
        return self.user_vectors(users) @ self.table.T


class Recording(FakeRecommender):
    """Another recommender, and what it is asked."""

    def __init__(self, recommender: Recommender) -> None:
        super().__init__(
            recommender.n_items,
            recommender.max_history,
            vectors=recommender.item_vectors() if recommender.has_vectors else None,
            answers_changed_history=recommender.answers_changed_history,
        )
        self.recommender = recommender

    def score(self, users: Sequence[User]) -> Floats:
        return self.recommender.scores(users)

    def user_vectors(self, users: Sequence[User]) -> Floats:
        return self.recommender.user_vectors(users)


class FakeChatModel:
    """A chat model without a model: a function makes the answer of the first message.

    Args:
        answer: Makes the answer.
        name: What tables call it.
    """

    def __init__(self, answer: Callable[[str], str | None], name: str = "fake") -> None:
        self.name = name
        self.calls: list[list[Conversation]] = []
        self._answer = answer

    def answer(self, conversations: Sequence[Conversation]) -> list[str | None]:
        self.calls.append(list(conversations))
        return [self._answer(one[0].content) for one in conversations]
