"""The human study: explanations of the same cases by every method are drawn, shuffled and handed out without names.

The paper's section 3.3 and appendix A.2. It knows explanations only; how raters see them is in `packet`, and the files
that they send back are read by `ratings`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from recexplainer.errors import DataError, RunError
from recexplainer.evaluation.agreement import N_LEVELS
from recexplainer.explanations.record import Explanation, Method
from recexplainer.storage import hash_value, read_json, write_json, write_text
from recexplainer.study.packet import Entry, packet_csv, packet_html

KEY = "key.json"
_NOTE = "Not for raters: it says who wrote which explanation. Give them packet.html or packet.csv only."

Case = tuple[str, int]  # user and item


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """What an entry's id stands for; not for raters. `method` and `variant` are those of the explanation."""

    id: str
    method: str
    variant: str
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
    explanations: Mapping[Method, Sequence[Explanation]],
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
            the history or on the recommender's decision.
        RunError: The folder holds the key of another packet, without which its ratings could not be read.
        ValueError: The rubric has not four lines, or `cases` is below 1.
    """
    if len(rubric) != N_LEVELS or cases < 1:
        raise ValueError(f"a study needs {N_LEVELS} lines of rubric and a case; got {len(rubric)} lines, {cases} cases")
    by_case = {method: _by_case(method, own) for method, own in explanations.items()}
    common = _common(by_case)
    drawn = [common[at] for at in np.random.default_rng(seed).permutation(len(common))[:cases]]
    kept: list[KeyEntry] = []
    entries: list[Entry] = []
    for method, own in by_case.items():
        for case in drawn:
            id_, one = "x" + hash_value([seed, method.name, method.variant, *case])[:14], own[case]
            kept.append(KeyEntry(id_, method.name, method.variant, *case))
            label = "Yes" if one.recommended else "No"
            entries.append(Entry(id_, one.history_titles, one.item_title, label, one.text))
    entries.sort(key=lambda entry: entry.id)  # ids are hashes, so their order is as good as drawn at random
    packet = "p" + hash_value([list(rubric), [asdict(entry) for entry in entries]])[:14]
    key = Key(_NOTE, packet, seed, tuple(kept))
    if (folder / KEY).is_file() and read_json(folder / KEY).get("packet") != packet:
        raise RunError(
            "The folder holds the key of another packet.",
            location=str(folder / KEY),
            hint="Name another folder; without its key the ratings of a packet cannot be read.",
        )
    write_json(folder / KEY, asdict(key))
    write_text(folder / "packet.csv", packet_csv(entries, packet))
    write_text(folder / "packet.html", packet_html(entries, packet, rubric))
    return key


def _by_case(method: Method, explanations: Sequence[Explanation]) -> dict[Case, Explanation]:
    found: dict[Case, Explanation] = {}
    for each in explanations:
        if (each.user, each.item) in found:
            raise DataError(
                "A case is explained twice by one method.",
                location=f"{method}, user {each.user}, item {each.item_title!r}",
                hint="Give one explanation for each method, user and item.",
            )
        found[each.user, each.item] = each
    return found


def _common(by_case: Mapping[Method, Mapping[Case, Explanation]]) -> list[Case]:
    """The cases that every method explains, sorted; all methods must agree on the history and the decision."""
    methods = list(by_case)
    common = sorted(set[Case].intersection(*(set(own) for own in by_case.values()))) if methods else []
    if not common:
        raise DataError(
            "No case is explained by every method.",
            location=", ".join(map(str, methods)) or "no method",
            hint="Explain the same users and items with every method.",
        )
    for case in common:
        known = {method: _known(own[case]) for method, own in by_case.items()}
        for method in methods:
            if known[method] != known[methods[0]]:
                raise DataError(
                    "Two methods differ in the history of a case, or in what the recommender decided.",
                    location=f"{methods[0]} and {method}, user {case[0]}, item {case[1]}",
                    hint="Take explanations of one run and one recommender.",
                )
    return common


def _known(each: Explanation) -> tuple[tuple[str, ...], str, bool]:
    return each.history_titles, each.item_title, each.recommended
