"""What the doctor finds, on this machine and on others."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest

from recexplainer.cli import main
from recexplainer.cli.doctor import show_checkup
from recexplainer.doctor import backbones, checkup
from recexplainer.hardware import Gpu
from recexplainer.surrogate.settings import SurrogateSettings

GIB = 2**30
SHAPE = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
NEED = backbones.BackboneNeed("Qwen/Qwen3-0.6B", bfloat16=8 * GIB, four_bit=4 * GIB)


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """No half second of looking at the cores, and no large shapes."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(backbones, "backbone_needs", lambda: (NEED, replace(NEED, name="big", bfloat16=2**60)))


def with_gpu(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(checkup, "gpus", lambda: (Gpu("H100", 80 * GIB, free, bfloat16=True),))


def packages_are(monkeypatch: pytest.MonkeyPatch, wanted: list[str], installed: dict[str, str]) -> dict[str, str]:
    def version(name: str) -> str:
        if name not in installed:
            raise metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(checkup, "requires", {"recexplainer": wanted}.get)
    monkeypatch.setattr(checkup, "version", version)
    return {check.name: check.state for check in checkup.check_packages()}


def test_this_machine_can_run(tmp_path: Path) -> None:
    found = checkup.check_up(tmp_path / "not" / "yet")
    assert not found.broken
    assert not (tmp_path / "not").exists()
    states = {check.name: check.state for check in found.checks}
    assert states["torch"] == states["Python"] == states["folder of runs"] == "good"
    assert "[implicit]" in states
    assert "hub" not in states
    assert found.machine is not None
    assert found.machine.free_cores == 1
    assert 0 < found.machine.free_memory < found.machine.memory
    assert found.next[0] == "recexplainer demo"


def test_what_is_missing_is_broken_only_if_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ["ash>=2", "birch", "cedar; extra == 'implicit'"]
    assert packages_are(monkeypatch, wanted, {"ash": "2.1", "birch": "1", "cedar": "1"})["[implicit]"] == "good"
    assert packages_are(monkeypatch, wanted, {"ash": "2.1", "birch": "1"})["[implicit]"] == "absent"
    assert packages_are(monkeypatch, wanted, {"ash": "1.9", "birch": "1"})["ash"] == "broken"
    assert packages_are(monkeypatch, wanted, {"ash": "2"})["birch"] == "broken"


def test_what_is_broken_is_shown_with_its_hint_and_status_1(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packages_are(monkeypatch, ["ash>=2"], {})
    with pytest.raises(SystemExit) as left:
        main(["doctor", "--runs", str(tmp_path)])
    assert left.value.code == 1
    shown = capsys.readouterr().out
    assert "ash              not installed" in shown
    assert "next: pip install 'ash>=2'" in shown


@pytest.mark.parametrize("package", ["torch", "packaging.requirements"])
def test_it_works_where_a_package_does_not_load(package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    found = checkup.check_up(tmp_path)
    assert found.broken
    assert found.next[0].startswith("pip install")


def test_what_is_not_installed_at_all_is_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(checkup, "metadata", none)
    found = checkup.check_up(tmp_path)
    assert (found.checks[0].name, found.checks[0].state) == ("recexplainer", "absent")
    assert not found.broken


def test_a_folder_of_runs_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("x")
    found = checkup.check_up(tmp_path / "runs")
    assert found.broken
    assert "--runs" in found.next[0]


def test_json_holds_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["doctor", "--json", "--runs", str(tmp_path)])
    assert left.value.code == 0
    shown = json.loads(capsys.readouterr().out)
    assert set(shown) == {"checks", "machine", "backbones", "next"}
    assert shown["backbones"][0]["bfloat16"] == NEED.bfloat16


@pytest.mark.parametrize(
    ("free", "fits", "named"), [(10, (True, True), False), (5, (False, True), True), (1, (False, False), None)]
)
def test_what_fits_on_a_gpu_is_what_to_type(
    free: int, fits: tuple[bool, bool], named: bool | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_gpu(monkeypatch, free * GIB)
    monkeypatch.setattr(backbones, "backbone_needs", lambda: (NEED,))
    found = checkup.check_up(tmp_path)
    assert [(one.fits_bfloat16, one.fits_four_bit) for one in found.backbones] == [fits]
    commands = [command for command in found.next if NEED.name in command]
    assert [("four_bit" in command) for command in commands] == ([] if named is None else [named])


def test_without_a_gpu_nothing_fits_in_four_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "gpus", lambda: ())
    assert not any(one.fits_four_bit for one in checkup.check_up(tmp_path).backbones)


def test_the_hub_is_asked_if_wished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    found = checkup.check_up(tmp_path, network=True)
    hub = next(check for check in found.checks if check.name == "hub")
    assert hub.state == "absent"
    assert "127.0.0.1:9" in hub.found
    assert not found.broken


def test_it_is_shown_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with_gpu(monkeypatch, 10 * GIB)
    show_checkup(checkup.check_up(tmp_path))
    shown = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert {"there is", "there is not", "machine", "nano runs anywhere"} <= set(shown)
    assert "GPU 0 H100, 80.0 GiB, 10.0 GiB free, bfloat16" in shown
    assert "Qwen/Qwen3-0.6B 8.0 fits 4.0 fits" in shown
    assert any(line.startswith("big ") and " no " in line for line in shown)


def test_a_need_is_the_estimate_of_memory_without_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    need = backbones.backbone_need("tiny", SHAPE)
    wider = backbones.backbone_need("tiny", SHAPE, SurrogateSettings.model_validate({"pretrained": {"rank": 32}}))
    # q, k, v, o, gate, up, down of two layers; head_dim 128, 8 key-value heads.
    widths = [(64, 512), (64, 1024), (64, 1024), (512, 64), (64, 128), (64, 128), (128, 64)]
    lora = 16 * 2 * sum(inner + outer for inner, outer in widths)
    assert wider.bfloat16 - need.bfloat16 == (4 + 12) * lora
    held = 2 * sum(inner * outer for inner, outer in widths)
    assert need.bfloat16 - need.four_bit == pytest.approx(held * (2 - 0.516), rel=1e-3)
