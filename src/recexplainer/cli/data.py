"""`recexplainer data`: what can be done with data alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

data = typer.Typer(name="data", help="Fetch data, and look at them before a run.", no_args_is_help=True)


@data.command()
def inspect(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Folder or file with the interactions.")],
    format: Annotated[
        str | None, typer.Option("--format", help="Key of its format; recognised by the names of files if left out.")
    ] = None,
) -> None:
    """Read data as a run would, and show what is in it and what was dropped."""
    from recexplainer.cli.console import show_inspection
    from recexplainer.data.inspection import inspect_dataset
    from recexplainer.data.readers import read_folder

    show_inspection(inspect_dataset(read_folder(path, format=format)))


@data.command()
def fetch(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Which dataset; those that there are, if left out.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Where to; a folder of that name here, if left out.")
    ] = None,
    mirror: Annotated[
        str | None, typer.Option("--from", metavar="URL", help="A folder that holds the files, such as a mirror's.")
    ] = None,
) -> None:
    """Fetch a public dataset from where it is published; a half download is gone on with."""
    from recexplainer.cli import console
    from recexplainer.data import fetching

    if name is None:
        console.show_sources(fetching.sources())
        return
    source = fetching.find_source(name)
    console.show_terms(source)
    folder = folder or Path(name)
    fetching.fetch(name, folder, mirror)
    console.show_next(f"recexplainer data inspect {folder}", f"recexplainer run {source.run} --data {folder}")
