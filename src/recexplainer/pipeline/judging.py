"""What the stages do that have every method explain the same cases, and that read what they say (Tables 2 and 3).

As in `steps.py`, rooms are loaded inside the functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recexplainer.errors import RecommenderError
from recexplainer.hardware import use_threads
from recexplainer.pipeline.asking import explaining_conversations, open_endpoint, open_judges
from recexplainer.pipeline.graph import RunContext
from recexplainer.pipeline.loading import load_pairs, load_surrogate, load_target, load_told, write_pairs, write_told
from recexplainer.pipeline.measuring import unaligned_surrogate
from recexplainer.pipeline.methods import Method
from recexplainer.pipeline.recipe import Recipe
from recexplainer.storage import read_json, write_json

if TYPE_CHECKING:
    from recexplainer.evaluation.rows import Row

_JUDGEMENTS = "judgements.json"


def draw_pairs(recipe: Recipe, context: RunContext, folder: Path) -> str:
    """Draw the pairs that every method explains."""
    from recexplainer.data.split import leave_one_out
    from recexplainer.evaluation.cases import draw_cases

    dataset, recommender = load_target(context.folders)
    if not recommender.answers_changed_history:
        raise RecommenderError(
            "This recommender cannot answer for a changed history, so explanations cannot be compared with it.",
            location=f"run {recipe.name}",
            hint="Evaluate alignment and baselines only, or give vectors a way to fold in (vectors.fold_in).",
        )
    pairs = draw_cases(dataset, leave_one_out(dataset), recommender, recipe.evaluation.cases, recipe.evaluation.seed)
    write_pairs(folder, pairs)
    return f"{len(pairs):,} pairs of a user and an item"


def explain_with_surrogate(
    recipe: Recipe, context: RunContext, folder: Path, *, method: Method, trained: str | None
) -> str:
    """Have a surrogate explain the cases: that of the stage `trained`, or the backbone before it is aligned."""
    from recexplainer.explanations.explainer import Explainer

    use_threads(recipe.threads_each)
    folders = context.folders
    surrogate = load_surrogate(folders[trained]) if trained else unaligned_surrogate(recipe, folders)
    explainer = Explainer(*load_target(folders), surrogate)
    told = explainer.explain(
        load_pairs(folders), evidence=method.evidence, reflect=method.reflect, method=method.form or method.speaker
    )
    write_told(folder, told)
    agree = sum(one.verdict == one.recommended for one in told) / len(told)
    return f"{len(told):,} explanations, {agree:.1%} with the recommender's own verdict"


def explain_with_endpoint(recipe: Recipe, context: RunContext, folder: Path) -> str:
    """Have the endpoint's model explain the cases."""
    from recexplainer.explanations.recording import Recorder

    (dataset, recommender), pairs = load_target(context.folders), load_pairs(context.folders)
    model = open_endpoint(recipe, context.folders)
    texts = model.answer(explaining_conversations(pairs, dataset.titles))
    write_told(folder, Recorder(dataset, recommender).told(model.name, pairs, [text or "" for text in texts]))
    return f"{len(texts):,} explanations, {texts.count(None):,} of them not answered"


def judge(recipe: Recipe, context: RunContext, folder: Path) -> str:
    """Have the explanations judged by rules, and by language models where they are named (Table 2)."""
    from recexplainer.evaluation.judge import RUBRIC, judge_with_model, judge_with_rubric, judgement_rows
    from recexplainer.evaluation.rows import write_rows

    dataset, _ = load_target(context.folders)
    told = load_told(context.folders, recipe.evaluation.judged)
    judged = {RUBRIC: judge_with_rubric(told, dataset)}
    for model in open_judges(recipe, context.folders):
        judged[model.name] = judge_with_model(told, model, recipe.evaluation.seed)
    write_rows(folder / "judge.json", [row for name, each in judged.items() for row in judgement_rows(each, name)])
    write_json(folder / _JUDGEMENTS, {name: [asdict(one) for one in each] for name, each in judged.items()})
    return f"{sum(map(len, told.values())):,} explanations of {len(told)} methods, by {' and '.join(judged)}"


def discriminate(recipe: Recipe, context: RunContext, folder: Path) -> str:
    """Tell whose explanation a text is (Figure 4), and by what alone it could be told."""
    from recexplainer.evaluation.controls import discriminator_controls
    from recexplainer.evaluation.discriminator import evaluate_discriminator

    return _read_texts(recipe, context, folder / "discriminator.json", evaluate_discriminator, discriminator_controls)


def predict_scores(recipe: Recipe, context: RunContext, folder: Path) -> str:
    """Predict f's score from the text (Table 3), and from less than the text."""
    from recexplainer.evaluation.controls import score_predictor_controls
    from recexplainer.evaluation.score_predictor import evaluate_score_predictor

    path = folder / "score-predictor.json"
    return _read_texts(recipe, context, path, evaluate_score_predictor, score_predictor_controls)


def _read_texts(
    recipe: Recipe,
    context: RunContext,
    path: Path,
    evaluate: Callable[..., list[Row]],
    controls: Callable[..., list[Row]],
) -> str:
    """Rows of what an encoder finds out from the texts, and of its controls."""
    from recexplainer.evaluation.encoder import fit_predict
    from recexplainer.evaluation.rows import write_rows

    use_threads(recipe.threads_each)
    settings, seed = recipe.evaluation.encoder, recipe.evaluation.seed
    told = load_told(context.folders, recipe.evaluation.read)
    rows = [*evaluate(told, partial(fit_predict, settings=settings), seed), *controls(told, settings, seed)]
    write_rows(path, rows)
    return f"{len(rows)} results of {len(told)} methods"


def check_faithfulness(recipe: Recipe, context: RunContext, folder: Path) -> str:
    """Ask f again without what the texts cite; templates stand beside. Language models that are named foretell f."""
    from recexplainer.evaluation.faithfulness import evaluate_faithfulness
    from recexplainer.evaluation.faithfulness.simulation import simulate_with_model, simulation_rows
    from recexplainer.evaluation.rows import write_rows
    from recexplainer.explanations.templates import template_explanations

    use_threads(recipe.threads_each)
    chosen = recipe.evaluation
    dataset, recommender = load_target(context.folders)
    told = load_told(context.folders, chosen.faithful)
    told |= template_explanations(dataset, recommender, load_pairs(context.folders)[: chosen.faithful])
    rows = evaluate_faithfulness(told, recommender, chosen.seed)
    first = {method: each[: chosen.simulated] for method, each in told.items()}
    foretold: dict[str, list[dict[str, Any]]] = {}
    for model in open_judges(recipe, context.folders):
        found = simulate_with_model(first, recommender, model, seed=chosen.seed)
        rows += simulation_rows(found, model.name)
        foretold[model.name] = [asdict(one) for one in found]
    write_rows(folder / "faithfulness.json", rows)
    write_json(folder / "simulations.json", foretold)
    return f"{len(rows)} results of {len(told)} methods"


def check_metrics(recipe: Recipe, context: RunContext, folder: Path) -> str:
    """Test whether the metrics of faithfulness tell true explanations from corrupted ones, where causes are known."""
    from recexplainer.evaluation.faithfulness import faithfulness_values
    from recexplainer.evaluation.rows import write_rows
    from recexplainer.evaluation.synthetic.auroc import evaluate_planted

    use_threads(recipe.threads_each)
    rows = evaluate_planted(faithfulness_values, recipe.evaluation.planted, recipe.evaluation.seed)
    write_rows(folder / "planted.json", rows)
    return f"{len(rows)} results of {recipe.evaluation.planted:,} pairs"


def agree(context: RunContext, folder: Path, *, ratings: Path) -> str:
    """Compare what people thought of the explanations with what judges did (Figure 3, Appendix A.3)."""
    from recexplainer.evaluation.agreement import agreement_rows
    from recexplainer.evaluation.rows import write_rows
    from recexplainer.study.human_ratings import case_name, human_rows, ratings_by_rater, read_ratings

    people = read_ratings(ratings)
    judged: Mapping[str, Sequence[Mapping[str, Any]]] = read_json(context.folders["judge"] / _JUDGEMENTS)
    judges = {
        name: {case_name(one["method"], one["user"], one["item"]): one["rating"] for one in each}
        for name, each in judged.items()
    }
    rows = [*human_rows(people), *agreement_rows({**ratings_by_rater(people), **judges}, list(judges))]
    write_rows(folder / "agreement.json", rows)
    return f"{len(people):,} ratings of people beside {' and '.join(judges)}"
