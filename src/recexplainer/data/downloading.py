"""One file over HTTP, resumed where it was cut off. It knows nothing of data sets.

An incomplete file is called `NAME.part`; `NAME.part.from` beside it holds its address and version, so that two versions
are never put together.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2

from recexplainer.errors import DataError
from recexplainer.progress import track_bytes
from recexplainer.storage import remove, system_errors, write_text

_TIMEOUT = 60.0  # seconds without a byte
_RESUME = "type the same command again: it resumes from there"


def download(address: str, part: Path) -> None:
    """Downloads a file, and resumes what is there if the server confirms that it is still the same version.

    After a cut connection it tries again as long as each attempt brings more than any before it.

    Args:
        address: An http or https address.
        part: Where it goes; complete when this returns.

    Raises:
        DataError: The server cannot be reached or has no such file, the file does not fit on the disk, or the
            connection is cut again and again.
        RunError: The operating system refuses to write.
    """
    reached = 0
    while not _resume(address, part):
        if _size(part) <= reached:
            raise DataError(f"the connection was cut off after {_size(part):,} bytes", location=address, hint=_RESUME)
        reached = _size(part)


def read_text(address: str) -> str:
    """The content of a short text file at an address. Raises as `connect`."""
    with connect(address) as response:
        return response.read().decode("utf-8", "replace")


@contextmanager
def connect(
    address: str, headers: Mapping[str, str] | None = None, timeout: float = _TIMEOUT
) -> Generator[httpx2.Response, None, None]:
    """An open response; where a `Range` was asked for, one of status 416 (not satisfiable) too.

    Args:
        address: An http or https address.
        headers: Headers of the request.
        timeout: Seconds to wait for a byte.

    Raises:
        DataError: The server cannot be reached, or answers with an error.
    """
    sent = {"User-Agent": "recexplainer", "Accept-Encoding": "identity", **(headers or {})}
    try:
        with httpx2.stream("GET", address, headers=sent, timeout=timeout, follow_redirects=True) as response:
            if response.is_error and not (response.status_code == 416 and "Range" in sent):
                moved = "see on the page of the data where the file is now, and name its folder with --from"
                raise DataError(
                    f"the server answers {response.status_code} {response.reason_phrase}",
                    location=address,
                    hint="try again later" if response.is_server_error or response.status_code == 429 else moved,
                )
            yield response
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise DataError(
            f"the server cannot be reached: {error}",
            location=address,
            hint=f"check the network and this machine's certificates and {_RESUME}; a proxy is taken from HTTPS_PROXY, "
            "a mirror from --from",
        ) from error


def discard(part: Path) -> None:
    """Removes an incomplete file and the note about it."""
    remove(part)
    remove(_note(part))


def _resume(address: str, part: Path) -> bool:
    """One attempt; whether the file is complete now."""
    version = _noted_version(address, part)
    start = _size(part) if version else 0
    with connect(address, {"Range": f"bytes={start}-", "If-Range": version} if start else None) as response:
        total = _total(response)
        if response.status_code == 416 and total == start:
            return True
        resumed = _resumes(response, start, version)
        if start and response.status_code in (206, 416) and not resumed:
            discard(part)
            return _resume(address, part)
        with system_errors(part):
            if not resumed:
                start = 0
                remove(part)
                write_text(_note(part), f"{address}\n{_version(response)}")
            _require_space(part, total, start)
            with part.open("ab") as file, track_bytes(part.stem, total, start) as advance:
                try:
                    for chunk in response.iter_raw():
                        file.write(chunk)
                        advance(len(chunk))
                except httpx2.TransportError:  # cut off; a server that sends no size may hide that
                    return False
    return total in (None, _size(part))


def _resumes(response: httpx2.Response, start: int, version: str) -> bool:
    """Whether it is the rest of the same version; some servers ignore If-Range."""
    begins = response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
    return response.status_code == 206 and begins and _version(response) in ("", version)


def _total(response: httpx2.Response) -> int | None:
    """Bytes of the complete file; None if the server does not send that."""
    content_range = response.headers.get("Content-Range", "")
    size = content_range.rpartition("/")[2] or response.headers.get("Content-Length", "")
    return int(size) if size.isdecimal() else None


def _version(response: httpx2.Response) -> str:
    """A strong ETag, else when the file was changed; "" if the server sends neither."""
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified", "")


def _noted_version(address: str, part: Path) -> str:
    """The version of which the file is the beginning; "" if that is not known, or of another address."""
    if not _note(part).exists():
        return ""
    with system_errors(part):
        noted, _, version = _note(part).read_text(encoding="utf-8").partition("\n")
    return version if noted == address else ""


def _require_space(part: Path, total: int | None, start: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if total is not None and total - start > free:
        raise DataError(
            f"it does not fit on the disk: {total - start:,} bytes are to come, {free:,} are free",
            location=str(part.parent),
            hint="free some space, or name a folder on another disk",
        )


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _note(part: Path) -> Path:
    return part.with_name(part.name + ".from")
