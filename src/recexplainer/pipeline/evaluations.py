"""The stages that evaluate a run: which there are, and what each depends on.

What each does is in `measuring.py` and `judging.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from recexplainer.errors import RunError
from recexplainer.pipeline import judging, measuring, steps
from recexplainer.pipeline.evaluation_settings import EVALUATIONS, Evaluation
from recexplainer.pipeline.graph import Stage
from recexplainer.pipeline.methods import UNALIGNED, Method, explained_methods
from recexplainer.pipeline.names import ASKED, CASES, TARGET, ablated_stage, measurement_stage, trained_stage
from recexplainer.pipeline.recipe import Recipe
from recexplainer.tasks.example import Task

_LEFT_OUT: dict[str, tuple[Task, ...]] = {
    "nothing": (),
    "retrieval-and-ranking": ("retrieval", "ranking"),
    "classification": ("classification",),
    "discrimination": ("discrimination",),
    "chat": ("chat",),
    "reconstruction": ("reconstruction",),
    "rationale": ("rationale",),
}
"""What each ablation leaves out, as in the paper's Figure 7, and rationale, which the paper does not have."""


def evaluation_stages(recipe: Recipe) -> list[Stage]:
    """The stages of the evaluations that a recipe makes, and `evaluation`, which puts their rows in one place."""
    made = {name: stages(recipe) for name, stages in _STAGES.items() if name in recipe.evaluation.needed}
    baselines = [stage.name for stage in made.get("baselines", ())]
    measured = [*map(measurement_stage, recipe.forms), *baselines]
    further = [name for name, stages in made.items() if stages and name != "baselines"]
    step = partial(steps.gather_rows, recipe, measured=measured, further=further)
    return [
        *_explained_cases(recipe),
        *(stage for stages in made.values() for stage in stages),
        Stage("evaluation", {"seed": recipe.evaluation.seed}, (*ASKED, *measured, *further), step),
    ]


def told_by(recipe: Recipe) -> tuple[str, ...]:
    """Names of the stages in which methods explain the cases; none where no evaluation that is made needs them."""
    return tuple(method.stage for method in explained_methods(recipe)) if recipe.evaluation.explains_cases else ()


def evaluations_named(names: Sequence[str] | None) -> list[Evaluation]:
    """The evaluations of these names; None or nothing: all, in the order of the paper.

    Raises:
        RunError: There is none of that name.
    """
    if unknown := [name for name in names or () if name not in EVALUATIONS]:
        raise RunError(
            f"There is no evaluation {unknown[0]!r}.", hint=f"The evaluations are: {', '.join(EVALUATIONS)}."
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


def _explained_cases(recipe: Recipe) -> list[Stage]:
    """The cases, and what every method says of them."""
    if not recipe.evaluation.explains_cases:
        return []
    settings = {"cases": recipe.evaluation.cases, "seed": recipe.evaluation.seed}
    drawn = Stage(CASES, settings, TARGET, partial(judging.draw_pairs, recipe))
    return [drawn, *(_explained(recipe, method) for method in explained_methods(recipe))]


def _explained(recipe: Recipe, method: Method) -> Stage:
    settings, inputs = {"method": method.name}, (*ASKED, CASES)
    step = partial(judging.explain_with_surrogate, recipe, method=method)
    if method.form is not None:
        trained = trained_stage(recipe, method.form)
        return Stage(method.stage, settings, (*TARGET, CASES, trained), partial(step, trained=trained), apart=True)
    if method == UNALIGNED:
        return Stage(method.stage, settings | _backbone(recipe), inputs, partial(step, trained=None), apart=True)
    step = partial(judging.explain_with_endpoint, recipe)
    return Stage(method.stage, settings | _endpoint(recipe), inputs, step)


def _baselines(recipe: Recipe) -> list[Stage]:
    student = recipe.evaluation.student.model_dump(mode="json")
    unaligned, distilled = partial(measuring.measure_unaligned, recipe), partial(measuring.measure_student, recipe)
    stages = [
        Stage(measurement_stage("unaligned"), _backbone(recipe), ASKED, unaligned, apart=True),
        Stage(measurement_stage("student"), student, ASKED, distilled, apart=True),
    ]
    if recipe.evaluation.endpoint is not None:
        step = partial(measuring.measure_endpoint, recipe)
        stages.append(Stage(measurement_stage("endpoint"), _endpoint(recipe), ASKED, step))
    return stages


def _judge(recipe: Recipe) -> list[Stage]:
    chosen = recipe.evaluation.model_dump(mode="json", include={"judged", "judge", "endpoint", "seed"})
    return [Stage("judge", chosen, (*TARGET, *told_by(recipe)), partial(judging.judge, recipe))]


def _read(name: str, step: Callable[..., str], recipe: Recipe) -> list[Stage]:
    settings = recipe.evaluation.encoder.model_dump(mode="json") | {"read": recipe.evaluation.read}
    return [Stage(name, settings, told_by(recipe), partial(step, recipe), apart=True)]


def _ablation(recipe: Recipe) -> list[Stage]:
    stages = [_ablated(recipe, name) for name in _LEFT_OUT]
    return [*stages, Stage("ablation", {}, tuple(stage.name for stage in stages), measuring.gather_ablation)]


def _ablated(recipe: Recipe, name: str) -> Stage:
    without = _LEFT_OUT[name]
    settings = recipe.surrogate.cache_key() | recipe.evaluation.ablation.model_dump(mode="json")
    settings |= {"seed": recipe.evaluation.seed, "without": list(without)}
    step = partial(measuring.measure_ablated, recipe, name=name, without=without)
    return Stage(ablated_stage(name), settings, ASKED, step, apart=True)


def _agreement(recipe: Recipe) -> list[Stage]:
    """Nothing where nobody was asked."""
    ratings = recipe.evaluation.ratings
    if ratings is None:
        return []
    return [Stage("agreement", {"ratings": True}, ("judge",), partial(judging.agree, ratings=ratings), (ratings,))]


def _faithfulness(recipe: Recipe) -> list[Stage]:
    """A surrogate that has learned no rationale stands beside the others; the ablation has one too."""
    beside = [] if "ablation" in recipe.evaluation.made else [_ablated(recipe, "rationale")]
    named = {"endpoint", "judge", "simulated"} if recipe.evaluation.has_reader else set[str]()
    settings = recipe.evaluation.model_dump(mode="json", include={"faithful", "seed"} | named)
    inputs = (*TARGET, CASES, *told_by(recipe), ablated_stage("rationale"))
    step = partial(judging.check_faithfulness, recipe)
    return [*beside, Stage("faithfulness", settings, inputs, step, apart=True)]


def _planted(recipe: Recipe) -> list[Stage]:
    settings = recipe.evaluation.model_dump(mode="json", include={"planted", "seed"})
    return [Stage("planted", settings, (), partial(judging.check_metrics, recipe), apart=True)]


_STAGES: dict[Evaluation, Callable[[Recipe], list[Stage]]] = {
    "baselines": _baselines,
    "judge": _judge,
    "discriminator": partial(_read, "discriminator", judging.discriminate),
    "score-predictor": partial(_read, "score-predictor", judging.predict_scores),
    "ablation": _ablation,
    "agreement": _agreement,
    "faithfulness": _faithfulness,
    "planted": _planted,
}
"""What each evaluation consists of, but for the cases and what is said of them; alignment is measured in every run."""


def _backbone(recipe: Recipe) -> dict[str, Any]:
    key = recipe.surrogate.cache_key()
    return {name: key[name] for name in ("backbone", "nano", "pretrained", "seed")}


def _endpoint(recipe: Recipe) -> dict[str, Any]:
    endpoint = recipe.evaluation.endpoint
    return {} if endpoint is None else endpoint.model_dump(mode="json")
