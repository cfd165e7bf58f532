"""The numbers that the paper published, read from `paper.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from recexplainer.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Published:
    """The paper's numbers for one dataset.

    Attributes:
        name: The dataset's full name.
        users: Table B1, as are the next three.
        items: Size of the catalogue.
        interactions: Number of interactions.
        sparsity: As a share, 0 to 1.
        alignment: Table 1: method to `{(task, metric): value}`; None where the paper prints N/A.
        examples: Table B2: task to `(train, test)`.
    """

    name: str
    users: int
    items: int
    interactions: int
    sparsity: float
    alignment: dict[str, dict[tuple[str, str], float | None]]
    examples: dict[str, tuple[int, int]]


def published(dataset: str) -> Published:
    """The paper's numbers for `Games`, `Movies` or `Steam`.

    Raises:
        SettingsError: If the paper has no such dataset.
    """
    loaded = _load()
    if dataset not in loaded or dataset == "columns":
        known = ", ".join(name for name in loaded if name != "columns")
        raise SettingsError(
            f"The paper has no dataset {dataset!r}.", where="paper_dataset", mend=f"Use one of {known}."
        )
    facts = loaded[dataset]
    columns = [tuple(column.split(" ")) for column in loaded["columns"]]
    alignment = {name: dict(zip(columns, values, strict=True)) for name, values in facts["alignment"].items()}
    examples = {task: (train, test) for task, (train, test) in facts["examples"].items()}
    return Published(name=facts["name"], **facts["statistics"], alignment=alignment, examples=examples)


@cache
def _load() -> dict[str, Any]:
    import yaml

    return yaml.safe_load(Path(__file__).with_name("paper.yaml").read_text(encoding="utf-8"))
