"""The stages of a run: which there are, and what each depends on.

What each does is in `steps.py`, `measuring.py` and `preferring.py`.
"""

from __future__ import annotations

from functools import partial

from recexplainer.pipeline import measuring, steps
from recexplainer.pipeline.evaluations import evaluation_stages, told_by
from recexplainer.pipeline.graph import Stage
from recexplainer.pipeline.names import (
    ASKED,
    TARGET,
    explaining_form,
    measurement_stage,
    preferred_form,
    preferred_stage,
    surrogate_stage,
    trained_stage,
)
from recexplainer.pipeline.preferring import prefer_true_explanations
from recexplainer.pipeline.recipe import Form, Recipe


def build_stages(recipe: Recipe) -> list[Stage]:
    """All stages of a recipe."""
    surrogates = [*(_surrogate_stage(recipe, form) for form in recipe.forms), *_preferred_stages(recipe)]
    return [
        _dataset_stage(recipe),
        _recommender_stage(recipe),
        _examples_stage(recipe),
        *surrogates,
        *(_measurement_stage(recipe, form) for form in recipe.forms),
        *evaluation_stages(recipe),
        _explanations_stage(recipe),
        _report_stage(recipe, [stage.name for stage in surrogates]),
    ]


def _dataset_stage(recipe: Recipe) -> Stage:
    """Files are known by their content, not by where they lie; what the source does not read is no setting of it."""
    data = recipe.data
    from_files = data.source == "files"
    settings = data.model_dump(mode="json", exclude={"path", "sample"} if from_files else {"path", "format", "columns"})
    sources = (data.path,) if from_files and data.path is not None else ()
    return Stage("dataset", settings, (), partial(steps.make_dataset, recipe), sources)


def _recommender_stage(recipe: Recipe) -> Stage:
    chosen, step = recipe.recommender, partial(steps.fit_recommender, recipe)
    return Stage("recommender", chosen.decisive(), ("dataset",), step, chosen.sources)


def _examples_stage(recipe: Recipe) -> Stage:
    files = {"chat_path": recipe.examples.chat_path, "summaries_path": recipe.examples.summaries_path}
    settings = recipe.examples.model_dump(mode="json", exclude=set(files))
    sources = tuple(path for path in files.values() if path is not None)
    settings |= {name: path is not None for name, path in files.items()}
    return Stage("examples", settings, TARGET, partial(steps.ask_recommender, recipe), sources)


def _surrogate_stage(recipe: Recipe, form: Form) -> Stage:
    goes_on = form == "hybrid" and recipe.surrogate.start_hybrid_from == "intention" and "intention" in recipe.forms
    start = surrogate_stage("intention") if goes_on else None
    inputs = (*ASKED, start) if start else ASKED
    own = {
        "epochs": recipe.surrogate.epochs.get(form, 1.0),
        "task_sampling": recipe.surrogate.task_sampling.get(form, {}),
    }
    step = partial(steps.train_surrogate, recipe, form=form, start=start)
    return Stage(surrogate_stage(form), recipe.surrogate.cache_key() | own, inputs, step, apart=True)


def _preferred_stages(recipe: Recipe) -> list[Stage]:
    form, settings = preferred_form(recipe), recipe.surrogate.preference
    if form is None or settings is None:
        return []
    aligned = surrogate_stage(form)
    step = partial(prefer_true_explanations, recipe, settings=settings, aligned=aligned)
    return [Stage(preferred_stage(form), settings.model_dump(mode="json"), (*ASKED, aligned), step, apart=True)]


def _measurement_stage(recipe: Recipe, form: Form) -> Stage:
    trained = trained_stage(recipe, form)
    step = partial(measuring.measure_surrogate, recipe, trained=trained)
    return Stage(measurement_stage(form), {}, (*ASKED, trained), step, apart=True)


def _explanations_stage(recipe: Recipe) -> Stage:
    trained = trained_stage(recipe, explaining_form(recipe))
    settings = recipe.explanations.model_dump(mode="json")
    return Stage(
        "explanations", settings, (*TARGET, trained), partial(steps.explain, recipe, trained=trained), apart=True
    )


def _report_stage(recipe: Recipe, surrogates: list[str]) -> Stage:
    inputs = (*ASKED, *surrogates, *told_by(recipe), "evaluation", "explanations")
    return Stage("report", recipe.report.model_dump(mode="json"), inputs, partial(steps.report, recipe))
