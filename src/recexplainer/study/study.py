"""The human study: explanations of the same cases by every method are drawn, shuffled and handed out without names.

The paper's section 3.3 and appendix A.2. It knows explanations only; how raters see them is in `packet`, and what they
send back is read by `human_ratings`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from recexplainer.errors import DataError, RunError
from recexplainer.evaluation.rating_tables import N_LEVELS
from recexplainer.explanations.record import Explanation
from recexplainer.storage import hash_value, read_json, write_json, write_text
from recexplainer.study.packet import Entry, packet_csv, packet_html

KEY = "key.json"

_NOTE = "Not for raters: it says who wrote which explanation. Give them packet.html or packet.csv only."

Case = tuple[str, int]  # user and item


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """What an entry's id stands for; not for raters."""

    id: str
    method: str
    user: str
    item: int


@dataclass(frozen=True, slots=True)
class Key:
    """The content of `key.json`: which packet it is of, how it was drawn, and what each id stands for."""

    note: str
    packet: str
    seed: int
    entries: tuple[KeyEntry, ...]


def export_study(
    explanations: Mapping[str, Sequence[Explanation]],
    folder: Path,
    rubric: Sequence[str],
    cases: int = 120,
    seed: int = 0,
) -> Key:
    """Draw cases and write the packet for raters: `packet.html`, `packet.csv`, and `key.json`, which is not for them.

    Args:
        explanations: For each method its explanations; cases are drawn from those that every method explains.
        folder: Made if it is not there.
        rubric: What the ratings 0, 1, 2 and 3 mean, in this order.
        cases: How many to draw (the paper: 120); all if there are fewer.
        seed: Decides which cases, the ids, and by them the order.

    Returns:
        What is in `key.json`.

    Raises:
        DataError: No case is explained by every method, a method explains a case twice, or methods do not agree on
            the history or on f's decision.
        RunError: The folder holds the key of another packet, without which its ratings could not be read.
        ValueError: The rubric has not four lines, or `cases` is below 1.
    """
    if len(rubric) != N_LEVELS or cases < 1:
        raise ValueError(f"a study needs {N_LEVELS} lines of rubric and a case; got {len(rubric)} lines, {cases} cases")
    by_case = {method: _by_case(method, told) for method, told in explanations.items()}
    drawn = _draw(_common(by_case), cases, seed)
    kept = [
        KeyEntry("x" + hash_value([seed, method, *case])[:14], method, *case) for method in by_case for case in drawn
    ]
    # ids are hashes, so their order is as good as drawn at random
    entries = sorted(
        (_entry(one.id, by_case[one.method][one.user, one.item]) for one in kept), key=lambda entry: entry.id
    )
    packet = "p" + hash_value([list(rubric), [asdict(entry) for entry in entries]])[:14]
    key = Key(_NOTE, packet, seed, tuple(kept))
    _refuse_other(folder / KEY, packet)
    write_json(folder / KEY, asdict(key))
    write_text(folder / "packet.csv", packet_csv(entries, packet))
    write_text(folder / "packet.html", packet_html(entries, packet, rubric))
    return key


def _by_case(method: str, told: Sequence[Explanation]) -> dict[Case, Explanation]:
    found: dict[Case, Explanation] = {}
    for each in told:
        if (each.user, each.item) in found:
            raise DataError(
                "A case is explained twice by one method.",
                location=f"{method}, user {each.user}, item {each.item_title!r}",
                hint="Give one explanation for each method, user and item.",
            )
        found[each.user, each.item] = each
    return found


def _common(by_case: Mapping[str, Mapping[Case, Explanation]]) -> list[Case]:
    """The cases that every method explains, sorted; all methods must say the same of what is known about them."""
    methods = list(by_case)
    common = sorted(set[Case].intersection(*(set(told) for told in by_case.values()))) if methods else []
    if not common:
        raise DataError(
            "No case is explained by every method.",
            location=", ".join(methods) or "no method",
            hint="Explain the same users and items with every method.",
        )
    for case in common:
        for method in methods:
            if _known(by_case[method][case]) != _known(by_case[methods[0]][case]):
                raise DataError(
                    "Two methods differ in the history of a case, or in what the recommender decided.",
                    location=f"{methods[0]} and {method}, user {case[0]}, item {case[1]}",
                    hint="Take explanations of one run and one recommender.",
                )
    return common


def _known(each: Explanation) -> tuple[tuple[str, ...], str, bool]:
    return each.history_titles, each.item_title, each.recommended


def _draw(common: Sequence[Case], cases: int, seed: int) -> list[Case]:
    return [common[at] for at in np.random.default_rng(seed).permutation(len(common))[:cases]]


def _entry(name: str, each: Explanation) -> Entry:
    return Entry(name, each.history_titles, each.item_title, "Yes" if each.recommended else "No", each.text)


def _refuse_other(path: Path, packet: str) -> None:
    if path.is_file() and read_json(path).get("packet") != packet:
        raise RunError(
            "The folder holds the key of another packet.",
            location=str(path),
            hint="Name another folder; without its key the ratings of a packet cannot be read.",
        )
