"""What writers put evidence into words by: the contract, the style that is asked for, and what may be shown.

A writer gets what the recommender says and answers with texts. Whoever writes, a text is shown only if nothing in it is
a problem; else the wording of the evidence itself stands in its place (`evidence/realised.py`), and the record says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, get_args

from recexplainer.claims.claim import SIGNS, Claim, faults, stated
from recexplainer.errors import SettingsError
from recexplainer.evidence.evidence import Evidence

REALISED = "realised"
"""The writer that is no language model: the wording of the evidence itself."""
SURROGATE = "surrogate"
Audience = Literal["", "customer", "analyst", "regulator"]
Length = Literal["", "short", "long"]


@dataclass(frozen=True, slots=True)
class Style:
    """How an explanation should be written; "" leaves it to the writer.

    Attributes:
        aspect: What the reader wants to hear of, in words, such as "from the view of genres".
        audience: For whom: a customer, an analyst, or a regulator.
        length: `short`: the verdict and the main reason; `long`: all that the evidence holds.
        language: The name of a language in English, such as "German"; "" is English.
    """

    aspect: str = ""
    audience: Audience = ""
    length: Length = ""
    language: str = ""

    def __post_init__(self) -> None:
        """Raises SettingsError for an audience or a length that there is not, and for what is no text."""
        for name in ("aspect", "language"):
            if not isinstance(value := getattr(self, name), str):
                raise SettingsError(f"This is no text: {value!r:.80}.", location=name, hint='Give text; "" for none.')
        for name, kind in (("audience", Audience), ("length", Length)):
            known, value = get_args(kind), getattr(self, name)
            if value not in known:
                what = f"There is no {name} {value!r}."
                raise SettingsError(what, location=name, hint=f"Give one of: {', '.join(filter(None, known))}.")

    @property
    def is_english(self) -> bool:
        """Whether the text is to be in English alone."""
        return self.language.strip().casefold() in ("", "english", "en")

    def check(self, writer: str) -> None:
        """Raises SettingsError where the writer of that name does not write in the language asked for."""
        if writer in (SURROGATE, REALISED) and not self.is_english:
            what, hint = (
                f"The writer {writer!r} writes English, not {self.language}.",
                "Leave the language out, or give a chat model as writer.",
            )
            raise SettingsError(what, location="language", hint=hint)


@dataclass(frozen=True, slots=True)
class Written:
    """A text, what it claims, and who wrote it.

    Attributes:
        writer: Who wrote the text that is shown: `surrogate`, `realised`, or the name of a chat model.
        probability: A surrogate's probability of "Yes"; None of other writers.
        attempts: How many texts were written until this one was taken.
        problems: What of it may not be shown; () if nothing.
        abstained: Why reasons are left out; "" if they are not.
        translation: The same text in the language asked for, which the reader does not read; "" for English.
        note: What became of the text of the writer that was asked, where it is not shown as it came: what was left out
            of it, or why another's stands in its place; "" else.
    """

    text: str
    claims: tuple[Claim, ...]
    writer: str
    probability: float | None = None
    attempts: int = 1
    problems: tuple[Claim, ...] = ()
    abstained: str = ""
    translation: str = ""
    note: str = ""


class Writer(Protocol):
    """Whoever puts evidence in words; `tests/contracts/writer.py` checks an implementation."""

    name: str

    def write(self, users: Sequence[str], evidence: Sequence[Evidence], style: Style) -> list[Written]:
        """A text for each pair, `[pairs]`, by the users' own ids; none that is given back has a problem."""
        ...


def problems(claims: Sequence[Claim]) -> tuple[Claim, ...]:
    """What of a text may not be shown beside evidence: what is contradicted, and directions that are not supported.

    For a text in the wording of rationales, also the findings that fail.
    """
    wrong = [
        one
        for one in stated(claims)
        if one.status == "contradicted" or (one.status != "supported" and one.kind in (*SIGNS, "strongest"))
    ]
    return tuple(dict.fromkeys([*faults(claims), *wrong]))


def in_rounds(
    count: int, attempts: range, together: int, write: Callable[[Sequence[int], range], list[Written]]
) -> list[Written]:
    """Of each of so many questions the text with the fewest problems; only those that have some get another round.

    `write` has a round of attempts, by their numbers, written for the questions at some places.
    """
    best: dict[int, Written] = {}
    unsettled = list(range(count))
    for start in attempts[::together]:
        if unsettled:
            for row, known in zip(unsettled, write(unsettled, attempts[start : start + together]), strict=True):
                before = best.get(row, known)
                best[row] = replace(min(before, known, key=count_problems), attempts=known.attempts)
            unsettled = [row for row in unsettled if best[row].problems]
    return [best[row] for row in range(count)]


def count_problems(written: Written) -> int:
    """How many problems a text has."""
    return len(written.problems)
