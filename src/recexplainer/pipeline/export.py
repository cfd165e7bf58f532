"""A finished run's surrogate as a folder to be shared: weights, and a card with what was measured."""

from __future__ import annotations

from pathlib import Path

from recexplainer.errors import RunError
from recexplainer.pipeline.folder import recipe_of
from recexplainer.pipeline.gathering import gather
from recexplainer.pipeline.names import explaining_form, trained_stage
from recexplainer.pipeline.recipe import Form
from recexplainer.pipeline.stages import build_stages
from recexplainer.storage import complete_folder, write_text


def export_surrogate(run: Path, folder: Path, *, form: str | None = None, merged: bool = False, name: str = "") -> None:
    """Write a surrogate of a finished run with its card, `README.md`, so that `Surrogate.from_pretrained` reads it.

    Args:
        run: The run's folder.
        folder: Where to; made here, or empty.
        form: Which of the run's forms; None: the one that explains.
        merged: Write plain weights in `backbone/`, LoRA merged into them.
        name: What the card says to load it by; "" is the folder's name.

    Raises:
        RunError: The run is not finished or has no such form, or the folder holds something.
        SurrogateError: The backbone cannot be read, or LoRA cannot be merged into it.
    """
    recipe = recipe_of(run)
    trained: dict[str, Form] = {one: one for one in recipe.forms}
    chosen = trained.get(form or explaining_form(recipe))
    if chosen is None:
        raise RunError(
            f"This run has no surrogate in the form {form!r}.",
            location=str(run),
            hint=f"It has {', '.join(trained)}.",
        )
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise RunError("There is something in this place already.", location=str(folder), hint="Name a new folder.")
    (report,) = (stage for stage in build_stages(recipe) if stage.name == "report")
    inputs = gather(recipe, {stage: run / stage for stage in report.inputs})

    from recexplainer.reports.model_card import ModelFacts, model_card
    from recexplainer.surrogate.model import Surrogate

    surrogate = Surrogate.from_pretrained(run / trained_stage(recipe, chosen), merged=merged)
    facts = ModelFacts.of(surrogate, recipe.surrogate.backbone, name or folder.name)
    with complete_folder(folder) as partial:
        surrogate.save_pretrained(partial)
        write_text(partial / "README.md", model_card(inputs, facts))
