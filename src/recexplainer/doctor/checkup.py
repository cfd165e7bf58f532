"""What this machine can run, what is missing and how to get it. Nothing is changed; the network is asked if wished.

Packages are imported only after they were seen to be there: it should speak where little else does.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from recexplainer.doctor.packages import Check, check_packages
from recexplainer.errors import DataError
from recexplainer.hardware import Gpu, free_cores, gpus, has_fast_bfloat16

_PATIENCE = 5.0  # seconds that the hub has to answer
_CHECKPOINTING = "--set surrogate.pretrained.gradient_checkpointing=true"


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is to compute with; sizes in bytes.

    Attributes:
        system: Operating system and processor.
        cores: Processor cores.
        free_cores: Threads that a run would use now.
        memory: Main memory.
        free_memory: What of it can be had now.
        free_disk: What is free where runs go.
        gpus: GPUs that torch can use.
        fast_bfloat16: Whether bfloat16 is faster than float32 here.
    """

    system: str
    cores: int
    free_cores: int
    memory: int
    free_memory: int
    free_disk: int
    gpus: tuple[Gpu, ...]
    fast_bfloat16: bool

    @property
    def room(self) -> int:
        """Bytes that a training may take: of the first GPU, else of main memory."""
        return self.gpus[0].free if self.gpus else self.free_memory


@dataclass(frozen=True, slots=True)
class Backbone:
    """A pretrained backbone, and whether it can be trained here with LoRA and gradient checkpointing.

    Attributes:
        name: Its name on the hub.
        bfloat16: Bytes that training takes with its own weights in bfloat16.
        four_bit: The same in 4 bits.
        fits_bfloat16: Whether that is free.
        fits_four_bit: Whether that is free, on a GPU.
    """

    name: str
    bfloat16: int
    four_bit: int
    fits_bfloat16: bool
    fits_four_bit: bool


@dataclass(frozen=True, slots=True)
class Checkup:
    """What was found.

    Attributes:
        checks: Python, packages, extras, torch, the folder of runs, and the hub if asked.
        machine: What there is to compute with; None where something is broken.
        backbones: Pretrained backbones, the smallest first; none where something is broken.
        next: What to do or type next.
    """

    checks: tuple[Check, ...]
    machine: Machine | None
    backbones: tuple[Backbone, ...]
    next: tuple[str, ...]

    @property
    def broken(self) -> bool:
        """Whether something is missing that nothing can do without."""
        return any(check.state == "broken" for check in self.checks)


def check_up(runs: Path, *, network: bool = False) -> Checkup:
    """Look at this machine.

    Args:
        runs: Where runs go; it need not be there.
        network: Whether to ask the hub for an answer.
    """
    checks = (*check_packages(), _check_torch(), _check_folder(runs), *([_check_hub()] if network else []))
    hints = [check.hint for check in checks if check.state == "broken"]
    if hints:
        return Checkup(checks, None, (), tuple(dict.fromkeys(hints)))
    machine = _machine(runs)
    backbones = _backbones(machine)
    return Checkup(checks, machine, backbones, _next(machine, backbones))


def _check_torch() -> Check:
    """Whether torch loads, and what for it was built."""
    try:
        import torch
    except (ImportError, OSError) as error:
        return Check("torch loads", "broken", str(error).splitlines()[0], "pip install --force-reinstall torch")
    built = torch.version.cuda or torch.version.hip
    if torch.cuda.is_available():
        return Check("GPU", "good", f"{torch.cuda.device_count()}, torch for {built}")
    if shutil.which("nvidia-smi") is None:
        return Check("GPU", "absent", "none", "nothing, for nano; pretrained backbones are slow without one")
    hint = "install torch for your driver: https://pytorch.org/get-started/locally"
    return Check("GPU", "absent", f"there may be one, but torch ({built or 'built without CUDA'}) cannot use it", hint)


def _check_folder(runs: Path) -> Check:
    place = _nearest(runs)
    if place.is_dir() and os.access(place, os.W_OK):
        return Check("folder of runs", "good", str(runs.absolute()))
    return Check("folder of runs", "broken", f"{place} cannot be written to", "name another folder with --runs")


def _check_hub() -> Check:
    from huggingface_hub.constants import ENDPOINT

    from recexplainer.data.fetching import connect

    try:
        with connect(ENDPOINT, timeout=_PATIENCE):
            return Check("hub", "good", ENDPOINT)
    except DataError as error:
        return Check("hub", "absent", f"{ENDPOINT}: {error.what}", "nothing, for nano; a backbone may be a folder")


def _machine(runs: Path) -> Machine:
    import psutil

    memory = psutil.virtual_memory()
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        cores=os.cpu_count() or 1,
        free_cores=free_cores(),
        memory=memory.total,
        free_memory=memory.available,
        free_disk=shutil.disk_usage(_nearest(runs)).free,
        gpus=gpus(),
        fast_bfloat16=has_fast_bfloat16(),
    )


def _backbones(machine: Machine) -> tuple[Backbone, ...]:
    from recexplainer.surrogate.sizing import backbone_needs

    return tuple(
        Backbone(
            name=need.backbone,
            bfloat16=need.bfloat16,
            four_bit=need.four_bit,
            fits_bfloat16=need.bfloat16 <= machine.room,
            fits_four_bit=bool(machine.gpus) and need.four_bit <= machine.room,
        )
        for need in backbone_needs()
    )


def _next(machine: Machine, backbones: Sequence[Backbone]) -> tuple[str, ...]:
    """The demo, and on a GPU the largest backbone that fits, in bfloat16 before 4 bits."""
    commands = ["recexplainer demo"]
    fitting = [one for one in backbones if one.fits_bfloat16 or one.fits_four_bit]
    if machine.gpus and fitting:
        four_bit = "" if fitting[-1].fits_bfloat16 else " --set surrogate.pretrained.four_bit=true"
        run = "recexplainer run my-data --data DIR --set surrogate.backbone="
        commands.append(f"{run}{fitting[-1].name} {_CHECKPOINTING}{four_bit}")
    return tuple(commands)


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    folder = folder.absolute()
    return next(place for place in (folder, *folder.parents) if place.exists())
