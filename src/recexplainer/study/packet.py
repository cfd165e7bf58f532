"""The packet of the human study: explanations of the same cases by every method are drawn, shuffled and handed out.

The paper's section 3.3 and appendix A.2. Raters get a table, or a page that works offline (`page/`), without names of
methods. The files that they send back are read by `ratings`.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from recexplainer.errors import DataError, RunError
from recexplainer.evaluation.judge import N_LEVELS
from recexplainer.explanations.record import Explanation, Method
from recexplainer.storage import hash_value, read_json, write_json, write_text

KEY = "key.json"
_NOTE = "Not for raters: it says who wrote which explanation. Give them packet.html or packet.csv only."
_PAGE = Path(__file__).with_name("page")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would take such a text for a formula

Case = tuple[str, int]  # user and item


@dataclass(frozen=True, slots=True)
class PacketEntry:
    """One explanation as a rater sees it; nothing here names the method.

    `id` begins with a letter, so that no spreadsheet takes it for a number; `history` are titles, oldest first; `label`
    is the recommender's own decision, `Yes` or `No`.
    """

    id: str
    history: tuple[str, ...]
    item: str
    label: str
    explanation: str


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
    """Draw cases that every method explains; write `packet.html` and `packet.csv` for raters, and `key.json`.

    Returns what is in `key.json`, which is not for raters. `rubric` says what the ratings 0, 1, 2 and 3 mean. There are
    so many `cases` (the paper: 120), or all if there are fewer. `seed` decides which, the ids, and so the order.

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
    entries: list[PacketEntry] = []
    for method, own in by_case.items():
        for case in drawn:
            id_, one = "x" + hash_value([seed, method.name, method.variant, *case])[:14], own[case]
            kept.append(KeyEntry(id_, method.name, method.variant, *case))
            label = "Yes" if one.recommended else "No"
            entries.append(PacketEntry(id_, one.history_titles, one.item_title, label, one.text))
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
    write_text(folder / "packet.csv", _packet_csv(entries, packet))
    write_text(folder / "packet.html", _packet_html(entries, packet, rubric))
    return key


def _packet_csv(entries: Sequence[PacketEntry], packet: str) -> str:
    """The packet as a table that spreadsheets open as UTF-8 (by the mark at its beginning)."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(("id", "history", "item", "label", "explanation", "rating", "comment", "rater", "packet"))
    for each in entries:
        history = "\n".join(f"{place}. {title}" for place, title in enumerate(each.history, start=1))
        item, words = (f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in (each.item, each.explanation))
        writer.writerow((each.id, history, item, each.label, words, "", "", "", packet))
    return "\ufeff" + text.getvalue()


def _packet_html(entries: Sequence[PacketEntry], packet: str, rubric: Sequence[str]) -> str:
    """The page: style, script and packet are inside, and it may load nothing else."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style, script = ((_PAGE / name).read_text(encoding="utf-8") for name in ("style.css", "script.js"))
    return environment.get_template("packet.html.j2").render(
        style=Markup(style),  # noqa: S704, our own file
        script=Markup(script),  # noqa: S704, our own file
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        rubric=list(rubric),
        packet={"packet": packet, "entries": [asdict(entry) for entry in entries]},
    )


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
        first, *others = ((method, by_case[method][case]) for method in methods)
        for method, one in others:
            if _known(one) != _known(first[1]):
                raise DataError(
                    "Two methods differ in the history of a case, or in what the recommender decided.",
                    location=f"{first[0]} and {method}, user {case[0]}, item {case[1]}",
                    hint="Take explanations of one run and one recommender.",
                )
    return common


def _known(each: Explanation) -> tuple[tuple[str, ...], str, bool]:
    return each.history_titles, each.item_title, each.recommended
