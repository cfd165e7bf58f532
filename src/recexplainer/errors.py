"""The errors and warnings of this package. Each names what is wrong, where, and what to do about it.

This module imports nothing of the package; every module may import it.
"""

from __future__ import annotations


class RecExplainerError(Exception):
    """Base of all errors this package raises on purpose.

    Args:
        what: What is wrong, in one sentence.
        location: The file, row, field or setting concerned, or "" when there is none.
        hint: What the reader can do about it, in one sentence.
    """

    def __init__(self, what: str, *, location: str = "", hint: str = "") -> None:
        self.what = what
        self.location = location
        self.hint = hint
        lines = [what, f"  location: {location}" if location else "", f"  hint: {hint}" if hint else ""]
        super().__init__("\n".join(line for line in lines if line))


class DataError(RecExplainerError):
    """A table cannot be read, or what it holds cannot be used."""


class SettingsError(RecExplainerError):
    """A recipe or a command-line setting is unknown or has the wrong type."""


class RecommenderError(RecExplainerError):
    """The recommender cannot answer what it was asked."""


class SurrogateError(RecExplainerError):
    """The surrogate, its backbone or its prompt cannot be used as asked."""


class RunError(RecExplainerError):
    """A run folder is missing, incomplete or of another kind."""


class ChatError(RecExplainerError):
    """A chat model cannot be opened or refuses, or its cached answers are damaged."""


class RecommenderWarning(UserWarning):
    """A recommender ranks held-out items as if it did not know its users."""


def first_line(error: BaseException) -> str:
    """The first line of what an error of another library says; its type where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
