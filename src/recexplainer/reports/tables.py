"""The paper's tables of alignment and data, as neutral structures drawn from rows (for Tables 2 and 3: `judged`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recexplainer.evaluation.rows import Row
from recexplainer.reports.cells import NOT_MEASURED, Block, Cell, Column, Table, mark_best, measured, stated
from recexplainer.reports.inputs import DatasetFacts, PaperDataset, TaskCount
from recexplainer.reports.names import in_order, method_name, task_name
from recexplainer.reports.paper import Published, published

ORIENTATION: PaperDataset = "Games"  # the paper's block shown beside data that the paper does not have

# (task, metric) -> column. The first five are the paper's.
_PAPER = {
    ("retrieval", "hr@5"): Column("Retrieval", "H@5", "hit ratio at 5, titles written freely"),
    ("retrieval", "ndcg@5"): Column("Retrieval", "N@5", "NDCG at 5, titles written freely"),
    ("ranking", "ndcg@5"): Column("Ranking", "N@5", "NDCG at 5 with the paper's gains"),
    ("classification", "accuracy"): Column("Classification", "ACC", "accuracy of yes against no"),
    ("reconstruction", "hcr"): Column("Reconstruction", "HCR", "history coverage ratio"),
}
_OURS = {
    ("retrieval", "hr@5-constrained"): Column("Retrieval, constrained", "H@5", "hit ratio at 5, catalogue titles only"),
    ("retrieval", "ndcg@5-constrained"): Column("Retrieval, constrained", "N@5", "NDCG at 5, catalogue titles only"),
    ("ranking", "ndcg@5-constrained"): Column("Ranking, constrained", "N@5", "NDCG at 5, paper's gains, constrained"),
    ("ranking", "ndcg@5-standard-constrained"): Column("Ranking, constrained", "N@5 std.", "usual gains, constrained"),
    ("ranking", "ndcg@5-standard"): Column("Ranking", "N@5 std.", "NDCG at 5 with the usual exponential gains"),
    ("reconstruction", "hcr-constrained"): Column(
        "Reconstruction, constrained", "HCR", "history coverage, constrained"
    ),
}


def table_1(rows: Sequence[Row], paper_dataset: PaperDataset | None) -> Table:
    """Table 1 of this run beside the paper's: how far the surrogate answers as the recommender does.

    The best value of each column is bold within each block, ties all of them; a row without a value reads N/A, and
    what was not measured at all a dash.

    Args:
        rows: Alignment rows; those of tasks and metrics outside Table 1 are left out.
        paper_dataset: Which of the paper's blocks stands beside; None shows Games, as other data.
    """
    source = published(paper_dataset or ORIENTATION)
    lines = [(name, [stated(values[key]) for key in _PAPER]) for name, values in source.alignment.items()]
    columns = tuple(_PAPER.values())
    blocks = (
        Block("This run", mark_best(columns, _lines(rows, _PAPER))),
        Block(paper_heading(source, paper_dataset), mark_best(columns, lines), published=True),
    )
    return Table("table-1", "Alignment with the target recommender", "Method", columns, blocks)


def table_1_constrained(rows: Sequence[Row]) -> Table | None:
    """What Table 1 has no columns for: decoding held to the catalogue, the usual gains; None where not measured."""
    there = {(row.task, row.metric) for row in rows}
    chosen = {key: column for key, column in _OURS.items() if key in there}
    if not chosen:
        return None
    columns = tuple(chosen.values())
    blocks = (Block("", mark_best(columns, _lines(rows, chosen))),)
    caption = "Alignment with decoding held to the catalogue, and with the usual gains"
    return Table("table-1-constrained", caption, "Method", columns, blocks)


def table_b1(facts: DatasetFacts, paper_dataset: PaperDataset | None) -> Table:
    """Table B1: size and sparsity of the data, beside the paper's."""
    source = published(paper_dataset or ORIENTATION)
    columns = tuple(Column("", label) for label in ("Users", "Items", "Interactions", "Sparsity"))
    ours = (_count(facts.users), _count(facts.items), _count(facts.interactions), _share(facts.sparsity))
    theirs = (_count(source.users), _count(source.items), _count(source.interactions), _share(source.sparsity))
    blocks = (
        Block("This run", ((facts.name, ours),)),
        Block(paper_heading(source, paper_dataset), ((source.name, theirs),), published=True),
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


def paper_heading(source: Published, paper_dataset: PaperDataset | None) -> str:
    """What heads a block of the paper's numbers; says so where they are of other data."""
    return f"Paper, {source.name}" if paper_dataset else f"Paper, {source.name}: other data, for orientation only"


def _lines(rows: Sequence[Row], columns: Mapping[tuple[str, str], Column]) -> list[tuple[str, list[Cell]]]:
    """A line for each method that has any of the columns."""
    by_place = {(row.method, row.task, row.metric): row for row in rows}
    methods = in_order(row.method for row in rows if (row.task, row.metric) in columns)
    return [(method_name(name), [measured(by_place.get((name, *key))) for key in columns]) for name in methods]


def _count(value: int) -> Cell:
    return Cell(f"{value:,}", value)


def _share(value: float) -> Cell:
    return Cell(f"{value:.3%}", value)


def _pair(counts: tuple[int, int] | None) -> tuple[Cell, ...]:
    return (Cell(NOT_MEASURED), Cell(NOT_MEASURED)) if counts is None else tuple(_count(each) for each in counts)


def _total(counts: dict[str, tuple[int, int]]) -> tuple[int, int]:
    return sum(train for train, _ in counts.values()), sum(test for _, test in counts.values())
