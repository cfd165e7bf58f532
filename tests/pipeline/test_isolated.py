"""Work in processes of its own."""

import operator
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from recexplainer.errors import RunError
from recexplainer.pipeline.execution import run_isolated
from recexplainer.storage import read_json


def test_the_result_comes_from_another_process() -> None:
    assert run_isolated(operator.pow, 3, 2) == 9
    assert run_isolated(os.getpid) != os.getpid()


def test_an_error_comes_through_with_its_message(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"(?s)missing\.json.*hint"):
        run_isolated(read_json, tmp_path / "missing.json")


def test_a_process_that_is_killed_is_a_clear_error() -> None:
    with pytest.raises(RunError, match="ended from outside"):
        run_isolated(os.abort)


@pytest.mark.skipif(sys.platform != "linux", reason="the system's promise to end children is Linux's")
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
