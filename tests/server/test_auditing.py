"""The audit that the server makes: with the run's surrogate where it is trained, and again where it failed."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from tests.server.conftest import served
from tests.tiny import complete, fresh, run_until_recommender, sasrec

from recexplainer.errors import RunError
from recexplainer.pipeline.layout import RunLayout
from recexplainer.pipeline.runs import explaining_stage, has_surrogate, recipe_of
from recexplainer.server.auditing import Auditing

pytestmark = pytest.mark.slow
AGREEMENT = "surrogate_agreement"


@pytest.fixture(scope="module")
def with_surrogate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has a surrogate, which has not learned anything."""
    run = run_until_recommender(tmp_path_factory.mktemp("runs") / "with-surrogate", sasrec())
    form: Any = recipe_of(run).explaining_form
    fresh(form).save_pretrained(RunLayout(run).stage(explaining_stage(run)))
    complete(RunLayout(run).stage(explaining_stage(run)))
    assert has_surrogate(run)
    return run


def made(auditing: Auditing) -> dict[str, Any]:
    """What is answered in the end."""

    async def asked() -> bytes:
        for _ in range(300):
            if (answer := await auditing.answer()) is not None:
                return answer
        raise AssertionError("the audit is not made")

    return json.loads(asyncio.run(asked()))


def agreement(audit: dict[str, Any]) -> list[str]:
    return [row["variant"] for row in audit["rows"] if row["metric"] == AGREEMENT and row["task"] == "audit"]


def test_the_surrogate_is_asked_too(with_surrogate: Path) -> None:
    with served(with_surrogate) as client:
        end = monotonic() + 300
        while (answer := client.get("/audit")).status_code == 202 and monotonic() < end:
            sleep(1)
    assert answer.status_code == 200
    found = answer.json()
    assert agreement(found)[:5] == ["", "recommended", "not_recommended", "popular", "rare"]
    assert AGREEMENT in [one["name"] for one in found["findings"]]
    assert not [one for one in found["left_out"] if "surrogate" in one["what"]]
    assert found["metrics"][AGREEMENT]["unit"] == "share"
    assert found["parts"]["rare"] == "rare items"


def test_it_is_not_asked_where_it_is_not_wanted(with_surrogate: Path) -> None:
    found = made(Auditing(with_surrogate, surrogate=False))
    assert not agreement(found)
    assert [one["why"] for one in found["left_out"] if "surrogate" in one["what"]] == [
        "No trained surrogate was asked."
    ]


def test_an_audit_that_failed_is_made_again(tmp_path: Path) -> None:
    run = run_until_recommender(tmp_path / "run", sasrec())
    auditing = Auditing(run)
    shutil.move(RunLayout(run).stage("recommender"), tmp_path / "away")
    with pytest.raises(RunError) as raised:
        made(auditing)
    assert raised.value.hint
    shutil.move(tmp_path / "away", RunLayout(run).stage("recommender"))
    assert made(auditing)["findings"]
