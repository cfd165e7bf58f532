"""The stages that train surrogates, and that measure who answers as the recommender does (Table 1, Figure 7).

What loads transformers is imported inside the functions, so that a run with nothing to do takes no time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recexplainer.chat.endpoint import Endpoint
from recexplainer.data.dataset import leave_one_out
from recexplainer.errors import SettingsError
from recexplainer.evaluation.cases import draw_cases, draw_shots
from recexplainer.evaluation.distillation import distill_sasrec
from recexplainer.evaluation.judge import RUBRIC, judge_with_rubric, judgement_rows
from recexplainer.evaluation.rows import Row, write_rows
from recexplainer.explanations.explainer import PairExplainer
from recexplainer.explanations.record import Method
from recexplainer.hardware import best_device, use_threads
from recexplainer.pipeline import layout
from recexplainer.pipeline.layout import ALIGNED_TO, Folders, RunLayout, rows_file, stage_name
from recexplainer.pipeline.recipe import Recipe
from recexplainer.pipeline.stage import Stage, StageContext
from recexplainer.processes import is_first
from recexplainer.recommenders.base import User
from recexplainer.storage import write_json
from recexplainer.surrogate.prompt import Form
from recexplainer.surrogate.settings import PreferenceSettings
from recexplainer.tasks.example import LabelledExamples, Task

if TYPE_CHECKING:
    from recexplainer.surrogate.model import Surrogate

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


def surrogate_name(form: str) -> str:
    """Name of the stage of a form's surrogate once it is aligned."""
    return stage_name("surrogate", form)


def trained_name(recipe: Recipe, form: str) -> str:
    """Name of the stage whose surrogate is measured, explains and is exported: the last one that trains that form."""
    preferred = recipe.surrogate.preference is not None and form == recipe.explaining_form
    return stage_name("preference", form) if preferred else surrogate_name(form)


def training_stages(recipe: Recipe) -> list[Stage]:
    """The surrogate of every form, and preference training of the one that explains where the recipe wants it."""
    stages = [_surrogate_stage(recipe, form) for form in recipe.forms]
    form, settings = recipe.explaining_form, recipe.surrogate.preference
    if settings is not None:
        make, inputs = partial(_train_preference, recipe, settings), (*ALIGNED_TO, surrogate_name(form))
        stages.append(Stage(trained_name(recipe, form), make, settings.model_dump(mode="json"), inputs, isolated=True))
    return stages


def _surrogate_stage(recipe: Recipe, form: Form) -> Stage:
    settings = recipe.surrogate
    continues = form == "hybrid" and settings.start_hybrid_from == "intention" and "intention" in recipe.forms
    start = (surrogate_name("intention"),) if continues else ()
    make = partial(_train_surrogate, recipe, form, start)
    key = _training_key(recipe, form) | {"epochs": settings.epochs.get(form, 1.0)}
    return Stage(surrogate_name(form), make, key, (*ALIGNED_TO, *start), isolated=True, distributed=True)


def _training_key(recipe: Recipe, form: Form) -> dict[str, Any]:
    """The settings that decide how a form is trained, without the epochs; its first weights are among its inputs."""
    settings = recipe.surrogate
    unused = {"epochs", "start_hybrid_from", "pretrained" if settings.backbone == "nano" else "nano"}
    if form != "hybrid":
        unused.add("hybrid_form_sampling")
    key = settings.cache_key() | {"task_sampling": settings.task_sampling.get(form, {})}
    return {name: value for name, value in key.items() if name not in unused}


def _train_surrogate(recipe: Recipe, form: Form, start: Sequence[str], context: StageContext, folder: Path) -> str:
    from recexplainer.surrogate.training import train_surrogate

    use_threads(recipe.threads_each)
    alignment = layout.load_alignment(context.folders)
    begin = context.folders[start[0]] if start else None
    surrogate = train_surrogate(form, alignment, recipe.surrogate, folder, context.work, begin)
    weights = sum(weight.numel() for weight in surrogate.parameters())
    return f"{recipe.surrogate.backbone}, {weights / 1e6:.1f} million weights"


def _train_preference(recipe: Recipe, settings: PreferenceSettings, context: StageContext, folder: Path) -> str:
    """Train the surrogate that explains to prefer those of its explanations that the recommender supports (DPO)."""
    from recexplainer.explanations.preference import prefer

    use_threads(recipe.threads_each)
    alignment = layout.load_alignment(context.folders)
    surrogate = layout.load_surrogate(context.folders[surrogate_name(recipe.explaining_form)])
    asked = [one for one in alignment.examples if one.task == "classification"]
    if len(asked) < _MIN_QUESTIONS:
        raise SettingsError(
            f"Preference training needs examples of classification, of which there are {len(asked)}.",
            location="surrogate.preference",
            hint="Add classification to examples.tasks, or give --set surrogate.preference=null.",
        )
    step = max(2, len(asked) // _MIN_GUARD_QUESTIONS)
    pairs = [(User(one.history, one.user), one.items[0]) for at, one in enumerate(asked) if at % step]
    guard = partial(_accuracy, cases=replace(alignment, examples=asked[::step]))
    log = prefer(surrogate, alignment.dataset, alignment.recommender, pairs, settings, guard)
    surrogate.save_pretrained(folder)
    write_json(folder / RunLayout.PREFERENCE_LOG, asdict(log))
    scores = f"explanations scored {log.score_before:.3f}, after preference training {log.score_after:.3f}"
    return f"{log.pairs:,} pairs; {scores}{', undone since alignment fell' if log.undone else ''}"


def _accuracy(surrogate: Surrogate, *, cases: LabelledExamples) -> float:
    from recexplainer.evaluation.alignment import evaluate_surrogate

    rows = evaluate_surrogate(surrogate.eval(), cases)
    return next(row.value or 0.0 for row in rows if row.metric == "accuracy")


def alignment_stages(recipe: Recipe) -> list[Stage]:
    """How well the surrogate of each form answers as the recommender does (paper section 3.2)."""
    stages: list[Stage] = []
    for form in recipe.forms:
        trained, name = trained_name(recipe, form), stage_name("alignment", form)
        make = partial(_measure_surrogate, recipe, trained)
        stages.append(Stage(name, make, inputs=(*ALIGNED_TO, trained), isolated=True))
    return stages


def _measure_surrogate(recipe: Recipe, trained: str, context: StageContext, folder: Path) -> str:
    from recexplainer.evaluation.alignment import evaluate_surrogate

    use_threads(recipe.threads_each)
    surrogate = layout.load_surrogate(context.folders[trained])
    return _write_alignment(folder, evaluate_surrogate(surrogate, layout.load_test_cases(context.folders)))


def baseline_stages(recipe: Recipe) -> list[Stage]:
    """The baselines of Table 1: the backbone before it is aligned, a distilled SASRec, a chat model if one is named."""
    unaligned, student, endpoint = (stage_name("alignment", name) for name in ("unaligned", "student", "endpoint"))
    settings, shots = recipe.evaluation.student.model_dump(mode="json"), {"shots_seed": recipe.evaluation.seed}
    key = backbone_key(recipe) | shots
    stages = [
        Stage(unaligned, partial(_measure_unaligned, recipe), key, ALIGNED_TO, isolated=True),
        Stage(student, partial(_measure_student, recipe), settings, ALIGNED_TO, isolated=True),
    ]
    if recipe.evaluation.endpoint is not None:
        stages.append(Stage(endpoint, partial(_measure_endpoint, recipe), endpoint_key(recipe) | shots, ALIGNED_TO))
    return stages


def backbone_key(recipe: Recipe) -> dict[str, Any]:
    """The settings that decide what a backbone is before it is aligned."""
    key, settings = recipe.surrogate.cache_key(), "nano" if recipe.surrogate.backbone == "nano" else "pretrained"
    return {name: key[name] for name in ("backbone", settings, "seed")}


def endpoint_key(recipe: Recipe) -> dict[str, Any]:
    """The settings that decide what an endpoint answers: not how patiently it is asked, nor its price."""
    endpoint = recipe.evaluation.endpoint
    decisive = {"model", "address_variable", "temperature", "max_tokens"}
    return {} if endpoint is None else {"endpoint": endpoint.model_dump(mode="json", include=decisive)}


def unaligned_surrogate(recipe: Recipe, folders: Folders) -> Surrogate:
    """The backbone before it is aligned; it reads text alone."""
    from recexplainer.surrogate.training import new_surrogate

    return new_surrogate("behavior", layout.load_alignment(folders), recipe.surrogate).to(best_device())


def _measure_unaligned(recipe: Recipe, context: StageContext, folder: Path) -> str:
    """Measure the backbone before it is aligned, without and with two solved questions in its context."""
    from recexplainer.evaluation.alignment import evaluate_surrogate

    use_threads(recipe.threads_each)
    cases, surrogate = layout.load_test_cases(context.folders), unaligned_surrogate(recipe, context.folders)
    shots = draw_shots(layout.load_alignment(context.folders).examples, recipe.evaluation.seed)
    rows = evaluate_surrogate(surrogate, cases, "unaligned")
    return _write_alignment(folder, [*rows, *evaluate_surrogate(surrogate, cases, Method("unaligned", "icl"), shots)])


def _measure_student(recipe: Recipe, context: StageContext, folder: Path) -> str:
    """Distil a SASRec from the recommender, and measure it."""
    from recexplainer.evaluation.baselines import evaluate_scores

    use_threads(recipe.threads_each)
    cases, settings = layout.load_test_cases(context.folders), recipe.evaluation.student
    if not cases.recommender.answers_changed_history:
        _write_alignment(folder, [])
        return "none: the recommender has no answers for prefixes of histories"
    student, trials = distill_sasrec(cases.dataset, leave_one_out(cases.dataset), cases.recommender, settings)
    _write_alignment(folder, evaluate_scores("student", student, cases))
    write_json(folder / RunLayout.TRIALS, [asdict(trial) for trial in trials])
    return f"SASRec distilled at temperature {trials[0].temperature:g}, the best of {len(trials)}"


def open_endpoint(recipe: Recipe, chat: Path) -> Endpoint:
    """The endpoint that a recipe names, with its answers kept in the folder `chat`; SettingsError if it names none."""
    if recipe.evaluation.endpoint is None:
        raise SettingsError(
            "No endpoint is named.", location="evaluation.endpoint", hint="Give --set evaluation.endpoint.model=NAME."
        )
    return Endpoint(recipe.evaluation.endpoint, chat)


def _measure_endpoint(recipe: Recipe, context: StageContext, folder: Path) -> str:
    """Measure a chat model, without and with two solved questions in its context."""
    from recexplainer.evaluation.baselines import evaluate_chat_model

    cases, model = layout.load_test_cases(context.folders), open_endpoint(recipe, context.chat)
    shots = draw_shots(layout.load_alignment(context.folders).examples, recipe.evaluation.seed)
    rows = evaluate_chat_model(model.name, model, cases)
    return _write_alignment(folder, [*rows, *evaluate_chat_model(Method(model.name, "icl"), model, cases, shots)])


def ablation_stages(recipe: Recipe) -> list[Stage]:
    """A surrogate for each variant of the ablation."""
    return [ablation_stage(recipe, variant) for variant in ABLATIONS]


def ablation_name(variant: str) -> str:
    """Name of the stage of a surrogate that is aligned without some tasks."""
    return stage_name("ablation", variant or "full")


def ablation_stage(recipe: Recipe, variant: str) -> Stage:
    """A surrogate aligned without some of the tasks, measured, with its explanations of some cases (Figure 7)."""
    form, settings = recipe.explaining_form, recipe.evaluation.ablation.model_dump(mode="json")
    settings |= _training_key(recipe, form) | {"form": form, "cases_seed": recipe.evaluation.seed}
    settings |= {"without": list(ABLATIONS[variant])}
    make = partial(_measure_ablated, recipe, Method(form, variant))
    return Stage(ablation_name(variant), make, settings, ALIGNED_TO, isolated=True, distributed=True)


def _measure_ablated(recipe: Recipe, method: Method, context: StageContext, folder: Path) -> str:
    from recexplainer.evaluation.alignment import evaluate_surrogate
    from recexplainer.surrogate.training import train_surrogate

    use_threads(recipe.threads_each)
    without, training = ABLATIONS[method.variant], recipe.surrogate
    if "discrimination" in without:  # the first phase names items from their vectors: that is this task
        training = training.model_copy(update={"connector_warmup_examples": 0})
    whole, settings, seed = layout.load_alignment(context.folders), recipe.evaluation.ablation, recipe.evaluation.seed
    alignment = replace(whole, examples=[one for one in whole.examples if one.task not in without])
    to = folder / RunLayout.ABLATED_SURROGATE
    surrogate = train_surrogate(recipe.explaining_form, alignment, training, to, context.work, steps=settings.steps)
    if not is_first():
        return ""
    surrogate = surrogate.to(best_device())
    cases = layout.load_test_cases(context.folders).first(settings.users)
    dataset, recommender = cases.dataset, cases.recommender
    rows = evaluate_surrogate(surrogate, cases, method)
    if recommender.answers_changed_history:
        pairs = draw_cases(dataset, leave_one_out(dataset), recommender, settings.cases, seed)
        explainer = PairExplainer(dataset, recommender, surrogate)
        explanations = explainer.explain(pairs, grounded=False, self_attribution=False, source=method)
        layout.write_explanations(folder / RunLayout.CASE_EXPLANATIONS, explanations)
        rows += judgement_rows(judge_with_rubric({method: explanations}, dataset), RUBRIC)
    write_rows(folder / rows_file("ablation"), rows)
    return f"{len(rows)} results"


def _write_alignment(folder: Path, rows: Sequence[Row]) -> str:
    write_rows(folder / rows_file("alignment"), rows)
    return f"{len(rows)} results"
