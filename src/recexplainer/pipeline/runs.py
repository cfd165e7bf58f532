"""Runs by name or path: starting a recipe in a run folder, finding one again, and using what is in it.

It does not know what the stages do. The recipe and the stages are imported where they are needed: opening a run does
without them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from recexplainer.data.dataset import Dataset
from recexplainer.errors import RunError
from recexplainer.pipeline import layout as files
from recexplainer.pipeline.layout import ALIGNED_TO, RECOMMENDER, REPORT, TARGET, Folders, RunLayout
from recexplainer.processes import from_first, is_first, processes_here, wait_for_all, world_size
from recexplainer.recommenders.base import Recommender
from recexplainer.storage import complete_folder, write_text

if TYPE_CHECKING:
    from recexplainer.audit.audit import Audit
    from recexplainer.audit.sample import AuditSettings
    from recexplainer.chat.endpoint import Endpoint
    from recexplainer.chat.settings import EndpointSettings
    from recexplainer.explanations.explainer import PairExplainer
    from recexplainer.explanations.record import Explanation, Method
    from recexplainer.explanations.writing import Writer
    from recexplainer.pipeline.recipe import Recipe
    from recexplainer.surrogate.model import Surrogate


def run_recipe(recipe: Recipe, run: Path, *, only: Collection[str] | None = None, force: Collection[str] = ()) -> None:
    """Bring a run folder up to date with a recipe; the recipe is kept in it. See `run_stages`.

    Of several processes started by torchrun all call this; the first one's recipe counts.
    """
    from recexplainer.pipeline.execution import run_stages
    from recexplainer.pipeline.recipe import Recipe, recipe_text
    from recexplainer.pipeline.settings_reader import check_settings
    from recexplainer.pipeline.stages import build_stages

    wait_for_all()
    text = from_first(recipe_text(_completed(recipe, RunLayout(run))) if is_first() else "")
    recipe = check_settings(Recipe, yaml.safe_load(text), str(run))
    if only is None and recipe.surrogate.is_pretrained and not any(run.glob("surrogate-*")):
        from recexplainer.surrogate.published import find_backbone

        find_backbone(recipe.surrogate.backbone)  # what is not there is told before minutes of other stages
    workers = recipe.workers if world_size() == 1 else 1
    run_stages(build_stages(recipe), run, only=only, force=force, recipe=text, workers=workers)
    wait_for_all()


def _completed(recipe: Recipe, layout: RunLayout) -> Recipe:
    """The recipe with the evaluations that the run has had so far, and its threads where the recipe names none."""
    from recexplainer.hardware import free_cores
    from recexplainer.pipeline.recipe import with_changes

    layout.check_version()
    before: dict[str, Any] = yaml.safe_load(layout.recipe.read_text("utf-8")) if layout.recipe.is_file() else {}
    threads = recipe.threads or before.get("threads") or free_cores() * processes_here()
    evaluations = [*recipe.evaluation.evaluations, *before.get("evaluation", {}).get("evaluations", ())]
    changes = {"threads": threads, "evaluation": {"evaluations": list(dict.fromkeys(evaluations))}}
    return with_changes(recipe, changes)


def find_run(run: str | Path, runs: Path = Path("runs")) -> Path:
    """The folder of a run, given as its path or as its name among `runs`.

    Raises RunError where there is no such run (the error lists those that there are), or another version made it.
    """
    for layout in (RunLayout(Path(run)), RunLayout(runs / run)):
        if layout.recipe.is_file():
            layout.check_version()
            return layout.run
    known = [path.name for path in sorted(runs.glob("*")) if RunLayout(path).recipe.is_file()]
    hint = f"The runs in {runs} are: {', '.join(known)}." if known else "Make one: recexplainer demo."
    raise RunError("There is no such run.", location=str(run), hint=hint)


def recipe_of(run: Path, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe that a run was last started with, with changes as `load_recipe` takes them."""
    from recexplainer.pipeline.recipe import Recipe
    from recexplainer.pipeline.settings_reader import read_settings

    return read_settings(Recipe, RunLayout(run).recipe, overrides)


def open_target(run: Path) -> tuple[Dataset, Recommender]:
    """The data and the recommender of a run. Raises RunError where one is missing."""
    layout = RunLayout(run)
    return files.load_target({name: layout.complete_stage(name) for name in TARGET})


def open_reader(run: Path, model: str, overrides: Sequence[str] = ()) -> Endpoint:
    """A chat model that reads claims, by the settings of a run's recipe for its endpoint, changed by `overrides`.

    Its answers are kept in the run. An answer may have 2,048 tokens where the settings give it fewer.
    """
    from recexplainer.chat.endpoint import Endpoint
    from recexplainer.claims.chat_reader import MAX_TOKENS

    return Endpoint(_endpoint_settings(run, model, overrides, MAX_TOKENS), RunLayout(run).chat)


def _endpoint_settings(run: Path, model: str, overrides: Sequence[str], least_tokens: int) -> EndpointSettings:
    """Those of a run's recipe for a model of its endpoint, whose answers may have so many tokens at least."""
    recipe = recipe_of(run, [f"evaluation.endpoint.model={json.dumps(model)}", *overrides])
    settings = cast("EndpointSettings", recipe.evaluation.endpoint)
    return settings.model_copy(update={"max_tokens": max(least_tokens, settings.max_tokens)})


def open_writer(
    run: Path, explainer: PairExplainer, name: str | None, endpoint: str | None = None, *, strict: bool = False
) -> Writer:
    """Who puts evidence in words: `surrogate`, `realised`, or a chat model by its name; None: as the explainer chooses.

    A chat model is asked at `endpoint`; else it is one that `find_chat_model` finds, and raises as that. The settings
    of the run's recipe for its endpoint count, and answers are kept in the run.
    """
    from recexplainer.explanations.writing import REALISED, SURROGATE

    if name in (None, SURROGATE, REALISED):
        return explainer.writer(name, strict=strict)
    from recexplainer.chat.opening import find_chat_model
    from recexplainer.explanations.chat_writer import MAX_TOKENS, ChatWriter

    address = [] if endpoint is None else [f"evaluation.endpoint.address={json.dumps(endpoint)}"]
    model = find_chat_model(_endpoint_settings(run, name, address, MAX_TOKENS), RunLayout(run).chat)
    return ChatWriter(model, explainer.dataset.titles, explainer.verifier, explainer.realised)


def has_surrogate(run: Path) -> bool:
    """Whether the surrogate that explains is trained."""
    complete = RunLayout(run).complete_stages()
    return not complete.keys() <= {*ALIGNED_TO} and explaining_stage(run) in complete


def open_surrogate(run: Path, *, only_writes: bool = False) -> Surrogate:
    """The trained surrogate of a run that explains, as `load_surrogate`. Raises RunError where it is missing."""
    return files.load_surrogate(RunLayout(run).complete_stage(explaining_stage(run)), only_writes=only_writes)


def explaining_stage(run: Path) -> str:
    """The stage of the surrogate that explains."""
    from recexplainer.pipeline.surrogate_stages import trained_name

    recipe = recipe_of(run)
    return trained_name(recipe, recipe.explaining_form)


def open_explainer(run: Path, *, surrogate: bool = True) -> PairExplainer:
    """The explainer of a run: its data, its recommender and, if wanted, its trained surrogate.

    Raises RunError where one of them is missing.
    """
    from recexplainer.explanations.explainer import PairExplainer
    from recexplainer.recommenders.popularity import kept_shares

    dataset, recommender = open_target(run)
    shares = kept_shares(RunLayout(run).stage(RECOMMENDER) / RunLayout.POPULARITY, recommender, dataset)
    writer = open_surrogate(run, only_writes=True) if surrogate else None
    return PairExplainer(dataset, recommender, writer, recommended_shares=shares)


def audit_run(
    run: Path,
    settings: AuditSettings | None = None,
    *,
    columns: Mapping[str, Mapping[str, str]] | None = None,
    surrogate: bool = True,
) -> Audit:
    """Audit a run's recommender; `surrogate`: its trained surrogate is asked too, where there is one.

    Raises RunError where the data or the recommender is missing; else as `audit`, of which the arguments are.
    """
    from datetime import date

    from recexplainer.audit.audit import audit

    dataset, recommender = open_target(run)
    return audit(
        dataset,
        recommender,
        settings,
        name=run.resolve().name,
        date=date.today().isoformat(),
        columns=columns,
        surrogate=open_surrogate(run) if surrogate and has_surrogate(run) else None,
    )


def explained_cases(run: Path) -> dict[Method, list[Explanation]]:
    """The explanations of the cases by each method of a run's recipe. Raises RunError where there are none."""
    explanations = files.load_case_explanations(made_explanations(recipe_of(run), RunLayout(run).complete_stages()))
    if not explanations:
        hint = f"First: recexplainer evaluate {run} judge."
        raise RunError("This run has no explanations to be compared.", location=str(run), hint=hint)
    return explanations


def made_explanations(recipe: Recipe, folders: Folders) -> Folders:
    """Those of the folders that hold the explanations of the cases by a recipe's methods."""
    from recexplainer.pipeline.explanation_stages import case_methods, case_stage_name

    return {name: folders[name] for name in map(case_stage_name, case_methods(recipe)) if name in folders}


def export_surrogate(run: Path, folder: Path, *, form: str | None = None, merged: bool = False, name: str = "") -> None:
    """Write a surrogate of a finished run with its card, `README.md`, so that `Surrogate.from_pretrained` reads it.

    `folder` is made here, or empty. `form` None is the one that explains. `merged` writes plain weights in `backbone/`,
    LoRA merged into them. `name` is what the card gives to load it by; "" is the folder's name.

    Raises RunError where the run is not finished or has no such form, or the folder is not empty, and SurrogateError
    where the backbone cannot be read, or LoRA cannot be merged into it.
    """
    from recexplainer.pipeline.report_stages import report_inputs
    from recexplainer.pipeline.stages import build_stages
    from recexplainer.pipeline.surrogate_stages import trained_name
    from recexplainer.reports.model_card import ModelFacts, model_card
    from recexplainer.surrogate.model import Surrogate

    recipe, layout = recipe_of(run), RunLayout(run)
    chosen = next((one for one in recipe.forms if one == (form or recipe.explaining_form)), None)
    if chosen is None:
        hint = f"It has {', '.join(recipe.forms)}."
        raise RunError(f"This run has no surrogate in the form {form!r}.", location=str(run), hint=hint)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise RunError("This folder is not empty.", location=str(folder), hint="Name a new folder.")
    (report,) = (stage for stage in build_stages(recipe) if stage.name == REPORT)
    inputs = report_inputs(recipe, {stage: layout.complete_stage(stage) for stage in report.inputs})
    surrogate = Surrogate.from_pretrained(layout.stage(trained_name(recipe, chosen)), merged=merged)
    facts = ModelFacts.of(surrogate, recipe.surrogate.backbone, name or folder.name)
    with complete_folder(folder) as partial:
        surrogate.save_pretrained(partial)
        write_text(partial / "README.md", model_card(inputs, facts))
