"""What every stage of a run must do. Inherit, and supply the fixtures `stages` and `name`; nothing is trained here."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.tiny import stages_made

from recexplainer.pipeline.execution import Stage, StageContext, run_stages
from recexplainer.pipeline.layout import RunLayout
from recexplainer.storage import hash_value


class Killed(BaseException):
    """Stands for what ends a process; no code catches it."""


def write(stage: Stage, context: StageContext, folder: Path) -> str:
    """Write what the stage's settings and inputs decide."""
    before = [(context.folders[name] / "made").read_text() for name in stage.inputs]
    (folder / "made").write_text(hash_value([stage.name, dict(stage.settings), before]))
    return stage.name


def die(context: StageContext, folder: Path) -> str:
    (folder / "made").write_text("half")
    raise Killed


def without_sources(stages: Sequence[Stage]) -> list[Stage]:
    """The stages, each with a quick function in place of its own."""
    return [replace(stage, make=partial(write, stage), sources=()) for stage in stages]


def changed(stages: Sequence[Stage], name: str, **changes: Any) -> list[Stage]:
    return [replace(stage, **changes) if stage.name == name else stage for stage in stages]


def start(stages: Sequence[Stage], run: Path, **options: Any) -> list[str]:
    """The stages made."""
    return stages_made(run_stages, stages, run, **options)


class StageContract:
    """Suite for one stage of a recipe, with the stages that it needs."""

    @pytest.fixture
    def stages(self) -> Sequence[Stage]:
        raise NotImplementedError("supply all stages of a recipe")

    @pytest.fixture
    def name(self) -> str:
        raise NotImplementedError("supply the name of the stage under test")

    @pytest.fixture
    def quick(self, stages: Sequence[Stage]) -> list[Stage]:
        return without_sources(stages)

    @pytest.fixture
    def stage(self, stages: Sequence[Stage], name: str) -> Stage:
        return next(stage for stage in stages if stage.name == name)

    def test_it_can_be_made_in_another_process(self, stage: Stage) -> None:
        assert pickle.loads(pickle.dumps(stage)).settings == stage.settings

    def test_its_name_is_that_of_a_folder(self, name: str, tmp_path: Path) -> None:
        assert RunLayout(tmp_path).stage(name).parent == tmp_path

    def test_killed_it_is_absent_and_resumed_it_is_complete(
        self, quick: list[Stage], name: str, tmp_path: Path
    ) -> None:
        layout = RunLayout(tmp_path)
        with pytest.raises(Killed):
            start(changed(quick, name, make=die), tmp_path, only=[name])
        assert name not in layout.complete_stages()
        assert not layout.stage(name).exists()
        assert start(quick, tmp_path, only=[name]) == [name]
        assert name in layout.complete_stages()

    def test_killed_while_made_anew_it_is_as_before(self, quick: list[Stage], name: str, tmp_path: Path) -> None:
        start(quick, tmp_path, only=[name])
        before = (tmp_path / name / "made").read_text()
        with pytest.raises(Killed):
            start(changed(quick, name, make=die, settings={"other": 1}), tmp_path, only=[name])
        assert (tmp_path / name / "made").read_text() == before

    def test_it_is_cached_when_nothing_changed(self, quick: list[Stage], name: str, tmp_path: Path) -> None:
        assert start(quick, tmp_path, only=[name])[-1] == name
        assert start(quick, tmp_path, only=[name]) == []
        assert start(quick, tmp_path, only=[name], force=[name]) == [name]

    def test_it_is_made_anew_when_one_of_its_settings_changes(
        self, quick: list[Stage], stage: Stage, tmp_path: Path
    ) -> None:
        start(quick, tmp_path, only=[stage.name])
        for setting in stage.settings:
            settings = {**stage.settings, setting: "changed"}
            assert start(changed(quick, stage.name, settings=settings), tmp_path, only=[stage.name]) == [stage.name]
