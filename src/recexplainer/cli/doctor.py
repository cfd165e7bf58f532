"""`recexplainer doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recexplainer.cli.console import RUNS, RunsOption, show_next, show_part, stdout
from recexplainer.cli.encoding import json_for_terminal

if TYPE_CHECKING:
    from recexplainer.doctor.checkup import Checkup, Machine
    from recexplainer.doctor.runs import RunCheckup


def doctor(
    run: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="Also look at the recommender of a run, and at its data.")
    ] = None,
    runs: RunsOption = RUNS,
    network: Annotated[bool, typer.Option("--network", help="Also check whether the hub can be reached.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what this machine can run, what is missing, and how to get it; exit status 1 if nothing can run."""
    from recexplainer.doctor.checkup import check_up

    of_run = _of_run(run, runs) if run else None
    found = check_up(runs, network=network)
    if as_json:
        import json
        from dataclasses import asdict

        both = asdict(found) | ({"run": asdict(of_run) | {"summary": of_run.ranking.summary}} if of_run else {})
        typer.echo(json_for_terminal(json.dumps(both, indent=2, ensure_ascii=False)))
    else:
        if of_run:
            show_run_checkup(of_run)
        show_checkup(found)
    if found.broken:
        raise typer.Exit(1)


def _of_run(run: str, runs: Path) -> RunCheckup:
    from recexplainer.doctor.runs import check_run
    from recexplainer.pipeline.runs import find_run

    return check_run(find_run(run, runs))


def show_run_checkup(found: RunCheckup) -> None:
    """Print how a run's recommender ranks held-out items, and what is suspicious in it and in the data."""
    show_part(f"the recommender of {found.run}", [found.recommender, found.ranking.summary, *found.ranking.notes])
    if warnings := (*found.ranking.warnings, *found.data_warnings):
        show_part("warnings", warnings, style="bold yellow")


def show_checkup(found: Checkup) -> None:
    """Print what this machine can run, what is missing, and what to type next."""
    from rich.table import Table

    show_part("there is", [f"{check.name:<16} {check.found}" for check in found.checks if check.state == "good"])
    missing = [check for check in found.checks if check.state != "good"]
    show_part("there is not", [f"{check.name:<16} {check.found}\n{'':19}hint: {check.hint}" for check in missing])
    if found.machine is not None:
        show_part("machine", [f"{name:<16} {fact}" for name, fact in _machine_facts(found.machine).items()])
        free = _gib(found.machine.training_memory)
        stdout().print(f"GiB to train with LoRA and gradient checkpointing, of {free} that are free", style="bold")
        table = Table("  backbone", "bfloat16", "4 bits, on a GPU", box=None, pad_edge=False, header_style="")
        table.add_row("  nano", "runs anywhere", "")
        for one in found.backbones:
            sizes = _fit(one.bfloat16, one.fits_bfloat16), _fit(one.four_bit, one.fits_four_bit)
            table.add_row(f"  {one.name}", *sizes)
        stdout().print(table)
    show_next(*found.next)


def _machine_facts(machine: Machine) -> dict[str, str]:
    gpus = {
        f"GPU {number}": f"{gpu.name}, {_gib(gpu.memory)}, {_gib(gpu.free)} free{', bfloat16' if gpu.bfloat16 else ''}"
        for number, gpu in enumerate(machine.gpus)
    }
    return {
        "system": machine.system,
        "cores": f"{machine.cores}, {machine.free_cores} to be used now",
        "memory": f"{_gib(machine.memory)}, {_gib(machine.free_memory)} free",
        "disk for runs": f"{_gib(machine.free_disk)} free",
        **gpus,
        "bfloat16": "fast" if machine.fast_bfloat16 else "not faster than float32",
        "8-bit integers": "fast, taken to train LoRA" if machine.fast_int8 else "not taken",
    }


def _gib(size: int) -> str:
    return f"{size / 2**30:,.1f} GiB"


def _fit(size: int, fits: bool) -> str:
    return f"{size / 2**30:,.1f} {'fits' if fits else 'no'}"
