"""Files and folders that are complete or absent, and their hashes.

It does not know what the files hold: each package writes its own formats through these functions.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from recexplainer.errors import DataError, RecExplainerError, RunError

T = TypeVar("T")

_OS_ERROR = re.compile(r"\(os error (\d+)\)")  # how polars and safetensors pass on the system's errors
_WRITERS = ("inline_container.cc", "iostream error", "thrift: transport error")  # in the messages of torch and polars
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def system_errors(path: Path) -> Generator[None, None, None]:
    """Raise RunError for what the operating system refuses in the block: a full disk, no permission, no folder.

    It names `path` where the refusal names no file.
    """
    try:
        yield
    except Exception as error:
        number = None if isinstance(error, RecExplainerError) else system_error_number(error)
        if number is None:
            raise
        named = error.filename if isinstance(error, OSError) else None
        raise RunError(
            f"The operating system refuses: {os.strerror(number)}.",
            location=str(named or path),
            hint="Free some space there, or name a folder on another disk, and start again."
            if number in _DISK_FULL
            else "Name a folder that exists and that you may read and write, and start again.",
        ) from error


def system_error_number(error: Exception) -> int | None:
    """The system's number of what it refuses, such as a full disk; None for another error, a lost connection too."""
    if isinstance(error, OSError):
        return None if isinstance(error, (ConnectionError, TimeoutError)) else error.errno
    if found := _OS_ERROR.search(str(error)):
        return int(found[1])
    return errno.ENOSPC if any(writer in str(error) for writer in _WRITERS) else None


def cache_folder() -> Path:
    """Where what was fetched is kept: `RECEXPLAINER_CACHE`, else this program's place in the platform's cache."""
    from platformdirs import user_cache_path

    return Path(os.environ.get("RECEXPLAINER_CACHE") or user_cache_path("recexplainer", appauthor=False)).expanduser()


@contextmanager
def complete_folder(path: Path) -> Generator[Path, None, None]:
    """Write a folder aside and put it in place when it is complete.

    Inside the `with` block, write into the folder that is handed out (`PATH.partial`). When the block ends, everything
    in it is flushed to disk and it takes the place of `path`, of which an earlier version is removed. When the block
    raises, or the process dies, `path` is as it was. One writer at a time is assumed; parents are made too. Raises
    RunError where the operating system refuses to write.
    """
    partial, stale = path.with_name(path.name + ".partial"), path.with_name(path.name + ".stale")
    with system_errors(path):
        remove(partial)
        if stale.exists() and not path.exists():
            stale.rename(path)  # killed between the two renames below
        remove(stale)
        partial.mkdir(parents=True)
        try:
            yield partial
            for inner in sorted(partial.rglob("*")):
                _flush(inner)
            _flush(partial)
        except BaseException:
            remove(partial)
            raise
        if path.exists():
            path.rename(stale)
        partial.rename(path)
        _flush(path.parent)
        remove(stale)


@contextmanager
def once_complete(path: Path) -> Generator[Path | None, None, None]:
    """Make a folder that is made once: None if it is there, else as `complete_folder`; one process at a time.

    Others that want the same folder wait, and find it.
    """
    from filelock import FileLock

    if path.is_dir():  # also where nothing may be written
        yield None
        return
    with system_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f"{path.name}.lock")):
            if path.is_dir():
                yield None
                return
            with complete_folder(path) as aside:
                yield aside


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it; what is not there is no error."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file (UTF-8) aside, then rename it, so that a reader sees the old text or the new, never half.

    Raises RunError where the operating system refuses to write; nothing is left aside.
    """
    aside = path.with_name(path.name + ".partial")
    with system_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with aside.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except OSError:
            aside.unlink(missing_ok=True)
            raise


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically, keys in their own order; ValueError for NaN and infinity, which JSON has not."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file. Raises RunError where it is not there, or not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunError(
            "A file is missing.", location=str(path), hint="Start the run again: it makes what is missing."
        ) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RunError(
            f"A file is not JSON: {error}",
            location=str(path),
            hint="Delete the folder it is in and start the run again.",
        ) from error


def read_as(kind: type[T], path: Path) -> T:
    """Read a JSON file that holds a value of a type, such as a dataclass or a list of them; else RunError."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(kind).validate_python(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        place = f" at {'.'.join(map(str, first['loc']))}" if first["loc"] else ""
        raise RunError(
            f"{path.name} cannot be understood{place}: {first['msg']}.",
            location=str(path),
            hint=f"Delete {path.parent} and start the run again: it makes the folder again.",
        ) from error


def packaged_yaml(package: str, name: str) -> Any:
    """A YAML file that comes with a package, such as `recexplainer.reports`; `name` is its path in there."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where it is there
    return yaml.load(resources.files(package).joinpath(name).read_text(encoding="utf-8"), Loader=loader)  # noqa: S506


def hash_value(value: Any) -> str:
    """The SHA-256 of a JSON-like value, in hex; the order of keys makes no difference."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def hash_file(path: Path) -> str:
    """The SHA-256 of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_files(path: Path) -> dict[str, str]:
    """The SHA-256 of every file in a folder, by its path within it; of a single file, by its name; else DataError."""
    if path.is_file():
        return {path.name: hash_file(path)}
    if not path.is_dir():
        raise DataError(
            "There is no such file or folder.",
            location=str(path),
            hint="Check the path; it is taken from where you are.",
        )
    files = sorted(inner for inner in path.rglob("*") if inner.is_file())
    return {inner.relative_to(path).as_posix(): hash_file(inner) for inner in files}


def _flush(path: Path) -> None:
    """Force a file, or a folder's list of names, onto the disk. Windows cannot do so with a folder."""
    windows = os.name == "nt"
    if windows and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDWR if windows else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
