"""Public datasets from where they are published: downloaded, checked, unpacked, and recognised when they are there.

It knows what is published where and on what terms (`sources.yaml`), not how it is read. An incomplete file is called
`NAME.part`; `NAME.part.from` beside it holds its address and version, so that two versions are never put together.
"""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
import zlib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, ZipFile

import httpx2
import yaml
from pydantic import Field, ValidationError

from recexplainer.errors import DataError
from recexplainer.progress import track_bytes
from recexplainer.settings import Settings
from recexplainer.storage import hash_file, packaged_yaml, remove, system_errors, write_text

RECORD = "fetched.yaml"
_FIRST_BYTES = {".gz": b"\x1f\x8b", ".zip": b"PK"}
_TIMEOUT = 60.0  # seconds without a byte
_RESUME = "type the same command again: it resumes from there"
_log = logging.getLogger(__name__)


class Source(Settings):
    """A public dataset and where it is published (`sources.yaml`)."""

    title: str
    size: str  # as its publisher says
    licence: str  # on what terms it may be used, in a few words
    terms: str  # the same in sentences
    page: str  # of its publisher
    run: str  # what to type behind `recexplainer run`, without the data
    files: tuple[str, ...]  # addresses; of an archive (.zip) the publisher has an MD5 at ADDRESS.md5
    members: tuple[str, ...] = ()  # names of the files that are taken out of an archive

    def files_from(self, address: str) -> tuple[str, ...]:
        """Names of the files that come from an address."""
        return self.members if address.endswith(".zip") else (_file_name(address),)


class Download(Settings):
    """One file that was downloaded."""

    address: str
    bytes: int
    sha256: str
    date: str  # in UTC
    files: dict[str, str]  # the SHA-256 of each file that came from it, by name


class FetchRecord(Settings):
    """What was fetched into a folder, and on what terms; `fetched.yaml` in it."""

    dataset: str
    page: str
    licence: str  # terms of use
    downloads: dict[str, Download] = Field(default_factory=dict)  # by file name


@cache
def sources() -> Mapping[str, Source]:
    """The datasets that can be fetched, by name."""
    held = packaged_yaml("recexplainer.data", "sources.yaml")
    terms = held["licences"]
    return {name: Source.model_validate(facts | terms[facts["licence"]]) for name, facts in held["sources"].items()}


def find_source(name: str) -> Source:
    """The dataset of a name. Raises DataError if there is none."""
    if name not in sources():
        known = ", ".join(sources())
        raise DataError(f"there is no dataset '{name}' to fetch", location="data fetch", hint=f"known are {known}")
    return sources()[name]


def fetch(name: str, folder: Path, mirror: str | None = None) -> tuple[Path, ...]:
    """Fetches a dataset into a folder of its own, and gives its files; what is there and complete is not fetched again.

    A file is under its own name only when it is complete and checked: its size against what the server sent, an archive
    against the published MD5. Its SHA-256 is kept in the folder's `fetched.yaml`. A partial download is resumed.
    `mirror` is the address of a folder that holds the files; None: where they are published.

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
        _fetch_file(address, folder, source, _read_record(folder, name, source))
    return tuple(folder / own for address in source.files for own in source.files_from(address))


def _fetch_file(address: str, folder: Path, source: Source, record: FetchRecord) -> None:
    name = _file_name(address)
    known = record.downloads[name].files if name in record.downloads else {}
    if known and {own: hash_file(folder / own) for own in known if (folder / own).is_file()} == known:
        _log.info("%s: there already", name)
        return
    if foreign := [own for own in source.files_from(address) if (folder / own).exists() and own not in known]:
        what = f"{', '.join(foreign)} is there already, and was not fetched by this command"
        hint = "use it as it is with --data, move it away, or name another folder"
        raise DataError(what, location=str(folder), hint=hint)
    _log.info("%s: from %s", name, address)
    part = folder / f"{name}.part"
    _download(address, part)
    _check(part, address)
    with system_errors(folder):
        parts = _unpack(part, source.members)
        came = Download(
            address=address,
            bytes=part.stat().st_size,
            sha256=hash_file(part),
            date=datetime.now(UTC).isoformat(timespec="seconds"),
            files={own: hash_file(path) for own, path in parts.items()},
        )
        # The record first: no file of ours is ever there without being known as such.
        record = record.model_copy(update={"downloads": {**record.downloads, name: came}})
        text = yaml.safe_dump(record.model_dump(), sort_keys=False, allow_unicode=True, width=120)
        write_text(folder / RECORD, f"# What `recexplainer data fetch` put here, and on what terms.\n{text}")
        for own, path in parts.items():
            path.replace(folder / own)
        _discard(part)
    _log.info("%s: %s bytes, complete", name, f"{came.bytes:,}")


def _check(part: Path, address: str) -> None:
    """Compares what came with what was published; what is wrong is removed, since it cannot be resumed."""
    with part.open("rb") as file:
        begins = file.read(20)
    if not begins.startswith(_FIRST_BYTES[PurePosixPath(address).suffix]):
        _discard(part)
        hint = "open the address in a browser: a page may stand in between; else name a mirror with --from"
        raise DataError(f"what came is not the file: it begins with {begins!r}", location=address, hint=hint)
    if not address.endswith(".zip"):
        return
    with connect(f"{address}.md5") as response:
        published = re.search(r"\b[0-9a-f]{32}\b", response.read().decode("utf-8", "replace").lower())
    if published is None:
        raise DataError("there is no MD5 in it", location=f"{address}.md5", hint="name another mirror, or none")
    with part.open("rb") as file:
        own = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if own != published[0]:
        _discard(part)
        what = f"what came is not what was published: its MD5 is {own}, not {published[0]}"
        hint = "fetch it again; if it stays so, report it to the publisher, or name a mirror with --from"
        raise DataError(what, location=address, hint=hint)


def _unpack(archive: Path, members: tuple[str, ...]) -> dict[str, Path]:
    """Takes files out of an archive by their names, each to `NAME.part`; no path that it holds is followed."""
    if not members:
        return {archive.stem: archive}
    parts = {name: archive.with_name(f"{name}.part") for name in members}
    try:
        with ZipFile(archive) as zipped:
            for name, path in parts.items():
                found = [entry for entry in zipped.infolist() if PurePosixPath(entry.filename).name == name]
                if len(found) != 1:
                    raise BadZipFile(f"{len(found)} files are called {name}")
                with zipped.open(found[0]) as inside, path.open("wb") as file:
                    shutil.copyfileobj(inside, file)
    except (BadZipFile, zlib.error, EOFError) as error:
        for path in (archive, *parts.values()):
            _discard(path)
        what = f"the archive cannot be unpacked: {error}"
        raise DataError(what, location=str(archive), hint="fetch it again") from error
    return parts


def _read_record(folder: Path, name: str, source: Source) -> FetchRecord:
    path = folder / RECORD
    if not path.exists():
        return FetchRecord(dataset=name, page=source.page, licence=source.terms)
    try:
        record = FetchRecord.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (ValidationError, yaml.YAMLError, UnicodeDecodeError) as error:
        what, hint = "the record of what was fetched here cannot be read", "name another folder, or empty this one"
        raise DataError(what, location=str(path), hint=hint) from error
    if record.dataset != name:
        what = f"this folder holds another dataset: {record.dataset}"
        raise DataError(what, location=str(folder), hint="name a folder of its own")
    return record


def _file_name(address: str) -> str:
    return PurePosixPath(address).name


def _download(address: str, part: Path) -> None:
    """After a cut connection it tries again as long as each attempt brings more than any before it."""
    reached = 0
    while not _resume(address, part):
        if _size(part) <= reached:
            raise DataError(f"the connection was cut off after {_size(part):,} bytes", location=address, hint=_RESUME)
        reached = _size(part)


@contextmanager
def connect(
    address: str, headers: Mapping[str, str] | None = None, timeout: float = _TIMEOUT
) -> Generator[httpx2.Response, None, None]:
    """An open response to a request; `timeout` in seconds without a byte.

    Raises DataError where the server cannot be reached or answers with an error; 416 is none to a request of a `Range`.
    """
    sent = {"User-Agent": "recexplainer", "Accept-Encoding": "identity", **(headers or {})}
    try:
        with httpx2.stream("GET", address, headers=sent, timeout=timeout, follow_redirects=True) as response:
            if response.is_error and not (response.status_code == 416 and "Range" in sent):
                what = f"the server answers {response.status_code} {response.reason_phrase}"
                moved = "see on the page of the data where the file is now, and name its folder with --from"
                later = response.is_server_error or response.status_code == 429
                raise DataError(what, location=address, hint="try again later" if later else moved)
            yield response
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        check = f"check the network and this machine's certificates and {_RESUME}"
        hint = f"{check}; a proxy is taken from HTTPS_PROXY, a mirror from --from"
        raise DataError(f"the server cannot be reached: {error}", location=address, hint=hint) from error


def _resume(address: str, part: Path) -> bool:
    """One attempt; whether the file is complete now."""
    version = _noted_version(address, part)
    start = _size(part) if version else 0
    with connect(address, {"Range": f"bytes={start}-", "If-Range": version} if start else None) as response:
        content_range, total = response.headers.get("Content-Range", ""), _total(response)
        if response.status_code == 416 and total == start:
            return True
        same = _version(response) in ("", version)  # some servers ignore If-Range
        resumed = response.status_code == 206 and same and content_range.startswith(f"bytes {start}-")
        if start and response.status_code in (206, 416) and not resumed:
            _discard(part)
            return _resume(address, part)
        with system_errors(part):
            if not resumed:
                start = 0
                remove(part)
                write_text(_note(part), f"{address}\n{_version(response)}")
            return _append(response, part, start, total)


def _append(response: httpx2.Response, part: Path, start: int, total: int | None) -> bool:
    """Writes what comes behind the `start` bytes that are there; whether the file is complete then."""
    needed, free = (total or 0) - start, shutil.disk_usage(part.parent).free
    if needed > free:
        what = f"it does not fit on the disk: {needed:,} bytes are to come, {free:,} are free"
        raise DataError(what, location=str(part.parent), hint="free some space, or name a folder on another disk")
    with part.open("ab") as file, track_bytes(part.stem, total, start) as advance:
        try:
            for chunk in response.iter_raw():
                file.write(chunk)
                advance(len(chunk))
        except httpx2.TransportError:  # cut off; a server that sends no size may hide that
            return False
    return total in (None, _size(part))


def _noted_version(address: str, part: Path) -> str:
    """The version of which the file is the beginning; "" if that is not known, or of another address."""
    if not _note(part).exists():
        return ""
    with system_errors(part):
        noted, _, version = _note(part).read_text(encoding="utf-8").partition("\n")
    return version if noted == address else ""


def _total(response: httpx2.Response) -> int | None:
    """Bytes of the complete file; None if the server does not send that."""
    content_range = response.headers.get("Content-Range", "")
    size = content_range.rpartition("/")[2] or response.headers.get("Content-Length", "")
    return int(size) if size.isdecimal() else None


def _version(response: httpx2.Response) -> str:
    """A strong ETag, else when the file was changed; "" if the server sends neither."""
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified", "")


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _note(part: Path) -> Path:
    return part.with_name(part.name + ".from")


def _discard(part: Path) -> None:
    remove(part)
    remove(_note(part))
