"""The chat models that a recipe names, and what asking them takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from recexplainer.errors import SettingsError
from recexplainer.pipeline.loading import (
    Folders,
    complete_folders,
    complete_manifest,
    load_alignment,
    load_pairs,
    load_target,
    load_test_cases,
    load_told,
)
from recexplainer.pipeline.methods import explained_methods
from recexplainer.pipeline.names import ASKED, CASES
from recexplainer.pipeline.recipe import Recipe

if TYPE_CHECKING:
    from recexplainer.chat.endpoint import Endpoint
    from recexplainer.chat.model import ChatModel, Conversation
    from recexplainer.recommenders.base import User


def open_endpoint(recipe: Recipe, folders: Folders) -> Endpoint:
    """The endpoint that a recipe names; its answers are kept in the run, so that none is paid for twice.

    Raises:
        SettingsError: It names none.
    """
    from recexplainer.chat.endpoint import Endpoint

    if recipe.evaluation.endpoint is None:
        raise SettingsError(
            "No endpoint is named.", location="evaluation.endpoint", hint="Give --set evaluation.endpoint.model=NAME."
        )
    return Endpoint(recipe.evaluation.endpoint, folders["dataset"].parent / "chat")


def open_judges(recipe: Recipe, folders: Folders) -> Iterator[ChatModel]:
    """The language models that judge."""
    if recipe.evaluation.endpoint is not None:
        yield open_endpoint(recipe, folders)
    if recipe.evaluation.judge is not None:
        from recexplainer.chat.local import LocalChat

        yield LocalChat(recipe.evaluation.judge)


def explaining_conversations(pairs: Sequence[tuple[User, int]], titles: Sequence[str]) -> list[Conversation]:
    """The paper's instruction to explain, for each pair."""
    from recexplainer.evaluation.in_words import conversation
    from recexplainer.tasks.example import Example

    asked = [Example("rationale", "surrogate", user.id, user.history, (item,)) for user, item in pairs]
    return [conversation(one, titles) for one in asked]


def planned_spend(recipe: Recipe, run: Path) -> str:
    """What asking the endpoint of a recipe would take, in one sentence; what it has answered before costs nothing.

    Args:
        recipe: Names the endpoint, and the evaluations to be made.
        run: The run; what its stages have not made yet is left out, and said.

    Raises:
        SettingsError: The recipe names no endpoint.
        RunError: The run has no dataset, recommender or examples yet.
    """
    for name in ASKED:
        complete_manifest(run / name)
    folders = complete_folders(run)
    spend = open_endpoint(recipe, folders).estimate(list(_planned(recipe, folders)))
    return " ".join([str(spend), *_unplanned(recipe, folders)])


def _planned(recipe: Recipe, folders: Folders) -> Iterator[Conversation]:
    """What the endpoint would be asked, as far as the run has made what that needs."""
    from recexplainer.evaluation.cases import draw_shots
    from recexplainer.evaluation.faithfulness.simulation import simulation_conversations
    from recexplainer.evaluation.in_words import alignment_conversations
    from recexplainer.evaluation.rubric import judge_conversation

    needed = recipe.evaluation.needed
    if "baselines" in needed:
        cases, shots = load_test_cases(folders), draw_shots(load_alignment(folders).examples, recipe.evaluation.seed)
        yield from alignment_conversations(cases, {})
        yield from alignment_conversations(cases, shots)
    if recipe.evaluation.explains_cases and CASES in folders:
        yield from explaining_conversations(load_pairs(folders), load_target(folders)[0].titles)
    made = {method.stage: folders[method.stage] for method in explained_methods(recipe) if method.stage in folders}
    if "judge" in needed:
        for told in load_told(made, recipe.evaluation.judged).values():
            yield from map(judge_conversation, told)
    if "faithfulness" in needed and made:
        told = load_told(made, recipe.evaluation.simulated)
        yield from simulation_conversations(told, load_target(folders)[1], seed=recipe.evaluation.seed)


def _unplanned(recipe: Recipe, folders: Folders) -> Iterator[str]:
    """What it would be asked besides, and cannot be counted yet."""
    if recipe.evaluation.explains_cases and CASES not in folders:
        yield "Explaining the cases, which are not drawn yet, comes to that."
    missing = [method.name for method in explained_methods(recipe) if method.stage not in folders]
    if "judge" in recipe.evaluation.needed and missing:
        yield f"Judging what {', '.join(missing)} will say comes to that."
    if "faithfulness" in recipe.evaluation.needed:
        yield f"Foretelling the recommender by {' and '.join([*missing, 'the templates'])} comes to that."
