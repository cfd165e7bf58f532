"""Names of the stages that others are named by, and which form explains."""

from __future__ import annotations

from recexplainer.pipeline.recipe import Form, Recipe

TARGET = ("dataset", "recommender")
ASKED = (*TARGET, "examples")
AT_ONCE, BACKED = "-at-once", "+evidence"
CASES = "cases"
"""The stage of the pairs of user and item that every method explains."""


def surrogate_stage(form: Form) -> str:
    """Name of the stage, and of the folder, of a form's surrogate."""
    return f"surrogate-{form}"


def measurement_stage(method: str) -> str:
    """Name of the stage, and of the folder, of what was measured of a form's surrogate or of a baseline."""
    return f"evaluation-{method}"


def explained_stage(method: str) -> str:
    """Name of the stage, and of the folder, of what a method says of the cases."""
    return f"explained-{method.replace('/', '-')}"


def ablated_stage(name: str) -> str:
    """Name of the stage, and of the folder, of a surrogate that is aligned without some tasks."""
    return f"ablated-{name}"


def explaining_form(recipe: Recipe) -> Form:
    """The form that explains: the one that the recipe names, else the last one trained."""
    return recipe.explanations.form or recipe.forms[-1]


def explained_methods(recipe: Recipe) -> list[str]:
    """Who explains the cases, in the order of the tables; the form that explains also at once, as in the paper."""
    endpoint = [] if recipe.evaluation.endpoint is None else [recipe.evaluation.endpoint.model]
    form = explaining_form(recipe)
    return ["unaligned", *endpoint, *recipe.forms, f"{form}{AT_ONCE}", f"{form}{BACKED}"]


def method_form(method: str) -> str:
    """The form of a method's surrogate, however it is asked."""
    return method.removesuffix(BACKED).removesuffix(AT_ONCE)
