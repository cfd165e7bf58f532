"""The neutral structure of a table, its lines drawn from rows and the paper's numbers, its text as CSV and LaTeX.

Which columns a table has is in `tables.yaml`, what the paper published in `paper.yaml`; its HTML is in `page/`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from typing import Any, Literal

from recexplainer.errors import SettingsError
from recexplainer.evaluation.rows import Row
from recexplainer.explanations.record import Method
from recexplainer.reports.inputs import PaperDataset
from recexplainer.reports.names import environment, in_order, interval, method_name
from recexplainer.storage import packaged_yaml

NOT_APPLICABLE, NOT_MEASURED = "N/A", "–"
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
    "−": "$-$",
    "×": r"$\times$",
    "κ": r"$\kappa$",
    "ρ": r"$\rho$",
    "α": r"$\alpha$",
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
}


@dataclass(frozen=True, slots=True)
class Cell:
    """What is shown, the number behind it with its 95% interval, and whether it is the best of its block.

    `interval` is the interval as shown; "" where it is in the CSV file only.
    """

    text: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    interval: str = ""
    best: bool = False


Line = tuple[str, tuple[Cell, ...]]  # the name of a line, and its cells


@dataclass(frozen=True, slots=True)
class Column:
    """A column, and which rows it shows: those of its task, metric and rater, where None is any and `none` no rater.

    `meaning` is what it measures in a few words, `headline` the same where it is a number at the head of the page;
    `best` is which end is best; with `percent` values are percentages, without their intervals.
    """

    label: str
    group: str = ""
    meaning: str = ""
    best: Literal["high", "low", ""] = "high"
    task: str | None = None
    metric: str = ""
    rater: str | None = None
    percent: bool = False
    headline: str = ""

    @property
    def title(self) -> str:
        """Its heading with that of its group: `Retrieval, H@5`."""
        return f"{self.group}, {self.label}" if self.group else self.label

    def shows(self, row: Row) -> bool:
        """Whether a row belongs to this column."""
        return (
            self.metric == row.metric
            and self.task in (None, row.task)
            and self.rater in (None, "none" if row.rater is None else row.rater)
        )

    def cell(self, rows: Iterable[Row]) -> Cell:
        """The cell of one method's rows: N/A for a row without a value, a dash where there is no row."""
        row = next(filter(self.shows, rows), None)
        if row is None:
            return Cell(NOT_MEASURED)
        if row.value is None:
            return Cell(NOT_APPLICABLE)
        if self.percent:
            return Cell(f"{row.value:.1%}", row.value, row.low, row.high)
        return Cell(f"{row.value:.4f}".replace("-", "−"), row.value, row.low, row.high, interval(row.low, row.high))


@dataclass(frozen=True, slots=True)
class Block:
    """Lines under one heading; `published` marks numbers from the paper, shown muted."""

    title: str
    lines: tuple[Line, ...]
    published: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table: `key` names its file, `corner` heads the column of the lines' names."""

    key: str
    caption: str
    corner: str
    columns: tuple[Column, ...]
    blocks: tuple[Block, ...]

    @property
    def groups(self) -> list[tuple[str, int]]:
        """Neighboring columns of one group, as its heading and their number; empty where no column has a group."""
        runs = [(name, len(list(members))) for name, members in groupby(self.columns, key=lambda column: column.group)]
        return runs if any(name for name, _ in runs) else []


@dataclass(frozen=True, slots=True)
class Published:
    """The paper's numbers for one dataset; `paper.yaml` states what each is, and `sparsity` is a share, 0 to 1.

    `alignment` has for each method a number a column of Table 1, None where the paper prints N/A; `discriminator` is
    `[writers][writers]`; `ablation` is by variant; `examples` has the numbers of training and test examples. What the
    paper does not have for a dataset is empty.
    """

    name: str
    users: int
    items: int
    interactions: int
    sparsity: float
    alignment: Mapping[str, Sequence[float | None]]
    ratings: Mapping[str, float]
    score_predictor: Mapping[str, float]
    writers: Sequence[str]
    discriminator: Sequence[Sequence[int]]
    examples: Mapping[str, Sequence[int]]
    ablation: Mapping[str, float]
    agreement: Mapping[str, Mapping[str, float]]


def columns_of(table: str, rows: Sequence[Row] | None = None) -> tuple[Column, ...]:
    """The columns of a table by its name in `tables.yaml`; with rows those that show one of them."""
    columns = tuple(Column(**fields) for fields in _packaged("tables")[table])
    return columns if rows is None else tuple(each for each in columns if any(map(each.shows, rows)))


def method_lines(rows: Iterable[Row], columns: Sequence[Column]) -> tuple[Line, ...]:
    """A line for each method that one of the columns shows, in the order of reports; the best cells are marked."""
    by_method: dict[Method, list[Row]] = {}
    for row in rows:
        if any(column.shows(row) for column in columns):
            by_method.setdefault(Method(row.method, row.variant), []).append(row)
    lines = [
        (method_name(each), tuple(column.cell(by_method[each]) for column in columns)) for each in in_order(by_method)
    ]
    return mark_best(columns, lines)


def method_table(
    key: str, caption: str, columns: tuple[Column, ...], rows: Iterable[Row], paper: Block | None = None
) -> Table:
    """A table with a line a method, above the paper's block where there is one."""
    ours = Block("This run" if paper else "", method_lines(rows, columns))
    return Table(f"table-{key}", caption, "Method", columns, (ours, paper) if paper else (ours,))


def mark_best(columns: Sequence[Column], lines: Iterable[Line]) -> tuple[Line, ...]:
    """Mark the best cell of each column that has a best end; cells that read the same are equally best."""
    lines, best = list(lines), list[str | None]()
    for place, column in enumerate(columns):
        values = {cells[place].text: cells[place].value or 0.0 for _, cells in lines if cells[place].value is not None}
        choose = min if column.best == "low" else max
        best.append(choose(values, key=lambda text, values=values: values[text]) if column.best and values else None)
    return tuple(
        (name, tuple(replace(cell, best=cell.text == text) for cell, text in zip(cells, best, strict=True)))
        for name, cells in lines
    )


def published(dataset: str | None) -> Published:
    """The paper's numbers for `Games`, `Movies` or `Steam`, None for Games. Raises SettingsError for others."""
    datasets = _packaged("paper")["datasets"]
    facts = datasets.get(dataset or "Games")
    if facts is None:
        what, hint = f"The paper has no dataset {dataset!r}.", f"Use one of {', '.join(datasets)}."
        raise SettingsError(what, location="paper_dataset", hint=hint)
    return Published(**{"ablation": {}, "agreement": {}, "writers": _packaged("paper")["writers"]} | facts)


def paper_heading(dataset: PaperDataset | None) -> str:
    """The heading of a block of the paper's numbers; says so where they are of other data."""
    name = published(dataset).name
    return f"Paper, {name}" if dataset else f"Paper, {name}: other data, for orientation only"


def paper_block(
    dataset: PaperDataset | None,
    columns: Sequence[Column],
    lines: Mapping[str, Sequence[Cell]],
    note: str = "",
) -> Block:
    """The paper's numbers as a block of a table, the best of each column marked; short lines end in dashes."""
    padded = [(name, (*cells, *[Cell(NOT_MEASURED)] * (len(columns) - len(cells)))) for name, cells in lines.items()]
    return Block(f"{paper_heading(dataset)}{note}", mark_best(columns, padded), published=True)


def stated(value: float | None) -> Cell:
    """A number that the paper printed; N/A where it printed that."""
    return Cell(NOT_APPLICABLE) if value is None else Cell(f"{value:.4f}", value)


def count(value: int) -> Cell:
    """A number of things."""
    return Cell(f"{value:,}", value)


def to_csv(table: Table) -> str:
    """CSV with full-precision numbers; a column with intervals is followed by its `low` and `high`."""
    lines = [(block.title, name, cells) for block in table.blocks for name, cells in block.lines]
    wide = [any(cells[place].low is not None for *_, cells in lines) for place in range(len(table.columns))]
    heads = ["block", table.corner]
    for column, with_interval in zip(table.columns, wide, strict=True):
        name = f"{column.group} {column.label}".strip()
        heads += [name, f"{name} low", f"{name} high"] if with_interval else [name]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(heads)
    for title, name, cells in lines:
        fields: list[str | float | None] = [title, name]
        for cell, with_interval in zip(cells, wide, strict=True):
            value = cell.text if cell.value is None else cell.value
            fields += [value, cell.low, cell.high] if with_interval else [value]
        writer.writerow(fields)
    return out.getvalue()


def to_latex(table: Table) -> str:
    """A LaTeX `table` in booktabs style; the best values are bold, intervals are left to the CSV."""
    templates = environment(tex=escape_latex).overlay("<%", "%>", "<<", ">>", "<#", "#>")  # braces are LaTeX's own
    return templates.get_template("table.tex.j2").render(table=table)


def escape_latex(text: str) -> str:
    """Text with every character that LaTeX would read as a command made plain."""
    return "".join(_LATEX.get(mark, mark) for mark in text)


@cache
def _packaged(name: str) -> dict[str, Any]:
    return packaged_yaml("recexplainer.reports", f"{name}.yaml")
