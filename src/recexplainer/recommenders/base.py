"""The contract of a recommender: vectors and scores for users given by their history.

The recommender is frozen and knows nothing of the surrogate that learns to imitate it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from recexplainer.errors import RecommenderError

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class User:
    """A user as a recommender sees one.

    Attributes:
        history: Item indices, oldest first. The recommender itself keeps the last `max_history` of them.
        id: The user's own id, also where the history was changed; "" for a history of nobody.
    """

    history: tuple[int, ...]
    id: str = ""


@runtime_checkable
class Recommender(Protocol):
    """What every recommender answers (paper section 2.1: two towers).

    Attributes:
        n_items: Size of the catalogue it scores.
        max_history: How many of a user's last items it looks at.
        has_vectors: False if it can only score; then only the behavior form works.
        answers_changed_history: False if it knows users by id alone and cannot answer for an altered history.
    """

    n_items: int
    max_history: int
    has_vectors: bool
    answers_changed_history: bool

    def item_vectors(self) -> Floats:
        """The item tower, `Float[items, d]`. Raises RecommenderError where there are no vectors."""
        ...

    def user_vectors(self, users: Sequence[User]) -> Floats:
        """The user tower, `Float[users, d]`. Raises RecommenderError where there are no vectors."""
        ...

    def scores(self, users: Sequence[User]) -> Floats:
        """The score of every item, `Float[users, items]`; a higher score is a stronger recommendation."""
        ...


def require_history(users: Sequence[User], name: str) -> None:
    """Raise RecommenderError if a history is empty; `name` is the recommender's, for the message."""
    for user in users:
        if not user.history:
            message, hint = f"{name} was asked about an empty history.", "Ask about users with at least one item."
            raise RecommenderError(message, location=f"user {user.id!r}", hint=hint)
