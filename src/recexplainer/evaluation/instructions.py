"""Short instructions whose fulfilment a program decides without a judge, after IFEval (Zhou et al. 2023).

The instructions are in `instructions.yaml`. It does not know who answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, get_args

from recexplainer.storage import packaged_yaml

Kind = Literal["brief_answers", "writing"]
"""A word or a line is the answer; or sentences are."""
KINDS: tuple[Kind, ...] = get_args(Kind)
_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_SENTENCE_END = re.compile(r"[.!?]+[\"”’)]*(?:\s+|$)")
_FENCE = re.compile(r"^```\w*\n(.*?)\n?```$", re.DOTALL)
_AROUND = " \t\n\"'“”‘’.!"  # what may stand around an answer that is to be one of some


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, and what an answer must be; all `checks` count, each by its name with its argument."""

    text: str
    checks: Mapping[str, Any]
    kind: Kind = "writing"

    def is_fulfilled(self, answer: str) -> bool:
        """Whether an answer passes every check; one without a word passes none."""
        return bool(_words(answer)) and all(CHECKS[name](answer.strip(), given) for name, given in self.checks.items())


@cache
def load_instructions() -> tuple[Instruction, ...]:
    """The instructions, in the order of the file."""
    entries = packaged_yaml("recexplainer.evaluation", "instructions.yaml")
    return tuple(Instruction(one["text"], one["checks"], kind) for kind in KINDS for one in entries[kind])


def _words(answer: str) -> list[str]:
    return _WORD.findall(answer)


def _lines(answer: str) -> list[str]:
    return [line.strip() for line in answer.splitlines() if line.strip()]


def _in_range(count: int, given: int | Sequence[int]) -> bool:
    """Whether a count is the number given, or from the first to the second of two."""
    least, most = (given, given) if isinstance(given, int) else given
    return least <= count <= most


def _has_sentences(answer: str, given: int | Sequence[int]) -> bool:
    """Whether so many sentences are finished; one that breaks off counts too, but only where it is one too many."""
    least, most = (given, given) if isinstance(given, int) else given
    *finished, last = (bool(_words(each)) for each in _SENTENCE_END.split(answer))
    return least <= sum(finished) and sum(finished) + last <= most


def _is_one_of(answer: str, given: Sequence[str]) -> bool:
    return answer.strip(_AROUND).casefold() in [one.strip(_AROUND).casefold() for one in given]


def _has_any(answer: str, given: Sequence[str]) -> bool:
    return any(one.casefold() in answer.casefold() for one in given)


def _has_parts(answer: str, given: Mapping[str, Any]) -> bool:
    """So many parts between separators, none empty, none of more than three words, none twice."""
    parts = [part.strip(_AROUND).casefold() for part in answer.split(given["by"])]
    each = all(1 <= len(_words(part)) <= 3 for part in parts)
    return each and len(parts) == given["count"] == len(set(parts))


def _is_json(answer: str, given: Sequence[str]) -> bool:
    """A JSON object with these keys and no others; it may stand in a code block."""
    fenced = _FENCE.match(answer)
    try:
        found = json.loads(fenced[1] if fenced else answer)
    except json.JSONDecodeError:
        return False
    return isinstance(found, dict) and sorted(map(str, found)) == sorted(given)  # pyright: ignore[reportUnknownArgumentType]


def _is_list(answer: str, given: Mapping[str, Any]) -> bool:
    """Whether so many lines begin with the mark, a regular expression, and go on; there may be others."""
    return sum(bool(re.match(rf"{given['mark']}\s*\S", line)) for line in _lines(answer)) == given["count"]


CHECKS: Mapping[str, Callable[[str, Any], bool]] = MappingProxyType(
    {
        "words": lambda answer, given: _in_range(len(_words(answer)), given),
        "sentences": _has_sentences,
        "lines": lambda answer, given: _in_range(len(_lines(answer)), given),
        "upper": lambda answer, given: answer.isupper() == given,
        "lower": lambda answer, given: answer.islower() == given,
        "starts": lambda answer, given: answer.casefold().startswith(given.casefold()),
        "ends": lambda answer, given: answer.rstrip(_AROUND).casefold().endswith(given.rstrip(_AROUND).casefold()),
        "one_of": _is_one_of,
        "any": _has_any,
        "all": lambda answer, given: all(_has_any(answer, [one]) for one in given),
        "none": lambda answer, given: not _has_any(answer, given),
        "pattern": lambda answer, given: re.fullmatch(given, answer, re.DOTALL) is not None,
        "parts": _has_parts,
        "list": _is_list,
        "json": _is_json,
    }
)
"""For each name of a check whether an answer passes it; case counts only where it is what is asked."""
