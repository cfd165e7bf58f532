"""All stages of a recipe, and which of them each evaluation consists of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from recexplainer.errors import RunError
from recexplainer.evaluation.encoder import has_encoder
from recexplainer.pipeline import explanation_stages, surrogate_stages
from recexplainer.pipeline.data_stages import dataset_stage, examples_stage, recommender_stage
from recexplainer.pipeline.layout import ALIGNED_TO, EVALUATION, EXPLANATIONS
from recexplainer.pipeline.recipe import EVALUATIONS, Recipe
from recexplainer.pipeline.report_stages import evaluation_stage, explanations_stage, report_stage
from recexplainer.pipeline.stage import Stage
from recexplainer.registry import registered

_OF_CASES = frozenset({"judge", "discriminator", "score_predictor", "faithfulness"})
_STAGES: dict[str, Callable[[Recipe], list[Stage]]] = {
    "alignment": surrogate_stages.alignment_stages,
    "baselines": surrogate_stages.baseline_stages,
    "judge": explanation_stages.judge_stages,
    "discriminator": partial(explanation_stages.encoder_stages, name="discriminator"),
    "score_predictor": partial(explanation_stages.encoder_stages, name="score_predictor"),
    "ablation": surrogate_stages.ablation_stages,
    "agreement": explanation_stages.agreement_stages,
    "faithfulness": explanation_stages.faithfulness_stages,
    "synthetic": explanation_stages.synthetic_stages,
}


def build_stages(recipe: Recipe) -> list[Stage]:
    """All stages of a recipe. Alignment is measured in every run."""
    needed = recipe.evaluation.needed | {"alignment"}
    evaluations = {name: evaluation_stages(recipe, name) for name in known_evaluations() if name in needed}
    sources = {name: [stage.name for stage in stages] for name, stages in evaluations.items() if stages}
    sources["alignment"] += sources.pop("baselines", [])  # one table holds both
    trained = surrogate_stages.training_stages(recipe)
    cases = explanation_stages.case_stages(recipe) if explains_cases(recipe) else []
    shown = [stage.name for stage in (*trained, *cases)]
    return [
        dataset_stage(recipe),
        recommender_stage(recipe),
        examples_stage(recipe),
        *trained,
        *cases,
        *(stage for stages in evaluations.values() for stage in stages),
        evaluation_stage(recipe, sources),
        explanations_stage(recipe),
        report_stage(recipe, (*ALIGNED_TO, *shown, EVALUATION, EXPLANATIONS)),
    ]


def evaluation_stages(recipe: Recipe, evaluation: str) -> list[Stage]:
    """The stages that an evaluation consists of, without those that it reads."""
    known = _STAGES.get(evaluation)
    return known(recipe) if known else explanation_stages.registered_stages(recipe, evaluation)


def explains_cases(recipe: Recipe) -> bool:
    """Whether one of the evaluations has every method explain the same cases."""
    return any(name in _OF_CASES or name not in _STAGES for name in recipe.evaluation.needed)


def known_evaluations() -> list[str]:
    """Names of all evaluations: those of the package in the order of the paper, then those that others register."""
    return [*EVALUATIONS, *sorted(registered("evaluations"))]


def check_evaluations(names: Sequence[str]) -> None:
    """Raise RunError where there is no evaluation of one of these names."""
    known = known_evaluations()
    if unknown := [name for name in names if name not in known]:
        raise RunError(f"There is no evaluation {unknown[0]!r}.", hint=f"The evaluations are: {', '.join(known)}.")


def possible_evaluations(recipe: Recipe) -> list[str]:
    """Names of the evaluations that can be done here; the report lists what the others need."""
    lacking = () if has_encoder(recipe.evaluation.encoder) else ("discriminator", "score_predictor")
    return [name for name in known_evaluations() if name not in lacking]
