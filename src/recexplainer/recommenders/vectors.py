"""A recommender that is nothing but vectors: trained elsewhere, read from files.

A user is known by id, and has the vector that the file says; then nothing can be said of a changed history, unless the
vector is folded in: what a change does is guessed from all users. Or a user is the mean of the item vectors of the
history, where that is how the model works; then it answers for any. It knows no formats of files (`vector_files.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from pydantic import Field, model_validator
from safetensors.numpy import load_file, save_file

from recexplainer.data.dataset import Dataset
from recexplainer.data.split import Split
from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Floats, User
from recexplainer.recommenders.fold_in import FoldIn, fit_fold_in
from recexplainer.recommenders.vector_files import VectorTable, files_of, read_vectors, some
from recexplainer.settings import Settings
from recexplainer.storage import read_json, write_json


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
    """Item vectors: `.npy`, `.safetensors` or `.parquet`."""
    item_ids: Path | None = None
    """Ids of the item vectors, where they are not beside them."""
    users: Path | None = None
    """User vectors, keyed by user id."""
    user_ids: Path | None = None
    """Ids of the user vectors, where they are not beside them."""
    fold_in: Literal["none", "mean", "ridge"] = "ridge"
    """What becomes of a history that no user has. `ridge`: its vector is guessed by a regression learned from users.
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
        items = files_of(self.items, self.item_ids) if self.items else ()
        return items + (files_of(self.users, self.user_ids) if self.users else ())


class VectorRecommender:
    """Scores by the products of vectors; see `ScoreSettings`.

    Args:
        items: `Float[items, d]`, in the order of the catalogue.
        settings: How they become scores.
        biases: `Float[items]`, or None.
        users: A vector for each user id; None: a user is the mean of the item vectors of the history.
        histories: Histories of known users, for questions that give a history but no id. Of users with the same history
            the first one answers.
        folding: Guesses the vector of a history that no user has; None: it has none.
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
        self._histories = histories
        self._by_history = {self._cut(history): user for user, history in reversed(histories)}
        self._first = {user: self._cut(history) for user, history in reversed(histories) if history}
        self.folding = folding

    def item_vectors(self) -> Floats:
        """The item tower, `Float[items, d]`; with biases one wider."""
        return self._wider(self._sized(self._items), self._biases)

    def user_vectors(self, users: Sequence[User]) -> Floats:
        """The user tower, `Float[users, d]`; with biases one wider, and one there.

        Raises:
            RecommenderError: A user has no vector; or, where users are means, a history is empty.
        """
        vectors = np.empty((len(users), self._items.shape[1]), np.float32)
        for row, user in zip(vectors, users, strict=True):
            row[:] = self._vector(user)
        scaled = self._sized(vectors) / np.float32(self._settings.temperature)
        return self._wider(scaled, None if self._biases is None else np.ones(len(users), np.float32))

    def scores(self, users: Sequence[User]) -> Floats:
        """The score of every item, `Float[users, items]`: the dot product of the two towers."""
        return self.user_vectors(users) @ self.item_vectors().T

    def _cut(self, history: tuple[int, ...]) -> tuple[int, ...]:
        return history[-self.max_history :]

    def _vector(self, user: User) -> Floats:
        if self._users is None:
            self._require_history(user)
            return self._items[list(self._cut(user.history))].mean(0)
        if self.folding is None:
            return self._users[self._known(user, self._users)]
        return self._folded(user, self._users, self.folding)

    def _folded(self, user: User, users: Mapping[str, Floats], folding: FoldIn) -> Floats:
        """A known user's own vector, and the guess of what a change does to it; of nobody's history the guess."""
        history, own = self._cut(user.history), self._first.get(user.id, ())
        if user.id in users and (not history or history == own):
            return users[user.id]
        if not user.id and history in self._by_history:
            return users[self._by_history[history]]
        self._require_history(user)
        if user.id not in users or not own:
            return folding.guess(self._items, [history])[0]
        now, before = folding.guess(self._items, [history, own])
        return users[user.id] + now - before

    def _require_history(self, user: User) -> None:
        if not user.history:
            raise RecommenderError(
                "The vector of an empty history was asked for.",
                location=f"user {user.id!r}",
                hint="Ask about users with at least one item.",
            )

    def _known(self, user: User, users: Mapping[str, Floats]) -> str:
        name = user.id or self._by_history.get(self._cut(user.history), "")
        if name not in users:
            raise RecommenderError(
                "This recommender knows users by id alone, and has no vector for this one.",
                location=f"user {user.id!r} with a history of {len(user.history)} items",
                hint="Ask about users whose vectors were given, or set fold_in: ridge.",
            )
        return name

    def _sized(self, vectors: Floats) -> Floats:
        if not self._settings.cosine:
            return vectors
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)

    def _wider(self, vectors: Floats, last: Floats | None) -> Floats:
        return vectors.copy() if last is None else np.column_stack([vectors, last])

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
            pl.DataFrame(
                {"id": [user for user, _ in self._histories], "history": [list(seen) for _, seen in self._histories]},
                schema={"id": pl.String, "history": pl.List(pl.Int64)},
            ).write_parquet(folder / "histories.parquet")
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
        items, biases = tensors["items"], tensors.get("biases")
        if "users" not in tensors:
            return cls(items, settings, biases=biases)
        ids = pl.read_parquet(folder / "users.parquet")["id"].to_list()
        seen = pl.read_parquet(folder / "histories.parquet")
        histories = [(user, tuple(history)) for user, history in seen.select("id", "history").iter_rows()]
        users = dict(zip(ids, tensors["users"], strict=True))
        folding = FoldIn(tensors["folding"], about["explained"]) if "folding" in tensors else None
        return cls(items, settings, biases=biases, users=users, histories=histories, folding=folding)


def recommender_from_files(dataset: Dataset, split: Split, settings: VectorSettings) -> VectorRecommender:
    """Read the vectors of a dataset's items and users.

    Raises:
        RecommenderError: As `read_vectors`; or an item or a user lacks a vector, a vector belongs to none that the data
            has, or users and items differ in width.
    """
    if settings.items is None:
        raise RecommenderError("No file of item vectors is named.", location="vectors.items", hint="Name one.")
    table = read_vectors(settings.items, settings.item_ids)
    order = _places(table, dataset.item_ids, "items", settings)
    items, biases = table.vectors[order], None if table.biases is None else table.biases[order]
    if settings.fold_in == "mean":
        return VectorRecommender(items, settings, biases=biases)
    if settings.users is None:
        raise RecommenderError(
            "No file of user vectors is named.",
            location="vectors.users",
            hint="Name one, or set fold_in: mean if a user of your model is the mean of the history's item vectors.",
        )
    table = read_vectors(settings.users, settings.user_ids)
    if table.vectors.shape[1] != items.shape[1]:
        raise RecommenderError(
            f"User vectors are {table.vectors.shape[1]} wide, item vectors {items.shape[1]}.",
            location=str(table.path),
            hint="Give vectors of the same model.",
        )
    users = table.vectors[_places(table, dataset.user_ids, "users", settings)]
    named = dict(zip(dataset.user_ids, users, strict=True))
    histories = _histories(dataset, split)
    folding = None
    if settings.fold_in == "ridge":
        known = {user: history[-settings.max_history :] for user, history in reversed(histories) if history}
        folding = fit_fold_in(items, list(known.values()), np.stack([named[user] for user in known]))
    return VectorRecommender(items, settings, biases=biases, users=named, histories=histories, folding=folding)


def _places(table: VectorTable, ids: Sequence[str], what: str, settings: VectorSettings) -> list[int]:
    """The row of each id of the data."""
    rows = {name: row for row, name in enumerate(table.ids)}
    if lacking := [name for name in ids if name not in rows]:
        raise RecommenderError(
            f"{len(lacking):,} of {len(ids):,} {what} have no vector: {some(lacking)}.",
            location=str(table.path),
            hint=f"Give a vector for each, or leave these {what} out of the data.",
        )
    unknown = set(rows).difference(ids)
    if unknown and not settings.ignore_unknown:
        raise RecommenderError(
            f"{len(unknown):,} vectors belong to {what} that the data lacks: {some(sorted(unknown))}.",
            location=str(table.path),
            hint="Set vectors.ignore_unknown: true if that is as it should be, for example after filtering.",
        )
    return [rows[name] for name in ids]


def _histories(dataset: Dataset, split: Split) -> list[tuple[str, tuple[int, ...]]]:
    """Of each user the history without the test item and the whole one."""
    seen = [(user, split.train_history(at).tolist()) for at, user in enumerate(dataset.user_ids)]
    seen += [(user, dataset.history(at).tolist()) for at, user in enumerate(dataset.user_ids)]
    return [(user, tuple(history)) for user, history in seen]
