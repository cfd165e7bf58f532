"""`recexplainer explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from recexplainer.cli.console import RUNS, RunArgument, RunsOption

if TYPE_CHECKING:
    from recexplainer.data.dataset import Dataset


def explain(
    run: RunArgument,
    user: Annotated[str, typer.Option("--user", help="The user's own id.")],
    item: Annotated[str, typer.Option("--item", help="The item's own id.")],
    surrogate: Annotated[
        bool,
        typer.Option("--surrogate", help="Write from the surrogate alone; the recommender only checks the text."),
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Allow no claim that the recommender does not confirm.")
    ] = False,
    aspect: Annotated[str, typer.Option("--aspect", help='An aspect to explain: "from the view of genres".')] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the record as JSON.")] = False,
    runs: RunsOption = RUNS,
) -> None:
    """Explain why an item is or is not recommended to a user."""
    from recexplainer.cli.results import show_explanation
    from recexplainer.pipeline.layout import explanations_json
    from recexplainer.pipeline.runs import find_run, open_explainer

    explainer = open_explainer(find_run(run, runs))
    if aspect:
        _warn_of_unknown_aspect(aspect, explainer.dataset)
    explanations = explainer.explain([explainer.pair(user, item)], grounded=not surrogate, strict=strict, aspect=aspect)
    if as_json:
        typer.echo(explanations_json(explanations))
    else:
        show_explanation(explanations[0])


def _warn_of_unknown_aspect(aspect: str, dataset: Dataset) -> None:
    """Warn where surrogates have not learned the aspect; a pretrained backbone may know it all the same."""
    from recexplainer.data.attributes import Attributes
    from recexplainer.evidence.aspects import taught_views

    known = [words for each in taught_views(Attributes.of(dataset)).values() for words in each]
    if aspect not in known:
        examples = ", ".join(f"“{words}”" for words in known[::4])
        typer.echo(f"The surrogate has not learned this aspect and may ignore it. It knows: {examples}.", err=True)
