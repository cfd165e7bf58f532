"""One file over HTTP, gone on with where it was cut off. It knows nothing of data sets.

A half download is a file `NAME.part`; `NAME.part.from` beside it says of which version of which address it is the
beginning, so that two versions are never put together.
"""

from __future__ import annotations

import os
import shutil
import ssl
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, BinaryIO
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from recexplainer.errors import DataError
from recexplainer.progress import track_bytes
from recexplainer.storage import remove, system_errors, write_text

_CHUNK = 1 << 20
_PATIENCE = 60.0  # seconds without a byte
_AGAIN = "type the same command again: it goes on from there"


def download(address: str, part: Path) -> None:
    """Download a file, going on from what is there if the server says that it is still the same file.

    A connection that is cut is taken up again as long as each try brings more than any before it.

    Args:
        address: An http or https address.
        part: Where it goes; whole when this returns.

    Raises:
        DataError: The server cannot be reached or has no such file, or the connection is cut again and again.
        RunError: The operating system refuses to write.
    """
    reached = 0
    while not _go_on(address, part):
        now = _size(part)
        if now <= reached:
            raise DataError(f"the connection was cut off after {now:,} bytes", location=address, hint=_AGAIN)
        reached = now


def read_text(address: str) -> str:
    """What a short text file at an address says. Raises as `download`."""
    with connect(address) as answer:
        try:
            return answer.read(_CHUNK).decode("utf-8", "replace")
        except (OSError, HTTPException) as error:
            raise _unreachable(address, error) from error


@contextmanager
def connect(
    address: str, headers: Mapping[str, str] | None = None, patience: float = _PATIENCE
) -> Generator[HTTPResponse, None, None]:
    """An open answer to a request for an address; status 416 (nothing in that range) is an answer too.

    Args:
        address: An http or https address.
        headers: Headers of the request.
        patience: Seconds to wait for a byte.

    Raises:
        DataError: The server cannot be reached, or answers with an error.
    """
    asked = {"User-Agent": "recexplainer", "Accept-Encoding": "identity", **(headers or {})}
    try:
        answer: Any = urlopen(Request(address, headers=asked), timeout=patience)  # noqa: S310  (checked by `fetch`)
    except HTTPError as error:
        if error.code != 416 or "Range" not in asked:
            raise _refused(address, error) from error
        answer = error
    except (OSError, HTTPException, ValueError) as error:
        raise _unreachable(address, error) from error
    with answer:
        yield answer


def drop(part: Path) -> None:
    """Remove a download and what is noted about it."""
    remove(part)
    remove(_note(part))


def _go_on(address: str, part: Path) -> bool:
    """One try; whether the file is whole now."""
    start, validator = _size(part), _validator(part, address)
    if not validator:
        start = 0
    with connect(address, {"Range": f"bytes={start}-", "If-Range": validator} if start else None) as answer:
        total = _total(answer)
        if answer.status == 416 and total == start:
            return True
        fits = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        fits = fits and _version(answer) in ("", validator)  # some servers do not heed If-Range
        if start and answer.status in (206, 416) and not fits:
            drop(part)
            return _go_on(address, part)
        with system_errors(part):
            if not fits:
                start = 0
                _begin(address, part, answer)
            _require_room(part, total, start)
            with part.open("ab") as file, track_bytes(part.stem, total, start) as advance:
                ended = _pour(answer, file, advance)
    return ended and total in (None, _size(part))


def _pour(answer: HTTPResponse, file: BinaryIO, advance: Callable[[int], None]) -> bool:
    """Write what comes; False if the connection is seen to be cut, which a server that tells the size may also hide."""
    while True:
        try:
            chunk = answer.read1(_CHUNK)
        except (OSError, HTTPException):
            return False
        if not chunk:
            file.flush()
            os.fsync(file.fileno())
            return True
        file.write(chunk)
        advance(len(chunk))


def _begin(address: str, part: Path, answer: HTTPResponse) -> None:
    """No file, and a note of the version that will be in it."""
    remove(part)
    write_text(_note(part), f"{address}\n{_version(answer)}")


def _version(answer: HTTPResponse) -> str:
    """What the server calls this version of the file (a strong ETag, else when it was changed); "" if nothing."""
    etag = answer.headers.get("ETag", "")
    return etag if etag.startswith('"') else answer.headers.get("Last-Modified", "")


def _validator(part: Path, address: str) -> str:
    """The version of which the file is the beginning; "" if that is not known, or of another address."""
    if not _note(part).exists():
        return ""
    with system_errors(part):
        noted, _, version = _note(part).read_text(encoding="utf-8").partition("\n")
    return version if noted == address else ""


def _total(answer: HTTPResponse) -> int | None:
    """Bytes of the whole file, as the server tells; None if it does not."""
    told = answer.headers.get("Content-Range", "").rpartition("/")[2] or answer.headers.get("Content-Length", "")
    return int(told) if told.isdecimal() else None


def _require_room(part: Path, total: int | None, start: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if total is not None and total - start > free:
        raise DataError(
            f"it does not fit on the disk: {total - start:,} bytes are to come, {free:,} are free",
            location=str(part.parent),
            hint="make room, or name a folder on another disk",
        )


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _note(part: Path) -> Path:
    return part.with_name(part.name + ".from")


def _refused(address: str, error: HTTPError) -> DataError:
    later = error.code >= 500 or error.code == 429
    return DataError(
        f"the server answers {error.code} {error.reason}",
        location=address,
        hint="try again later"
        if later
        else "see on the page of the data where the file is now, and name its folder with --from",
    )


def _unreachable(address: str, error: Exception) -> DataError:
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return DataError(
            f"the server's certificate is not trusted: {reason.verify_message}",
            location=address,
            hint="bring the certificates of this machine up to date, or name a mirror with --from",
        )
    return DataError(
        f"the server cannot be reached: {reason}",
        location=address,
        hint=f"check the network and {_AGAIN}; a proxy is taken from HTTPS_PROXY, a mirror from --from",
    )
