"""Recommenders of every kind as a recipe names them: the stage, its settings and sources, and what comes after it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.tiny import NANO, SETTINGS, stages_made

from recexplainer.data.dataset import Dataset
from recexplainer.errors import RecommenderError, SettingsError
from recexplainer.pipeline.execution import read_manifest
from recexplainer.pipeline.layout import read_explanations
from recexplainer.pipeline.recipe import Recipe, load_recipe
from recexplainer.pipeline.runs import run_recipe
from recexplainer.pipeline.stages import build_stages
from recexplainer.recommenders.loading import load_recommender


def scores(histories: list[list[str]], items: list[str]) -> np.ndarray:
    """Ask for items with numbers like those of the history."""
    places = {name: place for place, name in enumerate(items)}
    return np.array([[-abs(place - places[history[-1]]) for place in range(len(items))] for history in histories])


def recipe(recommender: Mapping[str, object], forms: tuple[str, ...] = ("behavior",)) -> Recipe:
    return Recipe.model_validate(
        {
            "name": "small",
            "threads": 1,
            "data": {"source": "sample", "sample": {"users": 60, "items": 60}},
            "recommender": recommender,
            "examples": {"test_users": 8, "limits": {"ranking": 30, "retrieval": 30}, "chat_train": 0},
            "forms": forms,
            "surrogate": SETTINGS.model_dump() | {"nano": NANO.model_dump(), "epochs": dict.fromkeys(forms, 0.1)},
            "explanations": {"count": 2},
        }
    )


def run(to_do: Recipe, folder: Path, *only: str) -> list[str]:
    """The stages made."""
    return stages_made(run_recipe, to_do, folder, only=only or None)


def vectors_of(folder: Path, seed: int = 0) -> dict[str, str]:
    """Random vectors of all items and users of a run's dataset, beside the run."""
    dataset, rng = Dataset.load(folder / "dataset"), np.random.default_rng(seed)
    paths: dict[str, str] = {}
    for name, ids in (("items", dataset.items["item_id"].to_list()), ("users", list(dataset.user_ids))):
        path = folder.parent / f"{name}.parquet"
        pl.DataFrame({"id": ids, "vector": rng.normal(size=(len(ids), 8)).tolist()}).write_parquet(path)
        paths[name] = str(path)
    return paths


def test_settings_of_shipped_recipes_are_what_they_were() -> None:
    demo = {stage.name: stage for stage in build_stages(load_recipe("demo"))}["recommender"]
    assert demo.settings["kind"] == "sasrec"
    assert set(demo.settings) == {"kind", "sasrec"}
    assert set(demo.settings["sasrec"]) == {
        *("hidden_sizes", "dropouts", "learning_rates", "num_hidden_layers", "num_attention_heads"),
        *("max_history", "batch_size", "epochs", "patience", "weight_decay", "loss", "seed"),
    }
    assert demo.sources == ()
    other = load_recipe("demo", ["recommender.sasrec.averaged_weights=true", "recommender.sasrec.precision=auto"])
    added = set(other.recommender.cache_key()["sasrec"]) - set(demo.settings["sasrec"])
    assert added == {"averaged_weights", "precision"}


def test_a_recipe_that_names_a_kind_without_what_it_needs_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"vectors\.items"):
        load_recipe("demo", ["recommender.kind=vectors"])
    with pytest.raises(SettingsError, match=r"function\.entry"):
        load_recipe("demo", ["recommender.kind=function"])
    assert load_recipe("demo", ["recommender.kind=mf", "seed=7"]).recommender.mf.seed == 7


def test_an_mf_is_fitted_and_read_back(tmp_path: Path) -> None:
    small = recipe({"kind": "mf", "mf": {"factors": [8], "weights": [1.0], "epochs": 2}})
    assert run(small, tmp_path, "recommender") == ["dataset", "recommender"]
    assert load_recommender(tmp_path / "recommender").has_vectors
    assert run(small, tmp_path, "recommender") == []


def test_vectors_count_by_content_and_not_by_place(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run(recipe({"kind": "mf"}), folder, "dataset")
    paths = vectors_of(folder)
    assert run(recipe({"kind": "vectors", "vectors": paths}), folder, "recommender") == ["recommender"]
    manifest = read_manifest(folder / "recommender")
    assert manifest is not None
    assert len(manifest.sources) == 2
    (tmp_path / "elsewhere").mkdir()
    moved = {name: str(Path(path).rename(tmp_path / "elsewhere" / Path(path).name)) for name, path in paths.items()}
    assert run(recipe({"kind": "vectors", "vectors": moved}), folder, "recommender") == []
    assert run(recipe({"kind": "vectors", "vectors": vectors_of(folder, seed=1)}), folder, "recommender")


def test_a_form_that_reads_vectors_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    function = {"kind": "function", "function": {"entry": f"{__name__}:scores", "max_history": 9}}
    with pytest.raises(RecommenderError, match=r"no vectors(?s:.)*form hybrid(?s:.)*behavior"):
        run(recipe(function, ("behavior", "hybrid")), tmp_path, "recommender")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "form"), [("mf", "intention"), ("vectors", "hybrid"), ("function", "behavior"), ("implicit", "intention")]
)
def test_each_kind_gives_a_surrogate_and_explanations(kind: str, form: str, tmp_path: Path) -> None:
    if kind == "implicit":
        pytest.importorskip("implicit", reason="implicit is an extra")
    folder = tmp_path / "run"
    run(recipe({"kind": "mf"}), folder, "dataset")
    settings = {
        "mf": {"max_history": 9, "factors": [8], "weights": [1.0], "epochs": 2},
        "vectors": vectors_of(folder) | {"max_history": 9},
        "function": {"entry": f"{__name__}:scores", "max_history": 9},
        "implicit": {"model": "als", "factors": 8, "max_history": 9},
    }
    assert run(recipe({"kind": kind, kind: settings[kind]}, (form,)), folder)[-1] == "report"
    explanations = read_explanations(folder / "explanations" / "grounded.json")
    assert [(one.method, one.variant) for one in explanations] == [(form, "grounded")] * 2
    assert all(len(one.attributions) == len(one.history) <= 9 for one in explanations)
    if kind == "function":
        assert f"{__name__}:scores" in (folder / "report" / "index.html").read_text("utf-8")


@pytest.mark.slow
def test_users_known_by_id_alone_go_through_all_stages_without_explanations(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run(recipe({"kind": "mf"}), folder, "dataset")
    named = recipe({"kind": "vectors", "vectors": vectors_of(folder) | {"fold_in": "none"}}, ("intention",))
    assert run(named, folder)[-1] == "report"
    assert read_explanations(folder / "explanations" / "grounded.json") == []
    assert "No explanations were made in this run." in (folder / "report" / "index.html").read_text("utf-8")
