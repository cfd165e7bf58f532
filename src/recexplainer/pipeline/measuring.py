"""What the stages do that measure how well somebody answers as the recommender does (Table 1, Figure 7).

As in `steps.py`, rooms are loaded inside the functions.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from recexplainer.hardware import best_device, use_threads
from recexplainer.pipeline.asking import open_endpoint
from recexplainer.pipeline.evaluation_settings import EVALUATIONS
from recexplainer.pipeline.loading import Folders, load_alignment, load_surrogate, load_test_cases, write_told
from recexplainer.pipeline.names import explaining_form, measurement_stage
from recexplainer.pipeline.recipe import Recipe
from recexplainer.pipeline.run import RunContext
from recexplainer.storage import write_json
from recexplainer.tasks.example import Task

if TYPE_CHECKING:
    from recexplainer.surrogate.model import Surrogate

ABLATIONS: dict[str, tuple[Task, ...]] = {
    "nothing": (),
    "retrieval-and-ranking": ("retrieval", "ranking"),
    "classification": ("classification",),
    "discrimination": ("discrimination",),
    "chat": ("chat",),
    "reconstruction": ("reconstruction",),
    "rationale": ("rationale",),
}
"""What is left out of the tasks, as in the paper's Figure 7, and rationale, which the paper does not have."""


def measure_surrogate(recipe: Recipe, context: RunContext, folder: Path, *, trained: str) -> str:
    """Measure the surrogate of a stage (paper section 3.2)."""
    from recexplainer.evaluation.alignment import evaluate_surrogate
    from recexplainer.evaluation.rows import write_rows

    use_threads(recipe.threads_each)
    rows = evaluate_surrogate(load_surrogate(context.folders[trained]), load_test_cases(context.folders))
    write_rows(folder / "alignment.json", rows)
    return f"{len(rows)} results"


def measure_unaligned(recipe: Recipe, context: RunContext, folder: Path) -> str:
    """Measure the backbone before it is aligned, asked outright and with two solved questions in its context."""
    from recexplainer.evaluation.alignment import evaluate_surrogate
    from recexplainer.evaluation.cases import draw_shots
    from recexplainer.evaluation.rows import write_rows

    use_threads(recipe.threads_each)
    cases, surrogate = load_test_cases(context.folders), unaligned_surrogate(recipe, context.folders)
    shots = draw_shots(load_alignment(context.folders).examples, recipe.evaluation.seed)
    rows = evaluate_surrogate(surrogate, cases, "unaligned")
    rows += evaluate_surrogate(surrogate, cases, "unaligned-icl", shots)
    write_rows(folder / "alignment.json", rows)
    return f"{len(rows)} results"


def measure_student(recipe: Recipe, context: RunContext, folder: Path) -> str:
    """Distil a SASRec from the recommender, and measure it."""
    from recexplainer.data.split import leave_one_out
    from recexplainer.evaluation.rows import write_rows
    from recexplainer.evaluation.scoring import evaluate_scores
    from recexplainer.recommenders.distillation import distill_sasrec

    use_threads(recipe.threads_each)
    cases = load_test_cases(context.folders)
    if not cases.recommender.answers_changed_history:
        write_rows(folder / "alignment.json", [])
        return "none: the recommender has no answers for prefixes of histories"
    student, trials = distill_sasrec(
        cases.dataset, leave_one_out(cases.dataset), cases.recommender, recipe.evaluation.student
    )
    write_rows(folder / "alignment.json", evaluate_scores("student", student, cases))
    write_json(folder / "trials.json", [asdict(trial) for trial in trials])
    return f"SASRec distilled at temperature {trials[0].temperature:g}, the best of {len(trials)}"


def measure_endpoint(recipe: Recipe, context: RunContext, folder: Path) -> str:
    """Measure a chat model, asked outright and with two solved questions in its context."""
    from recexplainer.evaluation.cases import draw_shots
    from recexplainer.evaluation.in_words import evaluate_chat_model
    from recexplainer.evaluation.rows import write_rows

    cases, model = load_test_cases(context.folders), open_endpoint(recipe, context.folders)
    shots = draw_shots(load_alignment(context.folders).examples, recipe.evaluation.seed)
    rows = evaluate_chat_model(model.name, model, cases)
    rows += evaluate_chat_model(f"{model.name}-icl", model, cases, shots)
    write_rows(folder / "alignment.json", rows)
    return f"{len(rows)} results of {model.name}"


def measure_ablated(recipe: Recipe, context: RunContext, folder: Path, *, name: str) -> str:
    """Align a surrogate without some of the tasks, and measure it and what it says at once (Figure 7)."""
    from recexplainer.data.split import leave_one_out
    from recexplainer.evaluation.alignment import evaluate_surrogate
    from recexplainer.evaluation.cases import draw_cases
    from recexplainer.evaluation.judge import RUBRIC, judge_with_rubric, judgement_rows
    from recexplainer.evaluation.rows import write_rows
    from recexplainer.explanations.explainer import Explainer

    use_threads(recipe.threads_each)
    form, cases = explaining_form(recipe), load_test_cases(context.folders).first(recipe.evaluation.ablation.users)
    dataset, recommender = cases.dataset, cases.recommender
    surrogate = _ablated(recipe, context, folder, ABLATIONS[name])
    method = form if not ABLATIONS[name] else f"{form} without {name.replace('-', ' ')}"
    rows = evaluate_surrogate(surrogate, cases, method)
    if recommender.answers_changed_history:
        count, seed = recipe.evaluation.ablation.cases, recipe.evaluation.seed
        pairs = draw_cases(dataset, leave_one_out(dataset), recommender, count, seed)
        told = Explainer(dataset, recommender, surrogate).explain(pairs, evidence=False, reflect=False, method=method)
        write_told(folder, told)
        rows += judgement_rows(judge_with_rubric({method: told}, dataset), RUBRIC)
    write_rows(folder / "ablation.json", rows)
    return f"{len(rows)} results of {method}"


def _ablated(recipe: Recipe, context: RunContext, folder: Path, without: tuple[Task, ...]) -> Surrogate:
    """A surrogate of the form that explains, aligned without some of the tasks."""
    from recexplainer.surrogate import training

    whole = load_alignment(context.folders)
    kept = [one for one in whole.examples if one.task not in without]
    alignment = training.Alignment(whole.dataset, whole.recommender, kept)
    settings = recipe.surrogate
    if "discrimination" in without:  # the first phase names items from their vectors: that is this task
        settings = settings.model_copy(update={"item_examples": 0})
    steps = recipe.evaluation.ablation.steps
    surrogate = training.train_surrogate(
        explaining_form(recipe), alignment, settings, folder / "surrogate", context.work, steps=steps
    )
    return surrogate.to(best_device())


def gather_ablation(context: RunContext, folder: Path) -> str:
    """Put the rows of all ablated surrogates into one file."""
    from recexplainer.evaluation.rows import read_rows, write_rows

    rows = [row for each in context.folders.values() for row in read_rows(each / "ablation.json")]
    write_rows(folder / "ablation.json", rows)
    return f"{len(rows)} results of {len(context.folders)} surrogates"


def gather_rows(recipe: Recipe, context: RunContext, folder: Path) -> str:
    """Put the rows of all evaluations into one folder, a file each; Random and Popularity are measured here."""
    from recexplainer.evaluation.rows import read_rows, write_rows
    from recexplainer.evaluation.scoring import evaluate_baselines

    measured = {name: each for name, each in context.folders.items() if name.startswith(measurement_stage(""))}
    rows = evaluate_baselines(load_test_cases(context.folders), recipe.evaluation.seed)
    for each in measured.values():
        rows += read_rows(each / "alignment.json")
    write_rows(folder / "alignment.json", rows)
    others = [name for name in context.folders if name in EVALUATIONS]
    for name in others:
        write_rows(folder / f"{name}.json", read_rows(context.folders[name] / f"{name}.json"))
    beside = f"; {', '.join(others)}" if others else ""
    return f"{len(rows)} results of {len(measured)} methods and two baselines{beside}"


def unaligned_surrogate(recipe: Recipe, folders: Folders) -> Surrogate:
    """The backbone as it was before it learned anything; it reads text alone."""
    from recexplainer.surrogate.training import new_surrogate

    return new_surrogate("behavior", load_alignment(folders), recipe.surrogate).to(best_device())
