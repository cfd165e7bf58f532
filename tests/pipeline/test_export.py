from __future__ import annotations

from pathlib import Path

import pytest

from recexplainer.errors import RunError
from recexplainer.pipeline.layout import RunLayout
from recexplainer.pipeline.recipe import Recipe, recipe_text
from recexplainer.pipeline.runs import export_surrogate


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A run of which nothing is made yet."""
    run = tmp_path / "run"
    run.mkdir()
    RunLayout(run).write_version()
    RunLayout(run).recipe.write_text(recipe_text(Recipe(name="begun", forms=("intention", "hybrid"))), encoding="utf-8")
    return run


def test_a_run_that_is_not_finished_is_said(begun: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="stage 'dataset' of this run is not complete"):
        export_surrogate(begun, tmp_path / "to")
    assert not (tmp_path / "to").exists()


def test_a_form_that_was_not_trained_is_said(begun: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no surrogate in the form 'behavior'") as caught:
        export_surrogate(begun, tmp_path / "to", form="behavior")
    assert caught.value.hint == "It has intention, hybrid."


@pytest.mark.parametrize("inside", [True, False])
def test_nothing_is_ever_replaced(inside: bool, begun: Path, tmp_path: Path) -> None:
    kept = tmp_path / "to" / "kept" if inside else tmp_path / "to"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("mine", encoding="utf-8")
    with pytest.raises(RunError, match="not empty"):
        export_surrogate(begun, tmp_path / "to")
    assert kept.read_text(encoding="utf-8") == "mine"
