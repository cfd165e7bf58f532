"""What this machine can run, what is missing and how to get it. Nothing is changed.

Packages are imported only once they are known to be installed, so that the checkup works where little else does.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from recexplainer.errors import DataError, first_line
from recexplainer.hardware import Gpu, free_cores, gpus, has_fast_bfloat16, has_fast_int8

if TYPE_CHECKING:
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

_PACKAGE = "recexplainer"
_PATIENCE = 5.0  # seconds that the hub has to answer


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is checked, what was found, and what to do about it.

    Without what is `absent` something cannot be done, without what is `broken` nothing can.
    """

    name: str
    state: Literal["good", "absent", "broken"]
    found: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    """The hardware; sizes in bytes. `free_cores` are the threads that a run would use now."""

    system: str
    cores: int
    free_cores: int
    memory: int
    free_memory: int
    free_disk: int
    gpus: tuple[Gpu, ...]
    fast_bfloat16: bool
    fast_int8: bool

    @property
    def training_memory(self) -> int:
        """Bytes that a training may take: of the first GPU, else of main memory."""
        return self.gpus[0].free if self.gpus else self.free_memory


@dataclass(frozen=True, slots=True)
class Backbone:
    """A pretrained backbone: bytes to train it with LoRA and gradient checkpointing, and whether they are free here.

    `four_bit` is with its own weights in 4 bits, which needs a GPU.
    """

    name: str
    bfloat16: int
    four_bit: int
    fits_bfloat16: bool
    fits_four_bit: bool


@dataclass(frozen=True, slots=True)
class Checkup:
    """The findings, and what to do or type next; no machine and no backbones where something is broken."""

    checks: tuple[Check, ...]
    machine: Machine | None
    backbones: tuple[Backbone, ...]
    next: tuple[str, ...]

    @property
    def broken(self) -> bool:
        """Whether something is missing that everything needs."""
        return any(check.state == "broken" for check in self.checks)


def check_up(runs: Path, *, network: bool = False) -> Checkup:
    """Check this machine, the folder of runs (it need not exist), and with `network` whether the hub can be reached."""
    checks = (*check_packages(), _check_torch(), _check_folder(runs), *([_check_hub()] if network else []))
    if hints := [check.hint for check in checks if check.state == "broken"]:
        return Checkup(checks, None, (), tuple(dict.fromkeys(hints)))
    from recexplainer.doctor.backbones import backbone_needs

    machine = _machine(runs)
    free = machine.training_memory
    backbones = tuple(
        Backbone(
            **asdict(need),
            fits_bfloat16=need.bfloat16 <= free,
            fits_four_bit=bool(machine.gpus) and need.four_bit <= free,
        )
        for need in backbone_needs()
    )
    fitting = [one for one in backbones if one.fits_bfloat16 or one.fits_four_bit]
    further = [_training_command(fitting[-1])] if machine.gpus and fitting else []
    return Checkup(checks, machine, backbones, ("recexplainer demo", *further))


def _training_command(backbone: Backbone) -> str:
    """To train a backbone that fits, in bfloat16 before 4 bits."""
    four_bit = "" if backbone.fits_bfloat16 else " --set surrogate.pretrained.four_bit=true"
    run = "recexplainer run my-data --data DIR --set surrogate.backbone="
    return f"{run}{backbone.name} --set surrogate.pretrained.gradient_checkpointing=true{four_bit}"


def check_packages() -> Iterator[Check]:
    """Python, each required package, and each extra, as the metadata of this package (pyproject.toml) name them."""
    try:
        from packaging.requirements import Requirement
        from packaging.specifiers import SpecifierSet
    except ModuleNotFoundError:  # transformers, accelerate and peft all bring it
        yield Check("packaging", "broken", "not installed", f"pip install {_PACKAGE}")
        return
    try:
        own = metadata(_PACKAGE)
    except PackageNotFoundError:
        yield Check(_PACKAGE, "absent", "not installed, so what it needs is not known", "pip install -e .")
        return
    wanted = own["Requires-Python"]
    yield _check_version("Python", platform.python_version(), SpecifierSet(wanted), f"install Python {wanted}")
    listed = [Requirement(line) for line in requires(_PACKAGE) or ()]
    required = [one for one in listed if _is_for(one, "")]
    yield from map(_check_package, required)
    for extra in own.get_all("Provides-Extra") or ():
        yield _check_extra(extra, [one for one in listed if _is_for(one, extra) and one not in required])


def _is_for(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _check_package(requirement: Requirement) -> Check:
    hint = f"pip install '{requirement.name}{requirement.specifier}'"
    try:
        found = version(requirement.name)
    except PackageNotFoundError:
        return Check(requirement.name, "broken", "not installed", hint)
    return _check_version(requirement.name, found, requirement.specifier, hint)


def _check_version(name: str, found: str, wanted: SpecifierSet, hint: str) -> Check:
    if wanted.contains(found, prereleases=True):
        return Check(name, "good", found)
    return Check(name, "broken", f"{found}, but {wanted} is needed", hint)


def _check_extra(extra: str, requirements: Sequence[Requirement]) -> Check:
    checks = list(map(_check_package, requirements))
    missing = [check for check in checks if check.state != "good"]
    found = ", ".join(f"{check.name} {check.found}" for check in missing or checks)
    hint = f"pip install '{_PACKAGE}[{extra}]'" if missing else ""
    return Check(f"[{extra}]", "absent" if missing else "good", found, hint)


def _check_torch() -> Check:
    """Whether torch can be imported, and for which GPUs it was built."""
    try:
        import torch
    except (ImportError, OSError) as error:
        return Check("torch loads", "broken", first_line(error), "pip install --force-reinstall torch")
    built = torch.version.cuda or torch.version.hip
    if torch.cuda.is_available():
        return Check("GPU", "good", f"{torch.cuda.device_count()}, torch for {built}")
    if shutil.which("nvidia-smi") is None:
        return Check("GPU", "absent", "none", "nothing, for nano; pretrained backbones are slow without one")
    hint = "install torch for your driver: https://pytorch.org/get-started/locally"
    return Check("GPU", "absent", f"there may be one, but torch ({built or 'built without CUDA'}) cannot use it", hint)


def _check_folder(runs: Path) -> Check:
    folder = _nearest(runs)
    if folder.is_dir() and os.access(folder, os.W_OK):
        return Check("folder of runs", "good", str(runs.absolute()))
    return Check("folder of runs", "broken", f"{folder} cannot be written to", "name another folder with --runs")


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
        fast_int8=has_fast_int8(),
    )


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest existing one above it."""
    folder = folder.absolute()
    return next(above for above in (folder, *folder.parents) if above.exists())
