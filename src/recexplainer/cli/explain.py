"""`recexplainer explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from recexplainer.cli.arguments import RUNS, RunArgument, RunsOption

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
        bool, typer.Option("--strict", help="Let no claim stand that the recommender does not confirm.")
    ] = False,
    ask: Annotated[str, typer.Option("--ask", help='A view to take: "from the view of genres".')] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the record as JSON.")] = False,
    runs: RunsOption = RUNS,
) -> None:
    """Say why an item is or is not recommended to a user."""
    from recexplainer.cli.results import show_explanation
    from recexplainer.pipeline.layout import explanations_json
    from recexplainer.pipeline.runs import find_run, open_explainer

    explainer = open_explainer(find_run(run, runs))
    _tell_of_view(ask, explainer.dataset)
    told = explainer.explain([explainer.pair(user, item)], evidence=not surrogate, strict=strict, ask=ask)
    if as_json:
        typer.echo(explanations_json(told))
    else:
        show_explanation(told[0])


def _tell_of_view(ask: str, dataset: Dataset) -> None:
    """Say so where surrogates have not learned the view asked for; a pretrained backbone may know it all the same."""
    from recexplainer.data.attributes import Attributes
    from recexplainer.evidence.aspects import taught_views

    taught = [words for every in taught_views(Attributes.of(dataset)).values() for words in every]
    if ask and ask not in taught:
        some = ", ".join(f"“{words}”" for words in taught[::4])
        typer.echo(
            f"This view was not taught with this catalogue, so it may be left out of account. Taught: {some}.", err=True
        )
