"""The `recexplainer` command: its subcommands, its version, and how errors are shown."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from recexplainer.cli.audit import audit
from recexplainer.cli.backbone import backbone
from recexplainer.cli.batch import batch
from recexplainer.cli.checking import check
from recexplainer.cli.commands import demo, evaluate, export, report, run
from recexplainer.cli.console import log_lines, show_error
from recexplainer.cli.data import data
from recexplainer.cli.doctor import doctor
from recexplainer.cli.encoding import close_quietly, use_terminal_encoding
from recexplainer.cli.explaining import explain
from recexplainer.cli.serve import serve
from recexplainer.cli.study import study
from recexplainer.errors import RecExplainerError, SettingsError
from recexplainer.storage import system_errors

DEBUG = "--debug"
RENAMED = {"--again": "--force", "--ask": "--aspect"}
"""Options that were once called otherwise, and their present names."""

app = typer.Typer(
    name="recexplainer",
    help="Explain any recommender in plain words, and check every explanation against the recommender itself.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (demo, run, explain, batch, check, evaluate, report, audit, export, serve, doctor):
    app.command()(command)
app.add_typer(data)
app.add_typer(backbone)
app.add_typer(study)


def _show_version(wanted: bool) -> None:
    if wanted:
        import recexplainer

        typer.echo(f"recexplainer {recexplainer.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
    debug: Annotated[bool, typer.Option(DEBUG, help="Show where in the code an error arose.")] = False,
) -> None:
    """Options of every command; `main` acts on `--debug`."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line on what stands after the program's name; None takes that from the process.

    An error that this package raises on purpose, or what the operating system refuses, is shown as its message, without
    a traceback; the exit status is 2. What the terminal cannot show is replaced, and a closed pipe ends it quietly.
    """
    use_terminal_encoding()
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = DEBUG in given
    try:
        # wherever --debug stands, it belongs to the program
        with log_lines(), system_errors(Path()):
            for argument in given:
                old = argument.partition("=")[0]
                if present := RENAMED.get(old):
                    raise SettingsError(
                        f"The option {old} is called {present} now.", location=old, hint=f"Write {present}."
                    )
            app([DEBUG] * debug + [argument for argument in given if argument != DEBUG])
    except RecExplainerError as error:
        if debug:
            raise
        show_error(error)
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(1)
    finally:
        close_quietly()
