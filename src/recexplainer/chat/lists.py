"""A list that a chat model was asked for, told from the words and the code fence around it."""

from __future__ import annotations

import ast
import json
import re
from contextlib import suppress
from typing import Any, cast

_OF_OBJECTS = re.compile(r"\[(?=\s*\{)")
_BROKEN = (ValueError, SyntaxError, RecursionError, MemoryError)


def read_list(text: str) -> list[Any] | None:
    """The list in JSON or Python in an answer, which may stand among words or in an object; None if there is none.

    It reaches from the first bracket to the last. Where that is no list, it is the first one of objects in JSON.
    """
    between = text[max(0, text.find("[")) : text.rfind("]") + 1]
    for load in (json.loads,) if "\\" in text else (json.loads, ast.literal_eval):
        with suppress(*_BROKEN):
            held = load(between)
            if isinstance(held, list):
                return cast("list[Any]", held)
    for objects in _OF_OBJECTS.finditer(text):
        with suppress(*_BROKEN):
            return json.JSONDecoder().raw_decode(text, objects.start())[0]
    return None
