"""Runs from outside: found, refused where an older version made them, exported, and what an endpoint would cost."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tiny import complete, explanation_of, stages_made

from recexplainer.errors import RunError
from recexplainer.pipeline.layout import RunLayout, write_explanations
from recexplainer.pipeline.recipe import Recipe, recipe_text, with_changes
from recexplainer.pipeline.runs import export_surrogate, find_run, recipe_of, run_recipe
from recexplainer.pipeline.spend import planned_spend
from recexplainer.storage import hash_files

TITLES = ("Ash", "Birch", "Cedar")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of which the examples are made."""
    for stage in ("dataset", "recommender", "examples"):
        complete(tmp_path / stage)
    return tmp_path


def recipe(*names: str) -> Recipe:
    return Recipe.model_validate(
        {"name": "small", "forms": ["behavior"], "evaluation": {"evaluations": names, "endpoint": {"model": "chat"}}}
    )


def explained(run: Path, stage: str, method: str, count: int) -> None:
    each = [explanation_of(TITLES, f"Yes, {method} says “Ash” {number}.", method=method) for number in range(count)]
    write_explanations(complete(run / stage) / RunLayout.CASE_EXPLANATIONS, each)


def test_only_what_is_judged_is_counted(run: Path) -> None:
    """What ablated surrogates say is judged by rules alone, and what a recipe before left is not judged any more."""
    explained(run, "explanations-unaligned-direct", "unaligned", 2)
    explained(run, "explanations-behavior-direct", "behavior", 3)
    explained(run, "ablation-without_rationale", "behavior without rationale", 5)
    explained(run, "explanations-other", "other", 7)
    assert planned_spend(recipe("judge"), run).startswith("5 requests to chat: ")


def test_what_cannot_be_counted_yet_is_said(run: Path) -> None:
    explained(run, "explanations-unaligned-direct", "unaligned", 2)
    message = planned_spend(recipe("judge"), run)
    assert "Explaining the cases, which are not drawn yet, is added to that." in message
    missing = "chat, behavior self_attribution, behavior direct, behavior grounded"
    assert message.endswith(f"Judging the explanations of {missing} is added to that.")


def test_of_what_is_not_made_nothing_is_said(run: Path) -> None:
    assert planned_spend(recipe("synthetic"), run) == "Nothing to ask chat: 0 of 0 are answered."


def test_the_judge_that_people_are_compared_with_is_counted(run: Path) -> None:
    explained(run, "explanations-unaligned-direct", "unaligned", 2)
    changed = recipe("agreement").evaluation.model_copy(update={"ratings": run / "ratings.json"})
    compared = recipe("agreement").model_copy(update={"evaluation": changed})
    assert planned_spend(compared, run).startswith("2 requests to chat: ")
    assert planned_spend(recipe("agreement"), run).startswith("Nothing to ask chat"), "nobody was asked"


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


def test_finding_a_run(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    RunLayout(tmp_path / "mine").write_version()
    (tmp_path / "mine" / "recipe.yaml").write_text("name: mine")
    assert find_run("mine", tmp_path) == find_run(tmp_path / "mine", tmp_path / "elsewhere") == tmp_path / "mine"
    with pytest.raises(RunError, match=r"no such run(?s:.)*mine"):
        find_run("yours", tmp_path)
    with pytest.raises(RunError, match="recexplainer demo"):
        find_run("yours", tmp_path / "empty")
    with pytest.raises(RunError, match=r"'dataset'(?s:.)*recexplainer run"):
        RunLayout(tmp_path / "mine").complete_stage("dataset")


@pytest.mark.parametrize(("version", "age"), [(None, "an older"), (1, "an older"), (99, "a newer")])
def test_a_run_of_another_version_is_refused_and_left_as_it_is(version: int | None, age: str, tmp_path: Path) -> None:
    run = tmp_path / "mine"
    complete(run / "dataset")
    (run / "recipe.yaml").write_text("{name: mine, evaluation: {made: [alignment]}}")
    if version is not None:
        (run / "layout.json").write_text(f'{{"layout": {version}}}')
    before = hash_files(run)
    for start in (lambda: find_run("mine", tmp_path), lambda: run_recipe(Recipe(name="mine"), run)):
        with pytest.raises(RunError, match=f"made by {age} version") as caught:
            start()
        assert caught.value.location == str(run)
        assert "--name" in caught.value.hint and "remove" in caught.value.hint
    assert hash_files(run) == before


def test_a_run_keeps_its_threads_and_its_evaluations(tmp_path: Path) -> None:
    small = Recipe.model_validate(
        {
            "name": "small",
            "threads": 3,
            "data": {"source": "sample", "sample": {"users": 60, "items": 60}},
            "evaluation": {"evaluations": ["judge"]},
        }
    )
    assert stages_made(run_recipe, small, tmp_path, only=["dataset"]) == ["dataset"]
    fewer = with_changes(small, {"threads": None, "evaluation": {"evaluations": ["alignment"]}})
    assert stages_made(run_recipe, fewer, tmp_path, only=["dataset"]) == [], "neither makes anything anew"
    kept = recipe_of(tmp_path)
    assert (kept.threads, kept.evaluation.evaluations) == (3, ("alignment", "judge"))
