"""Any Python function or object that scores; what it returns is checked at every call.

It knows nothing of how the function works, and nothing can be kept of it but its name, `module:attribute`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, cast

import numpy as np
from pydantic import Field

from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Floats, Recommender, User
from recexplainer.settings import Settings
from recexplainer.storage import read_json, write_json

_ATTRIBUTES = ("n_items", "max_history", "has_vectors", "answers_changed_history", "scores")
_MAX_HISTORY = 50
ScoreFunction = Callable[..., Any]
"""`scores(histories)` or `scores(histories, items)`, as `FunctionSettings.entry` describes it."""


class FunctionSettings(Settings):
    """Which function or object, and what it depends on."""

    entry: str = Field(default="", pattern=r"^$|^[\w.]+:[\w.]+$")
    """`module:attribute`. A function `scores(histories)` or `scores(histories, items)`, where histories and items are
    ids and the answer is `Float[users, items]`, columns as in `items`; or an object that fulfils the contract of a
    recommender, or its class. Modules are looked for where you are, too."""
    max_history: int = Field(default=_MAX_HISTORY, ge=1)
    """How many last items a function is given; an object says so itself."""
    files: tuple[Path, ...] = ()
    """Files that it depends on (code, weights): when one changes, the recommender counts as changed."""


class FunctionRecommender:
    """A function or object of yours, held to the contract.

    Args:
        target: A function of the kind `ScoreFunction`, an object that fulfils the contract, or its class.
        item_ids: The catalogue's item ids, `[items]`.
        max_history: How many last items a function is given.
        entry: The name that it can be imported by, `module:attribute`; without one it cannot be saved.

    Raises:
        RecommenderError: It is neither a function nor a recommender, or it scores a catalogue of another size.
    """

    kind = "function"

    def __init__(
        self, target: Any, item_ids: Sequence[str], max_history: int = _MAX_HISTORY, *, entry: str = ""
    ) -> None:
        self._target: Any = target() if isinstance(target, type) else target
        self._is_object = _looks_like_one(self._target)
        self.entry, self.n_items, self._item_ids = entry, len(item_ids), list(item_ids)
        self._name = entry or str(getattr(target, "__qualname__", type(target).__name__))
        self.max_history: int = self._target.max_history if self._is_object else max_history
        self.has_vectors: bool = self._is_object and self._target.has_vectors
        self.answers_changed_history: bool = not self._is_object or self._target.answers_changed_history
        self._with_items = False
        if not self._is_object:
            self._with_items = self._takes_items()
        elif self._target.n_items != self.n_items:
            raise RecommenderError(
                f"It scores {self._target.n_items:,} items, but the catalogue has {self.n_items:,}.",
                location=self._name,
                hint="Score the items of the data after filtering, in their order.",
            )

    @classmethod
    def named(cls, entry: str, item_ids: Sequence[str], max_history: int = _MAX_HISTORY) -> FunctionRecommender:
        """What `module:attribute` names; raises RecommenderError, as the class does, where there is nothing."""
        return cls(import_entry(entry), item_ids, max_history, entry=entry)

    def item_vectors(self) -> Floats:
        """The item tower, `Float[items, d]`. Raises RecommenderError where there are no vectors."""
        self._need_vectors()
        return self._checked(self._target.item_vectors(), (self.n_items, None), "item_vectors")

    def user_vectors(self, users: Sequence[User]) -> Floats:
        """The user tower, `Float[users, d]`. Raises RecommenderError where there are no vectors."""
        self._need_vectors()
        return self._checked(self._target.user_vectors(users), (len(users), None), "user_vectors")

    def scores(self, users: Sequence[User]) -> Floats:
        """The score of every item, `Float[users, items]`.

        Raises:
            RecommenderError: A history is empty, or what came back has another shape or is not finite.
        """
        if not users:
            return np.empty((0, self.n_items), np.float32)
        if self._is_object:
            return self._checked(self._target.scores(users), (len(users), self.n_items), "scores")
        if nobody := [user.id for user in users if not user.history]:
            raise RecommenderError(
                f"{self._name} was asked about an empty history.",
                location=f"user {nobody[0]!r}",
                hint="Ask about users with at least one item.",
            )
        histories = [[self._item_ids[item] for item in user.history[-self.max_history :]] for user in users]
        more = (list(self._item_ids),) if self._with_items else ()
        return self._checked(self._target(histories, *more), (len(users), self.n_items), "scores")

    def _takes_items(self) -> bool:
        if not callable(self._target):
            raise RecommenderError(
                "This is neither a function nor a recommender.",
                location=self._name,
                hint=f"Name a function scores(histories), or an object with {', '.join(_ATTRIBUTES)}.",
            )
        try:
            taken = signature(self._target).parameters.values()
        except ValueError:  # functions written in C may not say what they take
            return False
        by_place = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
        return sum(one.default is one.empty and one.kind in by_place for one in taken) > 1

    def _need_vectors(self) -> None:
        if not self.has_vectors:
            raise RecommenderError(
                "This recommender has no vectors, it can only score.",
                location=self._name,
                hint="Align it in the behavior form, or give an object with item_vectors and user_vectors.",
            )

    def _checked(self, answer: Any, shape: tuple[int, int | None], what: str) -> Floats:
        try:
            array = np.array(answer, np.float32)
        except (TypeError, ValueError) as error:
            raise RecommenderError(
                f"{what} did not come back as an array of numbers: {error}.",
                location=self._name,
                hint="Return a NumPy array.",
            ) from error
        if array.ndim != 2 or array.shape[0] != shape[0] or shape[1] not in (None, array.shape[1]):
            due = f"({shape[0]}, {'any width' if shape[1] is None else shape[1]})"
            raise RecommenderError(
                f"{what} came back with shape {array.shape}, where {due} was due.",
                location=self._name,
                hint="Return one row a user (of item vectors: an item), and of scores one column an item.",
            )
        if not np.isfinite(array).all():
            raise RecommenderError(
                f"{what} came back with NaN or infinity.",
                location=self._name,
                hint="Return a finite number for every item, those in the history included.",
            )
        return array

    def save(self, folder: Path) -> None:
        """Write `recommender.json`: the name, and the ids that it is asked about.

        Raises:
            RecommenderError: It has no name that it can be imported by.
        """
        if not self.entry:
            raise RecommenderError(
                "A function can be kept by its name only, and this one was given without.",
                location=self._name,
                hint="Put it into a module, and name it: FunctionRecommender.named('module:attribute', item_ids).",
            )
        folder.mkdir(parents=True, exist_ok=True)
        described = {"entry": self.entry, "max_history": self.max_history, "item_ids": self._item_ids}
        write_json(folder / "recommender.json", {"kind": self.kind, "n_items": self.n_items, **described})

    @classmethod
    def load(cls, folder: Path) -> FunctionRecommender:
        """Read what `save` wrote, and import the function again."""
        described = read_json(folder / "recommender.json")
        return cls.named(described["entry"], described["item_ids"], described["max_history"])


def as_recommender(given: Recommender | ScoreFunction, item_ids: Sequence[str]) -> Recommender:
    """A recommender as it is; a bare function, or a recommender's class, as a `FunctionRecommender`.

    Raises:
        RecommenderError: It is neither.
    """
    ready = _looks_like_one(given) and not isinstance(given, type)
    return cast(Recommender, given) if ready else FunctionRecommender(given, item_ids)


def _looks_like_one(target: Any) -> bool:
    return all(hasattr(target, name) for name in _ATTRIBUTES)


def import_entry(entry: str) -> Any:
    """What `module:attribute` names; modules are looked for in the working folder, too.

    Raises:
        RecommenderError: There is none.
    """
    module, _, attribute = entry.partition(":")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    try:
        found: Any = import_module(module)
        for name in attribute.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError, ValueError) as error:
        raise RecommenderError(
            f"The recommender cannot be imported: {error}.",
            location=entry or "function.entry",
            hint="Name it as module:attribute; the module must be installed, or lie where you start from.",
        ) from error
    return found
