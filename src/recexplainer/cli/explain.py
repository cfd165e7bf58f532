"""`recexplainer explain`."""

from __future__ import annotations

from typing import Annotated

import typer

from recexplainer.cli.arguments import RUNS, RunArgument, RunsOption


def explain(
    run: RunArgument,
    user: Annotated[str, typer.Option("--user", help="The user's own id.")],
    item: Annotated[str, typer.Option("--item", help="The item's own id.")],
    surrogate: Annotated[bool, typer.Option("--surrogate", help="Do not ask the recommender first.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Let no claim stand that the recommender does not confirm.")
    ] = False,
    ask: Annotated[str, typer.Option("--ask", help='A view to take: "from the view of genres".')] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the record as JSON.")] = False,
    runs: RunsOption = RUNS,
) -> None:
    """Say why an item is or is not recommended to a user."""
    from recexplainer.cli.results import show_explanation
    from recexplainer.pipeline.folder import find_run, open_explainer
    from recexplainer.pipeline.loading import explanations_json

    explainer = open_explainer(find_run(run, runs))
    told = explainer.explain([explainer.pair(user, item)], evidence=not surrogate, strict=strict, ask=ask)
    if as_json:
        typer.echo(explanations_json(told))
    else:
        show_explanation(told[0])
