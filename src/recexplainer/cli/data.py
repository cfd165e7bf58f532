"""`recexplainer data`: what can be done with data alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recexplainer.cli.console import SetOption, show_next, show_part, stderr

if TYPE_CHECKING:
    from recexplainer.data.dataset import Quantiles

data = typer.Typer(name="data", help="Fetch data, and look at them before a run.", no_args_is_help=True)


@data.command()
def inspect(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Folder or file with the interactions.")],
    format: Annotated[
        str | None, typer.Option("--format", help="Name of its format; recognised by file names if left out.")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option("--recipe", metavar="RECIPE", help="Take format and columns from a recipe.")
    ] = None,
    settings: SetOption = None,
) -> None:
    """Read data as a run would, and show what is in it, how it was read, and what was dropped."""
    from recexplainer.data.dataset import inspect_dataset
    from recexplainer.data.readers import read_folder

    columns = None
    if recipe is not None or settings:
        from recexplainer.pipeline.recipe import load_recipe

        of_run = load_recipe(recipe or "my-data", settings or ()).data
        columns, format = of_run.columns, format or of_run.format
    dataset = read_folder(path, columns, format)
    seen = inspect_dataset(dataset)
    warnings = [note for note in dataset.notes if note.warning]
    if warnings:
        show_part("warnings", [f"{note.count:>10,}  {note.what}" for note in warnings], style="bold yellow")
    facts = {
        "users": f"{dataset.n_users:,}",
        "items": f"{dataset.n_items:,}",
        "interactions": f"{dataset.n_interactions:,}",
        "sparsity": f"{seen.sparsity:.4%}",
        "history lengths": _lengths(seen.history_lengths),
        "title lengths": _lengths(seen.title_lengths, " characters"),
    }
    show_part(dataset.name, [f"{name:<16} {value}" for name, value in facts.items()])
    show_part("attributes of items", [f"{name:<16} {share:.0%} have it" for name, share in seen.attributes.items()])
    show_part("how histories begin: user, item, title", ["  ".join(row) for row in seen.sample])
    show_part("dropped or changed", [f"{note.count:>10,}  {note.what}" for note in dataset.notes if not note.warning])


@data.command()
def fetch(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Which dataset; lists the known ones if left out.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help="The folder to write; one of that name here if left out."),
    ] = None,
    mirror: Annotated[
        str | None, typer.Option("--from", metavar="URL", help="A folder that holds the files, such as a mirror's.")
    ] = None,
) -> None:
    """Fetch a public dataset from where it is published; a partial download is resumed."""
    from recexplainer.data import fetching

    if name is None:
        for known, source in fetching.sources().items():
            show_part(known, (source.title, f"{source.size}; licence: {source.licence}"))
        show_next("recexplainer data fetch NAME DIR")
        return
    source, console = fetching.find_source(name), stderr()
    console.print(source.title, style="bold")
    for line in (source.page, source.size, source.terms):
        console.print(f"  {line}")
    folder = folder or Path(name)
    fetching.fetch(name, folder, mirror)
    show_next(f"recexplainer data inspect {folder}", f"recexplainer run {source.run} --data {folder}")


def _lengths(lengths: Quantiles, unit: str = "") -> str:
    return f"median {lengths.median:,.0f}{unit}, 5% to 95%: {lengths.low:,.0f} to {lengths.high:,.0f}"
