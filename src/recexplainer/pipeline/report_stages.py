"""The last stages: the rows of all evaluations in one place, some explanations, and the report that shows them.

Each stage is declared beside the function that makes it. Other packages are imported inside the functions, so that a
run with nothing to do takes no time.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from recexplainer.explanations.record import Explanation, Method
from recexplainer.hardware import use_threads
from recexplainer.pipeline.layout import (
    ALIGNED_TO,
    DATASET,
    EVALUATION,
    EXAMPLES,
    EXPLANATIONS,
    RECOMMENDER,
    REPORT,
    TARGET,
    Folders,
    RunLayout,
    load_case_explanations,
    load_surrogate,
    load_target,
    load_test_cases,
    read_explanations,
    rows_file,
    write_explanations,
)
from recexplainer.pipeline.recipe import Recipe
from recexplainer.pipeline.stage import Stage, StageContext, read_manifest
from recexplainer.pipeline.surrogate_stages import surrogate_name, trained_name
from recexplainer.storage import read_json

if TYPE_CHECKING:
    from recexplainer.data.dataset import Dataset
    from recexplainer.evidence.pair_attribution import Attribution
    from recexplainer.reports.inputs import ReportInputs

_LONG_HISTORY = 3  # a longer history shows what an explanation takes from it


def evaluation_stage(recipe: Recipe, measured: Sequence[str], further: Sequence[str]) -> Stage:
    """The rows of all evaluations in one folder, a file each.

    Args:
        recipe: The recipe.
        measured: The stages with rows of alignment.
        further: The stages of other evaluations, which are named like them.
    """
    make = partial(gather_rows, recipe, measured, further)
    return Stage(EVALUATION, make, {"seed": recipe.evaluation.seed}, (*ALIGNED_TO, *measured, *further))


def gather_rows(
    recipe: Recipe, measured: Sequence[str], further: Sequence[str], context: StageContext, folder: Path
) -> str:
    """Write the rows of all evaluations into one folder, with those of Random and Popularity, measured here."""
    from recexplainer.evaluation.baselines import evaluate_baselines
    from recexplainer.evaluation.rows import read_confusion, read_rows, write_rows

    alignment = rows_file("alignment")
    rows = evaluate_baselines(load_test_cases(context.folders), recipe.evaluation.seed)
    rows += [row for name in measured for row in read_rows(context.folders[name] / alignment)]
    write_rows(folder / alignment, rows)
    for name in further:
        write_rows(folder / rows_file(name), read_rows(context.folders[name] / rows_file(name)))
        if (confusion := context.folders[name] / RunLayout.CONFUSION).is_file():
            write_rows(folder / RunLayout.CONFUSION, read_confusion(confusion))
    others = f"; {', '.join(further)}" if further else ""
    return f"{len(rows)} results of {len(measured)} methods and two baselines{others}"


def explanations_stage(recipe: Recipe) -> Stage:
    """A few pairs explained for the report."""
    trained = trained_name(recipe, recipe.explaining_form)
    settings = recipe.explanations.model_dump(mode="json", exclude={"form"}) | {"seed": recipe.seed}
    return Stage(EXPLANATIONS, partial(explain, recipe, trained), settings, (*TARGET, trained), isolated=True)


def explain(recipe: Recipe, trained: str, context: StageContext, folder: Path) -> str:
    """Have the surrogate of a stage explain a few pairs, with evidence, from the surrogate alone, and under aspects."""
    from recexplainer.data.split import leave_one_out
    from recexplainer.explanations.choosing import choose_pairs
    from recexplainer.explanations.explainer import Explainer
    from recexplainer.recommenders.base import User

    use_threads(recipe.threads)
    dataset, recommender = load_target(context.folders)
    if not recommender.answers_changed_history:
        for name in (RunLayout.GROUNDED, RunLayout.FROM_SURROGATE, RunLayout.ASPECTS):
            write_explanations(folder / name, [])
        return "none: the recommender cannot answer for a changed history"
    explainer = Explainer(dataset, recommender, load_surrogate(context.folders[trained]))
    split = leave_one_out(dataset)
    users = [User(tuple(split.train_history(int(at)).tolist()), dataset.user_ids[at]) for at in split.test_users]
    pairs = choose_pairs(recommender, users, recipe.explanations.count, recipe.seed)
    explanations = explainer.explain(pairs)
    write_explanations(folder / RunLayout.GROUNDED, explanations)
    write_explanations(folder / RunLayout.FROM_SURROGATE, explainer.explain(pairs, evidence=False))
    named = recipe.explanations.aspects
    aspects = _usual_aspects(dataset) if named is None else named
    under = [one for aspect in aspects for one in explainer.explain(pairs[:1], ask=aspect)]
    write_explanations(folder / RunLayout.ASPECTS, under)
    agree = sum(one.verdict == one.recommended for one in explanations)
    return f"{len(explanations)} explained, {agree} with the recommender's own verdict"


def _usual_aspects(dataset: Dataset) -> list[str]:
    """Two aspects that surrogates are trained on, in the words of the training."""
    from recexplainer.data.attributes import Attributes
    from recexplainer.evidence.aspects import taught_views

    return [words[0] for words in taught_views(Attributes.of(dataset)).values()][:2]


def report_stage(recipe: Recipe, inputs: Sequence[str]) -> Stage:
    """The report; of its inputs some are read, and of all it shows how long they took."""
    return Stage(REPORT, partial(write_report, recipe), recipe.report.model_dump(mode="json"), tuple(inputs))


def write_report(recipe: Recipe, context: StageContext, folder: Path) -> str:
    """Write the report page and the tables."""
    from recexplainer import reports

    use_threads(recipe.threads)
    inputs = report_inputs(recipe, context.folders)
    attributions = attribute_explained(context.folders, inputs.explanations)
    return reports.write_report(replace(inputs, attributions=attributions), folder).name


def report_inputs(recipe: Recipe, folders: Folders) -> ReportInputs:
    """Everything that the report shows, from the folders of the stages."""
    from recexplainer.data.dataset import Dataset
    from recexplainer.evaluation.rows import read_confusion, read_rows
    from recexplainer.evaluation.rubric_judge import RULES
    from recexplainer.reports.inputs import DatasetFacts, ReportInputs

    manifests = {name: manifest for name, folder in folders.items() if (manifest := read_manifest(folder))}
    further = [name for name in sorted(recipe.evaluation.needed) if name != "alignment"]
    rows = {name: folders[EVALUATION] / rows_file(name) for name in further}
    confusion = folders[EVALUATION] / RunLayout.CONFUSION
    return ReportInputs(
        name=recipe.name,
        recommender=recipe.recommender.name,
        dataset=DatasetFacts.of(Dataset.load(folders[DATASET])),
        recommender_rows=read_rows(folders[RECOMMENDER] / RunLayout.QUALITY),
        alignment_rows=read_rows(folders[EVALUATION] / rows_file("alignment")),
        counts=_counts(folders[EXAMPLES]),
        training_logs={
            form: read_json(folders[surrogate_name(form)] / RunLayout.TRAINING_LOG) for form in recipe.forms
        },
        explanations=read_explanations(folders[EXPLANATIONS] / RunLayout.GROUNDED),
        surrogate_alone=read_explanations(folders[EXPLANATIONS] / RunLayout.FROM_SURROGATE),
        settings=recipe.model_dump(mode="json") | {"recommender": recipe.recommender.chosen()},
        versions=manifests[EVALUATION].versions,
        stages={name: manifest.seconds for name, manifest in manifests.items()},
        paper_dataset=recipe.report.paper_dataset,
        machine=f"{platform.system()} {platform.machine()}",
        evaluation={name: read_rows(path) for name, path in rows.items() if path.is_file()},
        confusion=read_confusion(confusion) if confusion.is_file() else (),
        judge_rules=RULES,
        needs=_needs(recipe),
        case_studies=[
            *_example_cases(load_case_explanations(folders)),
            read_explanations(folders[EXPLANATIONS] / RunLayout.ASPECTS),
        ],
    )


def attribute_explained(folders: Folders, explanations: Sequence[Explanation]) -> list[Attribution]:
    """What the recommender does with each explained pair, beyond what its record holds; it is asked anew."""
    from recexplainer.evidence.pair_attribution import attribute
    from recexplainer.recommenders.base import User

    if not explanations:
        return []
    dataset, recommender = load_target(folders)
    users = [User(one.history, one.user) for one in explanations]
    return attribute(recommender, dataset, users, [one.item for one in explanations])


def _needs(recipe: Recipe) -> list[str]:
    """What is not in the report though every evaluation may be done, and what would bring it there."""
    if recipe.evaluation.endpoint is not None:
        return []
    return [
        "A chat model in Tables 1 and 2 and Figures 3 and 4, and a language model as judge, need an endpoint: set "
        "OPENAI_BASE_URL and OPENAI_API_KEY, then recexplainer evaluate "
        f"{recipe.name} --set evaluation.endpoint.model=NAME (--dry-run shows first what that takes)."
    ]


def _example_cases(explanations: Mapping[Method, Sequence[Explanation]]) -> list[list[Explanation]]:
    """Two cases, one liked and one disliked, as each method explains them."""
    from recexplainer.reports.names import in_order

    if not explanations:
        return []
    cases = next(iter(explanations.values()))
    long = [place for place, one in enumerate(cases) if len(one.history) > _LONG_HISTORY]
    liked = [place for place in long if cases[place].recommended]
    disliked = [place for place in long if not cases[place].recommended]
    return [[explanations[method][place] for method in in_order(explanations)] for place in (*liked[:1], *disliked[:1])]


def _counts(folder: Path) -> dict[str, tuple[int, int]]:
    from recexplainer.tasks.example import TASKS, load_examples

    examples = load_examples(folder)
    train, test = ([one.task for one in part] for part in (examples.train, examples.test))
    return {task: (train.count(task), test.count(task)) for task in TASKS}
