"""The numbers that the paper published, read from `paper.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from recexplainer.errors import SettingsError
from recexplainer.storage import packaged_yaml


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
        ratings: Table 2: method to GPT-4's mean rating, 0 to 3.
        score_predictor: Table 3: method to mean squared error.
        writers: Who wrote the explanations of Figure 4.
        discriminator: Figure 4: `[writers][writers]` counts, a row who wrote and a column who was taken for it.
        ablation: Figure 7: method to GPT-4's mean rating; empty where the paper has none.
        agreement: Appendix A.3: two raters to metric to value; empty where the paper has none.
        examples: Table B2: task to `(train, test)`.
    """

    name: str
    users: int
    items: int
    interactions: int
    sparsity: float
    alignment: dict[str, dict[tuple[str, str], float | None]]
    ratings: dict[str, float]
    score_predictor: dict[str, float]
    writers: tuple[str, ...]
    discriminator: tuple[tuple[int, ...], ...]
    ablation: dict[str, float]
    agreement: dict[str, dict[str, float]]
    examples: dict[str, tuple[int, int]]


def published(dataset: str) -> Published:
    """The paper's numbers for `Games`, `Movies` or `Steam`.

    Raises:
        SettingsError: If the paper has no such dataset.
    """
    loaded = _load()
    known = [name for name in loaded if "statistics" in loaded[name]]
    if dataset not in known:
        raise SettingsError(
            f"The paper has no dataset {dataset!r}.", location="paper_dataset", hint=f"Use one of {', '.join(known)}."
        )
    facts = loaded[dataset]
    columns = [tuple(column.split(" ")) for column in loaded["columns"]]
    return Published(
        name=facts["name"],
        **facts["statistics"],
        alignment={name: dict(zip(columns, values, strict=True)) for name, values in facts["alignment"].items()},
        ratings=facts["ratings"],
        score_predictor=facts["score_predictor"],
        writers=tuple(loaded["writers"]),
        discriminator=tuple(tuple(counts) for counts in facts["discriminator"]),
        ablation=facts.get("ablation", {}),
        agreement=facts.get("agreement", {}),
        examples={task: (train, test) for task, (train, test) in facts["examples"].items()},
    )


@cache
def _load() -> dict[str, Any]:
    return packaged_yaml("recexplainer.reports", "paper.yaml")
