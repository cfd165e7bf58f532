"""What asking an endpoint would take, as far as a run has come."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tiny import complete, told

from recexplainer.pipeline.layout import write_case_explanations
from recexplainer.pipeline.recipe import Recipe
from recexplainer.pipeline.runs import planned_spend

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
    each = [told(TITLES, f"Yes, {method} says “Ash” {number}.", method=method) for number in range(count)]
    write_case_explanations(complete(run / stage), each)


def test_only_what_is_judged_is_counted(run: Path) -> None:
    """What ablated surrogates say is judged by rules alone, and what a recipe before left is not judged any more."""
    explained(run, "explanations-unaligned-direct", "unaligned", 2)
    explained(run, "explanations-behavior-direct", "behavior", 3)
    explained(run, "ablation-without_rationale", "behavior without rationale", 5)
    explained(run, "explanations-other", "other", 7)
    assert planned_spend(recipe("judge"), run).startswith("5 requests to chat: ")


def test_what_cannot_be_counted_yet_is_said(run: Path) -> None:
    explained(run, "explanations-unaligned-direct", "unaligned", 2)
    said = planned_spend(recipe("judge"), run)
    assert "Explaining the cases, which are not drawn yet, is added to that." in said
    missing = "chat, behavior self_attribution, behavior direct, behavior grounded"
    assert said.endswith(f"Judging the explanations of {missing} is added to that.")


def test_of_what_is_not_made_nothing_is_said(run: Path) -> None:
    assert planned_spend(recipe("synthetic"), run) == "Nothing to ask chat: 0 of 0 are answered."


def test_the_judge_that_people_are_compared_with_is_counted(run: Path) -> None:
    explained(run, "explanations-unaligned-direct", "unaligned", 2)
    changed = recipe("agreement").evaluation.model_copy(update={"ratings": run / "ratings.json"})
    compared = recipe("agreement").model_copy(update={"evaluation": changed})
    assert planned_spend(compared, run).startswith("2 requests to chat: ")
    assert planned_spend(recipe("agreement"), run).startswith("Nothing to ask chat"), "nobody was asked"
