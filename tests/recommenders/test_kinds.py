from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.tiny import SEARCH, world

from recexplainer.data.dataset import leave_one_out
from recexplainer.errors import RecommenderError, RunError
from recexplainer.recommenders.base import User
from recexplainer.recommenders.fitting import MFSearchSettings, SASRecSearchSettings
from recexplainer.recommenders.function import FunctionSettings
from recexplainer.recommenders.kinds import RecommenderSettings, make_recommender
from recexplainer.recommenders.loading import load_recommender
from recexplainer.recommenders.vectors import VectorSettings
from recexplainer.storage import write_json


def popular(histories: list[list[str]], items: list[str]) -> np.ndarray:
    counts = np.arange(len(items), dtype=np.float32)
    return np.stack([counts + len(history) for history in histories])


def settings_of(kind: str, folder: Path) -> RecommenderSettings:
    items = folder / "items.npy"
    np.save(items, np.random.default_rng(0).normal(size=(world().n_items, 4)))
    items.with_suffix(".txt").write_text("\n".join(world().items["item_id"].to_list()))
    return {
        "sasrec": RecommenderSettings(sasrec=SEARCH),
        "mf": RecommenderSettings(
            kind="mf", mf=MFSearchSettings(factors=(8,), weights=(1.0,), epochs=2, batch_size=32)
        ),
        "vectors": RecommenderSettings(kind="vectors", vectors=VectorSettings(items=items, fold_in="mean")),
        "function": RecommenderSettings(kind="function", function=FunctionSettings(entry=f"{__name__}:popular")),
    }[kind]


@pytest.mark.parametrize("kind", ["sasrec", "mf", "vectors", "function"])
def test_every_kind_is_made_saved_and_read_back_by_one_function(kind: str, tmp_path: Path) -> None:
    made = make_recommender(world(), leave_one_out(world()), settings_of(kind, tmp_path))
    made.recommender.save(tmp_path / "saved")
    users = [User((1, 2, 3)), User((4,))]
    np.testing.assert_array_equal(load_recommender(tmp_path / "saved").scores(users), made.recommender.scores(users))
    assert made.summary
    assert bool(made.trials) == (kind in ("sasrec", "mf"))


def test_only_the_settings_of_its_own_kind_count(tmp_path: Path) -> None:
    plain = RecommenderSettings()
    assert RecommenderSettings(mf=MFSearchSettings(epochs=1)).cache_key() == plain.cache_key()
    assert RecommenderSettings(sasrec=SASRecSearchSettings(epochs=1)).cache_key() != plain.cache_key()
    assert set(RecommenderSettings(kind="mf").cache_key()) == {"kind", "mf"}


def test_the_loss_decides() -> None:
    assert RecommenderSettings().cache_key()["sasrec"]["loss"] == "softmax"
    assert RecommenderSettings(sasrec=SASRecSearchSettings(loss="bce")).cache_key()["sasrec"]["loss"] == "bce"


def test_files_are_sources_and_their_places_are_no_settings(tmp_path: Path) -> None:
    settings = settings_of("vectors", tmp_path)
    assert [path.name for path in settings.sources] == ["items.npy", "items.txt"]
    assert str(tmp_path) not in str(settings.cache_key())
    code = FunctionSettings(entry="m:f", files=(tmp_path / "m.py",))
    assert RecommenderSettings(kind="function", function=code).sources == (tmp_path / "m.py",)
    assert not RecommenderSettings().sources


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "vectors"}, "vectors.items"),
        ({"kind": "vectors", "vectors": {"items": "items.npy"}}, "vectors.users"),
        ({"kind": "function"}, "function.entry"),
        ({"kind": "oracle"}, "kind"),
    ],
)
def test_what_a_kind_needs_must_be_there(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RecommenderSettings.model_validate(values)


def test_nothing_saved_or_an_unknown_kind_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunError):
        load_recommender(tmp_path)
    write_json(tmp_path / "recommender.json", {"kind": "oracle"})
    with pytest.raises(RecommenderError, match=r"unknown kind 'oracle'(?s:.)*sasrec"):
        load_recommender(tmp_path)


def test_the_lines_shown_for_python_make_recommenders() -> None:
    page = (Path(__file__).parents[2] / "docs" / "your-recommender.md").read_text("utf-8")
    lines = re.findall(r"```python\n(.*?)```", page.partition("## In Python")[2], re.DOTALL)
    lines = [code for code in lines if ".explain(" not in code]  # scripts; tests/test_library.py runs them
    assert len(lines) == 2
    rng, dataset = np.random.default_rng(0), world()
    for code in lines:
        names: dict[str, Any] = {
            "dataset": dataset,
            "item_vectors": rng.normal(size=(dataset.n_items, 4)),
            "user_vectors": rng.normal(size=(dataset.n_users, 4)),
            "scores": popular,
        }
        exec(code.replace("epochs=10", "epochs=1"), names)
        assert names["recommender"].scores([User((1, 2))]).shape == (1, dataset.n_items)
