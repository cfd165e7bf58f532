"""What the page shows of the data, of training and of the run: Tables B1 and B2, charts, stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from recexplainer.explanations.record import Method
from recexplainer.reports.charts import Bar, Curves, Panel, curves, panel
from recexplainer.reports.inputs import DatasetFacts, PaperDataset
from recexplainer.reports.names import display_name, duration, in_order, method_name, series_class
from recexplainer.reports.paper import Published, paper_block, published
from recexplainer.reports.tables import NOT_MEASURED, Block, Cell, Column, Table, count

Log = Sequence[Mapping[str, float]]
"""The entries that the trainer logged, oldest first."""


@dataclass(frozen=True, slots=True)
class TrainingSummary:
    """How the training of one form went; None where the log does not say."""

    form: str
    css: str
    steps: int
    first_loss: float
    last_loss: float
    tokens_per_second: float | None
    seconds: float | None


def table_b1(facts: DatasetFacts, paper_dataset: PaperDataset | None) -> Table:
    """Table B1: size and sparsity of the data, beside the paper's."""
    source = published(paper_dataset)
    columns = tuple(Column(label, best="") for label in ("Users", "Items", "Interactions", "Sparsity"))
    paper = paper_block(paper_dataset, columns, {source.name: _statistics(source)})
    blocks = (Block("This run", ((facts.name, _statistics(facts)),)), paper)
    return Table("table-b1", "Statistics of the data", "Dataset", columns, blocks)


def table_b2(counts: Mapping[str, tuple[int, int]], paper_dataset: PaperDataset | None) -> Table:
    """Table B2: examples a task, of this run and in the paper, with their totals."""
    source = published(paper_dataset)
    columns = tuple(
        Column(label, group) for group in ("This run", f"Paper, {source.name}") for label in ("Train", "Test")
    )
    both = (counts, source.examples)
    tasks = dict.fromkeys([*counts, *source.examples])
    lines = [(display_name("tasks", task), _counts(*(each.get(task) for each in both))) for task in tasks]
    totals = [tuple(map(sum, zip(*each.values(), strict=True))) or (0, 0) for each in both]
    return Table("table-b2", "Examples a task", "Task", columns, (Block("", (*lines, ("Total", _counts(*totals)))),))


def history_sentence(lengths: Sequence[int]) -> str:
    """What the histogram of history lengths says; "" where they are not known."""
    if not lengths:
        return ""
    return (
        f"Half of the users have {median(lengths):g} interactions or fewer; the longest history has {max(lengths):,}."
    )


def training(logs: Mapping[str, Log]) -> tuple[Curves | None, list[TrainingSummary]]:
    """The chart of loss by step and a summary of each form's training; None and none where no log holds a loss."""
    forms = [method.name for method in in_order(map(Method, logs))]
    losses = {form: [entry for entry in logs[form] if "loss" in entry and "step" in entry] for form in forms}
    losses = {form: entries for form, entries in losses.items() if entries}
    if not losses:
        return None, []
    lines = {
        method_name(Method(form)): (series_class(form), [(entry["step"], entry["loss"]) for entry in entries])
        for form, entries in losses.items()
    }
    return curves(lines), [_summary(form, entries, logs[form]) for form, entries in losses.items()]


def stage_panel(stages: Mapping[str, float]) -> Panel | None:
    """The seconds of each stage as bars of their share of the longest; None where there are none."""
    longest = max(stages.values(), default=0.0) or 1.0
    return panel("", [Bar(name, "series-other", each, text=duration(each)) for name, each in stages.items()], longest)


def _statistics(facts: DatasetFacts | Published) -> tuple[Cell, ...]:
    counts = map(count, (facts.users, facts.items, facts.interactions))
    return (*counts, Cell(f"{facts.sparsity:.3%}", facts.sparsity))


def _counts(*pairs: Sequence[int] | None) -> tuple[Cell, ...]:
    """Train and test of this run and of the paper; dashes where there are none."""
    return tuple(cell for pair in pairs for cell in (map(count, pair) if pair else [Cell(NOT_MEASURED)] * 2))


def _summary(form: str, losses: Log, log: Log) -> TrainingSummary:
    speeds = [entry["tokens_per_second"] for entry in log if "tokens_per_second" in entry]
    times = [entry[name] for entry in log for name in ("seconds", "train_runtime") if name in entry]
    return TrainingSummary(
        form=method_name(Method(form)),
        css=series_class(form),
        steps=int(losses[-1]["step"]),
        first_loss=losses[0]["loss"],
        last_loss=losses[-1]["loss"],
        tokens_per_second=median(speeds) if speeds else None,
        seconds=times[-1] if times else None,
    )
