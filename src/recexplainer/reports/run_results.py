"""What the page shows of a run itself: alignment and the recommender's quality, data, training and stages.

Table 1, key numbers, panels and protocol; Tables B1 and B2; the loss. Explanations are in `explanation_results`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from recexplainer.evaluation.rows import Row
from recexplainer.explanations.record import Method
from recexplainer.reports import tables
from recexplainer.reports.charts import Bar, Curves, Panel, curves, method_panels, panel
from recexplainer.reports.inputs import DatasetFacts, PaperDataset
from recexplainer.reports.names import display_name, duration, in_order, method_name, series_class
from recexplainer.reports.tables import (
    NOT_MEASURED,
    Block,
    Cell,
    Column,
    Published,
    Table,
    columns_of,
    published,
    stated,
)
from recexplainer.storage import packaged_yaml

FORMS = ("behavior", "intention", "hybrid")
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


def table_1(rows: Sequence[Row], paper_dataset: PaperDataset | None) -> Table:
    """Table 1 of this run beside the paper's: how far the surrogate answers as the recommender does.

    The best value of each column is bold within each block; a row without a value reads N/A, and what was not measured
    a dash. Where the data are not the paper's, its block is that of Games.
    """
    columns = columns_of("alignment")
    theirs = {name: list(map(stated, values)) for name, values in published(paper_dataset).alignment.items()}
    paper = tables.paper_block(paper_dataset, columns, theirs)
    return tables.method_table("1", "Alignment with the recommender", columns, rows, paper)


def table_1_constrained(rows: Sequence[Row]) -> Table | None:
    """What Table 1 has no columns for: constrained decoding and the usual gains; None where not measured."""
    columns = columns_of("constrained", rows)
    caption = "Alignment with decoding constrained to the catalogue, and with the usual gains"
    return tables.method_table("1-constrained", caption, columns, rows) if columns else None


def table_forgetting(rows: Sequence[Row]) -> Table | None:
    """What the language model lost of its general ability; None where not measured."""
    columns = columns_of("forgetting", rows)
    return tables.method_table("forgetting", "What the language model forgot", columns, rows) if columns else None


def alignment_panels(rows: Sequence[Row]) -> list[Panel]:
    """A panel of bars for each column of Table 1 that was measured."""
    return method_panels((column.title, filter(column.shows, rows)) for column in columns_of("alignment"))


def best_form(rows: Sequence[Row]) -> str | None:
    """The form with the highest mean over retrieval, ranking and classification; None where none was measured."""
    columns = [column for column in columns_of("alignment") if column.headline and column.task != "reconstruction"]
    sums: dict[str, float] = {}
    for row in rows:
        if row.method in FORMS and not row.variant and any(column.shows(row) for column in columns):
            sums[row.method] = sums.get(row.method, 0.0) + (row.value or 0.0)
    return max(sums, key=lambda form: (sums[form], -FORMS.index(form)), default=None)


def key_numbers(rows: Sequence[Row], form: str) -> list[tuple[str, str, Row, Row | None]]:
    """The form's numbers in the order of Table 1: name, meaning, row, and Random's row where it has a value.

    Those not measured are left out.
    """
    found: list[tuple[str, str, Row, Row | None]] = []
    for column in columns_of("alignment"):
        shown = [row for row in rows if column.shows(row) and row.value is not None and not row.variant]
        values = {row.method: row for row in shown}
        if column.headline and form in values:
            found.append((column.title, column.headline, values[form], values.get("random")))
    return found


def protocol(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Name and sentence for each thing measured: how, and against what."""
    entries = packaged_yaml("recexplainer.reports", "protocol.yaml")
    return [
        (entry["name"], entry["text"])
        for entry in entries
        if "rows" not in entry
        or any(all(getattr(row, field) == value for field, value in entry["rows"].items()) for row in rows)
    ]


def recommender_panels(rows: Sequence[Row]) -> list[Panel]:
    """A panel of bars a metric: the recommender beside popularity."""
    by_metric = {name: [row for row in rows if row.metric == name] for name in ("hr@5", "hr@10", "ndcg@5", "ndcg@10")}
    return method_panels((display_name("metrics", metric), own) for metric, own in by_metric.items())


def recommender_sentence(rows: Sequence[Row]) -> str:
    """How many times the recommender's NDCG@10 is popularity's; "" where one of them is missing or zero."""
    values = {row.method: row.value for row in rows if row.metric == "ndcg@10"}
    own, popularity = values.get("recommender"), values.get("popularity")
    if not own or not popularity:
        return ""
    ratio = own / popularity
    if ratio < 1.1:
        return f"It does not clearly beat popularity: its NDCG@10 is {ratio:.2f} times that of popularity."
    return f"Its NDCG@10 is {ratio:.1f} times that of recommending what is popular."


def table_b1(facts: DatasetFacts, paper_dataset: PaperDataset | None) -> Table:
    """Table B1: size and sparsity of the data, beside the paper's."""
    source = published(paper_dataset)
    columns = tuple(Column(label, best="") for label in ("Users", "Items", "Interactions", "Sparsity"))
    paper = tables.paper_block(paper_dataset, columns, {source.name: _statistics(source)})
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
    longest = f"the longest history has {max(lengths, default=0):,}"
    return f"Half of the users have {median(lengths):g} interactions or fewer; {longest}." if lengths else ""


def training(logs: Mapping[str, Log]) -> tuple[Curves | None, list[TrainingSummary]]:
    """The chart of loss by step and a summary of each form's training; None and none where no log holds a loss."""
    lines: dict[str, tuple[str, list[tuple[float, float]]]] = {}
    trainings: list[TrainingSummary] = []
    for form in in_order(map(Method, logs)):
        log, css = logs[form.name], series_class(form.name)
        points = [(entry["step"], entry["loss"]) for entry in log if entry.keys() >= {"step", "loss"}]
        if points:
            speeds, times = _logged(log, "tokens_per_second"), _logged(log, "seconds", "train_runtime")
            (_, first), (steps, last) = points[0], points[-1]
            lines[method_name(form)] = (css, points)
            speed, seconds = median(speeds) if speeds else None, times[-1] if times else None
            trainings.append(TrainingSummary(method_name(form), css, int(steps), first, last, speed, seconds))
    return (curves(lines) if lines else None), trainings


def _logged(log: Log, *names: str) -> list[float]:
    return [entry[name] for entry in log for name in names if name in entry]


def stage_panel(stages: Mapping[str, float]) -> Panel | None:
    """The seconds of each stage as bars of their share of the longest; None where there are none."""
    longest = max(stages.values(), default=0.0) or 1.0
    return panel("", [Bar(name, "series-other", each, text=duration(each)) for name, each in stages.items()], longest)


def _statistics(facts: DatasetFacts | Published) -> tuple[Cell, ...]:
    counts = map(tables.count, (facts.users, facts.items, facts.interactions))
    return (*counts, Cell(f"{facts.sparsity:.3%}", facts.sparsity))


def _counts(*pairs: Sequence[int] | None) -> tuple[Cell, ...]:
    """Train and test of this run and of the paper; dashes where there are none."""
    return tuple(cell for pair in pairs for cell in (map(tables.count, pair) if pair else [Cell(NOT_MEASURED)] * 2))
