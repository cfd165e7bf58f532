"""The neutral structure of a table: columns, cells, blocks. It does not know HTML, CSV or LaTeX (see `formats`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from recexplainer.evaluation.rows import Row

NOT_APPLICABLE, NOT_MEASURED = "N/A", "–"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its group's heading ("": none), its own, what it measures in a few words, and which end is best."""

    group: str
    label: str
    meaning: str = ""
    best: Literal["high", "low", ""] = "high"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    Attributes:
        text: What is shown.
        value: The number behind it.
        low: Lower end of its 95% interval.
        high: Upper end.
        interval: The interval as shown; "" where it stands in the CSV file only.
        best: Whether it is the best of its column within its block.
    """

    text: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    interval: str = ""
    best: bool = False


Line = tuple[str, tuple[Cell, ...]]


@dataclass(frozen=True, slots=True)
class Block:
    """Rows under one heading; `published` marks numbers from the paper, shown muted."""

    title: str
    rows: tuple[Line, ...]
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


def measured(row: Row | None) -> Cell:
    """A row's value with four decimals and its interval: N/A where it has none, a dash where there is no row."""
    if row is None:
        return Cell(NOT_MEASURED)
    if row.value is None:
        return Cell(NOT_APPLICABLE)
    return Cell(f"{row.value:.4f}".replace("-", "−"), row.value, row.low, row.high, interval(row.low, row.high))


def share(row: Row | None) -> Cell:
    """A row's value as a percentage; its interval is not shown."""
    if row is None or row.value is None:
        return measured(row)
    return Cell(f"{row.value:.1%}", row.value, row.low, row.high)


def stated(value: float | None) -> Cell:
    """A number that the paper printed; N/A where it printed that."""
    return Cell(NOT_APPLICABLE) if value is None else Cell(f"{value:.4f}", value)


def interval(low: float | None, high: float | None, places: int = 3) -> str:
    """`0.801–0.823`; "" where there is none."""
    return "" if low is None or high is None else f"{low:.{places}f}–{high:.{places}f}".replace("-", "−")


def mark_best(columns: Sequence[Column], lines: Sequence[tuple[str, Sequence[Cell]]]) -> tuple[Line, ...]:
    """Mark the best cell of each column that has a best end; cells that read the same are equally best."""
    best = [_best_text(column, [cells[at] for _, cells in lines]) for at, column in enumerate(columns)]
    return tuple(
        (name, tuple(replace(cell, best=cell.text == text) for cell, text in zip(cells, best, strict=True)))
        for name, cells in lines
    )


def _best_text(column: Column, cells: Sequence[Cell]) -> str | None:
    values = {cell.text: cell.value for cell in cells if cell.value is not None}
    if not column.best or not values:
        return None
    return (max if column.best == "high" else min)(values, key=lambda text: values[text])
