"""Why ids of two sides do not meet: the smallest change of spelling that would make them equal.

It compares ids that are clean already (`recexplainer.data.ids`) and changes none: whether '017' is '17' is up to
whoever knows what the ids mean.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import permutations, takewhile
from typing import NamedTuple
from unicodedata import normalize

import numpy as np
import polars as pl
from numpy.typing import NDArray

_Rule = Callable[[pl.Series], pl.Series]
_LEAST_DISTINCT = 0.95  # a change that makes many ids one explains nothing
_MOST_FOR_PAIRS = 20_000  # ids; of more, trying two changes together would take seconds
_SAMPLE = 500  # ids; a change that leaves these as they are is not tried on all
_FEWEST_NUMBERS = 3  # fewer say nothing about their order


class Difference(NamedTuple):
    """What would make ids of two sides equal."""

    sentence: str
    met: int = 0  # how many of those that are sought would then be found
    known: str = ""  # one of the others that they would meet


def compare_ids(
    sought: Iterable[str], known: Iterable[str], names: tuple[str, str], *, thorough: bool = True
) -> Difference | None:
    """The smallest change that makes half of the ids meet which do not; None where there is none.

    Args:
        sought: Ids that should be among the known ones.
        known: The ids of the other side.
        names: What to call the two sides.
        thorough: Try two changes together, too.
    """
    ours, theirs = (_distinct(side) for side in (sought, known))
    lacking = ours.filter(~ours.is_in(theirs.implode()))
    if lacking.is_empty() or theirs.is_empty():
        return None
    if found := _shift(ours, theirs, names):
        return found
    rows = _row_numbers(ours, theirs, names) if len(lacking) * 2 > len(ours) else None
    small = thorough and rows is None and len(lacking) + len(theirs) <= _MOST_FOR_PAIRS
    changes = _changes(_RULES | _own_rules(lacking, theirs, partly=len(lacking) < len(ours)), pairs=small)
    for change, rule in changes:
        found = _meeting(lacking, theirs, names, change, rule)
        if found and (rows is None or found.met == min(len(lacking), len(theirs))):
            return found
    return rows


def _distinct(ids: Iterable[str]) -> pl.Series:
    return pl.Series(ids if isinstance(ids, pl.Series) else list(ids), dtype=pl.String).unique(maintain_order=True)


def _changes(rules: dict[str, _Rule], *, pairs: bool) -> Iterator[tuple[str, _Rule]]:
    yield from rules.items()
    for first, second in permutations(rules, 2) if pairs else ():
        yield f"{first} and {second}", _Both(rules[first], rules[second])


def _meeting(
    lacking: pl.Series, known: pl.Series, names: tuple[str, str], change: str, rule: _Rule
) -> Difference | None:
    """What a change does, if half of the ids meet by it."""
    if all(rule(some).equals(some) for some in (_sample(lacking), _sample(known))):
        return None
    ours, theirs = rule(lacking), rule(known)
    met = ours.is_in(theirs.filter(theirs != "").implode())
    count = int(met.sum())
    distinct = all(len(side) * _LEAST_DISTINCT <= side.n_unique() for side in (ours, theirs))
    if not distinct or not count or count * 2 < min(len(lacking), len(known)):
        return None
    one = int(met.arg_true()[0])
    pair = lacking[one], known[int((theirs == ours[one]).arg_true()[0])]
    shown = ascii if normalize("NFC", pair[0]) == normalize("NFC", pair[1]) else repr
    what = f"{count:,} ids of {names[0]} would be found in {names[1]} {change}"
    return Difference(f"{what}, such as {shown(pair[0])} and {shown(pair[1])}: write both alike", count, pair[1])


def _sample(ids: pl.Series) -> pl.Series:
    return ids.gather_every(max(1, len(ids) // _SAMPLE))


def _shift(ours: pl.Series, theirs: pl.Series, names: tuple[str, str]) -> Difference | None:
    """Whether both sides count, one from one more than the other."""
    numbers, others = _numbers(ours), _numbers(theirs)
    if numbers is None or others is None:
        return None
    first, last, low, high = int(numbers.min()), int(numbers.max()), int(others.min()), int(others.max())
    step = low - first
    if abs(step) != 1 or high - last != step or not np.isin(numbers + step, others).all():
        return None
    what = f"the ids of {names[0]} run from {first} to {last}, those of {names[1]} from {low} to {high}"
    return Difference(f"{what}: one side is shifted by one", len(ours))


def _row_numbers(ours: pl.Series, theirs: pl.Series, names: tuple[str, str]) -> Difference | None:
    """Whether one side counts rows, and the other has names."""
    sides = [_numbers(ours), _numbers(theirs)]
    for numbers, other, name in zip(sides, sides[::-1], names, strict=True):
        if numbers is None or other is not None:
            continue
        first, last = int(numbers.min()), int(numbers.max())
        if first in (0, 1) and last - first + 1 == len(numbers):
            what = f"the ids of {name} are row numbers, {first} to {last}: write the ids themselves"
            return Difference(what)
    return None


def _numbers(ids: pl.Series) -> NDArray[np.int64] | None:
    """The ids as whole numbers, if all are such."""
    if len(ids) < _FEWEST_NUMBERS or not ids.str.contains("^(0|[1-9][0-9]{0,17})$").all():
        return None
    return ids.cast(pl.Int64).to_numpy()


class _Both(NamedTuple):
    """Two changes, one after the other."""

    first: _Rule
    second: _Rule

    def __call__(self, ids: pl.Series) -> pl.Series:
        return self.second(self.first(ids))


def _replace(*changes: tuple[str, str]) -> _Rule:
    def rule(ids: pl.Series) -> pl.Series:
        for pattern, by in changes:
            ids = ids.str.replace_all(pattern, by)
        return ids

    return rule


def _decoded_again(ids: pl.Series) -> pl.Series:
    if not ids.str.contains(r"[^\x00-\x7f]").any():
        return ids
    return pl.Series([_utf8(one) for one in ids.to_list()], dtype=pl.String)


def _utf8(text: str) -> str:
    try:
        return text.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return text


# By what is said of each: it ends "would be found …". The smallest change first.
_RULES: dict[str, _Rule] = {
    "without leading zeros": _replace(("^0+(.)", "${1}"), ("([^0-9])0+([0-9])", "${1}${2}")),
    "whatever their letter case": lambda ids: ids.str.to_lowercase(),
    "in one Unicode form (NFKC)": lambda ids: ids.str.normalize("NFKC"),
    "without blanks and characters that cannot be seen": _replace((r"[\s\p{Cf}\p{Cc}]+", "")),
    "without what Python writes around them, as in b'…'": _replace((r"^(?:b|[\w.]+\()['\"]?(.*?)['\"]?\)?$", "${1}")),
    "without quotes and brackets": lambda ids: ids.str.strip_chars("'\"`()[]{}<>, "),
    "without '.0' at the end": _replace((r"\.0+$", "")),
    "without the marks within them (such as - or _)": _replace(("[-_:/.,;| ]+", "")),
    "decoded as UTF-8": _decoded_again,
}


def _own_rules(ours: pl.Series, theirs: pl.Series, *, partly: bool) -> dict[str, _Rule]:
    """Changes that depend on the ids: what all of a side begin or end with, and their length.

    Where others meet as they are (`partly`), what both sides begin with tells ids apart, and so do more than digits.
    """
    rules: dict[str, _Rule] = {}
    heads = [_common(side) for side in (ours, theirs)]
    if heads[0] != heads[1] and not (partly and all(heads)):
        pattern = "^(?:" + "|".join(map(re.escape, sorted(heads, key=len, reverse=True))) + ")"
        rules[f"without what they begin with, {heads[0]!r} and {heads[1]!r}"] = _replace((pattern, ""))
    tails = [_common(side.str.reverse())[::-1] for side in (ours, theirs)]
    if tails[0] != tails[1]:
        pattern = "(?:" + "|".join(map(re.escape, sorted(tails, key=len, reverse=True))) + ")$"
        rules[f"without what they end with, {tails[0]!r} and {tails[1]!r}"] = _replace((pattern, ""))
    lengths = [int(side.str.len_chars().max() or 0) for side in (ours, theirs)]  # pyright: ignore[reportArgumentType]
    if lengths[0] != lengths[1]:
        rules[f"cut to {min(lengths)} characters"] = lambda ids: ids.str.slice(0, min(lengths))
    return rules if partly else rules | {"by their digits alone": _replace(("[^0-9]+", ""))}


def _common(ids: pl.Series) -> str:
    """What all begin with, without digits at its end."""
    ends = zip(str(ids.min()), str(ids.max()), strict=False) if len(ids) > 1 else ()
    return re.sub("[0-9]+$", "", "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], ends)))
