"""What each stage does: load what it needs, call the room that does the work, say in one line what was made.

Rooms are loaded inside the functions, so that a run with nothing to do takes no time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from recexplainer.errors import SettingsError
from recexplainer.hardware import use_threads
from recexplainer.pipeline.graph import RunContext
from recexplainer.pipeline.loading import (
    ALONE,
    VIEWS,
    WITH_EVIDENCE,
    load_alignment,
    load_surrogate,
    load_target,
    load_test_cases,
    write_explanations,
)
from recexplainer.pipeline.recipe import Form, Recipe
from recexplainer.processes import from_first, is_first
from recexplainer.storage import write_json

if TYPE_CHECKING:
    from recexplainer.data.dataset import Dataset


def make_dataset(recipe: Recipe, context: RunContext, folder: Path) -> str:
    """Read or generate the interactions, and filter them."""
    from recexplainer.data.filtering import filter_dataset

    dataset = filter_dataset(_read_source(recipe), recipe.data.filter)
    dataset.save(folder)
    return f"{dataset.n_users:,} users, {dataset.n_items:,} items, {dataset.n_interactions:,} interactions"


def _read_source(recipe: Recipe) -> Dataset:
    if recipe.data.source == "sample":
        from recexplainer.data.sample import make_world

        sample = recipe.data.sample
        return make_world(users=sample.users, items=sample.items, seed=sample.seed)
    from recexplainer.data.readers import read_folder

    if recipe.data.path is None:
        raise SettingsError(
            "The recipe reads files, but does not say where they are.",
            location=f"recipe {recipe.name}, key data.path",
            hint="Give --data PATH.",
        )
    return read_folder(recipe.data.path, recipe.data.columns, recipe.data.format)


def fit_recommender(recipe: Recipe, context: RunContext, folder: Path) -> str:
    """Fit, read or import the recommender, and note what was tried."""
    from recexplainer.data.dataset import Dataset
    from recexplainer.data.split import leave_one_out
    from recexplainer.evaluation.recommendation import evaluate_recommender
    from recexplainer.evaluation.rows import write_rows
    from recexplainer.recommenders.kinds import make_recommender
    from recexplainer.surrogate.questions import check_form

    use_threads(recipe.threads)
    dataset = Dataset.load(context.folders["dataset"])
    split = leave_one_out(dataset)
    made = make_recommender(dataset, split, recipe.recommender)
    for form in recipe.forms:
        check_form(form, made.recommender)
    made.recommender.save(folder)
    write_rows(folder / "quality.json", evaluate_recommender(dataset, split, made.recommender))
    write_json(folder / "trials.json", made.trials)
    return made.summary


def ask_recommender(recipe: Recipe, context: RunContext, folder: Path) -> str:
    """Ask the recommender everything that the surrogate learns from."""
    from recexplainer.data.split import leave_one_out
    from recexplainer.tasks.mixture import build_examples, save_examples

    use_threads(recipe.threads)
    dataset, recommender = load_target(context.folders)
    examples = build_examples(dataset, leave_one_out(dataset), recommender, recipe.examples)
    save_examples(examples, folder)
    return f"{len(examples.train):,} questions to learn from, {len(examples.test):,} to be tested by"


def train_surrogate(recipe: Recipe, context: RunContext, folder: Path, *, form: Form, start: str | None) -> str:
    """Align a surrogate of one form; `start` is the stage of the surrogate that it goes on from.

    Of several processes the first one calls this, and lets the others do the same.
    """
    if is_first():
        from_first(partial(train_surrogate, recipe, context, form=form, start=start))
    from recexplainer.surrogate import training

    use_threads(recipe.threads_each)
    alignment = load_alignment(context.folders)
    begin = context.folders[start] if start else None
    surrogate = training.train_surrogate(form, alignment, recipe.surrogate, folder, context.work, begin)
    weights = sum(weight.numel() for weight in surrogate.parameters())
    return f"{recipe.surrogate.backbone}, {weights / 1e6:.1f} million weights"


def join_training() -> None:
    """What every process but the first does in a run: train whenever the first one trains, until the run is done."""
    while (train := from_first(None)) is not None:
        with TemporaryDirectory() as unused:
            train(Path(unused))


def gather_rows(
    recipe: Recipe, context: RunContext, folder: Path, *, measured: Sequence[str], further: Sequence[str]
) -> str:
    """Put the rows of all evaluations into one folder, a file each; Random and Popularity are measured here.

    Args:
        recipe: The recipe.
        context: Where the rows are.
        folder: Where to.
        measured: The stages with rows of alignment.
        further: The stages of other evaluations, which are named like them.
    """
    from recexplainer.evaluation.baselines import evaluate_baselines
    from recexplainer.evaluation.rows import read_rows, write_rows

    rows = evaluate_baselines(load_test_cases(context.folders), recipe.evaluation.seed)
    rows += [row for name in measured for row in read_rows(context.folders[name] / "alignment.json")]
    write_rows(folder / "alignment.json", rows)
    for name in further:
        write_rows(folder / f"{name}.json", read_rows(context.folders[name] / f"{name}.json"))
    beside = f"; {', '.join(further)}" if further else ""
    return f"{len(rows)} results of {len(measured)} methods and two baselines{beside}"


def explain(recipe: Recipe, context: RunContext, folder: Path, *, trained: str) -> str:
    """Have the surrogate of a stage explain a few pairs, with evidence and alone."""
    from recexplainer.data.split import leave_one_out
    from recexplainer.explanations.choosing import choose_pairs
    from recexplainer.explanations.explainer import Explainer
    from recexplainer.recommenders.base import User

    use_threads(recipe.threads)
    dataset, recommender = load_target(context.folders)
    if not recommender.answers_changed_history:
        for name in (WITH_EVIDENCE, ALONE, VIEWS):
            write_explanations(folder / name, [])
        return "none: the recommender cannot answer for a changed history"
    surrogate = load_surrogate(context.folders[trained])
    explainer = Explainer(dataset, recommender, surrogate)
    split = leave_one_out(dataset)
    users = [User(tuple(split.train_history(int(at)).tolist()), dataset.user_ids[at]) for at in split.test_users]
    pairs = choose_pairs(recommender, users, recipe.explanations.count, recipe.seed)
    told = explainer.explain(pairs)
    write_explanations(folder / WITH_EVIDENCE, told)
    write_explanations(folder / ALONE, explainer.explain(pairs, evidence=False))
    views = recipe.explanations.views
    asked = _usual_views(dataset) if views is None else views
    write_explanations(folder / VIEWS, [one for ask in asked for one in explainer.explain(pairs[:1], ask=ask)])
    agree = sum(one.verdict == one.recommended for one in told)
    return f"{len(told)} explained, {agree} with the recommender's own verdict"


def _usual_views(dataset: Dataset) -> list[str]:
    """Two views that the surrogate was taught, in the words that it was taught them in."""
    from recexplainer.data.attributes import Attributes
    from recexplainer.evidence.aspects import taught_views

    return [words[0] for words in taught_views(Attributes.of(dataset)).values()][:2]


def report(recipe: Recipe, context: RunContext, folder: Path) -> str:
    """Write the report page and the tables."""
    from recexplainer.pipeline.gathering import ask_of_explained, gather
    from recexplainer.reports import write_report

    use_threads(recipe.threads)
    inputs = gather(recipe, context.folders)
    asked = ask_of_explained(context.folders, inputs.explanations)
    return write_report(replace(inputs, attributions=asked), folder).name
