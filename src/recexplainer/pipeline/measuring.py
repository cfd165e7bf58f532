"""What the stages do that measure how well somebody answers as the recommender does (Table 1, Figure 7).

As in `steps.py`, rooms are loaded inside the functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from recexplainer.hardware import best_device, use_threads
from recexplainer.pipeline.asking import open_endpoint
from recexplainer.pipeline.graph import RunContext
from recexplainer.pipeline.loading import Folders, load_alignment, load_surrogate, load_test_cases, write_told
from recexplainer.pipeline.names import explaining_form
from recexplainer.pipeline.recipe import Recipe
from recexplainer.storage import write_json

if TYPE_CHECKING:
    from recexplainer.surrogate.model import Surrogate
    from recexplainer.tasks.example import Task


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
    from recexplainer.evaluation.baselines import evaluate_scores
    from recexplainer.evaluation.distillation import distill_sasrec
    from recexplainer.evaluation.rows import write_rows

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


def measure_ablated(recipe: Recipe, context: RunContext, folder: Path, *, name: str, without: Sequence[Task]) -> str:
    """Align a surrogate without some of the tasks, and measure it and what it says at once (Figure 7).

    Args:
        recipe: The recipe.
        context: What to align it to.
        folder: Where to.
        name: What is left out, in a word.
        without: The tasks that are left out.
    """
    from recexplainer.data.split import leave_one_out
    from recexplainer.evaluation.alignment import evaluate_surrogate
    from recexplainer.evaluation.cases import draw_cases
    from recexplainer.evaluation.judge import RUBRIC, judge_with_rubric, judgement_rows
    from recexplainer.evaluation.rows import write_rows
    from recexplainer.explanations.explainer import Explainer

    use_threads(recipe.threads_each)
    form, cases = explaining_form(recipe), load_test_cases(context.folders).first(recipe.evaluation.ablation.users)
    dataset, recommender = cases.dataset, cases.recommender
    surrogate = _ablated(recipe, context, folder, without)
    method = f"{form} without {name.replace('-', ' ')}" if without else form
    rows = evaluate_surrogate(surrogate, cases, method)
    if recommender.answers_changed_history:
        count, seed = recipe.evaluation.ablation.cases, recipe.evaluation.seed
        pairs = draw_cases(dataset, leave_one_out(dataset), recommender, count, seed)
        told = Explainer(dataset, recommender, surrogate).explain(pairs, evidence=False, reflect=False, method=method)
        write_told(folder, told)
        rows += judgement_rows(judge_with_rubric({method: told}, dataset), RUBRIC)
    write_rows(folder / "ablation.json", rows)
    return f"{len(rows)} results of {method}"


def _ablated(recipe: Recipe, context: RunContext, folder: Path, without: Sequence[Task]) -> Surrogate:
    """A surrogate of the form that explains, aligned without some of the tasks."""
    from recexplainer.surrogate import training

    whole = load_alignment(context.folders)
    kept = [one for one in whole.examples if one.task not in without]
    alignment = training.Alignment(whole.dataset, whole.recommender, kept)
    settings = recipe.surrogate
    if "discrimination" in without:  # the first phase names items from their vectors: that is this task
        settings = settings.model_copy(update={"connector_warmup_examples": 0})
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


def unaligned_surrogate(recipe: Recipe, folders: Folders) -> Surrogate:
    """The backbone as it was before it learned anything; it reads text alone."""
    from recexplainer.surrogate.training import new_surrogate

    return new_surrogate("behavior", load_alignment(folders), recipe.surrogate).to(best_device())
