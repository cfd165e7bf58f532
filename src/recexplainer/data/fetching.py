"""Public datasets from where they are published: on what terms, checked, unpacked, and known again when they are there.

It knows what is published where (`sources.yaml`); how one file comes is none of its business.
"""

from __future__ import annotations

import hashlib
import logging
import re
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path, PurePosixPath
from shutil import copyfileobj
from zipfile import BadZipFile, ZipFile

import yaml
from pydantic import Field, ValidationError

from recexplainer.data.downloading import download, drop, read_text
from recexplainer.errors import DataError
from recexplainer.settings import Settings
from recexplainer.storage import hash_file, packaged_yaml, system_errors, write_text

RECORD = "fetched.yaml"
_log = logging.getLogger(__name__)
_FIRST_BYTES = {".gz": b"\x1f\x8b", ".zip": b"PK"}


class Licence(Settings):
    """On what terms data may be used."""

    short: str
    """In a few words."""
    terms: str
    """In sentences."""


class Source(Settings):
    """A public dataset and where it is published."""

    title: str
    """What it is."""
    size: str
    """How large, as its publisher says."""
    licence: Licence
    """On what terms it may be used."""
    page: str
    """The page of its publisher."""
    run: str
    """What to type behind `recexplainer run`, without the data."""
    files: tuple[str, ...]
    """Addresses; of an archive (.zip) the publisher has an MD5 at ADDRESS.md5."""
    members: tuple[str, ...] = ()
    """Names of the files that are taken out of an archive."""

    def made_of(self, address: str) -> tuple[str, ...]:
        """Names of the files that an address becomes."""
        return self.members if _is_archive(address) else (_file_name(address),)


class Download(Settings):
    """One file that came."""

    address: str
    """Where from."""
    bytes: int
    """Its size."""
    sha256: str
    """Its hash."""
    date: str
    """When, in UTC."""
    files: dict[str, str]
    """What it became: the SHA-256 of each file by its name."""


class Record(Settings):
    """What was fetched into a folder, and on what terms; `fetched.yaml` in it."""

    dataset: str
    """Name of the dataset."""
    page: str
    """The page of its publisher."""
    licence: str
    """Terms of use."""
    downloads: dict[str, Download] = Field(default_factory=dict)
    """By file name."""


@cache
def sources() -> Mapping[str, Source]:
    """The datasets that can be fetched, by name."""
    held = packaged_yaml("recexplainer.data", "sources.yaml")
    return {
        name: Source.model_validate(facts | {"licence": held["licences"][facts["licence"]]})
        for name, facts in held["sources"].items()
    }


def find_source(name: str) -> Source:
    """The dataset of a name. Raises DataError if there is none."""
    if name not in sources():
        raise DataError(
            f"there is no dataset '{name}' to fetch", location="data fetch", hint=f"known are {', '.join(sources())}"
        )
    return sources()[name]


def fetch(name: str, folder: Path, mirror: str | None = None) -> tuple[Path, ...]:
    """Fetch a dataset into a folder. What is there and whole is not fetched again; a half download is gone on with.

    A file is under its own name only when it is complete and checked: its size against what the server told, an archive
    against the published MD5. Its SHA-256 is kept in the folder's `fetched.yaml`.

    Args:
        name: Name of a dataset in `sources`.
        folder: Where to; made if it is missing. One dataset a folder.
        mirror: Address of a folder that holds the files; None: where they are published.

    Returns:
        The files of the dataset.

    Raises:
        DataError: There is no such dataset, the server does not give it, what came is not what was published, or the
            folder holds something else.
        RunError: The operating system refuses to write.
    """
    source = find_source(name)
    if mirror is not None and not mirror.startswith(("http://", "https://")):
        raise DataError(f"'{mirror}' is no address", location="--from", hint="give one that begins with https://")
    with system_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for published in source.files:
        address = published if mirror is None else f"{mirror.rstrip('/')}/{_file_name(published)}"
        record = _read_record(folder, name, source)
        known = record.downloads.get(_file_name(address))
        if known is not None and _is_whole(folder, known):
            _log.info(f"{_file_name(address)}: there already")
            continue
        _refuse_foreign(folder, source.made_of(address), known)
        _log.info(f"{_file_name(address)}: from {address}")
        _fetch_file(address, folder, source, record)
    return tuple(folder / made for address in source.files for made in source.made_of(address))


def _fetch_file(address: str, folder: Path, source: Source, record: Record) -> None:
    part = folder / f"{_file_name(address)}.part"
    download(address, part)
    _check(part, address)
    with system_errors(folder):
        made = _unpack(part, source.members, folder) if _is_archive(address) else {_file_name(address): part}
        came = Download(
            address=address,
            bytes=part.stat().st_size,
            sha256=hash_file(part),
            date=datetime.now(UTC).isoformat(timespec="seconds"),
            files={name: hash_file(path) for name, path in made.items()},
        )
        # The record first: no file of ours is ever there without being known as such.
        _write_record(folder, record.model_copy(update={"downloads": {**record.downloads, _file_name(address): came}}))
        for name, path in made.items():
            path.replace(folder / name)
        drop(part)
    _log.info(f"{_file_name(address)}: {came.bytes:,} bytes, complete")


def _check(part: Path, address: str) -> None:
    """What came against what was published; what is wrong is removed, since nothing can go on from it."""
    with part.open("rb") as file:
        begins = file.read(20)
    if not begins.startswith(_FIRST_BYTES[Path(_file_name(address)).suffix]):
        drop(part)
        raise DataError(
            f"what came is not the file: it begins with {begins!r}",
            location=address,
            hint="open the address in a browser: a page may stand in between; else name a mirror with --from",
        )
    if _is_archive(address):
        _check_md5(part, address)


def _check_md5(part: Path, address: str) -> None:
    """Held to `ADDRESS.md5`, in which the sum stands among other words."""
    published = re.search(r"\b[0-9a-f]{32}\b", read_text(f"{address}.md5").lower())
    if published is None:
        raise DataError("no MD5 is told there", location=f"{address}.md5", hint="name another mirror, or none")
    with part.open("rb") as file:
        own = hashlib.file_digest(file, _md5).hexdigest()
    if own != published[0]:
        drop(part)
        raise DataError(
            f"what came is not what was published: its MD5 is {own}, not {published[0]}",
            location=address,
            hint="fetch it again; if it stays so, tell the publisher, or name a mirror with --from",
        )


def _unpack(archive: Path, members: tuple[str, ...], folder: Path) -> dict[str, Path]:
    """Take files out of an archive by their names; no path that it holds is followed, and nothing else is taken.

    Returns:
        Where each lies for now, by name.
    """
    made = {name: folder / f"{name}.part" for name in members}
    try:
        with ZipFile(archive) as zipped:
            for name, path in made.items():
                found = [entry for entry in zipped.infolist() if PurePosixPath(entry.filename).name == name]
                if len(found) != 1:
                    raise BadZipFile(f"{len(found)} files are called {name}")
                with zipped.open(found[0]) as inside, path.open("wb") as file:
                    copyfileobj(inside, file)
    except (BadZipFile, zlib.error, EOFError) as error:
        for path in (archive, *made.values()):
            drop(path)
        raise DataError(
            f"the archive cannot be unpacked: {error}", location=str(archive), hint="fetch it again"
        ) from error
    return made


def _read_record(folder: Path, name: str, source: Source) -> Record:
    path = folder / RECORD
    if not path.exists():
        return Record(dataset=name, page=source.page, licence=source.licence.terms)
    try:
        record = Record.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (ValidationError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(
            "what was fetched here cannot be read", location=str(path), hint="name another folder, or empty this one"
        ) from error
    if record.dataset != name:
        raise DataError(
            f"this folder holds another dataset: {record.dataset}",
            location=str(folder),
            hint="name a folder of its own",
        )
    return record


def _write_record(folder: Path, record: Record) -> None:
    text = yaml.safe_dump(record.model_dump(), sort_keys=False, allow_unicode=True, width=120)
    write_text(folder / RECORD, f"# What `recexplainer data fetch` put here, and on what terms.\n{text}")


def _is_whole(folder: Path, known: Download) -> bool:
    return all((folder / name).is_file() and hash_file(folder / name) == own for name, own in known.files.items())


def _refuse_foreign(folder: Path, names: tuple[str, ...], known: Download | None) -> None:
    """Nothing is written over that this command did not put there."""
    foreign = [name for name in names if (folder / name).exists() and (known is None or name not in known.files)]
    if foreign:
        raise DataError(
            f"{', '.join(foreign)} is there already, and was not fetched by this command",
            location=str(folder),
            hint="use it as it is with --data, move it away, or name another folder",
        )


def _is_archive(address: str) -> bool:
    return address.endswith(".zip")


def _file_name(address: str) -> str:
    return PurePosixPath(address).name


def _md5() -> hashlib._Hash:  # pyright: ignore[reportPrivateUsage]  (the only name of that type)
    return hashlib.md5(usedforsecurity=False)
