"""What asking the endpoint of a recipe would take, before it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from recexplainer.chat.model import Conversation
from recexplainer.evaluation.baselines import alignment_conversations
from recexplainer.evaluation.cases import draw_shots
from recexplainer.evaluation.judge import judge_conversation
from recexplainer.evaluation.simulatability import simulation_conversations
from recexplainer.pipeline import layout as files
from recexplainer.pipeline.explanation_stages import case_methods, case_stage_name, explaining_conversations
from recexplainer.pipeline.layout import ALIGNED_TO, CASES, Folders, RunLayout
from recexplainer.pipeline.recipe import Recipe
from recexplainer.pipeline.runs import made_explanations
from recexplainer.pipeline.stages import explains_cases
from recexplainer.pipeline.surrogate_stages import open_endpoint


def planned_spend(recipe: Recipe, run: Path) -> str:
    """What asking the endpoint of a recipe would take, in one line; what it has answered before costs nothing.

    What the run's stages have not made yet is not counted, and the line names it. Raises SettingsError where the recipe
    names no endpoint, and RunError where the run has no dataset, recommender or examples yet.
    """
    layout = RunLayout(run)
    for name in ALIGNED_TO:
        layout.complete_stage(name)
    folders = layout.complete_stages()
    spend = open_endpoint(recipe, layout.chat).estimate(list(_planned(recipe, folders)))
    return " ".join([str(spend), *_unplanned(recipe, folders)])


def _planned(recipe: Recipe, folders: Folders) -> Iterator[Conversation]:
    """What the endpoint would be asked, as far as the run has made what that needs."""
    chosen = recipe.evaluation
    if "baselines" in chosen.needed:
        cases, shots = files.load_test_cases(folders), draw_shots(files.load_alignment(folders).examples, chosen.seed)
        yield from (*alignment_conversations(cases, {}), *alignment_conversations(cases, shots))
    if explains_cases(recipe) and CASES in folders:
        yield from explaining_conversations(files.load_pairs(folders), files.load_target(folders)[0].titles)
    made = made_explanations(recipe, folders)
    if "judge" in chosen.needed:
        for explanations in files.load_case_explanations(made, chosen.n_judged).values():
            yield from map(judge_conversation, explanations)
    if "faithfulness" in chosen.needed and made:
        explanations = files.load_case_explanations(made, chosen.n_simulatability)
        yield from simulation_conversations(explanations, files.load_target(folders)[1], seed=chosen.seed)


def _unplanned(recipe: Recipe, folders: Folders) -> Iterator[str]:
    """What it would be asked besides, and cannot be counted yet."""
    if explains_cases(recipe) and CASES not in folders:
        yield "Explaining the cases, which are not drawn yet, is added to that."
    methods = [method for method in case_methods(recipe) if case_stage_name(method) not in folders]
    missing = [f"{method.name} {method.variant}".strip() for method in methods]
    if "judge" in recipe.evaluation.needed and missing:
        yield f"Judging the explanations of {', '.join(missing)} is added to that."
    if "faithfulness" in recipe.evaluation.needed:
        yield f"Predicting the recommender by {' and '.join([*missing, 'the templates'])} is added to that."
