"""How each task is put in words: several phrasings a task, kept as data in the YAML files beside this module.

It knows which placeholders a task has, not what a form (titles, vectors) puts in their places.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from string import Formatter
from types import MappingProxyType

from recexplainer.errors import DataError
from recexplainer.storage import packaged_yaml
from recexplainer.tasks.example import TASKS

Phrasings = Mapping[tuple[str, str], tuple[str, ...]]

_ABOUT_ITEM = frozenset({"item"})
_ABOUT_HISTORY = frozenset({"history"})

# What every phrasing of a task and aspect must hold, each exactly once.
PLACEHOLDERS: Mapping[tuple[str, str], frozenset[str]] = MappingProxyType(
    {
        ("retrieval", ""): _ABOUT_HISTORY,
        ("ranking", ""): frozenset({"history", "items"}),
        ("classification", ""): frozenset({"history", "item"}),
        ("discrimination", "title"): _ABOUT_ITEM,
        ("discrimination", "description"): _ABOUT_ITEM,
        ("discrimination", "genres"): _ABOUT_ITEM,
        ("discrimination", "brand"): _ABOUT_ITEM,
        ("discrimination", "features"): _ABOUT_ITEM,
        ("discrimination", "similar"): _ABOUT_ITEM,
        ("discrimination", "title-of"): frozenset({"question"}),
        ("chat", ""): frozenset({"question"}),
        ("reconstruction", "history"): _ABOUT_HISTORY,
        ("reconstruction", "summary"): _ABOUT_HISTORY,
        ("rationale", "surrogate"): frozenset({"history", "item"}),
        ("rationale", "evidence"): frozenset({"history", "item", "evidence"}),
        ("rationale", "for"): frozenset({"history", "item"}),
        ("rationale", "against"): frozenset({"history", "item"}),
    }
)


def check_wording(wording: Phrasings) -> None:
    """Check that every task and aspect is phrased, and that each phrasing has the right placeholders once.

    Raises:
        DataError: Something is missing, unknown, or has other placeholders than its task.
    """
    if set(wording) != set(PLACEHOLDERS):
        odd = sorted(set(wording) ^ set(PLACEHOLDERS))
        raise DataError("The wording does not cover the tasks.", location=f"{odd}", hint="Add or remove these groups.")
    for key, phrasings in wording.items():
        location = f"tasks/wording/{key[0]}.yaml, group {key[1]!r}"
        if not phrasings or len(set(phrasings)) != len(phrasings):
            raise DataError(
                "A group of phrasings is empty or repeats itself.", location=location, hint="Write another one."
            )
        for phrasing in phrasings:
            fields = sorted(name for _, name, _, _ in Formatter().parse(phrasing) if name is not None)
            if fields != sorted(PLACEHOLDERS[key]):
                raise DataError(
                    f"The phrasing {phrasing!r} has the placeholders {fields}.",
                    location=location,
                    hint=f"Use each of {sorted(PLACEHOLDERS[key])} exactly once.",
                )


@cache
def load_wording() -> Phrasings:
    """The phrasings of each (task, aspect); read once, checked once.

    Raises:
        DataError: A file of the wording has the wrong placeholders (see `check_wording`).
    """
    wording: dict[tuple[str, str], tuple[str, ...]] = {}
    for task in TASKS:
        groups: dict[str, list[str]] = packaged_yaml(__name__, f"{task}.yaml")
        wording.update({(task, aspect): tuple(phrasings) for aspect, phrasings in groups.items()})
    check_wording(wording)
    return MappingProxyType(wording)
