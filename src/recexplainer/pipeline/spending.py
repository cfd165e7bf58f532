"""What asking the endpoint of a recipe would take, worked out before the first request."""

from __future__ import annotations

from pathlib import Path

from recexplainer.pipeline.evaluating import asked_of_endpoint
from recexplainer.pipeline.names import explained_methods, explained_stage
from recexplainer.pipeline.recipe import Recipe


def planned_spend(recipe: Recipe, run: Path) -> str:
    """One sentence; what has been answered before costs nothing.

    Args:
        recipe: Names the endpoint, and the evaluations to be made.
        run: The run; what its stages have not made yet is left out, and said.

    Raises:
        SettingsError: The recipe names no endpoint.
        RunError: The run has no dataset, recommender or examples yet.
    """
    asked = asked_of_endpoint(recipe, run)
    missing = [method for method in explained_methods(recipe) if not (run / explained_stage(method)).is_dir()]
    later = f" Judging what {', '.join(missing)} will say comes to that." if missing else ""
    return f"{asked}{later}"
