"""The stages that train surrogates, and that measure who answers as the recommender does (Table 1, Figure 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from recexplainer.hardware import best_device
from recexplainer.pipeline import layout
from recexplainer.pipeline.execution import Stage, StageContext
from recexplainer.pipeline.layout import ALIGNED_TO, Folders, RunLayout, rows_file, stage_name
from recexplainer.pipeline.recipe import Recipe
from recexplainer.processes import is_first
from recexplainer.recommenders.base import User
from recexplainer.storage import write_json
from recexplainer.surrogate.prompt import Form
from recexplainer.surrogate.settings import OwnWordsSettings, PreferenceSettings
from recexplainer.tasks.corpus_explanations import corpus_explanations
from recexplainer.tasks.example import Task

if TYPE_CHECKING:
    from recexplainer.surrogate.model import Surrogate

_MIN_GUARD_QUESTIONS = 400  # classification examples that guard alignment; none of them is learned from here
_MIN_QUESTIONS = 4
ABLATIONS: dict[str, tuple[Task, ...]] = {
    "": (),
    "without_retrieval_and_ranking": ("retrieval", "ranking"),
    "without_classification": ("classification", "verdicts"),
    "without_discrimination": ("discrimination",),
    "without_chat": ("chat",),
    "without_reconstruction": ("reconstruction",),
    "without_rationale": ("rationale",),
}
"""The tasks that each variant is trained without, as in the paper's Figure 7; rationale is not in the paper."""
_WITHOUT_CHAT = "without_chat"


def surrogate_name(form: str) -> str:
    """Name of the stage of a form's surrogate once it is aligned."""
    return stage_name("surrogate", form)


def trained_name(recipe: Recipe, form: str) -> str:
    """Name of the stage whose surrogate is measured, explains and is exported: the last one that trains that form."""
    return _preferred_name(recipe, form) if form == recipe.explaining_form else surrogate_name(form)


def _preferred_name(recipe: Recipe, form: str) -> str:
    return stage_name("preference", form) if recipe.surrogate.preference is not None else _worded_name(recipe, form)


def _worded_name(recipe: Recipe, form: str) -> str:
    return stage_name("own_words", form) if recipe.surrogate.own_words is not None else surrogate_name(form)


def training_stages(recipe: Recipe) -> list[Stage]:
    """The surrogate of every form; of the one that explains own words and preference, where the recipe wants them."""
    stages: list[Stage] = []
    training, form = recipe.surrogate, recipe.explaining_form
    own_words, preference = training.own_words, training.preference
    for each in recipe.forms:
        continues = each == "hybrid" and training.start_hybrid_from == "intention" and "intention" in recipe.forms
        start = (surrogate_name("intention"),) if continues else ()
        make, inputs = partial(_train_surrogate, recipe, each, start), (*ALIGNED_TO, *start)
        key = _training_key(recipe, each) | {"epochs": training.epochs.get(each, 1.0)}
        stages.append(Stage(surrogate_name(each), make, key, inputs, training.sources, isolated=True, distributed=True))
    if own_words is not None:
        make, inputs = partial(_learn_own_words, recipe, own_words), (*ALIGNED_TO, surrogate_name(form))
        key = own_words.model_dump(mode="json")
        stages.append(Stage(_worded_name(recipe, form), make, key, inputs, isolated=True, distributed=True))
    if preference is not None:
        make, inputs = partial(_train_preference, recipe, preference), (*ALIGNED_TO, _worded_name(recipe, form))
        key = preference.model_dump(mode="json")
        stages.append(Stage(_preferred_name(recipe, form), make, key, inputs, isolated=True))
    return stages


def _training_key(recipe: Recipe, form: Form) -> dict[str, Any]:
    """The settings that decide how a form is trained, without the epochs; its first weights are among its inputs."""
    settings = recipe.surrogate
    unused = {"epochs", "start_hybrid_from", "nano" if settings.is_pretrained else "pretrained"}
    if form != "hybrid":
        unused.add("hybrid_form_sampling")
    if form == "behavior":  # it has no connectors
        unused |= {"connector_width", "connector_warmup_examples", "connector_warmup_list", "titles"}
    key = settings.cache_key() | {"task_sampling": settings.task_sampling.get(form, {})}
    return {name: value for name, value in key.items() if name not in unused}


def _train_surrogate(recipe: Recipe, form: Form, start: Sequence[str], context: StageContext, folder: Path) -> str:
    from recexplainer.surrogate.training import train_surrogate

    alignment = layout.load_alignment(context.folders)
    begin = context.folders[start[0]] if start else None
    surrogate = train_surrogate(form, alignment, recipe.surrogate, folder, context.work, begin)
    weights = sum(weight.numel() for weight in surrogate.parameters())
    return f"{recipe.surrogate.backbone}, {weights / 1e6:.1f} million weights"


def _learn_own_words(recipe: Recipe, settings: OwnWordsSettings, context: StageContext, folder: Path) -> str:
    from recexplainer.surrogate.training import learn_own_words

    alignment = layout.load_alignment(context.folders)
    surrogate = layout.load_surrogate(context.folders[surrogate_name(recipe.explaining_form)], frozen=False)
    learn_own_words(surrogate, alignment, recipe.surrogate, settings, folder, context.work)
    return f"from {len(corpus_explanations()):,} explanations of the corpus"


def _train_preference(recipe: Recipe, settings: PreferenceSettings, context: StageContext, folder: Path) -> str:
    """Train the surrogate that explains to prefer those of its explanations that the recommender supports (DPO)."""
    from recexplainer.evaluation.alignment import evaluate_surrogate
    from recexplainer.explanations.preference import prefer

    alignment = layout.load_alignment(context.folders)
    aligned = _worded_name(recipe, recipe.explaining_form)
    surrogate = layout.load_surrogate(context.folders[aligned], frozen=False)
    asked = [one for one in alignment.examples if one.task == "classification"]
    if len(asked) < _MIN_QUESTIONS:
        raise SettingsError(
            f"Preference training needs examples of classification, of which there are {len(asked)}.",
            location="surrogate.preference",
            hint="Add classification to examples.tasks, or give --set surrogate.preference=null.",
        )
    step = max(2, len(asked) // _MIN_GUARD_QUESTIONS)
    pairs = [(User(one.history, one.user), one.items[0]) for at, one in enumerate(asked) if at % step]
    guarded = replace(alignment, examples=asked[::step])

    def accuracy(surrogate: Surrogate) -> float:
        rows = evaluate_surrogate(surrogate.eval(), guarded)
        return next(row.value or 0.0 for row in rows if row.metric == "accuracy")

    log = prefer(surrogate, alignment.dataset, alignment.recommender, pairs, settings, accuracy)
    surrogate.save_pretrained(folder)
    write_json(folder / RunLayout.PREFERENCE_LOG, asdict(log))
    scores = f"explanations scored {log.score_before:.3f}, after preference training {log.score_after:.3f}"
    return f"{log.pairs:,} pairs; {scores}{', undone since alignment fell' if log.undone else ''}"


def alignment_stages(recipe: Recipe) -> list[Stage]:
    """How well the surrogate of each form answers as the recommender does (paper section 3.2)."""
    trained = {stage_name("alignment", form): trained_name(recipe, form) for form in recipe.forms}
    return [
        Stage(name, partial(_measure_surrogate, of), inputs=(*ALIGNED_TO, of), isolated=True)
        for name, of in trained.items()
    ]


def _measure_surrogate(trained: str, context: StageContext, folder: Path) -> str:
    from recexplainer.evaluation.alignment import evaluate_surrogate

    surrogate = layout.load_surrogate(context.folders[trained])
    return _write(folder, "alignment", evaluate_surrogate(surrogate, layout.load_test_cases(context.folders)))


def baseline_stages(recipe: Recipe) -> list[Stage]:
    """The baselines of Table 1: the backbone before it is aligned, a distilled SASRec, a chat model if one is named."""
    unaligned, student, endpoint = (stage_name("alignment", name) for name in ("unaligned", "student", "endpoint"))
    settings, shots = recipe.evaluation.student.model_dump(mode="json"), {"shots_seed": recipe.evaluation.seed}
    key, read = backbone_key(recipe) | shots, recipe.surrogate.sources
    stages = [
        Stage(unaligned, partial(_measure_untrained, recipe, False), key, ALIGNED_TO, read, isolated=True),
        Stage(student, partial(_measure_student, recipe), settings, ALIGNED_TO, isolated=True),
    ]
    if recipe.evaluation.endpoint is not None:
        make, key = partial(_measure_untrained, recipe, True), endpoint_key(recipe) | shots
        stages.append(Stage(endpoint, make, key, ALIGNED_TO))
    return stages


def backbone_key(recipe: Recipe) -> dict[str, Any]:
    """The settings that decide what a backbone is before it is aligned."""
    key, settings = recipe.surrogate.cache_key(), "pretrained" if recipe.surrogate.is_pretrained else "nano"
    return {name: key[name] for name in ("backbone", settings, "seed")}


def endpoint_key(recipe: Recipe) -> dict[str, Any]:
    """The settings that decide what an endpoint answers: not how patiently it is asked, nor its price."""
    endpoint = recipe.evaluation.endpoint
    decisive = {"model", "address_variable", "temperature", "max_tokens"}
    if endpoint is None:
        return {}
    decisive |= set() if endpoint.address is None else {"address"}
    return {"endpoint": endpoint.model_dump(mode="json", include=decisive)}


def unaligned_surrogate(recipe: Recipe, folders: Folders) -> Surrogate:
    """The backbone before it is aligned; it reads text alone."""
    from recexplainer.surrogate.training import new_surrogate

    return new_surrogate("behavior", layout.load_alignment(folders), recipe.surrogate).to(best_device())


def _measure_untrained(recipe: Recipe, endpoint: bool, context: StageContext, folder: Path) -> str:
    """Measure the backbone before it is aligned, or a chat model, without and with two solved questions in context."""
    from recexplainer.evaluation.alignment import evaluate_surrogate
    from recexplainer.evaluation.baselines import evaluate_chat_model

    cases = layout.load_test_cases(context.folders)
    shots = draw_shots(layout.load_alignment(context.folders).examples, recipe.evaluation.seed)
    if endpoint:
        model = open_endpoint(recipe, context.chat)
        rows = evaluate_chat_model(model.name, model, cases)
        rows += evaluate_chat_model(Method(model.name, "icl"), model, cases, shots)
    else:
        surrogate = unaligned_surrogate(recipe, context.folders)
        rows = evaluate_surrogate(surrogate, cases, "unaligned")
        rows += evaluate_surrogate(surrogate, cases, Method("unaligned", "icl"), shots)
    return _write(folder, "alignment", rows)


def _measure_student(recipe: Recipe, context: StageContext, folder: Path) -> str:
    """Distil a SASRec from the recommender, and measure it."""
    from recexplainer.evaluation.baselines import evaluate_scores

    cases, settings = layout.load_test_cases(context.folders), recipe.evaluation.student
    if not cases.recommender.answers_changed_history:
        _write(folder, "alignment", [])
        return "none: the recommender has no answers for prefixes of histories"
    student, trials = distill_sasrec(cases.dataset, leave_one_out(cases.dataset), cases.recommender, settings)
    _write(folder, "alignment", evaluate_scores("student", student, cases))
    write_json(folder / RunLayout.TRIALS, [asdict(trial) for trial in trials])
    return f"SASRec distilled at temperature {trials[0].temperature:g}, the best of {len(trials)}"


def open_endpoint(recipe: Recipe, chat: Path) -> Endpoint:
    """The endpoint that a recipe names, with its answers kept in the folder `chat`; SettingsError if it names none."""
    if recipe.evaluation.endpoint is None:
        hint = "Give --set evaluation.endpoint.model=NAME."
        raise SettingsError("No endpoint is named.", location="evaluation.endpoint", hint=hint)
    return Endpoint(recipe.evaluation.endpoint, chat)


def ablation_stages(recipe: Recipe) -> list[Stage]:
    """A surrogate for each variant of the ablation."""
    return [ablation_stage(recipe, variant) for variant in ABLATIONS]


def ablation_stage(recipe: Recipe, variant: str) -> Stage:
    """A surrogate aligned without some of the tasks, measured, with its explanations of some cases (Figure 7)."""
    form, settings = recipe.explaining_form, recipe.evaluation.ablation.model_dump(mode="json")
    settings |= _training_key(recipe, form) | {"form": form, "cases_seed": recipe.evaluation.seed}
    settings |= {"without": list(ABLATIONS[variant])}
    make = partial(_measure_ablated, recipe, Method(form, variant))
    name, read = stage_name("ablation", variant or "full"), recipe.surrogate.sources
    return Stage(name, make, settings, ALIGNED_TO, read, isolated=True, distributed=True)


def _measure_ablated(recipe: Recipe, method: Method, context: StageContext, folder: Path) -> str:
    from recexplainer.evaluation.alignment import evaluate_surrogate
    from recexplainer.surrogate.training import train_surrogate

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
    return _write(folder, "ablation", rows)


def forgetting_stages(recipe: Recipe) -> list[Stage]:
    """What a pretrained backbone forgets when it is aligned; no stage for one that knew nothing before.

    Where the ablation is made, its surrogate without general conversations is measured too, and beside it the one that
    learned all tasks in as many steps.
    """
    if not recipe.surrogate.is_pretrained:
        return []
    measured = {Method(form): trained_name(recipe, form) for form in recipe.forms}
    if "ablation" in recipe.evaluation.needed:
        for variant, name in (("", "all_tasks"), (_WITHOUT_CHAT, _WITHOUT_CHAT)):
            measured[Method(recipe.explaining_form, name)] = ablation_stage(recipe, variant).name
    settings = recipe.evaluation.model_dump(mode="json", include={"n_forgetting"}) | backbone_key(recipe)
    make = partial(_measure_forgetting, recipe, measured)
    inputs, read = (*ALIGNED_TO, *measured.values()), recipe.surrogate.sources
    return [Stage("forgetting", make, settings, inputs, read, isolated=True)]


def _measure_forgetting(recipe: Recipe, measured: Mapping[Method, str], context: StageContext, folder: Path) -> str:
    """Measure the backbone before it is aligned, then each surrogate."""
    from recexplainer.evaluation.forgetting import answer_records, forgetting_rows, measure_ability

    tested, count = layout.load_test_cases(context.folders), recipe.evaluation.n_forgetting
    before = measure_ability(unaligned_surrogate(recipe, context.folders), tested, count)
    abilities = {Method("unaligned"): before}
    rows = forgetting_rows(Method("unaligned"), before)
    for method, stage in measured.items():
        whole, ablated = context.folders[stage], context.folders[stage] / RunLayout.ABLATED_SURROGATE
        surrogate = layout.load_surrogate(ablated if ablated.is_dir() else whole)
        abilities[method] = measure_ability(surrogate, tested, count)
        rows += forgetting_rows(method, abilities[method], before)
    write_json(folder / RunLayout.ANSWERS, answer_records(abilities))
    cases = f"{len(before.tokens)} conversations and {len(before.answers)} instructions"
    return f"{_write(folder, 'forgetting', rows)} on {cases}"


def _write(folder: Path, name: str, rows: Sequence[Row]) -> str:
    write_rows(folder / rows_file(name), rows)
    return f"{len(rows)} results"
