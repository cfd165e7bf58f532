"""All stages of a recipe, and which of them each evaluation consists of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from recexplainer.errors import RunError
from recexplainer.pipeline import explanation_stages, surrogate_stages
from recexplainer.pipeline.data_stages import dataset_stage, examples_stage, recommender_stage
from recexplainer.pipeline.explanation_stages import case_stages, registered_stages, writer_names
from recexplainer.pipeline.layout import ALIGNED_TO, EVALUATION, EXPLANATIONS
from recexplainer.pipeline.recipe import EVALUATIONS, Recipe
from recexplainer.pipeline.report_stages import evaluation_stage, explanations_stage, report_stage
from recexplainer.pipeline.stage import Stage
from recexplainer.pipeline.surrogate_stages import alignment_stage, training_stages
from recexplainer.registry import registered

_OF_CASES = frozenset({"judge", "discriminator", "score_predictor", "faithfulness"})
_STAGES: dict[str, Callable[[Recipe], list[Stage]]] = {
    "alignment": lambda recipe: [alignment_stage(recipe, form) for form in recipe.forms],
    "baselines": surrogate_stages.baseline_stages,
    "judge": explanation_stages.judge_stages,
    "discriminator": explanation_stages.discriminator_stages,
    "score_predictor": explanation_stages.score_predictor_stages,
    "ablation": surrogate_stages.ablation_stages,
    "agreement": explanation_stages.agreement_stages,
    "faithfulness": explanation_stages.faithfulness_stages,
    "synthetic": explanation_stages.synthetic_stages,
}


def build_stages(recipe: Recipe) -> list[Stage]:
    """All stages of a recipe. Alignment is measured in every run."""
    needed = recipe.evaluation.needed | {"alignment"}
    evaluations = {name: evaluation_stages(recipe, name) for name in known_evaluations() if name in needed}
    explains = explains_cases(recipe)
    measured = [stage.name for name in ("alignment", "baselines") for stage in evaluations.get(name, ())]
    further = [name for name, stages in evaluations.items() if stages and name not in ("alignment", "baselines")]
    trained = training_stages(recipe)
    shown = [stage.name for stage in trained] + (list(writer_names(recipe)) if explains else [])
    return [
        dataset_stage(recipe),
        recommender_stage(recipe),
        examples_stage(recipe),
        *trained,
        *(case_stages(recipe) if explains else ()),
        *(stage for stages in evaluations.values() for stage in stages),
        evaluation_stage(recipe, measured, further),
        explanations_stage(recipe),
        report_stage(recipe, (*ALIGNED_TO, *shown, EVALUATION, EXPLANATIONS)),
    ]


def evaluation_stages(recipe: Recipe, evaluation: str) -> list[Stage]:
    """The stages that an evaluation consists of, but for what it is made from."""
    return _STAGES[evaluation](recipe) if evaluation in _STAGES else registered_stages(recipe, evaluation)


def explains_cases(recipe: Recipe) -> bool:
    """Whether one of the evaluations has every method explain the same cases."""
    return any(name in _OF_CASES or name not in _STAGES for name in recipe.evaluation.needed)


def known_evaluations() -> list[str]:
    """Names of all evaluations: those of the package in the order of the paper, then those that others register."""
    return [*EVALUATIONS, *sorted(registered("evaluations"))]


def check_evaluations(names: Sequence[str]) -> None:
    """Refuse names of evaluations that there are not.

    Raises:
        RunError: There is none of that name.
    """
    known = known_evaluations()
    if unknown := [name for name in names if name not in known]:
        raise RunError(f"There is no evaluation {unknown[0]!r}.", hint=f"The evaluations are: {', '.join(known)}.")


def possible_evaluations(recipe: Recipe) -> list[str]:
    """Names of the evaluations that can be done here; the report lists what the others need."""
    from recexplainer.evaluation.encoder import has_encoder

    lacking = () if has_encoder(recipe.evaluation.encoder) else ("discriminator", "score_predictor")
    return [name for name in known_evaluations() if name not in lacking]
