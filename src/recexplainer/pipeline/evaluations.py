"""The stages that evaluate a run: which there are, and what each depends on.

What each does is in `measuring.py` and `judging.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from recexplainer.errors import RunError
from recexplainer.pipeline import judging, measuring
from recexplainer.pipeline.evaluation_settings import EVALUATIONS, EXPLAINED, Evaluation
from recexplainer.pipeline.measuring import ABLATIONS
from recexplainer.pipeline.names import (
    ASKED,
    CASES,
    TARGET,
    ablated_stage,
    explained_methods,
    explained_stage,
    measurement_stage,
    method_form,
    surrogate_stage,
)
from recexplainer.pipeline.recipe import Recipe
from recexplainer.pipeline.run import RunContext, Stage


def evaluation_stages(recipe: Recipe) -> list[Stage]:
    """The stages of the evaluations that a recipe makes, and `evaluation`, which puts their rows in one place."""
    made = set(recipe.evaluation.made)
    if _compares_people(recipe):
        made.add("judge")
    parts = _told(recipe) if made & EXPLAINED else []
    parts += [stage for name, stages in _STAGES.items() if name in made for stage in stages(recipe)]
    measured = measurement_stage("")
    rows = (stage.name for stage in parts if stage.name in EVALUATIONS or stage.name.startswith(measured))
    inputs = tuple(dict.fromkeys([*ASKED, *map(measurement_stage, recipe.forms), *rows]))
    step = partial(measuring.gather_rows, recipe)
    return [*parts, _stage("evaluation", {"seed": recipe.evaluation.seed}, inputs, step)]


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
    return [stage.name for stage in _STAGES[evaluation](recipe)]


def _told(recipe: Recipe) -> list[Stage]:
    """The cases, and what every method says of them."""
    settings = {"cases": recipe.evaluation.cases, "seed": recipe.evaluation.seed}
    drawn = _stage(CASES, settings, TARGET, partial(judging.draw_pairs, recipe))
    return [drawn, *(_explained(recipe, method) for method in explained_methods(recipe))]


def _explained(recipe: Recipe, method: str) -> Stage:
    name, settings, inputs = explained_stage(method), {"method": method}, (*ASKED, CASES)
    step = partial(judging.explain_with_surrogate, recipe, method=method)
    for form in recipe.forms:
        if method_form(method) == form:
            trained = surrogate_stage(form)
            return _stage(name, settings, (*TARGET, CASES, trained), partial(step, trained=trained), apart=True)
    if method == "unaligned":
        return _stage(name, settings | _backbone(recipe), inputs, partial(step, trained=None), apart=True)
    return _stage(name, settings | _endpoint(recipe), inputs, partial(judging.explain_with_endpoint, recipe))


def _baselines(recipe: Recipe) -> list[Stage]:
    student = recipe.evaluation.student.model_dump(mode="json")
    steps: list[tuple[str, dict[str, Any], Callable[..., str], bool]] = [
        ("unaligned", _backbone(recipe), measuring.measure_unaligned, True),
        ("student", student, measuring.measure_student, True),
    ]
    if recipe.evaluation.endpoint is not None:
        steps.append(("endpoint", _endpoint(recipe), measuring.measure_endpoint, False))
    return [
        _stage(measurement_stage(name), settings, ASKED, partial(step, recipe), apart=apart)
        for name, settings, step, apart in steps
    ]


def _judge(recipe: Recipe) -> list[Stage]:
    chosen = recipe.evaluation.model_dump(mode="json", include={"judged", "judge", "endpoint", "seed"})
    return [_stage("judge", chosen, (*TARGET, *_told_by(recipe)), partial(judging.judge, recipe))]


def _read(name: str, step: Callable[..., str], recipe: Recipe) -> list[Stage]:
    settings = recipe.evaluation.encoder.model_dump(mode="json") | {"read": recipe.evaluation.read}
    return [_stage(name, settings, _told_by(recipe), partial(step, recipe), apart=True)]


def _ablations(recipe: Recipe) -> list[Stage]:
    stages = [_ablated(recipe, name) for name in ABLATIONS]
    return [*stages, _stage("ablation", {}, tuple(stage.name for stage in stages), measuring.gather_ablation)]


def _ablated(recipe: Recipe, name: str) -> Stage:
    settings = recipe.surrogate.decisive() | recipe.evaluation.ablation.model_dump(mode="json")
    settings |= {"seed": recipe.evaluation.seed, "without": list(ABLATIONS[name])}
    step = partial(measuring.measure_ablated, recipe, name=name)
    return _stage(ablated_stage(name), settings, ASKED, step, apart=True)


def _agreement(recipe: Recipe) -> list[Stage]:
    """Nothing where nobody was asked."""
    if not _compares_people(recipe) or recipe.evaluation.ratings is None:
        return []
    sources = (recipe.evaluation.ratings,)
    return [_stage("agreement", {"ratings": True}, ("judge",), partial(judging.agree, recipe), sources=sources)]


def _faithfulness(recipe: Recipe) -> list[Stage]:
    """A surrogate that has learned no rationale stands beside the others; the ablation has one too."""
    beside = [] if "ablation" in recipe.evaluation.made else [_ablated(recipe, "rationale")]
    settings = recipe.evaluation.model_dump(mode="json", include={"faithful", "seed"})
    inputs = (*TARGET, CASES, *_told_by(recipe), ablated_stage("rationale"))
    step = partial(judging.check_faithfulness, recipe)
    return [*beside, _stage("faithfulness", settings, inputs, step, apart=True)]


def _planted(recipe: Recipe) -> list[Stage]:
    settings = recipe.evaluation.model_dump(mode="json", include={"planted", "seed"})
    return [_stage("planted", settings, (), partial(judging.check_metrics, recipe), apart=True)]


_STAGES: dict[Evaluation, Callable[[Recipe], list[Stage]]] = {
    "baselines": _baselines,
    "judge": _judge,
    "discriminator": partial(_read, "discriminator", judging.discriminate),
    "score-predictor": partial(_read, "score-predictor", judging.predict_scores),
    "ablation": _ablations,
    "agreement": _agreement,
    "faithfulness": _faithfulness,
    "planted": _planted,
}
"""What each evaluation consists of, but for the cases and what is said of them; alignment is measured in every run."""


def _compares_people(recipe: Recipe) -> bool:
    return "agreement" in recipe.evaluation.made and recipe.evaluation.ratings is not None


def _told_by(recipe: Recipe) -> tuple[str, ...]:
    return tuple(map(explained_stage, explained_methods(recipe)))


def _backbone(recipe: Recipe) -> dict[str, Any]:
    decisive = recipe.surrogate.decisive()
    return {name: decisive[name] for name in ("backbone", "nano", "pretrained", "seed")}


def _endpoint(recipe: Recipe) -> dict[str, Any]:
    endpoint = recipe.evaluation.endpoint
    return {} if endpoint is None else endpoint.model_dump(mode="json")


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
