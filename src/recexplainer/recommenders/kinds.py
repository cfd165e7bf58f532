"""Every kind of recommender that a recipe can name: its settings, how it is made, and how it is read back.

It knows each kind's module; nothing outside this room names a kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import model_validator

from recexplainer.data.dataset import Dataset
from recexplainer.data.split import Split
from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Recommender
from recexplainer.recommenders.factorization import MF
from recexplainer.recommenders.fitting import MFSearchSettings, SearchSettings, Trial, fit_mf, fit_sasrec
from recexplainer.recommenders.function import FunctionRecommender, FunctionSettings
from recexplainer.recommenders.implicit_models import ImplicitSettings, fit_implicit
from recexplainer.recommenders.sasrec import SASRec
from recexplainer.recommenders.vectors import VectorRecommender, VectorSettings, recommender_from_files
from recexplainer.settings import Settings
from recexplainer.storage import read_json

Kind = Literal["sasrec", "mf", "vectors", "function", "implicit"]

_LOADERS: dict[str, Callable[[Path], Recommender]] = {
    "sasrec": SASRec.load,
    "mf": MF.load,
    "vectors": VectorRecommender.load,
    "function": FunctionRecommender.load,
}


class Saved(Recommender, Protocol):
    """A recommender that can be saved."""

    def save(self, folder: Path) -> None:
        """Write it into a folder, so that `load_recommender` reads it."""
        ...


class RecommenderSettings(Settings):
    """The recommender to be explained. Only the settings of its own kind count."""

    kind: Kind = "sasrec"
    """`sasrec`, `mf` and `implicit` are fitted; `vectors` are read from files; `function` is a function of yours."""
    search: SearchSettings = SearchSettings()
    """`sasrec`: what is tried to find a good one."""
    mf: MFSearchSettings = MFSearchSettings()
    """`mf`: what is tried to find a good one."""
    vectors: VectorSettings = VectorSettings()
    """`vectors`: which files."""
    function: FunctionSettings = FunctionSettings()
    """`function`: which one."""
    implicit: ImplicitSettings = ImplicitSettings()
    """`implicit`: which model, and how it is fitted."""

    @model_validator(mode="after")
    def _named(self) -> RecommenderSettings:
        if self.kind == "vectors" and self.vectors.items is None:
            raise ValueError("'kind: vectors' needs 'vectors.items', a file of item vectors")
        if self.kind == "vectors" and self.vectors.users is None and self.vectors.fold_in != "mean":
            raise ValueError(
                "'kind: vectors' needs 'vectors.users', a file of user vectors, or 'vectors.fold_in: mean'"
            )
        if self.kind == "function" and not self.function.entry:
            raise ValueError("'kind: function' needs 'function.entry', named as module:attribute")
        return self

    @property
    def name(self) -> str:
        """What to call it in a report."""
        items = self.vectors.items
        names = {
            "sasrec": "SASRec",
            "mf": "MF",
            "implicit": self.implicit.model.upper(),
            "function": self.function.entry,
        }
        return names.get(self.kind) or f"The model of {items.name if items else 'vectors'}"

    @property
    def sources(self) -> tuple[Path, ...]:
        """Files that decide what it answers; they are known by their content."""
        return {"vectors": self.vectors.files, "function": self.function.files}.get(self.kind, ())

    def chosen(self) -> dict[str, Any]:
        """The kind and its own settings, as JSON values."""
        return self.model_dump(mode="json", include={"kind", self._block})

    @property
    def _block(self) -> str:
        return "search" if self.kind == "sasrec" else self.kind

    def cache_key(self) -> dict[str, Any]:
        """The settings that decide what it answers, as JSON values: its own kind's, without the places of files."""
        block = self._block
        own: dict[str, Any] = self.chosen()[block]
        places = ("items", "item_ids", "users", "user_ids") if self.kind == "vectors" else ()
        own |= {place: own[place] is not None for place in places}
        own.pop("files", None)
        return {"kind": self.kind, block: own}


@dataclass(frozen=True, slots=True)
class Made:
    """A recommender, and how it came about.

    Attributes:
        recommender: f.
        summary: One line about it.
        trials: What was tried, the best first, as JSON values; empty where nothing is searched.
    """

    recommender: Saved
    summary: str
    trials: list[dict[str, Any]]


def make_recommender(dataset: Dataset, split: Split, settings: RecommenderSettings) -> Made:
    """Fit a recommender, or read or import it, as the settings say.

    Raises:
        RecommenderError: It cannot be made of this data, or from what the settings name.
    """
    match settings.kind:
        case "sasrec":
            recommender, trials = fit_sasrec(dataset, split, settings.search)
            return Made(recommender, _best("SASRec", trials), _tried(trials))
        case "mf":
            recommender, trials = fit_mf(dataset, split, settings.mf)
            return Made(recommender, _best("MF", trials), _tried(trials))
        case "vectors":
            recommender = recommender_from_files(dataset, split, settings.vectors)
            return Made(recommender, f"vectors of {dataset.n_items:,} items; {_answers_for(recommender)}", [])
        case "function":
            own = settings.function
            recommender = FunctionRecommender.named(own.entry, dataset.item_ids, own.max_history)
            vectors = "with vectors" if recommender.has_vectors else "scores only"
            return Made(recommender, f"{own.entry}, {vectors}", [])
        case "implicit":
            fitted = fit_implicit(dataset, split, settings.implicit)
            return Made(fitted, f"{settings.name} of implicit, {settings.implicit.factors} factors", [])


def load_recommender(folder: Path) -> Recommender:
    """The recommender that was saved in a folder, whatever its kind.

    Raises:
        RunError: There is none.
        RecommenderError: It is of an unknown kind, or a function that cannot be imported any more.
    """
    kind = read_json(folder / "recommender.json").get("kind")
    if kind not in _LOADERS:
        raise RecommenderError(
            f"A recommender of the unknown kind {kind!r} was saved here.",
            location=str(folder / "recommender.json"),
            hint=f"Known are {', '.join(_LOADERS)}; it may be of a newer version.",
        )
    return _LOADERS[kind](folder)


def _answers_for(recommender: VectorRecommender) -> str:
    if not recommender.answers_changed_history:
        return "answers for users by id"
    if recommender.folding is None:
        return "answers for any history"
    explained = f"{max(0.0, recommender.folding.explained):.0%} of held-out users' variance"
    return f"what a change in a history does is a guess that explains {explained}"


def _tried(trials: Sequence[Trial[Any]]) -> list[dict[str, Any]]:
    return [asdict(trial) | {"shape": trial.shape.model_dump(mode="json")} for trial in trials]


def _best(name: str, trials: Sequence[Trial[Any]]) -> str:
    best = trials[0]
    return f"{name} of width {best.shape.width}, the best of {len(trials)}; held-out NDCG@10 {best.ndcg:.3f}"
