"""The last stages: the rows of all evaluations in one place, some explanations, and the report that shows them."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from recexplainer.data.attributes import Attributes
from recexplainer.data.dataset import Dataset, leave_one_out
from recexplainer.evaluation.rows import read_confusion, read_rows, write_rows
from recexplainer.evaluation.rubric_judge import RULES
from recexplainer.evidence.pair_attribution import PairAttribution, attribute
from recexplainer.evidence.realised import taught_aspects
from recexplainer.explanations.explainer import PairExplainer, choose_pairs
from recexplainer.explanations.record import Explanation, Method
from recexplainer.explanations.writing import Style
from recexplainer.pipeline import layout
from recexplainer.pipeline.execution import Stage, StageContext, read_manifest
from recexplainer.pipeline.layout import ALIGNED_TO, EVALUATION, EXPLANATIONS, TARGET, Folders, RunLayout, rows_file
from recexplainer.pipeline.recipe import Recipe
from recexplainer.pipeline.surrogate_stages import surrogate_name, trained_name
from recexplainer.recommenders.base import User
from recexplainer.reports.inputs import DatasetFacts, ReportInputs
from recexplainer.reports.names import in_order
from recexplainer.storage import read_json
from recexplainer.tasks.example import TASKS, load_examples

_ENDPOINT_NEEDED = (
    "A chat model in Tables 1 and 2 and Figures 3 and 4, and a language model as judge, need an endpoint: set "
    "OPENAI_BASE_URL and OPENAI_API_KEY, then recexplainer evaluate {run} --set evaluation.endpoint.model=NAME "
    "(--dry-run shows first what that takes)."
)
_LONG_HISTORY = 3  # a longer history shows what an explanation takes from it


def evaluation_stage(recipe: Recipe, sources: Mapping[str, Sequence[str]]) -> Stage:
    """The rows of all evaluations in one folder, a file each; `sources` are the stages that each consists of."""
    inputs = dict.fromkeys(name for names in sources.values() for name in names)
    make = partial(_gather_rows, recipe, sources)
    return Stage(EVALUATION, make, {"seed": recipe.evaluation.seed}, (*ALIGNED_TO, *inputs))


def _gather_rows(recipe: Recipe, sources: Mapping[str, Sequence[str]], context: StageContext, folder: Path) -> str:
    """Gather the rows; those of Random and Popularity are measured here."""
    from recexplainer.evaluation.baselines import evaluate_baselines

    counts: dict[str, int] = {}
    for evaluation, names in sources.items():
        rows = []
        if evaluation == "alignment":
            rows = evaluate_baselines(layout.load_test_cases(context.folders), recipe.evaluation.seed)
        paths = [context.folders[name] / rows_file(evaluation) for name in names]
        rows += [row for path in paths if path.is_file() for row in read_rows(path)]
        write_rows(folder / rows_file(evaluation), rows)
        counts[evaluation] = len(rows)
        for path in (context.folders[name] / RunLayout.CONFUSION for name in names):
            if path.is_file():
                write_rows(folder / RunLayout.CONFUSION, read_confusion(path))
    return f"{sum(counts.values()):,} results: {', '.join(f'{name} {count:,}' for name, count in counts.items())}"


def explanations_stage(recipe: Recipe) -> Stage:
    """A few pairs explained for the report: with evidence, from the surrogate alone, and under aspects."""
    trained = trained_name(recipe, recipe.explaining_form)
    settings = recipe.explanations.model_dump(mode="json", exclude={"form"}) | {"seed": recipe.seed}
    return Stage(EXPLANATIONS, partial(_explain, recipe, trained), settings, (*TARGET, trained), isolated=True)


def _explain(recipe: Recipe, trained: str, context: StageContext, folder: Path) -> str:
    dataset, recommender = layout.load_target(context.folders)
    if not recommender.answers_changed_history:
        for name in (RunLayout.GROUNDED, RunLayout.FROM_SURROGATE, RunLayout.ASPECTS):
            layout.write_explanations(folder / name, [])
        return "none: the recommender cannot answer for a changed history"
    explainer = PairExplainer(dataset, recommender, layout.load_surrogate(context.folders[trained]))
    split = leave_one_out(dataset)
    users = [User(tuple(split.train_history(int(at)).tolist()), dataset.user_ids[at]) for at in split.test_users]
    pairs = choose_pairs(recommender, users, recipe.explanations.count, recipe.seed)
    aspects = recipe.explanations.aspects
    if aspects is None:  # two that surrogates are trained on, in the words of the training
        aspects = [words[0] for words in taught_aspects(Attributes.of(dataset)).values()][:2]
    grounded = explainer.explain(pairs)
    under_aspects = [one for aspect in aspects for one in explainer.explain(pairs[:1], style=Style(aspect))]
    layout.write_explanations(folder / RunLayout.GROUNDED, grounded)
    layout.write_explanations(folder / RunLayout.FROM_SURROGATE, explainer.explain(pairs, grounded=False))
    layout.write_explanations(folder / RunLayout.ASPECTS, under_aspects)
    agree = sum(one.verdict == one.recommended for one in grounded)
    return f"{len(grounded)} explained, {agree} with the recommender's own verdict"


def report_stage(recipe: Recipe, inputs: Sequence[str]) -> Stage:
    """The report; of its inputs some are read, and of all it shows how long they took."""
    return Stage(layout.REPORT, partial(_write_report, recipe), recipe.report.model_dump(mode="json"), tuple(inputs))


def _write_report(recipe: Recipe, context: StageContext, folder: Path) -> str:
    from recexplainer.reports.report import write_report

    inputs = report_inputs(recipe, context.folders)
    attributions = attribute_explained(context.folders, inputs.explanations)
    return write_report(replace(inputs, attributions=attributions), folder).name


def report_inputs(recipe: Recipe, folders: Folders) -> ReportInputs:
    """Everything that the report shows, from the folders of the stages."""
    manifests = {name: manifest for name, folder in folders.items() if (manifest := read_manifest(folder))}
    explanations, evaluation = folders[EXPLANATIONS], folders[EVALUATION]
    further = sorted(recipe.evaluation.needed - {"alignment"})
    logs = {form: read_json(folders[surrogate_name(form)] / RunLayout.TRAINING_LOG) for form in recipe.forms}
    confusion, examples = evaluation / RunLayout.CONFUSION, load_examples(folders[layout.EXAMPLES])
    train, test = ([one.task for one in part] for part in (examples.train, examples.test))
    under_aspects = layout.read_explanations(explanations / RunLayout.ASPECTS)
    return ReportInputs(
        name=recipe.name,
        recommender=recipe.recommender.name,
        dataset=DatasetFacts.of(Dataset.load(folders[layout.DATASET])),
        recommender_rows=read_rows(folders[layout.RECOMMENDER] / RunLayout.QUALITY),
        ranking_check=layout.load_ranking_check(folders),
        alignment_rows=read_rows(evaluation / rows_file("alignment")),
        counts={task: (train.count(task), test.count(task)) for task in TASKS if task in {*train, *test}},
        training_logs=logs,
        explanations=layout.read_explanations(explanations / RunLayout.GROUNDED),
        surrogate_alone=layout.read_explanations(explanations / RunLayout.FROM_SURROGATE),
        settings=recipe.model_dump(mode="json") | {"recommender": recipe.recommender.chosen()},
        versions=manifests[EVALUATION].versions,
        stages={name: manifest.seconds for name, manifest in manifests.items()},
        paper_dataset=recipe.report.paper_dataset,
        machine=f"{platform.system()} {platform.machine()}",
        evaluation={name: read_rows(path) for name in further if (path := evaluation / rows_file(name)).is_file()},
        confusion=read_confusion(confusion) if confusion.is_file() else (),
        judge_rules=RULES,
        needs=[_ENDPOINT_NEEDED.format(run=recipe.name)] if recipe.evaluation.endpoint is None else [],
        case_studies=[*_example_cases(layout.load_case_explanations(folders)), under_aspects],
    )


def attribute_explained(folders: Folders, explanations: Sequence[Explanation]) -> list[PairAttribution]:
    """What the recommender does with each explained pair, beyond what its record holds; it is asked anew."""
    if not explanations:
        return []
    dataset, recommender = layout.load_target(folders)
    users = [User(one.history, one.user) for one in explanations]
    return attribute(recommender, dataset, users, [one.item for one in explanations])


def _example_cases(explanations: Mapping[Method, Sequence[Explanation]]) -> list[list[Explanation]]:
    """Two cases, one liked and one disliked, as each method explains them."""
    if not explanations:
        return []
    cases = next(iter(explanations.values()))
    long = [place for place, one in enumerate(cases) if len(one.history) > _LONG_HISTORY]
    first = [[place for place in long if cases[place].recommended == liked][:1] for liked in (True, False)]
    return [[explanations[method][place] for method in in_order(explanations)] for (place,) in filter(None, first)]
