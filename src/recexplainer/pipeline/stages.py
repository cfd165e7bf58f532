"""All stages of a recipe, and which of them each evaluation consists of; those of the data are made here.

The modules of stages import what loads transformers inside the functions: a run with nothing to do takes no time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from recexplainer.data.dataset import Dataset, leave_one_out
from recexplainer.data.filtering import filter_dataset
from recexplainer.data.readers import read_folder
from recexplainer.data.sample import make_world
from recexplainer.errors import RunError, SettingsError
from recexplainer.evaluation.encoder import has_encoder
from recexplainer.evaluation.rows import write_rows
from recexplainer.pipeline import explanation_stages, surrogate_stages
from recexplainer.pipeline.execution import Stage, StageContext
from recexplainer.pipeline.layout import (
    ALIGNED_TO,
    DATASET,
    EVALUATION,
    EXAMPLES,
    EXPLANATIONS,
    RECOMMENDER,
    TARGET,
    RunLayout,
    load_target,
)
from recexplainer.pipeline.recipe import EVALUATIONS, DataSettings, Recipe
from recexplainer.pipeline.report_stages import evaluation_stage, explanations_stage, report_stage
from recexplainer.recommenders.kinds import make_recommender
from recexplainer.recommenders.popularity import keep_shares
from recexplainer.recommenders.ranking_check import check_ranking
from recexplainer.registry import registered
from recexplainer.storage import write_json
from recexplainer.tasks.example import save_examples
from recexplainer.tasks.mixture import build_examples

_log = logging.getLogger("recexplainer.pipeline")
_ENCODED = frozenset({"discriminator", "score_predictor", "vector_reconstruction"})  # they need an encoder
_OF_CASES = _ENCODED | {"judge", "faithfulness", "language"}
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
    "forgetting": surrogate_stages.forgetting_stages,
    "language": explanation_stages.language_stages,
    "vector_reconstruction": explanation_stages.vector_reconstruction_stages,
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
    stages = [
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
    shared = {stage.name for stage in stages if stage.isolated} - {EXPLANATIONS}  # made while others are
    return [replace(one, threads=recipe.threads_each if one.name in shared else recipe.threads) for one in stages]


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
    lacking = frozenset[str]() if has_encoder(recipe.evaluation.encoder) else _ENCODED
    lacking |= frozenset[str]() if recipe.surrogate.is_pretrained else {"forgetting"}
    return [name for name in known_evaluations() if name not in lacking]


def dataset_stage(recipe: Recipe) -> Stage:
    """The filtered interactions. Files are known by their content; what is not read from the source is no setting."""
    data = recipe.data
    from_files = data.source == "files"
    settings = data.model_dump(mode="json", exclude={"path", "sample"} if from_files else {"path", "format", "columns"})
    sources = (data.path,) if from_files and data.path is not None else ()
    return Stage(DATASET, partial(_make_dataset, data), settings, sources=sources)


def _make_dataset(data: DataSettings, context: StageContext, folder: Path) -> str:
    if data.source == "sample":
        dataset = make_world(users=data.sample.users, items=data.sample.items, seed=data.sample.seed)
    elif data.path is not None:
        dataset = read_folder(data.path, data.columns, data.format)
    else:
        what = "The recipe does not say where its files are."
        raise SettingsError(what, location="key data.path", hint="Give --data PATH.")
    dataset = filter_dataset(dataset, data.filter)
    dataset.save(folder)
    warnings = [note for note in dataset.notes if note.warning]
    for note in warnings:
        _log.warning(f"warning: {note.what}: {note.count:,}")
    summary = f"{dataset.n_users:,} users, {dataset.n_items:,} items, {dataset.n_interactions:,} interactions"
    return f"{summary}; warnings: {len(warnings)} (the report has them)" if warnings else summary


def recommender_stage(recipe: Recipe) -> Stage:
    """The recommender to be explained, and its quality."""
    settings = recipe.recommender
    return Stage(RECOMMENDER, partial(_make_recommender, recipe), settings.cache_key(), (DATASET,), settings.sources)


def _make_recommender(recipe: Recipe, context: StageContext, folder: Path) -> str:
    from recexplainer.evaluation.baselines import evaluate_recommender, ranking_check_rows
    from recexplainer.surrogate.batching import check_form

    dataset = Dataset.load(context.folders[DATASET])
    split = leave_one_out(dataset)
    made = make_recommender(dataset, split, recipe.recommender)
    for form in recipe.forms:
        check_form(form, made.recommender)
    made.recommender.save(folder)
    check = check_ranking(dataset, split, made.recommender)
    rows = [*evaluate_recommender(dataset, split, made.recommender), *ranking_check_rows(check)]
    write_rows(folder / RunLayout.QUALITY, rows)
    write_json(folder / RunLayout.RANKING_CHECK, asdict(check))
    keep_shares(folder / RunLayout.POPULARITY, made.recommender, dataset)
    write_json(folder / RunLayout.TRIALS, made.trials)
    for note in check.notes:
        _log.info(note)
    for warning in check.warnings:
        _log.warning(f"warning: {warning}")
    return "; ".join([made.summary, *(["WARNING"] if check.warnings else []), check.summary])


def examples_stage(recipe: Recipe) -> Stage:
    """The questions that surrogates are trained and tested on, with the recommender's answers."""
    files = {"chat_path": recipe.examples.chat_path, "summaries_path": recipe.examples.summaries_path}
    settings = recipe.examples.cache_key() | {name: path is not None for name, path in files.items()}
    sources = tuple(path for path in files.values() if path is not None)
    return Stage(EXAMPLES, partial(_make_examples, recipe), settings, TARGET, sources)


def _make_examples(recipe: Recipe, context: StageContext, folder: Path) -> str:
    dataset, recommender = load_target(context.folders)
    examples = build_examples(dataset, leave_one_out(dataset), recommender, recipe.examples)
    save_examples(examples, folder)
    return f"{len(examples.train):,} questions for training, {len(examples.test):,} for testing"
