"""The paper's tables as neutral structures, drawn from rows. They do not know HTML, CSV or LaTeX (see `formats`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from recexplainer.evaluation.rows import Row
from recexplainer.reports.inputs import DatasetFacts, PaperDataset, TaskCount
from recexplainer.reports.names import in_order, method_name, task_name
from recexplainer.reports.paper import Published, published

ORIENTATION: PaperDataset = "Games"  # the paper's block shown beside data that the paper does not have
NOT_APPLICABLE, NOT_MEASURED = "N/A", "–"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its group's heading, its own, and what it measures in a few words."""

    group: str
    label: str
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: the text shown, the number behind it with its interval, and whether it is the best of its block."""

    text: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    best: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """Rows under one heading; `published` marks numbers from the paper, shown muted."""

    title: str
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    published: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table: `key` names its file, `corner` heads the column of row names."""

    key: str
    caption: str
    corner: str
    columns: tuple[Column, ...]
    blocks: tuple[Block, ...]

    @property
    def groups(self) -> list[tuple[str, int]]:
        """Neighbouring columns of one group, as its heading and their number; empty where no column has a group."""
        runs = [(name, len(list(members))) for name, members in groupby(self.columns, key=lambda column: column.group)]
        return runs if any(name for name, _ in runs) else []


# (task, metric) -> column. The first five are the paper's and always there; the others only when measured.
_PAPER = {
    ("retrieval", "hr@5"): Column("Retrieval, free", "H@5", "hit ratio at 5, titles written freely"),
    ("retrieval", "ndcg@5"): Column("Retrieval, free", "N@5", "NDCG at 5, titles written freely"),
    ("ranking", "ndcg@5"): Column("Ranking", "N@5", "NDCG at 5 with the paper's gains"),
    ("classification", "accuracy"): Column("Classification", "ACC", "accuracy of yes against no"),
    ("reconstruction", "hcr"): Column("Reconstruction", "HCR", "history coverage ratio"),
}
_OURS = {
    ("retrieval", "hr@5-constrained"): Column("Retrieval, constrained", "H@5", "hit ratio at 5, catalogue titles only"),
    ("retrieval", "ndcg@5-constrained"): Column("Retrieval, constrained", "N@5", "NDCG at 5, catalogue titles only"),
    ("ranking", "ndcg@5-constrained"): Column("Ranking", "N@5 con.", "NDCG at 5, paper's gains, constrained"),
    ("ranking", "ndcg@5-standard"): Column("Ranking", "N@5 std.", "NDCG at 5 with the usual exponential gains"),
    ("ranking", "ndcg@5-standard-constrained"): Column("Ranking", "N@5 std. con.", "usual gains, constrained"),
    ("reconstruction", "hcr-constrained"): Column("Reconstruction", "HCR con.", "history coverage, constrained"),
}
_TASKS = ("retrieval", "ranking", "classification", "reconstruction")


def table_1(rows: Sequence[Row], paper_dataset: PaperDataset | None) -> Table:
    """Table 1 of this run beside the paper's: how far the surrogate answers as the recommender does.

    The best value of each column is bold within each block, ties all of them; a row without a value reads N/A, and
    what was not measured at all a dash.

    Args:
        rows: Alignment rows; those of tasks and metrics outside Table 1 are left out.
        paper_dataset: Which of the paper's blocks stands beside; None shows Games, as other data.
    """
    by_place = {(row.method, row.task, row.metric): row for row in rows}
    measured = {(row.task, row.metric) for row in rows}
    keys = [key for key in _PAPER | _OURS if key in _PAPER or key in measured]
    keys.sort(key=lambda key: _TASKS.index(key[0]))
    methods = in_order(row.method for row in rows if (row.task, row.metric) in keys)
    lines = [(method_name(name), [_measured(by_place.get((name, *key))) for key in keys]) for name in methods]
    source = published(paper_dataset or ORIENTATION)
    paper_lines = [
        (name, [_published(values[key]) if key in values else Cell(NOT_MEASURED) for key in keys])
        for name, values in source.alignment.items()
    ]
    columns = tuple((_PAPER | _OURS)[key] for key in keys)
    blocks = (
        Block("This run", _best(lines)),
        Block(_heading(source, paper_dataset), _best(paper_lines), published=True),
    )
    return Table("table-1", "Alignment with the target recommender", "Method", columns, blocks)


def table_b1(facts: DatasetFacts, paper_dataset: PaperDataset | None) -> Table:
    """Table B1: size and sparsity of the data, beside the paper's."""
    source = published(paper_dataset or ORIENTATION)
    columns = tuple(Column("", label) for label in ("Users", "Items", "Interactions", "Sparsity"))
    ours = (_count(facts.users), _count(facts.items), _count(facts.interactions), _share(facts.sparsity))
    theirs = (_count(source.users), _count(source.items), _count(source.interactions), _share(source.sparsity))
    blocks = (
        Block("This run", ((facts.name, ours),)),
        Block(_heading(source, paper_dataset), ((source.name, theirs),), published=True),
    )
    return Table("table-b1", "Statistics of the data", "Dataset", columns, blocks)


def table_b2(counts: Sequence[TaskCount], paper_dataset: PaperDataset | None) -> Table:
    """Table B2: examples a task, of this run and in the paper, with their totals."""
    source = published(paper_dataset or ORIENTATION)
    groups = ("This run", f"Paper, {source.name}")
    columns = tuple(Column(group, label) for group in groups for label in ("Train", "Test"))
    ours = {each.task: (each.train, each.test) for each in counts}
    tasks = list(dict.fromkeys([*ours, *source.examples]))
    lines = [(task_name(task), _pair(ours.get(task)) + _pair(source.examples.get(task))) for task in tasks]
    lines.append(("Total", _pair(_total(ours)) + _pair(_total(source.examples))))
    return Table("table-b2", "Examples a task", "Task", columns, (Block("", tuple(lines)),))


def _heading(source: Published, paper_dataset: PaperDataset | None) -> str:
    return f"Paper, {source.name}" if paper_dataset else f"Paper, {source.name}: other data, for orientation only"


def _measured(row: Row | None) -> Cell:
    if row is None:
        return Cell(NOT_MEASURED)
    if row.value is None:
        return Cell(NOT_APPLICABLE)
    return Cell(f"{row.value:.4f}", row.value, row.low, row.high)


def _published(value: float | None) -> Cell:
    return Cell(NOT_APPLICABLE) if value is None else Cell(f"{value:.4f}", value)


def _count(value: int) -> Cell:
    return Cell(f"{value:,}", value)


def _share(value: float) -> Cell:
    return Cell(f"{value:.3%}", value)


def _pair(counts: tuple[int, int] | None) -> tuple[Cell, ...]:
    return (Cell(NOT_MEASURED), Cell(NOT_MEASURED)) if counts is None else tuple(_count(each) for each in counts)


def _total(counts: dict[str, tuple[int, int]]) -> tuple[int, int]:
    return sum(train for train, _ in counts.values()), sum(test for _, test in counts.values())


def _best(lines: Sequence[tuple[str, Sequence[Cell]]]) -> tuple[tuple[str, tuple[Cell, ...]], ...]:
    """Mark the highest text of each column; cells that read the same are equally best."""
    if not lines:
        return ()
    tops = [
        max((cell.text for cell in column if cell.value is not None), key=float, default=None)
        for column in zip(*(cells for _, cells in lines), strict=True)
    ]
    return tuple(
        (name, tuple(_marked(cell, cell.text == top) for cell, top in zip(cells, tops, strict=True)))
        for name, cells in lines
    )


def _marked(cell: Cell, best: bool) -> Cell:
    return Cell(cell.text, cell.value, cell.low, cell.high, best=best)
