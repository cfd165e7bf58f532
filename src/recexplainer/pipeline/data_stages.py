"""The stages that make the dataset, the recommender and the examples.

What loads transformers is imported inside the functions, so that a run with nothing to do takes no time.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from recexplainer.data.dataset import Dataset, leave_one_out
from recexplainer.data.filtering import filter_dataset
from recexplainer.data.readers import read_folder
from recexplainer.data.sample import make_world
from recexplainer.errors import SettingsError
from recexplainer.evaluation.rows import write_rows
from recexplainer.hardware import use_threads
from recexplainer.pipeline.layout import DATASET, EXAMPLES, RECOMMENDER, TARGET, RunLayout, load_target
from recexplainer.pipeline.recipe import DataSettings, Recipe
from recexplainer.pipeline.stage import Stage, StageContext
from recexplainer.recommenders.kinds import make_recommender
from recexplainer.storage import write_json
from recexplainer.tasks.example import save_examples
from recexplainer.tasks.mixture import build_examples


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
        raise SettingsError(
            "The recipe does not say where its files are.", location="key data.path", hint="Give --data PATH."
        )
    dataset = filter_dataset(dataset, data.filter)
    dataset.save(folder)
    return f"{dataset.n_users:,} users, {dataset.n_items:,} items, {dataset.n_interactions:,} interactions"


def recommender_stage(recipe: Recipe) -> Stage:
    """The recommender to be explained, and its quality."""
    settings = recipe.recommender
    return Stage(RECOMMENDER, partial(_make_recommender, recipe), settings.cache_key(), (DATASET,), settings.sources)


def _make_recommender(recipe: Recipe, context: StageContext, folder: Path) -> str:
    from recexplainer.evaluation.baselines import evaluate_recommender
    from recexplainer.surrogate.batching import check_form

    use_threads(recipe.threads)
    dataset = Dataset.load(context.folders[DATASET])
    split = leave_one_out(dataset)
    made = make_recommender(dataset, split, recipe.recommender)
    for form in recipe.forms:
        check_form(form, made.recommender)
    made.recommender.save(folder)
    write_rows(folder / RunLayout.QUALITY, evaluate_recommender(dataset, split, made.recommender))
    write_json(folder / RunLayout.TRIALS, made.trials)
    return made.summary


def examples_stage(recipe: Recipe) -> Stage:
    """The questions that surrogates are trained and tested on, with the recommender's answers."""
    files = {"chat_path": recipe.examples.chat_path, "summaries_path": recipe.examples.summaries_path}
    settings = recipe.examples.model_dump(mode="json", exclude=set(files))
    settings |= {name: path is not None for name, path in files.items()}
    sources = tuple(path for path in files.values() if path is not None)
    return Stage(EXAMPLES, partial(_make_examples, recipe), settings, TARGET, sources)


def _make_examples(recipe: Recipe, context: StageContext, folder: Path) -> str:
    use_threads(recipe.threads)
    dataset, recommender = load_target(context.folders)
    examples = build_examples(dataset, leave_one_out(dataset), recommender, recipe.examples)
    save_examples(examples, folder)
    return f"{len(examples.train):,} questions for training, {len(examples.test):,} for testing"
