from __future__ import annotations

from string import Formatter

import pytest

from recexplainer.errors import DataError
from recexplainer.storage import packaged_yaml
from recexplainer.tasks.wording import PLACEHOLDERS, check_wording, load_wording

PARTS = {"item", "first", "second", "third", "all", "why", "also", "common", "against", "for", "what", "kind"}


def test_every_task_has_eight_short_phrasings():
    wording = load_wording()
    assert set(wording) == set(PLACEHOLDERS)
    for (task, aspect), phrasings in wording.items():
        assert len(phrasings) >= (1 if task == "chat" else 8), (task, aspect)
        for phrasing in phrasings:
            assert len(phrasing.split()) <= 18
            assert "  " not in phrasing


@pytest.mark.parametrize(
    "phrasing", ["What next?", "{history} {history}", "{history} and {item}", "{item}", "{history!r:}{items}"]
)
def test_wrong_placeholders_are_refused(phrasing):
    wording = {**load_wording(), ("retrieval", ""): (phrasing,)}
    with pytest.raises(DataError, match=r"placeholders|retrieval"):
        check_wording(wording)


def test_missing_and_repeated_groups_are_refused():
    wording = dict(load_wording())
    with pytest.raises(DataError, match="repeats"):
        check_wording({**wording, ("retrieval", ""): ("{history}?", "{history}?")})
    del wording["ranking", ""]
    with pytest.raises(DataError, match="cover"):
        check_wording(wording)


def test_rationale_parts_use_known_names():
    for group, parts in packaged_yaml("recexplainer.evidence", "wording/rationale.yaml").items():
        assert len(parts) >= 3 or group == "why.close", group
        for part in parts:
            names = [name for _, name, _, _ in Formatter().parse(part) if name is not None]
            assert set(names) <= PARTS, (group, part)
            assert len(names) == len(set(names)), (group, part)
