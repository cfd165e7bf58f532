"""Stages that read what others have made: what a stage is, and in which order stages are made.

It knows nothing of what stages do, nor of what is in a run folder already.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from recexplainer.errors import RunError


@dataclass(frozen=True, slots=True)
class RunContext:
    """What a stage may look at while it is made.

    Attributes:
        folders: The complete folder of every stage that it named as input.
        work: A folder that survives a kill, for checkpoints; empty unless this very stage was cut off before. It is
            removed when the stage is complete.
    """

    folders: Mapping[str, Path]
    work: Path


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a run.

    Attributes:
        name: Its name, unique in the run, and that of its folder in the run folder.
        settings: All settings that decide what it makes, as JSON values.
        inputs: Names of the stages whose folders it reads.
        make: Writes into the folder that it is given; returns one line that says what was made.
        sources: Files or folders outside the run that it reads; known by their content.
        apart: Made in a process of its own where stages are made side by side. Of those that may be, all but one are:
            rooms are loaded when a stage needs them, and threads that load the same one get in each other's way.
    """

    name: str
    settings: Mapping[str, Any]
    inputs: tuple[str, ...]
    make: Callable[[RunContext, Path], str]
    sources: tuple[Path, ...] = ()
    apart: bool = False


def in_order(stages: Sequence[Stage], only: Collection[str] | None, again: Collection[str] = ()) -> list[Stage]:
    """The stages wanted and all that they need, each after its inputs.

    Raises:
        RunError: An unknown stage is named, two have one name, or there is a circle.
    """
    known = {stage.name: stage for stage in stages}
    if len(known) < len(stages):
        raise RunError("Two stages have the same name.", hint="Rename one of them.")
    wanted = list(known if only is None else only)
    named = [*wanted, *again, *(name for stage in stages for name in stage.inputs)]
    if unknown := [name for name in named if name not in known]:
        raise RunError(f"There is no stage {unknown[0]!r}.", hint=f"The stages are: {', '.join(known)}.")
    needed: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name not in needed:
            needed.add(name)
            wanted += known[name].inputs
    graph = {name: stage.inputs for name, stage in known.items() if name in needed}
    try:
        return [known[name] for name in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        raise RunError(
            f"Stages depend on each other in a circle: {', '.join(error.args[1])}.", hint="Take one of the inputs away."
        ) from error


def make_in_waves(ordered: Sequence[Stage], make: Callable[[Stage], None], workers: int) -> None:
    """Make every stage as soon as its inputs are made, at most `workers` at once; the first error ends it all."""
    sorter = TopologicalSorter({stage.name: stage.inputs for stage in ordered})
    known = {stage.name: stage for stage in ordered}
    sorter.prepare()
    ready: list[str] = []
    running: dict[Future[None], str] = {}
    with ThreadPoolExecutor(workers) as pool:
        while sorter.is_active():
            ready += sorter.get_ready()
            ready.sort(key=list(known).index)
            while ready and len(running) < workers:
                name = ready.pop(0)
                running[pool.submit(make, known[name])] = name
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                done.result()
                sorter.done(running.pop(done))
