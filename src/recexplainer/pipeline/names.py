"""Names of the stages that others are named by, and whose surrogate explains."""

from __future__ import annotations

from recexplainer.pipeline.recipe import Form, Recipe

TARGET = ("dataset", "recommender")
ASKED = (*TARGET, "examples")
CASES = "cases"
"""The stage of the pairs of user and item that every method explains."""


def surrogate_stage(form: Form) -> str:
    """Name of the stage, and of the folder, of a form's surrogate once it is aligned."""
    return f"surrogate-{form}"


def preferred_stage(form: Form) -> str:
    """Name of the stage, and of the folder, of a form's surrogate once it is preference-trained too."""
    return f"preferred-{form}"


def trained_stage(recipe: Recipe, form: Form) -> str:
    """Name of the stage whose surrogate is measured, explains and is exported: the last one that trains that form."""
    return preferred_stage(form) if form == preferred_form(recipe) else surrogate_stage(form)


def explaining_form(recipe: Recipe) -> Form:
    """The form that explains: the one that the recipe names, else the last one trained."""
    return recipe.explanations.form or recipe.forms[-1]


def preferred_form(recipe: Recipe) -> Form | None:
    """The form that is preference-trained: the one that explains, and no other; None where the recipe wants none."""
    return None if recipe.surrogate.preference is None else explaining_form(recipe)


def measurement_stage(method: str) -> str:
    """Name of the stage, and of the folder, of what was measured of a form's surrogate or of a baseline."""
    return f"evaluation-{method}"


def ablated_stage(name: str) -> str:
    """Name of the stage, and of the folder, of a surrogate that is aligned without some tasks."""
    return f"ablated-{name}"
