"""Every kind of recommender that a recipe can name: its settings, and how it is made.

It knows each kind's module; nothing outside this package names a kind. `loading.py` reads one back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pydantic import model_validator

from recexplainer.data.dataset import Dataset, Split
from recexplainer.recommenders.factorization import MF, ImplicitSettings, fit_implicit
from recexplainer.recommenders.fitting import MFSearchSettings, SASRecSearchSettings, Trial, fit_towers
from recexplainer.recommenders.function import FunctionRecommender, FunctionSettings
from recexplainer.recommenders.sasrec import SASRec
from recexplainer.recommenders.vectors import VectorRecommender, VectorSettings
from recexplainer.settings import Settings

Kind = Literal["sasrec", "mf", "vectors", "function", "implicit"]


class RecommenderSettings(Settings):
    """The recommender to be explained. Only the settings of its own kind count."""

    renamed = MappingProxyType({"search": "sasrec"})

    kind: Kind = "sasrec"
    """`sasrec`, `mf` and `implicit` are fitted; `vectors` are read from files; `function` is a function of yours."""
    sasrec: SASRecSearchSettings = SASRecSearchSettings()
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
    def _complete(self) -> RecommenderSettings:
        if self.kind == "vectors" and self.vectors.items is None:
            raise ValueError("'kind: vectors' needs 'vectors.items', a file of item vectors")
        if self.kind == "vectors" and self.vectors.users is None and self.vectors.fold_in != "mean":
            raise ValueError("'kind: vectors' needs 'vectors.users', a file of vectors, or 'vectors.fold_in: mean'")
        if self.kind == "function" and not self.function.entry:
            raise ValueError("'kind: function' needs 'function.entry', module:attribute or a registered name")
        return self

    @property
    def name(self) -> str:
        """What to call it in a report."""
        names = {"sasrec": "SASRec", "implicit": self.implicit.model.upper(), "function": self.function.entry}
        if self.kind == "vectors" and self.vectors.items:
            return f"The model of {self.vectors.items.name}"
        return names.get(self.kind, self.kind.upper())

    @property
    def sources(self) -> tuple[Path, ...]:
        """Files that decide what it answers; they are known by their content."""
        return {"vectors": self.vectors.files, "function": self.function.files}.get(self.kind, ())

    def chosen(self) -> dict[str, Any]:
        """The kind and its own settings, as JSON values."""
        return self.model_dump(mode="json", include={"kind", self.kind})

    def cache_key(self) -> dict[str, Any]:
        """The settings that decide what it answers, as JSON values: its own kind's, without the locations of files."""
        own: dict[str, Any] = self.chosen()[self.kind]
        if self.kind in ("sasrec", "mf"):
            own = (self.sasrec if self.kind == "sasrec" else self.mf).cache_key()
        if self.kind == "vectors":
            own |= {name: own[name] is not None for name in ("items", "item_ids", "users", "user_ids")}
        if self.kind == "function":
            own |= {"files": None, "version": self.function.version}
        return {"kind": self.kind, self.kind: own}


@dataclass(frozen=True, slots=True)
class MadeRecommender:
    """A recommender, and how it came about."""

    recommender: SASRec | MF | VectorRecommender | FunctionRecommender
    summary: str  # one line about it
    trials: list[dict[str, Any]]  # what was tried, the best first, as JSON values; empty where nothing is searched


def make_recommender(dataset: Dataset, split: Split, settings: RecommenderSettings) -> MadeRecommender:
    """Fit a recommender, or read or import it, as the settings state. Raises RecommenderError if it cannot be."""
    match settings.kind:
        case "sasrec":
            return _searched(settings.name, *fit_towers(SASRec, dataset, split, settings.sasrec))
        case "mf":
            return _searched(settings.name, *fit_towers(MF, dataset, split, settings.mf))
        case "vectors":
            made = VectorRecommender.from_files(dataset, settings.vectors, split)
            return MadeRecommender(made, f"vectors of {dataset.n_items:,} items; {_answers_for(made)}", [])
        case "function":
            own = settings.function
            function = FunctionRecommender.named(
                own.entry, dataset.item_ids, own.max_history, answers_changed_history=own.answers_changed_history
            )
            vectors = "with vectors" if function.has_vectors else "scores only"
            known = "" if function.answers_changed_history else "; it answers for its own users' histories alone"
            return MadeRecommender(function, f"{own.entry}, {vectors}{known}", [])
        case "implicit":
            fitted = fit_implicit(dataset, split, settings.implicit)
            return MadeRecommender(fitted, f"{settings.name} of implicit, {settings.implicit.factors} factors", [])


def _answers_for(recommender: VectorRecommender) -> str:
    if not recommender.answers_changed_history:
        return "answers for users by id"
    if recommender.folding is None:
        return "answers for any history"
    explained = f"{max(0.0, recommender.folding.explained):.0%} of held-out users' variance"
    return f"what a change in a history does is an estimate that explains {explained}"


def _searched(name: str, recommender: SASRec | MF, trials: Sequence[Trial]) -> MadeRecommender:
    width = recommender.items.embedding_dim
    summary = f"{name} of width {width}, the best of {len(trials)}; held-out NDCG@10 {trials[0].ndcg:.3f}"
    return MadeRecommender(recommender, summary, [asdict(trial) for trial in trials])
