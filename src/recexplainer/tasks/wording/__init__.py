"""How each task is phrased: several phrasings a task, kept as data in the YAML files beside this module.

A phrasing has placeholders in braces, each once: `{history}`, `{item}`, `{items}`, `{question}`, `{evidence}`, as its
task needs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from recexplainer.storage import packaged_yaml
from recexplainer.tasks.example import TASKS, Task


@cache
def load_wording() -> Mapping[tuple[Task, str], tuple[str, ...]]:
    """The phrasings of each (task, subtask); read once."""
    wording: dict[tuple[Task, str], tuple[str, ...]] = {}
    for task in TASKS:
        groups: dict[str, list[str]] = packaged_yaml(__name__, f"{task}.yaml")
        wording.update({(task, subtask): tuple(phrasings) for subtask, phrasings in groups.items()})
    return MappingProxyType(wording)
