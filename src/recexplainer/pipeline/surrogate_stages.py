"""The stages that train surrogates, and that measure who answers as the recommender does (Table 1, Figure 7).

Each stage is declared beside the function that makes it. Other packages are imported inside the functions, so that a
run with nothing to do takes no time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recexplainer.errors import SettingsError
from recexplainer.explanations.record import Method
from recexplainer.hardware import best_device, use_threads
from recexplainer.pipeline.layout import (
    ALIGNED_TO,
    Folders,
    RunLayout,
    load_alignment,
    load_surrogate,
    load_test_cases,
    rows_file,
    stage_name,
    write_case_explanations,
)
from recexplainer.pipeline.recipe import Recipe
from recexplainer.pipeline.stage import Stage, StageContext
from recexplainer.processes import is_first
from recexplainer.storage import write_json
from recexplainer.surrogate.prompt import Form

if TYPE_CHECKING:
    from recexplainer.chat.endpoint import Endpoint
    from recexplainer.evaluation.rows import Row
    from recexplainer.surrogate.model import Surrogate
    from recexplainer.surrogate.settings import PreferenceSettings
    from recexplainer.tasks.example import Example, LabelledExamples, Task

_ALIGNMENT_ROWS = rows_file("alignment")
_MIN_GUARD_QUESTIONS = 400  # classification examples that guard alignment; none of them is learned from here
_MIN_QUESTIONS = 4
ABLATIONS: dict[str, tuple[Task, ...]] = {
    "": (),
    "without_retrieval_and_ranking": ("retrieval", "ranking"),
    "without_classification": ("classification",),
    "without_discrimination": ("discrimination",),
    "without_chat": ("chat",),
    "without_reconstruction": ("reconstruction",),
    "without_rationale": ("rationale",),
}
"""The tasks that each variant is trained without, as in the paper's Figure 7; rationale is not in the paper."""


def surrogate_name(form: Form) -> str:
    """Name of the stage of a form's surrogate once it is aligned."""
    return stage_name("surrogate", form)


def trained_name(recipe: Recipe, form: Form) -> str:
    """Name of the stage whose surrogate is measured, explains and is exported: the last one that trains that form."""
    preferred = recipe.surrogate.preference is not None and form == recipe.explaining_form
    return stage_name("preference", form) if preferred else surrogate_name(form)


def training_stages(recipe: Recipe) -> list[Stage]:
    """The surrogate of every form, and preference training of the one that explains where the recipe wants it."""
    stages = [_surrogate_stage(recipe, form) for form in recipe.forms]
    form, settings = recipe.explaining_form, recipe.surrogate.preference
    if settings is not None:
        inputs = (*ALIGNED_TO, surrogate_name(form))
        make = partial(train_preference, recipe, settings, form)
        name, key = trained_name(recipe, form), settings.model_dump(mode="json")
        stages.append(Stage(name, make, key, inputs, isolated=True))
    return stages


def _surrogate_stage(recipe: Recipe, form: Form) -> Stage:
    settings = recipe.surrogate
    resumes = form == "hybrid" and settings.start_hybrid_from == "intention" and "intention" in recipe.forms
    start = surrogate_name("intention") if resumes else None
    key = _training_key(recipe, form) | {"epochs": settings.epochs.get(form, 1.0)}
    inputs = (*ALIGNED_TO, start) if start else ALIGNED_TO
    make = partial(train_surrogate, recipe, form, start)
    return Stage(surrogate_name(form), make, key, inputs, isolated=True, distributed=True)


def _training_key(recipe: Recipe, form: Form) -> dict[str, Any]:
    """The settings that decide how a form is trained, without the epochs; its first weights are among its inputs."""
    settings = recipe.surrogate
    unused = {"epochs", "start_hybrid_from", "pretrained" if settings.backbone == "nano" else "nano"}
    if form != "hybrid":
        unused.add("hybrid_form_sampling")
    key = settings.cache_key() | {"task_sampling": settings.task_sampling.get(form, {})}
    return {name: value for name, value in key.items() if name not in unused}


def train_surrogate(recipe: Recipe, form: Form, start: str | None, context: StageContext, folder: Path) -> str:
    """Align a surrogate of one form; `start` is the stage of the surrogate whose weights it starts from."""
    from recexplainer.surrogate import training

    use_threads(recipe.threads_each)
    alignment = load_alignment(context.folders)
    begin = context.folders[start] if start else None
    surrogate = training.train_surrogate(form, alignment, recipe.surrogate, folder, context.work, begin)
    weights = sum(weight.numel() for weight in surrogate.parameters())
    return f"{recipe.surrogate.backbone}, {weights / 1e6:.1f} million weights"


def train_preference(
    recipe: Recipe, settings: PreferenceSettings, form: Form, context: StageContext, folder: Path
) -> str:
    """Train an aligned surrogate to prefer those of its explanations that the recommender supports (DPO)."""
    from recexplainer.explanations.preference import prefer
    from recexplainer.recommenders.base import User
    from recexplainer.tasks.example import LabelledExamples

    use_threads(recipe.threads_each)
    alignment, surrogate = load_alignment(context.folders), load_surrogate(context.folders[surrogate_name(form)])
    dataset, recommender = alignment.dataset, alignment.recommender
    asked = _classification_examples(alignment)
    step = max(2, len(asked) // _MIN_GUARD_QUESTIONS)
    guarded = LabelledExamples(dataset, recommender, asked[::step])
    pairs = [(User(one.history, one.user), one.items[0]) for at, one in enumerate(asked) if at % step]
    log = prefer(surrogate, dataset, recommender, pairs, settings, partial(_accuracy, cases=guarded))
    surrogate.save_pretrained(folder)
    write_json(folder / RunLayout.PREFERENCE_LOG, asdict(log))
    undone = ", undone since alignment fell" if log.undone else ""
    return (
        f"{log.pairs:,} pairs; explanations scored {log.score_before:.3f}, "
        f"after preference training {log.score_after:.3f}{undone}"
    )


def _classification_examples(alignment: LabelledExamples) -> list[Example]:
    """Items that the recommender likes or dislikes for the users trained on: what people ask to have explained.

    Raises:
        SettingsError: The examples have too few.
    """
    asked = [one for one in alignment.examples if one.task == "classification"]
    if len(asked) < _MIN_QUESTIONS:
        raise SettingsError(
            f"Preference training needs examples of classification, of which there are {len(asked)}.",
            location="surrogate.preference",
            hint="Add classification to examples.tasks, or give --set surrogate.preference=null.",
        )
    return asked


def _accuracy(surrogate: Surrogate, *, cases: LabelledExamples) -> float:
    from recexplainer.evaluation.alignment import evaluate_surrogate

    rows = evaluate_surrogate(surrogate.eval(), cases)
    return next(row.value or 0.0 for row in rows if row.metric == "accuracy")


def alignment_stage(recipe: Recipe, form: Form) -> Stage:
    """How well the surrogate of a form answers as the recommender does (paper section 3.2)."""
    trained = trained_name(recipe, form)
    make = partial(measure_surrogate, recipe, trained)
    return Stage(stage_name("alignment", form), make, inputs=(*ALIGNED_TO, trained), isolated=True)


def measure_surrogate(recipe: Recipe, trained: str, context: StageContext, folder: Path) -> str:
    """Measure the surrogate of a stage."""
    from recexplainer.evaluation.alignment import evaluate_surrogate

    use_threads(recipe.threads_each)
    rows = evaluate_surrogate(load_surrogate(context.folders[trained]), load_test_cases(context.folders))
    return _write_alignment(folder, rows)


def baseline_stages(recipe: Recipe) -> list[Stage]:
    """The baselines of Table 1: the backbone before it is aligned, a distilled SASRec, a chat model if one is named."""
    student = recipe.evaluation.student.model_dump(mode="json")
    unaligned = partial(measure_unaligned, recipe)
    stages = [
        Stage(stage_name("alignment", "unaligned"), unaligned, backbone_key(recipe), ALIGNED_TO, isolated=True),
        Stage(stage_name("alignment", "student"), partial(measure_student, recipe), student, ALIGNED_TO, isolated=True),
    ]
    if recipe.evaluation.endpoint is not None:
        make = partial(measure_endpoint, recipe)
        stages.append(Stage(stage_name("alignment", "endpoint"), make, endpoint_key(recipe), ALIGNED_TO))
    return stages


def backbone_key(recipe: Recipe) -> dict[str, Any]:
    """The settings that decide what a backbone is before it is aligned."""
    key, settings = recipe.surrogate.cache_key(), "nano" if recipe.surrogate.backbone == "nano" else "pretrained"
    return {name: key[name] for name in ("backbone", settings, "seed")}


def endpoint_key(recipe: Recipe) -> dict[str, Any]:
    """The settings that decide what an endpoint answers: not how patiently it is asked, nor its price."""
    endpoint = recipe.evaluation.endpoint
    decisive = {"model", "address_variable", "temperature", "longest_answer"}
    return {} if endpoint is None else {"endpoint": endpoint.model_dump(mode="json", include=decisive)}


def unaligned_surrogate(recipe: Recipe, folders: Folders) -> Surrogate:
    """The backbone before it is aligned; it reads text alone."""
    from recexplainer.surrogate.training import new_surrogate

    return new_surrogate("behavior", load_alignment(folders), recipe.surrogate).to(best_device())


def measure_unaligned(recipe: Recipe, context: StageContext, folder: Path) -> str:
    """Measure the backbone before it is aligned, without and with two solved questions in its context."""
    from recexplainer.evaluation.alignment import evaluate_surrogate
    from recexplainer.evaluation.cases import draw_shots

    use_threads(recipe.threads_each)
    cases, surrogate = load_test_cases(context.folders), unaligned_surrogate(recipe, context.folders)
    shots = draw_shots(load_alignment(context.folders).examples, recipe.evaluation.seed)
    rows = evaluate_surrogate(surrogate, cases, "unaligned")
    rows += evaluate_surrogate(surrogate, cases, Method("unaligned", "icl"), shots)
    return _write_alignment(folder, rows)


def measure_student(recipe: Recipe, context: StageContext, folder: Path) -> str:
    """Distil a SASRec from the recommender, and measure it."""
    from recexplainer.data.split import leave_one_out
    from recexplainer.evaluation.baselines import evaluate_scores
    from recexplainer.evaluation.distillation import distill_sasrec

    use_threads(recipe.threads_each)
    cases = load_test_cases(context.folders)
    if not cases.recommender.answers_changed_history:
        _write_alignment(folder, [])
        return "none: the recommender has no answers for prefixes of histories"
    student, trials = distill_sasrec(
        cases.dataset, leave_one_out(cases.dataset), cases.recommender, recipe.evaluation.student
    )
    _write_alignment(folder, evaluate_scores("student", student, cases))
    write_json(folder / RunLayout.TRIALS, [asdict(trial) for trial in trials])
    return f"SASRec distilled at temperature {trials[0].temperature:g}, the best of {len(trials)}"


def open_endpoint(recipe: Recipe, chat: Path) -> Endpoint:
    """The endpoint that a recipe names; its answers are kept in the folder `chat`, so that none is paid for twice.

    Raises:
        SettingsError: It names none.
    """
    from recexplainer.chat.endpoint import Endpoint

    if recipe.evaluation.endpoint is None:
        raise SettingsError(
            "No endpoint is named.", location="evaluation.endpoint", hint="Give --set evaluation.endpoint.model=NAME."
        )
    return Endpoint(recipe.evaluation.endpoint, chat)


def measure_endpoint(recipe: Recipe, context: StageContext, folder: Path) -> str:
    """Measure a chat model, without and with two solved questions in its context."""
    from recexplainer.evaluation.cases import draw_shots
    from recexplainer.evaluation.chat_models import evaluate_chat_model

    cases, model = load_test_cases(context.folders), open_endpoint(recipe, context.chat)
    shots = draw_shots(load_alignment(context.folders).examples, recipe.evaluation.seed)
    rows = evaluate_chat_model(model.name, model, cases)
    rows += evaluate_chat_model(Method(model.name, "icl"), model, cases, shots)
    return _write_alignment(folder, rows)


def ablation_stages(recipe: Recipe) -> list[Stage]:
    """A surrogate for each variant of the ablation, and their rows in one place."""
    stages = [ablation_stage(recipe, variant) for variant in ABLATIONS]
    gathered = Stage("ablation", gather_ablation, inputs=tuple(stage.name for stage in stages))
    return [*stages, gathered]


def ablation_name(variant: str) -> str:
    """Name of the stage of a surrogate that is aligned without some tasks."""
    return stage_name("ablation", variant or "full")


def ablation_stage(recipe: Recipe, variant: str) -> Stage:
    """A surrogate aligned without some of the tasks, measured, with its explanations of some cases (Figure 7)."""
    settings = _training_key(recipe, recipe.explaining_form) | recipe.evaluation.ablation.model_dump(mode="json")
    settings |= {
        "form": recipe.explaining_form,
        "cases_seed": recipe.evaluation.seed,
        "without": list(ABLATIONS[variant]),
    }
    make = partial(measure_ablated, recipe, variant)
    return Stage(ablation_name(variant), make, settings, ALIGNED_TO, isolated=True, distributed=True)


def measure_ablated(recipe: Recipe, variant: str, context: StageContext, folder: Path) -> str:
    """Align a surrogate without some of the tasks, and measure it and its direct explanations."""
    from recexplainer.data.split import leave_one_out
    from recexplainer.evaluation.alignment import evaluate_surrogate
    from recexplainer.evaluation.cases import draw_cases
    from recexplainer.evaluation.judge import RUBRIC, judge_with_rubric, judgement_rows
    from recexplainer.evaluation.rows import write_rows
    from recexplainer.explanations.explainer import Explainer

    use_threads(recipe.threads_each)
    method = Method(recipe.explaining_form, variant)
    surrogate = _train_ablated(recipe, context, folder, ABLATIONS[variant])
    if not is_first():
        return ""
    cases = load_test_cases(context.folders).first(recipe.evaluation.ablation.users)
    dataset, recommender = cases.dataset, cases.recommender
    rows = evaluate_surrogate(surrogate, cases, method)
    if recommender.answers_changed_history:
        count, seed = recipe.evaluation.ablation.cases, recipe.evaluation.seed
        pairs = draw_cases(dataset, leave_one_out(dataset), recommender, count, seed)
        explanations = Explainer(dataset, recommender, surrogate).explain(pairs, evidence=False, reflect=False)
        explanations = [replace(one, method=method.name, variant=method.variant) for one in explanations]
        write_case_explanations(folder, explanations)
        rows += judgement_rows(judge_with_rubric({method: explanations}, dataset), RUBRIC)
    write_rows(folder / rows_file("ablation"), rows)
    return f"{len(rows)} results {variant.replace('_', ' ') or 'with all tasks'}"


def _train_ablated(recipe: Recipe, context: StageContext, folder: Path, without: Sequence[Task]) -> Surrogate:
    """A surrogate of the form that explains, aligned without some of the tasks."""
    from recexplainer.surrogate import training

    whole, settings = load_alignment(context.folders), recipe.surrogate
    examples = [one for one in whole.examples if one.task not in without]
    alignment = replace(whole, examples=examples)
    if "discrimination" in without:  # the first phase names items from their vectors: that is this task
        settings = settings.model_copy(update={"connector_warmup_examples": 0})
    surrogate = training.train_surrogate(
        recipe.explaining_form,
        alignment,
        settings,
        folder / RunLayout.ABLATED_SURROGATE,
        context.work,
        steps=recipe.evaluation.ablation.steps,
    )
    return surrogate.to(best_device())


def gather_ablation(context: StageContext, folder: Path) -> str:
    """Write the rows of all ablated surrogates into one file."""
    from recexplainer.evaluation.rows import read_rows, write_rows

    rows = [row for each in context.folders.values() for row in read_rows(each / rows_file("ablation"))]
    write_rows(folder / rows_file("ablation"), rows)
    return f"{len(rows)} results of {len(context.folders)} surrogates"


def _write_alignment(folder: Path, rows: Sequence[Row]) -> str:
    from recexplainer.evaluation.rows import write_rows

    write_rows(folder / _ALIGNMENT_ROWS, rows)
    return f"{len(rows)} results"
