"""A recommender that is nothing but vectors: trained elsewhere, given as arrays or in files.

A user is known by id and has a given vector. A history that no user has gets an estimate: a fold-in learned from all
users. Or a user is the mean of the item vectors of the history, where that is how the model works.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, model_validator
from safetensors.numpy import load_file, save_file

from recexplainer.data.dataset import Dataset, Split, leave_one_out
from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Floats, User, require_history
from recexplainer.recommenders.neighbours import unit_vectors
from recexplainer.recommenders.vector_files import VectorTable, files_of, read_vectors, row_labels
from recexplainer.settings import Settings
from recexplainer.storage import read_json, write_json

_STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)
_HELD_OUT = 5  # one user in so many


class ScoreSettings(Settings):
    """How vectors become scores: `user · item / temperature + bias`."""

    max_history: int = Field(default=50, ge=1)
    """How many last items of a history count, and are shown to the surrogate."""
    cosine: bool = False
    """Bring every vector to length one first."""
    temperature: float = Field(default=1.0, gt=0)
    """What the product is divided by."""


class VectorSettings(ScoreSettings):
    """Which files, and how vectors become scores."""

    items: Path | None = None
    """Item vectors: `.npy`, `.safetensors` or `.parquet`, a file or a folder of parts."""
    item_ids: Path | None = None
    """Ids of the item vectors, where they are not beside them."""
    users: Path | None = None
    """User vectors, keyed by user id."""
    user_ids: Path | None = None
    """Ids of the user vectors, where they are not beside them."""
    fold_in: Literal["none", "mean", "ridge"] = "ridge"
    """What becomes of a history that no user has. `ridge`: its vector is estimated by a regression learned from users.
    `none`: it has none; then there are no explanations. `mean`: instead of `users`, a user is the mean of the item
    vectors of the history; only if that is how your model works."""
    ignore_unknown: bool = False
    """Leave out vectors of items and users that the data lacks, instead of calling them an error."""

    @model_validator(mode="after")
    def _one_kind_of_users(self) -> VectorSettings:
        if self.users is not None and self.fold_in == "mean":
            raise ValueError("'users' and 'fold_in: mean' exclude each other: a user has a vector of its own or a mean")
        return self

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that are read."""
        return (*files_of(self.items, self.item_ids), *files_of(self.users, self.user_ids))


@dataclass(frozen=True, slots=True)
class FoldIn:
    """Estimates a user's vector from the history: ridge regression (Hoerl and Kennard, 1970).

    Its features are the mean of the history's item vectors, the last one, and a constant.
    """

    weights: Floats  # `Float[2 d + 1, d]`
    explained: float  # the share of the variance of held-out users' vectors that it explains: 1 is all of it, 0 none

    @classmethod
    def fit(cls, items: Floats, histories: Sequence[tuple[int, ...]], users: Floats) -> FoldIn:
        """Learn from item vectors `Float[items, d]`, and the histories and vectors `Float[users, d]` of users."""
        features, held_out = _features(items, histories), np.arange(len(users)) % _HELD_OUT == 0
        train = ~held_out if len(users) > 1 else held_out
        scale = np.linalg.norm(features[:, :-1], axis=0) + 1e-9  # penalized in proportion to each feature's size

        def weights(rows: NDArray[np.bool_], strength: float) -> Floats:
            x, y = (features[rows, :-1] / scale).astype(np.float64), users[rows].astype(np.float64)
            centered, mean = x - x.mean(0), y.mean(0)
            slopes = np.linalg.solve(centered.T @ centered + strength * np.eye(x.shape[1]), centered.T @ (y - mean))
            return np.vstack([slopes / scale[:, None], mean - x.mean(0) @ slopes]).astype(np.float32)

        variance = max(float(((users[held_out] - users[held_out].mean(0)) ** 2).sum()), 1e-12)
        explained: dict[float, float] = {}
        for strength in _STRENGTHS:
            errors = users[held_out] - features[held_out] @ weights(train, strength)
            explained[strength] = 1 - float((errors**2).sum()) / variance
        best = max(_STRENGTHS, key=explained.__getitem__)
        return cls(weights(np.full(len(users), True), best), explained[best])

    def predict(self, items: Floats, histories: Sequence[tuple[int, ...]]) -> Floats:
        """A vector for each history, none of them empty; `Float[histories, d]`."""
        return _features(items, histories) @ self.weights


def _features(items: Floats, histories: Sequence[tuple[int, ...]]) -> Floats:
    means = np.array([items[list(history)].mean(0) for history in histories], np.float32)
    last = items[[history[-1] for history in histories]]
    return np.column_stack([means, last, np.ones(len(histories), np.float32)])


class VectorRecommender:
    """Scores by the products of vectors; see `ScoreSettings`. Make one by `from_arrays` or `from_files`.

    Items are `Float[items, d]` in the order of the catalogue, biases `Float[items]`. Without `users`, a vector for each
    user id, a user is the mean of the item vectors of the history. `histories` of known users are for questions that
    give no id; of equal ones the first user's counts. `folding` estimates the vector of a history that no user has.
    """

    kind = "vectors"
    has_vectors = True

    def __init__(
        self,
        items: Floats,
        settings: ScoreSettings,
        *,
        biases: Floats | None = None,
        users: Mapping[str, Floats] | None = None,
        histories: Sequence[tuple[str, tuple[int, ...]]] = (),
        folding: FoldIn | None = None,
    ) -> None:
        self.n_items, self.max_history = len(items), settings.max_history
        self.answers_changed_history = users is None or folding is not None
        self._items, self._settings, self._biases, self._users = items, settings, biases, users
        self._histories, self.folding = histories, folding
        known = [(user, history[-self.max_history :]) for user, history in reversed(histories)]
        self._user_of = {history: user for user, history in known}
        self._history_of = {user: history for user, history in known if history}

    @property
    def knows_users(self) -> bool:
        """Whether users have vectors of their own, known by their ids."""
        return self._users is not None

    @classmethod
    def from_arrays(
        cls,
        dataset: Dataset,
        items: Any,
        users: Any = None,
        *,
        item_ids: Iterable[Any] | None = None,
        user_ids: Iterable[Any] | None = None,
        biases: Any = None,
        split: Split | None = None,
        **settings: Any,
    ) -> VectorRecommender:
        """From arrays in memory.

        Args:
            dataset: The catalogue and the users that they belong to.
            items: `Float[items, d]`.
            users: `Float[users, d]`; None with `fold_in="mean"`.
            item_ids: The id of each row of `items`, or a mapping from id to row; None: they are the index of a frame of
                pandas, or the rows are in the order of the dataset.
            user_ids: The id of each row of `users`; None: as above.
            biases: `Float[items]`, or None.
            split: Which items are held out for the test; None: the last one of each user.
            settings: Fields of `VectorSettings`, for example `cosine=True`.

        Raises:
            RecommenderError: Ids are missing, unknown or doubled, numbers are not finite, or shapes do not fit.
        """
        ids = row_labels(items, dataset.item_ids, "item vectors") if item_ids is None else item_ids
        table = VectorTable("item vectors", ids, items, biases)
        names = row_labels(users, dataset.user_ids, "user vectors") if user_ids is None else user_ids
        known = None if users is None else VectorTable("user vectors", names, users)
        return cls._of_tables(dataset, split, table, known, VectorSettings(**settings))

    @classmethod
    def from_files(cls, dataset: Dataset, settings: VectorSettings, split: Split | None = None) -> VectorRecommender:
        """From the files that the settings name. Raises as `read_vectors` and `from_arrays`."""
        if settings.items is None:
            raise RecommenderError("No file of item vectors is named.", location="vectors.items", hint="Name one.")
        users = read_vectors(settings.users, settings.user_ids) if settings.users else None
        return cls._of_tables(dataset, split, read_vectors(settings.items, settings.item_ids), users, settings)

    @classmethod
    def _of_tables(
        cls,
        dataset: Dataset,
        split: Split | None,
        items: VectorTable,
        users: VectorTable | None,
        settings: VectorSettings,
    ) -> VectorRecommender:
        order = items.rows_of(dataset.item_ids, "items", settings.ignore_unknown)
        vectors, biases = items.vectors[order], None if items.biases is None else items.biases[order]
        if settings.fold_in == "mean":
            return cls(vectors, settings, biases=biases)
        if users is None:
            hint = "Give some, or set fold_in: mean if a user is the mean of the history's item vectors."
            raise RecommenderError("There are no user vectors.", location="vectors.users", hint=hint)
        if users.vectors.shape[1] != vectors.shape[1]:
            message = f"User vectors are {users.vectors.shape[1]} wide, item vectors {vectors.shape[1]}."
            raise RecommenderError(message, location=users.location, hint="Give vectors of the same model.")
        rows = users.rows_of(dataset.user_ids, "users", settings.ignore_unknown)
        named = dict(zip(dataset.user_ids, users.vectors[rows], strict=True))
        split = split or leave_one_out(dataset)
        histories = [
            (user, tuple(history_of(row).tolist()))
            for history_of in (split.train_history, dataset.history)
            for row, user in enumerate(dataset.user_ids)
        ]
        made = cls(vectors, settings, biases=biases, users=named, histories=histories)
        if settings.fold_in == "ridge":
            known = made._history_of
            made.folding = FoldIn.fit(vectors, list(known.values()), np.stack([named[user] for user in known]))
            made.answers_changed_history = True
        return made

    def item_vectors(self) -> Floats:
        """The item tower, `Float[items, d]`; with biases one wider."""
        items = unit_vectors(self._items) if self._settings.cosine else self._items.copy()
        return items if self._biases is None else np.column_stack([items, self._biases])

    def user_vectors(self, users: Sequence[User]) -> Floats:
        """The user tower, `Float[users, d]`; with biases one wider. Raises RecommenderError if a user has no vector."""
        vectors = np.array([self._vector(user) for user in users], np.float32).reshape(-1, self._items.shape[1])
        vectors = (unit_vectors(vectors) if self._settings.cosine else vectors) / np.float32(self._settings.temperature)
        return vectors if self._biases is None else np.column_stack([vectors, np.ones(len(users), np.float32)])

    def scores(self, users: Sequence[User]) -> Floats:
        """The score of every item, `Float[users, items]`: the inner product of the two towers."""
        return self.user_vectors(users) @ self.item_vectors().T

    def _vector(self, user: User) -> Floats:
        """A known user's vector, moved by the estimate of what a change of the history does; else an estimate."""
        history = user.history[-self.max_history :]
        if self._users is None:
            require_history([user], "The mean of item vectors")
            return self._items[list(history)].mean(0)
        known, own = user.id or self._user_of.get(history, ""), self._history_of.get(user.id, ())
        changed = user.id and history and history != own
        if known in self._users and not (self.folding and changed):
            return self._users[known]
        if self.folding is None:
            message = "This recommender knows users by id alone, and has no vector for this one."
            hint = "Ask about users whose vectors were given, or set fold_in: ridge."
            where = f"user {user.id!r} with a history of {len(user.history)} items"
            raise RecommenderError(message, location=where, hint=hint)
        require_history([user], "The fold-in")
        estimate = self.folding.predict(self._items, [history, own or history])
        return self._users[known] + estimate[0] - estimate[1] if known in self._users and own else estimate[0]

    def save(self, folder: Path) -> None:
        """Write `recommender.json`, `vectors.safetensors` and, of users known by id, `users.parquet`."""
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {"items": self._items}
        if self._biases is not None:
            tensors["biases"] = self._biases
        if self.folding is not None:
            tensors["folding"] = self.folding.weights
        if self._users is not None:
            tensors["users"] = np.stack(list(self._users.values()))
            pl.DataFrame({"id": list(self._users)}).write_parquet(folder / "users.parquet")
            schema = {"id": pl.String, "history": pl.List(pl.Int64)}
            pl.DataFrame(list(self._histories), schema, orient="row").write_parquet(folder / "histories.parquet")
        save_file({name: np.ascontiguousarray(one) for name, one in tensors.items()}, folder / "vectors.safetensors")
        described = self._settings.model_dump(include=set(ScoreSettings.model_fields))
        about = {"kind": self.kind, "n_items": self.n_items, "settings": described}
        write_json(folder / "recommender.json", about | ({"explained": self.folding.explained} if self.folding else {}))

    @classmethod
    def load(cls, folder: Path) -> VectorRecommender:
        """Read what `save` wrote."""
        about = read_json(folder / "recommender.json")
        settings = ScoreSettings(**about["settings"])
        tensors = load_file(folder / "vectors.safetensors")
        if "users" not in tensors:
            return cls(tensors["items"], settings, biases=tensors.get("biases"))
        ids = pl.read_parquet(folder / "users.parquet")["id"].to_list()
        seen = pl.read_parquet(folder / "histories.parquet").select("id", "history").iter_rows()
        return cls(
            tensors["items"],
            settings,
            biases=tensors.get("biases"),
            users=dict(zip(ids, tensors["users"], strict=True)),
            histories=[(user, tuple(history)) for user, history in seen],
            folding=FoldIn(tensors["folding"], about["explained"]) if "folding" in tensors else None,
        )
