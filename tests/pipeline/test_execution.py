import operator
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.tiny import stages_made

from recexplainer.errors import RunError
from recexplainer.pipeline.execution import (
    Stage,
    StageContext,
    read_manifest,
    run_isolated,
    run_stages,
    stages_in_order,
)
from recexplainer.pipeline.layout import RunLayout
from recexplainer.storage import read_json

pytestmark = pytest.mark.slow


def writes(name: str, *inputs: str, value: int = 0, **changes: object) -> Stage:
    """A stage that writes its value and what its inputs wrote."""

    def make(context: StageContext, folder: Path) -> str:
        before = [(context.folders[each] / "value").read_text() for each in inputs]
        (folder / "value").write_text(f"{name}={value}({','.join(before)})")
        return f"made {name}"

    return replace(Stage(name, make, {"value": value}, inputs), **changes)  # type: ignore[arg-type]


def chain(**values: int) -> list[Stage]:
    return [
        writes("data", value=values.get("data", 0)),
        writes("target", "data", value=values.get("target", 0)),
        writes("left", "target", value=values.get("left", 0)),
        writes("right", "target", value=values.get("right", 0)),
        writes("report", "left", "right", value=values.get("report", 0)),
    ]


def start(stages: list[Stage], run: Path, **options: object) -> list[str]:
    """Run, and return the names of the stages made."""
    return stages_made(run_stages, stages, run, **options)


ALL = ["data", "target", "left", "right", "report"]


def test_second_start_makes_nothing(tmp_path: Path) -> None:
    assert start(chain(), tmp_path) == ALL
    assert (tmp_path / "report" / "value").read_text() == (
        "report=0(left=0(target=0(data=0())),right=0(target=0(data=0())))"
    )
    assert start(chain(), tmp_path) == []
    assert not list((tmp_path / ".work").iterdir())


@pytest.mark.parametrize(
    ("changed", "made"),
    [("data", ALL), ("target", ALL[1:]), ("right", ["right", "report"]), ("report", ["report"])],
)
def test_a_change_remakes_the_stage_and_all_after_it(tmp_path: Path, changed: str, made: list[str]) -> None:
    start(chain(), tmp_path)
    assert start(chain(**{changed: 1}), tmp_path) == made


def test_what_made_the_same_again_stops_the_chain(tmp_path: Path) -> None:
    stages = chain()
    start(stages, tmp_path)
    stages[0] = replace(stages[0], settings={"value": 0, "more": 1})
    assert start(stages, tmp_path) == ["data"]


def test_a_missing_stage_or_file_is_made_again(tmp_path: Path) -> None:
    start(chain(), tmp_path)
    (tmp_path / "left" / RunLayout.MANIFEST).unlink()
    (tmp_path / "right" / "value").unlink()
    assert start(chain(), tmp_path) == ["left", "right"]


def test_only_makes_what_is_asked_for_and_needed(tmp_path: Path) -> None:
    assert start(chain(), tmp_path, only=["left"]) == ["data", "target", "left"]
    assert start(chain(), tmp_path, only=["left"], force=["left"]) == ["left"]


def test_manifest_says_what_it_was_made_from(tmp_path: Path) -> None:
    start(chain(target=3), tmp_path)
    data, target = read_manifest(tmp_path / "data"), read_manifest(tmp_path / "target")
    assert data is not None
    assert target is not None
    assert target.settings == {"value": 3}
    assert target.inputs == {"data": data.output_hash}
    assert list(target.files) == ["value"]
    assert target.summary == "made target"
    assert target.seconds >= 0
    assert {"python", "torch", "recexplainer"} <= set(target.versions)


def test_changed_outside_file_is_noticed_and_its_place_is_not(tmp_path: Path) -> None:
    source, run = tmp_path / "source", tmp_path / "run"
    source.mkdir()
    (source / "table.csv").write_text("1")
    stage = writes("data", sources=(source,))
    assert start([stage], run) == ["data"]
    moved = source.rename(tmp_path / "moved")
    assert start([replace(stage, sources=(moved,))], run) == []
    assert start([stage], run) == [], "a finished run does not need the data any more"
    (moved / "table.csv").write_text("2")
    assert start([replace(stage, sources=(moved,))], run) == ["data"]


def test_failure_leaves_earlier_stages_and_the_old_result(tmp_path: Path) -> None:
    def fail(context: StageContext, folder: Path) -> str:
        (folder / "value").write_text("half")
        raise ValueError("broken")

    start(chain(), tmp_path)
    stages = chain(left=1)
    broken = [replace(stage, make=fail) if stage.name == "left" else stage for stage in stages]
    with pytest.raises(ValueError, match="broken"):
        start(broken, tmp_path)
    assert (tmp_path / "left" / "value").read_text().startswith("left=0")
    assert not (tmp_path / "left.partial").exists()
    assert start(stages, tmp_path) == ["left", "report"]


def test_work_survives_a_failure_but_not_a_change(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def stage(value: int, *, fails: bool) -> Stage:
        def make(context: StageContext, folder: Path) -> str:
            seen.append([path.name for path in context.work.iterdir()])
            (context.work / f"checkpoint-{value}").write_text("")
            if fails:
                raise ValueError("broken")
            return "made train"

        return Stage("train", make, {"value": value})

    for value, fails in ((1, True), (1, True), (2, True), (2, False), (3, False)):
        try:
            start([stage(value, fails=fails)], tmp_path)
        except ValueError:
            assert fails
    assert seen == [[], ["checkpoint-1"], [], ["checkpoint-2"], []]


def test_a_stage_sees_only_the_inputs_that_it_names(tmp_path: Path) -> None:
    def peek(context: StageContext, folder: Path) -> str:
        assert list(context.folders) == ["b"]
        return "made c"

    start([writes("a"), writes("b", "a"), Stage("c", peek, inputs=("b",))], tmp_path)


def test_wrong_stages_are_refused() -> None:
    with pytest.raises(RunError, match=r"no stage 'nowhere'(?s:.)*stages are: a"):
        stages_in_order([writes("a", "nowhere")], None)
    with pytest.raises(RunError, match="no stage 'b'"):
        stages_in_order([writes("a")], ["b"])
    with pytest.raises(RunError, match="no stage 'b'"):
        stages_in_order([writes("a")], None, ["b"])
    with pytest.raises(RunError, match="circle"):
        stages_in_order([writes("a", "b"), writes("b", "a")], None)
    with pytest.raises(RunError, match="same name"):
        stages_in_order([writes("a"), writes("a")], None)


@pytest.mark.parametrize(("threads", "here", "each"), [(4, "2", 2), (1, "2", 1), (4, "", 4)])
def test_processes_share_the_threads_of_a_stage(
    threads: int, here: str, each: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_WORLD_SIZE", here) if here else monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    together, alone = (replace(writes("a"), threads=threads, distributed=one) for one in (True, False))
    assert (together.threads_of_a_process, alone.threads_of_a_process) == (each, threads)


def test_broken_manifest_is_named(tmp_path: Path) -> None:
    start([writes("a")], tmp_path)
    (tmp_path / "a" / RunLayout.MANIFEST).write_text('{"stage": "a"}')
    with pytest.raises(RunError, match=r"manifest(?s:.)*manifest\.json(?s:.)*Delete"):
        start([writes("a")], tmp_path)


# A run of three stages in a process of its own; the second goes on from checkpoints and can wait to be killed.
SCRIPT = """
import logging, sys, time
from pathlib import Path
from recexplainer.pipeline.execution import run_stages
from recexplainer.pipeline.execution import Stage

run, waits_in = Path(sys.argv[1]), sys.argv[2]

def make(name, steps):
    def work(context, folder):
        done = sorted(int(path.name) for path in context.work.iterdir())
        for step in range(len(done), steps):
            (folder / f"half-{step}").write_text("half")
            if name == waits_in and step == steps - 1:
                print("waiting", flush=True)
                time.sleep(60)
            (context.work / str(step)).write_text(str(step * step))
            print("step", name, step, flush=True)
        for half in folder.iterdir():
            half.unlink()
        before = "".join((path / "result").read_text() for path in context.folders.values())
        (folder / "result").write_text(before + name + "".join(
            (context.work / str(step)).read_text() for step in range(steps)))
        return "done"
    return work

def show(record):
    print(record.state, record.stage, flush=True)
    return True

logger = logging.getLogger("recexplainer.pipeline")
logger.setLevel(logging.INFO)
logger.addFilter(show)
stages = [Stage("one", make("one", 2)), Stage("two", make("two", 3), inputs=("one",)),
          Stage("three", make("three", 1), inputs=("two",))]
run_stages(stages, run)
"""


def results(run: Path) -> dict[str, str]:
    return {
        path.relative_to(run).as_posix(): path.read_text()
        for path in sorted(run.glob("*/*"))
        if path.name != RunLayout.MANIFEST and not path.parent.name.startswith(".")
    }


@pytest.fixture
def launch(tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    started: list[subprocess.Popen[str]] = []

    def begin(run: Path, waits_in: str = "") -> subprocess.Popen[str]:
        command = [sys.executable, str(script), str(run), waits_in]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


Launch = Callable[..., "subprocess.Popen[str]"]


def wait_for(process: "subprocess.Popen[str]", line: str) -> None:
    assert process.stdout is not None
    for message in process.stdout:
        if message.strip() == line:
            return
    raise AssertionError(f"the process ended without saying {line!r}")


def test_killed_in_each_stage_ends_with_the_same_files(tmp_path: Path, launch: Launch) -> None:
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    assert launch(alone).wait() == 0
    for stage in ("one", "two", "three"):
        process = launch(killed, stage)
        wait_for(process, "waiting")
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not (killed / stage).exists()
        assert (killed / f"{stage}.partial").exists(), "the kill came in the middle of the stage"
    output, _ = launch(killed).communicate()
    assert output.splitlines()[:2] == ["cached one", "cached two"]
    assert results(killed) == results(alone)
    assert not list(killed.glob("*.partial"))


def test_killed_stage_goes_on_from_its_work(tmp_path: Path, launch: Launch) -> None:
    process = launch(tmp_path / "run", "two")
    wait_for(process, "waiting")
    process.kill()
    process.wait()
    output, _ = launch(tmp_path / "run").communicate()
    steps = [line for line in output.splitlines() if line.startswith("step two")]
    assert steps == ["step two 2"], "steps 0 and 1 were kept"


def test_two_processes_cannot_work_in_one_folder(tmp_path: Path, launch: Launch) -> None:
    run = tmp_path / "run"
    process = launch(run, "two")
    wait_for(process, "waiting")
    with pytest.raises(RunError, match=f"Another process(?s:.)*process {process.pid}"):
        start([writes("a")], run)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if start([writes("a")], run) == ["a"]:
            return
    raise AssertionError("the lock outlived its process")


def test_the_result_comes_from_another_process() -> None:
    assert run_isolated(operator.pow, 3, 2) == 9
    assert run_isolated(os.getpid) != os.getpid()


def test_an_error_comes_through_with_its_message(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"(?s)missing\.json.*hint"):
        run_isolated(read_json, tmp_path / "missing.json")


def test_a_process_that_is_killed_is_a_clear_error() -> None:
    with pytest.raises(RunError, match="ended from outside"):
        run_isolated(os.abort)


def test_a_child_ends_with_its_parent() -> None:
    script = (
        "import time, os\n"
        "from recexplainer.pipeline.execution import run_isolated\n"
        "if __name__ == '__main__':\n"
        "    run_isolated(os.system, 'echo $PPID; exec sleep 60 >&-')\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    for _ in range(100):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("the child outlived its parent")
