"""Answers on disk, one JSON file each, under the hash of the request. It knows nothing of who is asked, or how.

A process that dies leaves every answer that it was given.
"""

from __future__ import annotations

import fcntl
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from recexplainer.errors import ChatError
from recexplainer.storage import hash_value, system_errors, write_json


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said to one request.

    Attributes:
        text: The words.
        tokens_in: Tokens of the request, as the endpoint counted them; None if it did not say.
        tokens_out: Tokens of the answer, likewise.
    """

    text: str
    tokens_in: int | None = None
    tokens_out: int | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file of the cache: the request stands beside its answer, so that a person can read it."""

    request: dict[str, Any]
    answer: Answer


_ENTRY = TypeAdapter(_Entry)


class AnswerCache:
    """Answers by what was asked.

    Args:
        folder: Where the answers are; made with the first one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def alone(self) -> Generator[None, None, None]:
        """Hold the folder until the block ends; whoever else wants to, in this process or another, waits.

        Raises:
            RunError: The operating system refuses to write.
        """
        with system_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / ".lock").open("a")
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def read(self, request: Mapping[str, Any]) -> Answer | None:
        """The answer to a request; None if there is none yet.

        Raises:
            ChatError: The file is damaged, or holds another request.
            RunError: The operating system refuses to read it.
        """
        path = self._path(request)
        with system_errors(path):
            if not path.exists():
                return None
            content = path.read_bytes()
        try:
            entry = _ENTRY.validate_json(content)
        except ValidationError as error:
            raise _damaged("A cached answer cannot be read.", path) from error
        if entry.request != request:
            raise _damaged("A cached answer is of another request.", path)
        return entry.answer

    def write(self, request: Mapping[str, Any], answer: Answer) -> None:
        """Keep an answer: once this returns it is on the disk, whole.

        Raises:
            RunError: The operating system refuses to write.
        """
        write_json(self._path(request), _ENTRY.dump_python(_Entry(dict(request), answer), mode="json"))

    def _path(self, request: Mapping[str, Any]) -> Path:
        key = hash_value(request)
        return self.folder / key[:2] / f"{key}.json"


def _damaged(what: str, path: Path) -> ChatError:
    return ChatError(what, location=str(path), hint="Delete this file; only that request is then asked again.")
