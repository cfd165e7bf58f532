"""What a terminal cannot show: replaced in text, escaped in JSON. It knows encodings, not what is printed."""

from __future__ import annotations

import codecs
import os
import re
import sys
import unicodedata
from functools import partial
from pathlib import Path
from typing import Any

_ALIKE = str.maketrans(
    {
        **dict.fromkeys("−–—‐‑‒", "-"),
        **dict.fromkeys("‘’‚′", "'"),
        **dict.fromkeys("“”„″", '"'),
        "…": "...",
        "×": "x",
        "→": "->",
        "±": "+/-",
        **dict.fromkeys("━─┃│┼", "-"),
    }
)
_NOT_PLAIN = re.compile("[\x7f-\x9f\u2028\u2029]")  # only within the texts of JSON


def use_terminal_encoding() -> None:
    """From here on, what standard output and error cannot show is replaced by what looks alike, or by "?".

    Where there is none (it was closed, or Windows gave none), what is written goes nowhere.
    """
    nowhere = Path(os.devnull)
    sys.stdout, sys.stderr = (stream or nowhere.open("w", encoding="utf-8") for stream in (sys.stdout, sys.stderr))
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Any = getattr(stream, "reconfigure", None)
        if reconfigure:
            way = f"recexplainer.replace.{stream.encoding}"  # an error of a code page does not say of which
            codecs.register_error(way, partial(_replaced, stream.encoding))
            reconfigure(errors=way)


def json_for_terminal(text: str) -> str:
    r"""The same JSON, with what standard output cannot show, or would obey as a control character, as \u escapes."""
    text = _NOT_PLAIN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    codecs.register_error("recexplainer.escape", _escaped)
    return text.encode(encoding, "recexplainer.escape").decode(encoding)


def given_text(argument: str) -> str:
    """An argument of the command line as UTF-8, where the locale could not read it."""
    try:
        return os.fsencode(argument).decode("utf-8")
    except UnicodeError:
        return argument


def close_quietly() -> None:
    """Flush standard output; where nobody reads it any more, let the rest go nowhere."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _replaced(encoding: str, error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_alike(one, encoding) for one in error.object[error.start : error.end]), error.end


def _alike(character: str, encoding: str) -> str:
    """What looks alike and can be encoded, such as a letter without its accent; else "?"."""
    plain = "".join(one for one in unicodedata.normalize("NFKD", character) if not unicodedata.combining(one))
    for text in (character.translate(_ALIKE), plain):
        try:
            text.encode(encoding)
        except UnicodeError:
            continue
        return text or "?"
    return "?"


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2)), error.end
