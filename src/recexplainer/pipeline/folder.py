"""Run folders by name or path: starting a recipe in one, and finding one again.

It knows where a run's recipe lies, not what the stages do.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from recexplainer.errors import RunError
from recexplainer.hardware import free_cores
from recexplainer.pipeline.evaluation_settings import EVALUATIONS
from recexplainer.pipeline.loading import complete_manifest, load_surrogate, load_target, load_told
from recexplainer.pipeline.manifest import read_manifest
from recexplainer.pipeline.methods import explained_methods
from recexplainer.pipeline.names import TARGET, explaining_form, trained_stage
from recexplainer.pipeline.reading import read_settings
from recexplainer.pipeline.recipe import Recipe, recipe_text, with_changes
from recexplainer.pipeline.run import Reporter, run_stages
from recexplainer.pipeline.stages import build_stages
from recexplainer.pipeline.steps import join_training
from recexplainer.processes import from_first, is_first, wait_for_all, world_size

if TYPE_CHECKING:
    from recexplainer.explanations.explainer import Explainer
    from recexplainer.explanations.record import Explanation

RECIPE = "recipe.yaml"


def run_recipe(
    recipe: Recipe,
    run: Path,
    reporter: Reporter,
    *,
    only: Collection[str] | None = None,
    again: Collection[str] = (),
) -> None:
    """Bring a run folder up to date with a recipe; the recipe is kept in it. See `run_stages`.

    Of several processes started by torchrun the first one does so, and the others train with it.
    """
    wait_for_all()
    if not is_first():
        join_training()
        return
    recipe = with_changes(recipe, {"threads": _threads(recipe, run), "evaluation": {"made": _made(recipe, run)}})
    beside = {RECIPE: recipe_text(recipe)}
    workers = recipe.surrogates_at_once if world_size() == 1 else 1
    run_stages(build_stages(recipe), run, reporter, only=only, again=again, beside=beside, workers=workers)
    from_first(None)


def _threads(recipe: Recipe, run: Path) -> int:
    """As many as the recipe says, else as many as the run has had so far, else a thread for each free core."""
    return recipe.threads or _kept(run).get("threads") or free_cores()


def _made(recipe: Recipe, run: Path) -> list[str]:
    """The evaluations of the recipe and those that the run has had so far."""
    before = _kept(run).get("evaluation", {}).get("made", ())
    return [name for name in EVALUATIONS if name in {*recipe.evaluation.made, *before}]


def _kept(run: Path) -> dict[str, Any]:
    """The recipe that the run was last started with, as it is written."""
    return yaml.safe_load((run / RECIPE).read_text("utf-8")) if (run / RECIPE).is_file() else {}


def find_run(run: str | Path, runs: Path = Path("runs")) -> Path:
    """The folder of a run, given as its path or as its name among `runs`.

    Raises:
        RunError: There is no such run; lists those that there are.
    """
    for folder in (Path(run), runs / run):
        if (folder / RECIPE).is_file():
            return folder
    known = sorted(path.parent.name for path in runs.glob(f"*/{RECIPE}"))
    hint = f"The runs in {runs} are: {', '.join(known)}." if known else "Make one: recexplainer demo."
    raise RunError("There is no such run.", location=str(run), hint=hint)


def recipe_of(run: Path, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe that a run was last started with, with changes as `load_recipe` takes them."""
    return read_settings(Recipe, run / RECIPE, overrides)


def open_explainer(run: Path) -> Explainer:
    """What explains in a run.

    Raises:
        RunError: A stage that it needs is not complete.
    """
    from recexplainer.explanations.explainer import Explainer

    recipe = recipe_of(run)
    trained = trained_stage(recipe, explaining_form(recipe))
    folders = {name: made_folder(run, name) for name in (*TARGET, trained)}
    return Explainer(*load_target(folders), load_surrogate(folders[trained]))


def explained_cases(run: Path) -> dict[str, list[Explanation]]:
    """What each method of a run's recipe said of the cases.

    Raises:
        RunError: No method has explained any.
    """
    stages = [method.stage for method in explained_methods(recipe_of(run))]
    told = load_told({stage: run / stage for stage in stages if read_manifest(run / stage)})
    if not told:
        raise RunError(
            "Nothing has been explained to be compared.",
            location=str(run),
            hint="First: recexplainer evaluate RUN judge.",
        )
    return told


def made_folder(run: Path, stage: str) -> Path:
    """The folder of a stage that is complete.

    Raises:
        RunError: It is not.
    """
    complete_manifest(run / stage)
    return run / stage
