"""The stages that evaluate a run: which there are, and what each depends on. What each does is in `evaluating.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from recexplainer.errors import RunError
from recexplainer.pipeline import evaluating
from recexplainer.pipeline.evaluating import ABLATIONS
from recexplainer.pipeline.evaluation_settings import EVALUATIONS, Evaluation
from recexplainer.pipeline.names import (
    ASKED,
    TARGET,
    explained_methods,
    explained_stage,
    measurement_stage,
    surrogate_stage,
)
from recexplainer.pipeline.recipe import Recipe
from recexplainer.pipeline.run import RunContext, Stage

_EXPLAINED = ("judge", "discriminator", "score-predictor", "agreement")


def evaluation_stages(recipe: Recipe) -> list[Stage]:
    """The stages of the evaluations that a recipe makes, and `evaluation`, which puts their rows in one place."""
    made, chosen = set(recipe.evaluation.made), recipe.evaluation
    parts: list[Stage] = []
    if "baselines" in made:
        parts += _baselines(recipe)
    told: list[Stage] = []
    if made & set(_EXPLAINED):
        settings = {"cases": chosen.cases, "seed": chosen.seed}
        parts.append(_stage("cases", settings, TARGET, partial(evaluating.draw, recipe)))
        told = list(_explained(recipe))
        parts += told
    names = tuple(stage.name for stage in told)
    if "judge" in made or asked_people(recipe):
        parts.append(_stage("judge", _judges(recipe), (*TARGET, *names), partial(evaluating.judge, recipe)))
    if "discriminator" in made:
        settings = chosen.encoder.model_dump(mode="json") | {"read": chosen.read}
        parts.append(_stage("discriminator", settings, names, partial(evaluating.discriminate, recipe), apart=True))
    if "score-predictor" in made:
        settings = chosen.encoder.model_dump(mode="json") | {"read": chosen.read}
        parts.append(_stage("score-predictor", settings, names, partial(evaluating.predict_scores, recipe), apart=True))
    if "ablation" in made:
        parts += _ablations(recipe)
    if asked_people(recipe):
        settings = {"ratings": chosen.ratings is not None}
        sources = () if chosen.ratings is None else (chosen.ratings,)
        parts.append(_stage("agreement", settings, ("judge",), partial(evaluating.agree, recipe), sources=sources))
    return [*parts, _gathered(recipe, parts)]


def evaluations_named(names: Sequence[str] | None) -> list[Evaluation]:
    """The evaluations of these names; None or nothing: all, in the order of the paper.

    Raises:
        RunError: There is none of that name.
    """
    if unknown := [name for name in names or () if name not in EVALUATIONS]:
        raise RunError(
            f"There is no evaluation {unknown[0]!r}.", mend=f"The evaluations are: {', '.join(EVALUATIONS)}."
        )
    return [name for name in EVALUATIONS if not names or name in names]


def possible(evaluations: Sequence[Evaluation], recipe: Recipe) -> list[Evaluation]:
    """Those that can be made here; of the others the report says what they need."""
    from recexplainer.evaluation.encoder import has_encoder

    lacking = () if has_encoder(recipe.evaluation.encoder) else ("discriminator", "score-predictor")
    return [name for name in evaluations if name not in lacking]


def stages_of(recipe: Recipe, evaluation: Evaluation) -> list[str]:
    """Names of the stages that an evaluation consists of, but for what it is made from."""
    if evaluation == "alignment":
        return [*map(measurement_stage, recipe.forms), "evaluation"]
    named = {"baselines": measurement_stage(""), "ablation": "abla", "judge": "judge", "agreement": "agreement"}
    beginning = named.get(evaluation, evaluation)
    forms = set(map(measurement_stage, recipe.forms))
    return [
        stage.name
        for stage in evaluation_stages(recipe)
        if stage.name.startswith(beginning) and stage.name not in forms
    ]


def asked_people(recipe: Recipe) -> bool:
    """Whether there are ratings of people to be compared."""
    return "agreement" in recipe.evaluation.made and recipe.evaluation.ratings is not None


def _gathered(recipe: Recipe, parts: list[Stage]) -> Stage:
    measured = [measurement_stage(form) for form in recipe.forms]
    inputs = tuple(dict.fromkeys([*ASKED, *measured, *(stage.name for stage in parts if _has_rows(stage))]))
    return _stage("evaluation", {"seed": recipe.evaluation.seed}, inputs, partial(evaluating.gather, recipe))


def _has_rows(stage: Stage) -> bool:
    return not stage.name.startswith(("cases", "explained-", "ablated-"))


def _baselines(recipe: Recipe) -> Iterator[Stage]:
    backbone = recipe.surrogate.model_dump(mode="json", include={"backbone", "nano", "pretrained", "seed"})
    step = partial(evaluating.measure_unaligned, recipe)
    yield _stage(measurement_stage("unaligned"), backbone, ASKED, step, apart=True)
    student = recipe.evaluation.student.model_dump(mode="json")
    yield _stage(measurement_stage("student"), student, ASKED, partial(evaluating.measure_student, recipe), apart=True)
    if recipe.evaluation.endpoint is not None:
        asked = recipe.evaluation.endpoint.model_dump(mode="json")
        step = partial(evaluating.measure_endpoint, recipe)
        yield _stage(measurement_stage("endpoint"), asked, ASKED, step)


def _explained(recipe: Recipe) -> Iterator[Stage]:
    backbone = recipe.surrogate.model_dump(mode="json", include={"backbone", "nano", "pretrained", "seed"})
    for method in explained_methods(recipe):
        form = method.removesuffix("+evidence")
        step = partial(evaluating.explain_cases, recipe, method=method)
        inputs: tuple[str, ...] = (*ASKED, "cases")
        settings: dict[str, Any] = {"method": method}
        if form in recipe.forms:
            inputs = (*TARGET, "cases", surrogate_stage(form))  # pyright: ignore[reportArgumentType]
        elif method == "unaligned":
            settings |= backbone
        elif recipe.evaluation.endpoint is not None:
            settings |= recipe.evaluation.endpoint.model_dump(mode="json")
        yield _stage(explained_stage(method), settings, inputs, step, apart=form in (*recipe.forms, "unaligned"))


def _judges(recipe: Recipe) -> dict[str, Any]:
    endpoint = recipe.evaluation.endpoint
    return {
        "judged": recipe.evaluation.judged,
        "judge": recipe.evaluation.judge,
        "endpoint": endpoint.model_dump(mode="json") if endpoint else None,
        "seed": recipe.evaluation.seed,
    }


def _ablations(recipe: Recipe) -> Iterator[Stage]:
    settings = recipe.surrogate.model_dump(mode="json") | recipe.evaluation.ablation.model_dump(mode="json")
    settings |= {"seed": recipe.evaluation.seed}
    stages = [
        _stage(
            f"ablated-{name}",
            settings | {"without": list(without)},
            ASKED,
            partial(evaluating.ablate, recipe, name=name),
            apart=True,
        )
        for name, without in ABLATIONS.items()
    ]
    yield from stages
    yield _stage("ablation", {}, tuple(stage.name for stage in stages), evaluating.gather_ablation)


def _stage(
    name: str,
    settings: Mapping[str, Any],
    inputs: tuple[str, ...],
    make: Callable[[RunContext, Path], str],
    *,
    sources: tuple[Path, ...] = (),
    apart: bool = False,
) -> Stage:
    return Stage(name, name, settings, inputs, make, sources, apart)
