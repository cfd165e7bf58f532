"""The stages of a run: which there are, and what each depends on.

What each does is in `steps.py` and `measuring.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from recexplainer.pipeline import measuring, steps
from recexplainer.pipeline.evaluations import evaluation_stages
from recexplainer.pipeline.names import (
    ASKED,
    TARGET,
    explained_stage,
    explaining_form,
    measurement_stage,
    surrogate_stage,
)
from recexplainer.pipeline.recipe import Form, Recipe
from recexplainer.pipeline.run import RunContext, Stage
from recexplainer.settings import Settings

_Step = Callable[[Recipe, RunContext, Path], str]


def build_stages(recipe: Recipe) -> list[Stage]:
    """All stages of a recipe."""
    surrogates = [_surrogate_stage(recipe, form) for form in recipe.forms]
    measurements = [_measurement_stage(recipe, form) for form in recipe.forms]
    trained = tuple(stage.name for stage in surrogates)
    explaining = (*TARGET, surrogate_stage(explaining_form(recipe)))
    evaluations = evaluation_stages(recipe)
    told = (stage.name for stage in evaluations if stage.name.startswith(explained_stage("")))
    reported = (*ASKED, *trained, *told, "evaluation", "explanations")
    return [
        _dataset_stage(recipe),
        _recommender_stage(recipe),
        _examples_stage(recipe),
        *surrogates,
        *measurements,
        *evaluations,
        _stage(recipe, "explanations", recipe.explanations, explaining, steps.explain, apart=True),
        _stage(recipe, "report", recipe.report, reported, steps.report),
    ]


def _stage(
    recipe: Recipe, name: str, settings: Settings, inputs: tuple[str, ...], step: _Step, *, apart: bool = False
) -> Stage:
    return Stage(name, name, settings.model_dump(mode="json"), inputs, partial(step, recipe), apart=apart)


def _dataset_stage(recipe: Recipe) -> Stage:
    """Files are known by their content, not by where they lie; what the source does not read is no setting of it."""
    data = recipe.data
    from_files = data.source == "files"
    settings = data.model_dump(mode="json", exclude={"path", "sample"} if from_files else {"path", "format", "columns"})
    sources = (data.path,) if from_files and data.path is not None else ()
    return Stage("dataset", "dataset", settings, (), partial(steps.make_dataset, recipe), sources)


def _recommender_stage(recipe: Recipe) -> Stage:
    chosen, step = recipe.recommender, partial(steps.fit_recommender, recipe)
    return Stage("recommender", "recommender", chosen.decisive(), ("dataset",), step, chosen.sources)


def _examples_stage(recipe: Recipe) -> Stage:
    files = {"chat_path": recipe.examples.chat_path, "summaries_path": recipe.examples.summaries_path}
    settings = recipe.examples.model_dump(mode="json", exclude=set(files))
    sources = tuple(path for path in files.values() if path is not None)
    settings |= {name: path is not None for name, path in files.items()}
    return Stage("examples", "examples", settings, TARGET, partial(steps.ask_recommender, recipe), sources)


def _surrogate_stage(recipe: Recipe, form: Form) -> Stage:
    goes_on = form == "hybrid" and recipe.surrogate.start_hybrid_from == "intention" and "intention" in recipe.forms
    start = surrogate_stage("intention") if goes_on else None
    inputs = (*ASKED, start) if start else ASKED
    own = {"epochs": recipe.surrogate.epochs.get(form, 1.0), "shares": recipe.surrogate.shares.get(form, {})}
    settings = recipe.surrogate.decisive() | own
    if recipe.surrogate.preference is not None and form == explaining_form(recipe):
        settings["preference"] = recipe.surrogate.preference.model_dump(mode="json")
    name, step = surrogate_stage(form), partial(steps.train_surrogate, recipe, form=form, start=start)
    return Stage(name, name, settings, inputs, step, apart=True)


def _measurement_stage(recipe: Recipe, form: Form) -> Stage:
    name, trained = measurement_stage(form), surrogate_stage(form)
    step = partial(measuring.measure_surrogate, recipe, trained=trained)
    return Stage(name, name, {}, (*ASKED, trained), step, apart=True)
