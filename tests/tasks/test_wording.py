"""The phrasings that come with the package: every task has some, and each has its task's placeholders."""

from __future__ import annotations

from string import Formatter

import pytest

from recexplainer.storage import packaged_yaml
from recexplainer.tasks.example import Task
from recexplainer.tasks.wording import load_wording

PLACEHOLDERS: dict[tuple[Task, str], set[str]] = {
    ("retrieval", ""): {"history"},
    ("ranking", ""): {"history", "items"},
    ("classification", ""): {"history", "item"},
    ("verdicts", ""): {"history"},
    ("discrimination", "title"): {"item"},
    ("discrimination", "titles"): {"items"},
    ("discrimination", "description"): {"item"},
    ("discrimination", "genres"): {"item"},
    ("discrimination", "brand"): {"item"},
    ("discrimination", "features"): {"item"},
    ("discrimination", "similar"): {"item"},
    ("discrimination", "title-of"): {"question"},
    ("chat", ""): {"question"},
    ("reconstruction", "history"): {"history"},
    ("reconstruction", "summary"): {"history"},
    ("rationale", "surrogate"): {"history", "item"},
    ("rationale", "evidence"): {"history", "item", "evidence"},
    ("rationale", "own_words"): {"history", "item", "evidence"},
    ("rationale", "for"): {"history", "item"},
    ("rationale", "against"): {"history", "item"},
}
PARTS = {
    "item",
    "first",
    "second",
    "third",
    "all",
    "why",
    "also",
    "common",
    "against",
    "for",
    "depends",
    "what",
    "kind",
}


def placeholders(phrasing: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(phrasing) if name is not None)


def test_every_task_and_subtask_is_phrased() -> None:
    assert set(load_wording()) == set(PLACEHOLDERS)


@pytest.mark.parametrize("key", PLACEHOLDERS)
def test_a_task_has_eight_short_phrasings_with_each_of_its_placeholders_once(key: tuple[Task, str]) -> None:
    phrasings = load_wording()[key]
    assert len(set(phrasings)) == len(phrasings) >= (1 if key[0] == "chat" else 8)
    for phrasing in phrasings:
        assert placeholders(phrasing) == sorted(PLACEHOLDERS[key])
        assert len(phrasing.split()) <= 18
        assert "  " not in phrasing


def test_rationale_parts_use_known_names() -> None:
    for group, parts in packaged_yaml("recexplainer.evidence", "wording/sentences.yaml").items():
        assert len(parts) >= 3 or group == "why.close", group
        for part in parts:
            names = placeholders(part)
            assert set(names) <= PARTS, (group, part)
            assert len(names) == len(set(names)), (group, part)
