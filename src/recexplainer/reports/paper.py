"""The numbers that the paper published, read from `paper.yaml`, and the block that shows them in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from recexplainer.errors import SettingsError
from recexplainer.reports.inputs import PaperDataset
from recexplainer.reports.tables import NOT_MEASURED, Block, Cell, Column, mark_best
from recexplainer.storage import packaged_yaml

_ORIENTATION: PaperDataset = "Games"  # the paper's block shown beside data that the paper does not have


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


def published(dataset: str | None) -> Published:
    """The paper's numbers for `Games`, `Movies` or `Steam`; for None those that are shown for orientation.

    Raises:
        SettingsError: If the paper has no such dataset.
    """
    datasets = _loaded()["datasets"]
    facts = datasets.get(dataset or _ORIENTATION)
    if facts is None:
        raise SettingsError(
            f"The paper has no dataset {dataset!r}.",
            location="paper_dataset",
            hint=f"Use one of {', '.join(datasets)}.",
        )
    return Published(**{"ablation": {}, "agreement": {}, "writers": _loaded()["writers"]} | facts)


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
    """The paper's numbers as a block of a table, the best of each column marked.

    Args:
        dataset: Which of the paper's datasets; None shows one for orientation.
        columns: Those of the table.
        lines: The cells of each line; where there are fewer than columns, dashes follow.
        note: What is added to the heading.
    """
    padded = [(name, (*cells, *[Cell(NOT_MEASURED)] * (len(columns) - len(cells)))) for name, cells in lines.items()]
    return Block(f"{paper_heading(dataset)}{note}", mark_best(columns, padded), published=True)


@cache
def _loaded() -> dict[str, Any]:
    return packaged_yaml("recexplainer.reports", "paper.yaml")
