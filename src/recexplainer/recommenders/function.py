"""Any Python function or object that scores; what it returns is checked at every call.

Nothing can be saved of it but its name: `module:attribute`, or the name under which a package registers it.
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
from recexplainer.recommenders.answers import call, checked_scores, checked_vectors, described, undisturbed
from recexplainer.recommenders.base import Floats, Recommender, User, require_history
from recexplainer.registry import load_registered, registered
from recexplainer.settings import Settings
from recexplainer.storage import read_json, write_json

_ATTRIBUTES = ("n_items", "max_history", "has_vectors", "answers_changed_history", "scores")
_MAX_HISTORY = 50
ScoreFunction = Callable[..., Any]
"""`scores(histories)` or `scores(histories, items)`, as `FunctionSettings.entry` describes it."""


class FunctionSettings(Settings):
    """Which function or object, and what it depends on."""

    entry: str = Field(default="", pattern=r"^$|^[\w.]+:[\w.]+$|^[\w-]+$")
    """`module:attribute`, or the name that an installed package registers in the entry point group
    `recexplainer.recommenders`. A function `scores(histories)` or `scores(histories, items)`, where histories and items
    are ids and the answer is `Float[users, items]`, columns as in `items`; or an object that fulfils the contract of a
    recommender, or its class. Modules are looked for where you are, too."""
    max_history: int = Field(default=_MAX_HISTORY, ge=1)
    """How many last items a function is given; an object has its own `max_history`."""
    answers_changed_history: bool = True
    """Whether it answers for any history. false: only for the whole histories of its own users; then there are
    alignment scores, but no explanations. An object has its own `answers_changed_history`."""
    files: tuple[Path, ...] = ()
    """Files that it depends on (code, weights): when one changes, the recommender counts as changed."""

    @property
    def version(self) -> str | None:
        """The version of the package that registers it; None for `module:attribute`."""
        point = registered("recommenders").get(self.entry)
        return point.dist.version if point and point.dist else None


class FunctionRecommender:
    """A function or object of yours, held to the contract.

    Args:
        target: A function of the kind `ScoreFunction`, an object that fulfils the contract, or its class.
        item_ids: The catalogue's item ids, `[items]`.
        max_history: How many last items a function is given.
        entry: The name that it can be imported by, as in `FunctionSettings.entry`; without one it cannot be saved.
        answers_changed_history: Whether a function answers for any history, as in `FunctionSettings`.

    Raises:
        RecommenderError: It is neither a function nor a recommender, it scores a catalogue of another size, or its
            class cannot be called without arguments.
    """

    kind = "function"

    def __init__(
        self,
        target: Any,
        item_ids: Sequence[str],
        max_history: int = _MAX_HISTORY,
        *,
        entry: str = "",
        answers_changed_history: bool = True,
    ) -> None:
        self._name = entry or str(getattr(target, "__qualname__", type(target).__name__))
        self._target: Any = _made(target, self._name) if isinstance(target, type) else target
        self._is_object = _fulfils_contract(self._target)
        self.entry, self.n_items, self._item_ids = entry, len(item_ids), list(item_ids)
        self.max_history: int = self._target.max_history if self._is_object else max_history
        self.has_vectors: bool = self._is_object and self._target.has_vectors
        own = not self._is_object or bool(self._target.answers_changed_history)
        self.answers_changed_history: bool = answers_changed_history and own
        if hasattr(self._target, "padding_item"):
            self.padding_item: int = self._target.padding_item
        self._with_items = not self._is_object and self._takes_items()
        if self._is_object and self._target.n_items != self.n_items:
            message = f"It scores {self._target.n_items:,} items, but the catalogue has {self.n_items:,}."
            raise self._error(message, "Score the items of the data after filtering, in their order.")

    @classmethod
    def named(
        cls, entry: str, item_ids: Sequence[str], max_history: int = _MAX_HISTORY, **settings: bool
    ) -> FunctionRecommender:
        """What a name as in `FunctionSettings.entry` stands for; raises as `import_entry` and the class."""
        return cls(import_entry(entry), item_ids, max_history, entry=entry, **settings)

    def item_vectors(self) -> Floats:
        """The item tower, `Float[items, d]`. Raises RecommenderError where there are no vectors."""
        return self._vectors("item_vectors", self.n_items)

    def user_vectors(self, users: Sequence[User]) -> Floats:
        """The user tower, `Float[users, d]`. Raises RecommenderError where there are no vectors."""
        return self._vectors("user_vectors", len(users), users)

    def scores(self, users: Sequence[User]) -> Floats:
        """The score of every item, `Float[users, items]`; -inf: never recommended.

        Raises RecommenderError as `checked_scores`, for an empty history, and for what the function raises.
        """
        if not users:
            return np.empty((0, self.n_items), np.float32)
        if not self._is_object:
            require_history(users, self._name)
        answer = call(users, self._ask, self._name, self._item_ids)
        return checked_scores(answer, users, self.n_items, self._name, self._item_ids)

    @property
    def sees_indices(self) -> bool:
        """Whether it is given item indices and user ids, as an object is; a function is given item ids."""
        return self._is_object

    def _ask(self, users: Sequence[User]) -> Any:
        """What it answers; it gets lists of its own, which it may change."""
        if self._is_object:
            return self._target.scores(list(users))
        histories = [[self._item_ids[item] for item in user.history[-self.max_history :]] for user in users]
        return self._target(histories, *([list(self._item_ids)] if self._with_items else []))

    def _vectors(self, method: str, count: int, users: Sequence[User] = ()) -> Floats:
        if not self.has_vectors:
            hint = "Align it in the behavior form, or give an object with item_vectors and user_vectors."
            raise self._error("This recommender has no vectors, it can only score.", hint)
        function = getattr(self._target, method)
        arguments = [list(users)] if method == "user_vectors" else []
        answer = call(users, lambda some: function(*arguments), self._name, self._item_ids)
        return checked_vectors(answer, count, method, self._name)

    def _takes_items(self) -> bool:
        if not callable(self._target):
            hint = f"Name a function scores(histories), or an object with {', '.join(_ATTRIBUTES)}."
            raise self._error("This is neither a function nor a recommender.", hint)
        try:
            parameters = signature(self._target).parameters.values()
        except ValueError:  # functions written in C may have no signature
            return False
        by_position = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
        return sum(one.default is one.empty and one.kind in by_position for one in parameters) > 1

    def _error(self, message: str, hint: str) -> RecommenderError:
        return RecommenderError(message, location=self._name, hint=hint)

    def save(self, folder: Path) -> None:
        """Write its name and the item ids to `recommender.json`. Raises RecommenderError if it has no name."""
        if not self.entry:
            hint = "Put it into a module, and name it: FunctionRecommender.named('module:attribute', item_ids)."
            raise self._error("A function can be saved by its name only, and this one was given without.", hint)
        about = {"entry": self.entry, "max_history": self.max_history, "item_ids": self._item_ids}
        about |= {"answers_changed_history": self.answers_changed_history}
        write_json(folder / "recommender.json", {"kind": self.kind, "n_items": self.n_items, **about})

    @classmethod
    def load(cls, folder: Path) -> FunctionRecommender:
        """Read what `save` wrote, and import the function again."""
        about = read_json(folder / "recommender.json")
        answers = about.get("answers_changed_history", True)
        return cls.named(about["entry"], about["item_ids"], about["max_history"], answers_changed_history=answers)


def as_recommender(given: Recommender | ScoreFunction, item_ids: Sequence[str]) -> Recommender:
    """A recommender of this package as it is; any other, its class, or a bare function as a `FunctionRecommender`.

    Raises as `FunctionRecommender`.
    """
    own = type(given).__module__.startswith("recexplainer.")
    return cast(Recommender, given) if own and _fulfils_contract(given) else FunctionRecommender(given, item_ids)


def _made(kind: type, name: str) -> Any:
    """An object of a class."""
    try:
        with undisturbed():
            return kind()
    except Exception as error:
        message = f"An object of this class cannot be made: {type(error).__name__}: {described(error)}."
        hint = "A class is called without arguments; make the object yourself, and name that."
        raise RecommenderError(message, location=name, hint=hint) from error


def _fulfils_contract(target: Any) -> bool:
    return all(hasattr(target, name) for name in _ATTRIBUTES)


def import_entry(entry: str) -> Any:
    """What `module:attribute` names, or what is registered under a name; modules may lie in the working folder.

    Raises RecommenderError where there is no such module or attribute or its code raises, SettingsError where nothing
    is registered.
    """
    module, colon, attribute = entry.partition(":")
    if entry and not colon:
        return load_registered("recommenders", entry)
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    try:
        with undisturbed():
            found: Any = import_module(module)
        for name in attribute.split("."):
            found = getattr(found, name)
    except (Exception, SystemExit) as error:
        raise _not_imported(module, attribute, error) from error
    return found


def _not_imported(module: str, attribute: str, error: BaseException) -> RecommenderError:
    """There is no such module or attribute, or the module's own code raises."""
    missing = isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}.")
    if missing or (isinstance(error, AttributeError | ValueError) and module in {*sys.modules, ""}):
        reason = str(error)
        hint = "Name it as module:attribute; the module must be installed, or lie where you start from."
        if module.endswith(".py"):
            hint = f"Name the module without .py: {module.removesuffix('.py')}:{attribute}."
    else:
        reason = f"{type(error).__name__}: {described(error)}"
        hint = f"Correct the module {module}; python -c 'import {module}' shows the whole error."
    message, location = f"The recommender cannot be imported: {reason}.", f"{module}:{attribute}".strip(":")
    return RecommenderError(message, location=location or "function.entry", hint=hint)
