"""`recexplainer demo`."""

from __future__ import annotations

from recexplainer.cli.arguments import RUNS, NameOption, RunsOption, SetOption


def demo(name: NameOption = None, runs: RunsOption = RUNS, settings: SetOption = None) -> None:
    """The whole pipeline on the embedded world; ends with an explanation and a report."""
    from recexplainer.cli.results import show_end
    from recexplainer.cli.run import start

    show_end(start("demo", None, name, runs, settings or []), explain=True)
