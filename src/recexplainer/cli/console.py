"""What the commands share in talking to a person: progress, results, one explanation, what data hold, errors."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recexplainer.errors import RecExplainerError
from recexplainer.processes import is_first

if TYPE_CHECKING:
    from rich.console import Console

    from recexplainer.data.fetching import Source
    from recexplainer.data.inspection import Inspection, Spread
    from recexplainer.evaluation.rows import Row
    from recexplainer.explanations.record import Explanation
    from recexplainer.pipeline.checkup import Checkup, Machine


_TASKS = "retrieval ranking classification reconstruction"  # the order of the paper's Table 1
_AUROC = "auroc/"
_MOST_COLUMNS = 8


def stdout() -> Console:
    """The console for what was asked for."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def stderr() -> Console:
    """The console for progress and errors."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def say_error(error: RecExplainerError) -> None:
    """Show an error: what is wrong, where, and the mend."""
    stderr().print(str(error), style="red", markup=False)


@dataclass
class StageLines:
    """Shows a run on standard error: one line a stage when it begins, one when it is complete."""

    console: Console = field(default_factory=stderr)

    def skipped(self, stage: str, summary: str) -> None:
        """A stage was done before."""
        self._line(stage, f"done before: {summary}", "dim")

    def started(self, stage: str) -> None:
        """A stage begins."""
        self._line(stage, "…", "bold")

    def finished(self, stage: str, seconds: float, summary: str) -> None:
        """A stage is complete."""
        from recexplainer.reports.names import duration

        self._line(stage, f"{duration(seconds)}: {summary}", "green")

    def _line(self, stage: str, text: str, style: str) -> None:
        self.console.print(f"{stage:<20} {text}", style=style, markup=False)


def show_rows(rows: Sequence[Row], title: str) -> None:
    """Print results, a table a task; parts of a metric (`a/b`) and the bounds of one are left out."""
    shown = [row for row in rows if _is_shown(row.metric)]
    for task in sorted(dict.fromkeys(row.task for row in shown), key=_TASKS.find):
        _show_task([row for row in shown if row.task == task], task if task == title else f"{title}: {task}")


def _is_shown(metric: str) -> bool:
    return "/" not in metric.removeprefix(_AUROC) and not metric.endswith(("-random", "-oracle"))


def _show_task(rows: Sequence[Row], title: str) -> None:
    """A line a method, a column a metric; the other way round where there are many metrics."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    methods, metrics = (list(dict.fromkeys(getattr(row, name) for row in rows)) for name in ("method", "metric"))
    values = {(row.method, row.metric): row.value for row in rows}
    turned = len(metrics) > _MOST_COLUMNS
    lines, columns = (metrics, methods) if turned else (methods, metrics)
    narrow: dict[str, Any] = {"box": SIMPLE_HEAD, "padding": (0, 1, 0, 0), "pad_edge": False} if turned else {}
    table = Table(title=title, title_justify="left", **narrow)
    table.add_column("metric" if turned else "method", overflow="fold", no_wrap=turned)
    for column in columns:
        broken = re.sub(r"(?<=[-+])|(?=@)", " ", column)
        table.add_column(broken, justify="right", overflow="fold", min_width=5)
    for line in lines:
        found = [values.get((column, line) if turned else (line, column), "") for column in columns]
        table.add_row(line, *(_number(value, 2 if turned else 3) for value in found))
    stdout().print(table)


def _number(value: float | str | None, places: int) -> str:
    return value if isinstance(value, str) else "N/A" if value is None else f"{value:.{places}f}"


def show_explanation(explanation: Explanation) -> None:
    """Print one explanation: the history, the text, and what the recommender itself says."""
    from rich.text import Text

    from recexplainer.reports.names import signed

    console = stdout()
    cited = {citation.item for citation in explanation.citations}
    effects = explanation.effects or (None,) * len(explanation.history)
    console.print(Text(f"Why is {explanation.item_title!r} recommended, or not, to {explanation.user}?", style="bold"))
    for item, title, effect in zip(explanation.history, explanation.history_titles, effects, strict=True):
        mark = "*" if item in cited else " "
        console.print(Text(f"  {mark} {'' if effect is None else signed(effect):>7}  {title}"))
    console.print(Text(explanation.text, style="cyan"))
    if explanation.abstained:
        console.print(Text(f"Abstained: {explanation.abstained}"))
    rank = f"rank {explanation.rank:,} of {explanation.n_ranked:,}"
    verdict, own = ("Yes" if said else "No" for said in (explanation.verdict, explanation.recommended))
    console.print(Text(f"Surrogate ({explanation.method}): {verdict}, {explanation.probability:.0%} sure of yes."))
    console.print(Text(f"Recommender: {own}, {rank}."))
    for line in _checked(explanation):
        console.print(Text(line, style="yellow"))
    for line in _borne_out(explanation):
        console.print(Text(line))
    if explanation.history:
        console.print(Text("* cited; numbers: what the recommender's score would lose without the item", style="dim"))


def _checked(explanation: Explanation) -> list[str]:
    """What of an explanation does not hold, one line each."""
    from recexplainer.reports.checking import check, open_faults

    checks = [check(explanation, claim) for claim in explanation.claims if claim.mark != "confirmed"]
    faults = [f"Not borne out: {fault}." for fault in open_faults(explanation)]
    return [*(f"{each.mark}: {each.says}: {each.found}" for each in checks), *faults]


def _borne_out(explanation: Explanation) -> list[str]:
    """That all of an explanation holds, where it does, and what would be without what it cites, where that is known."""
    from recexplainer.reports.checking import counterfactual

    marks = [claim.mark for claim in explanation.claims]
    all_hold = bool(marks) and set(marks) == {"confirmed"}
    said = "Its one claim is" if len(marks) == 1 else f"All {len(marks)} claims are"
    lines = [f"{said} confirmed by the recommender." if all_hold else "", counterfactual(explanation)]
    return [line for line in lines if line]


def show_inspection(seen: Inspection) -> None:
    """Print what data hold: sizes, spreads, attributes, a few rows, and what was dropped."""
    facts = {
        "users": f"{seen.users:,}",
        "items": f"{seen.items:,}",
        "interactions": f"{seen.interactions:,}",
        "sparsity": f"{seen.sparsity:.4%}",
        "history lengths": _spread(seen.history_lengths),
        "title lengths": _spread(seen.title_lengths, " characters"),
    }
    _show_part(seen.name, [f"{name:<16} {value}" for name, value in facts.items()])
    _show_part("attributes of items", [f"{name:<16} {share:.0%} have it" for name, share in seen.attributes.items()])
    _show_part("how histories begin: user, item, title", ["  ".join(row) for row in seen.sample])
    _show_part("dropped or changed", [f"{note.count:>10,}  {note.what}" for note in seen.notes])


def _show_part(heading: str, lines: Sequence[str]) -> None:
    from rich.text import Text

    console = stdout()
    console.print(Text(heading, style="bold"))
    for line in lines or ("none",):
        console.print(Text(f"  {line}"))


def _spread(spread: Spread, unit: str = "") -> str:
    return f"median {spread.median:,.0f}{unit}, 5% to 95%: {spread.low:,.0f} to {spread.high:,.0f}"


def show_sources(sources: Mapping[str, Source]) -> None:
    """Print which public datasets can be fetched."""
    for name, source in sources.items():
        _show_part(name, (source.title, f"{source.size}; licence: {source.licence.short}"))
    show_next("recexplainer data fetch NAME DIR")


def show_terms(source: Source) -> None:
    """Print what a dataset is and on what terms it may be used, on standard error."""
    console = stderr()
    console.print(source.title, style="bold", markup=False)
    for line in (source.page, source.size, source.licence.terms):
        console.print(f"  {line}", markup=False)


def show_checkup(found: Checkup) -> None:
    """Print what this machine can run, what is missing, and what to type next."""
    from rich.table import Table

    _show_part("there is", [f"{check.name:<16} {check.found}" for check in found.checks if check.state == "good"])
    missing = [check for check in found.checks if check.state != "good"]
    _show_part("there is not", [f"{check.name:<16} {check.found}\n{'':19}mend: {check.mend}" for check in missing])
    if found.machine is not None:
        _show_part("machine", [f"{name:<16} {fact}" for name, fact in _machine_facts(found.machine).items()])
        room = _gib(found.machine.room)
        stdout().print(f"GiB to train with LoRA and gradient checkpointing, of {room} that are free", style="bold")
        table = Table("  backbone", "bfloat16", "4 bits, on a GPU", box=None, pad_edge=False, header_style="")
        table.add_row("  nano", "runs anywhere", "")
        for one in found.backbones:
            sizes = _fit(one.bfloat16, one.fits_bfloat16), _fit(one.four_bit, one.fits_four_bit)
            table.add_row(f"  {one.name}", *sizes)
        stdout().print(table)
    show_next(*found.next)


def _machine_facts(machine: Machine) -> dict[str, str]:
    gpus = {
        f"GPU {place}": f"{gpu.name}, {_gib(gpu.memory)}, {_gib(gpu.free)} free{', bfloat16' if gpu.bfloat16 else ''}"
        for place, gpu in enumerate(machine.gpus)
    }
    return {
        "system": machine.system,
        "cores": f"{machine.cores}, {machine.free_cores} to be used now",
        "memory": f"{_gib(machine.memory)}, {_gib(machine.free_memory)} free",
        "disk for runs": f"{_gib(machine.free_disk)} free",
        **gpus,
        "bfloat16": "fast" if machine.fast_bfloat16 else "not faster than float32",
    }


def _gib(size: int) -> str:
    return f"{size / 2**30:,.1f} GiB"


def _fit(size: int, fits: bool) -> str:
    return f"{size / 2**30:,.1f} {'fits' if fits else 'no'}"


def show_next(*commands: str) -> None:
    """Print what to type next."""
    console = stdout()
    for command in commands:
        console.print(f"next: {command}", style="cyan", markup=False)


def show_end(run: Path, *, explain: bool) -> None:
    """Print what a run has come to: its results, one explanation, and where the report is.

    Of several processes the first one does.
    """
    if not is_first():
        return
    from recexplainer.evaluation.rows import read_rows
    from recexplainer.pipeline.folder import made_folder
    from recexplainer.pipeline.loading import WITH_EVIDENCE, read_explanations

    show_rows(read_rows(made_folder(run, "evaluation") / "alignment.json"), "How well the surrogate answers as f does")
    if explain:
        for told in read_explanations(made_folder(run, "explanations") / WITH_EVIDENCE)[:1]:
            show_explanation(told)
    stdout().print(f"report: {made_folder(run, 'report') / 'index.html'}", markup=False)
