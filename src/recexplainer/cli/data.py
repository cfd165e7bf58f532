"""`recexplainer data`: what can be done with data alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

data = typer.Typer(name="data", help="Look at data before a run.", no_args_is_help=True)


@data.callback()
def commands() -> None:
    """Commands on data alone; a callback, so that they keep their names while there is only one."""


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
