"""The human study: explanations of the same cases by every method are shuffled and handed out, and ratings read back.

The paper's section 3.3 and appendix A.2. Raters get a table, or a page that works offline (`page/`), without names of
methods. What they send back, as JSON or CSV, is checked against the key and turned into rows; how far raters agree is
computed by `study.agreement`.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import numpy as np
from pydantic import TypeAdapter, ValidationError

from recexplainer.errors import DataError, RunError
from recexplainer.evaluation.judge import N_LEVELS, rating_rows
from recexplainer.evaluation.rows import Row
from recexplainer.explanations.record import Explanation, Method
from recexplainer.storage import hash_value, read_as, read_json, write_json, write_text
from recexplainer.study.agreement import PEOPLE, is_rating

KEY = "key.json"
_NOTE = "Not for raters: it says who wrote which explanation. Give them packet.html or packet.csv only."
_PAGE = Path(__file__).with_name("page")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would take such a text for a formula

Case = tuple[str, int]  # user and item
T = TypeVar("T")
_COLUMNS = ("id", "rating", "comment", "rater", "packet")  # those that a table must have; it may have others
_RATINGS = tuple(map(str, range(N_LEVELS)))
_log = logging.getLogger(__name__)


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

    Raises DataError where no case is explained by every method, a method explains a case twice, or methods do not agree
    on the history or on the recommender's decision; RunError where the folder holds the key of another packet, without
    which its ratings could not be read; ValueError where the rubric has not four lines, or `cases` is below 1.
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

    def facts(each: Explanation) -> tuple[tuple[str, ...], str, bool]:
        return each.history_titles, each.item_title, each.recommended

    for case in common:
        first, *others = ((method, by_case[method][case]) for method in methods)
        for method, one in others:
            if facts(one) != facts(first[1]):
                raise DataError(
                    "Two methods differ in the history of a case, or in what the recommender decided.",
                    location=f"{first[0]} and {method}, user {case[0]}, item {case[1]}",
                    hint="Take explanations of one run and one recommender.",
                )
    return common


@dataclass(frozen=True, slots=True)
class HumanRating:
    """One person's rating of one explanation: 0 to 3, or None where it was not rated.

    `method` and `variant` are as in `Row`; `user` is the user's own id, `item` an index in the catalogue.
    """

    rater: str
    method: str
    variant: str
    user: str
    item: int
    rating: int | None
    comment: str


@dataclass(frozen=True, slots=True)
class RatedLine:
    """One entry as rated, and its place in the file for errors; a wrong `rating` is kept as it stands in the file."""

    id: str
    rating: Any
    comment: str = ""
    row: int = 0


@dataclass(frozen=True, slots=True)
class RaterFile:
    """What a rater has saved; a JSON file is just this. `packet` and `rater` are "" where a table leaves them empty."""

    packet: str
    rater: str
    ratings: list[RatedLine]


def import_study(folder: Path, files: Sequence[Path]) -> list[HumanRating]:
    """Read raters' files, CSV or JSON, one a rater, and log how many entries each has rated.

    Returns for each file, in order, one rating for every entry of the packet in `folder`. The rater's name is the field
    `rater` of the file, else the file's name without its ending.

    Raises DataError where a file is missing or of another format, is of another packet, has an unknown id, an id twice
    or a rating that is not 0 to 3, or two files are of one rater (the error names the file and the row); RunError where
    the key is missing or damaged.
    """
    key = _read(Key, folder / KEY)
    found: list[HumanRating] = []
    seen: dict[str, Path] = {}
    for path in files:
        saved = _read_rater_file(path)
        if saved.packet != key.packet:
            _refuse(f"The ratings are of packet {saved.packet!r}, not of {key.packet!r}.", path, "Name its own folder.")
        rater = saved.rater.strip() or path.stem
        if rater in seen:
            _refuse(f"{seen[rater]} is of the rater {rater!r} too.", path, "Leave one out, or correct the names.")
        seen[rater] = path
        rated = _rated(saved.ratings, {entry.id for entry in key.entries}, path)
        for entry in key.entries:
            line = rated.get(entry.id, RatedLine(entry.id, None))
            case = (entry.method, entry.variant, entry.user, entry.item)
            found.append(HumanRating(rater, *case, line.rating, line.comment))
        _log.info(f"{rater}: {sum(line.rating is not None for line in rated.values())} of {len(key.entries)} rated")
    return found


def human_rows(ratings: Sequence[HumanRating]) -> list[Row]:
    """The rows of people's ratings (the paper's Figure 3, and Table 2 with people as judges); see `rating_rows`."""
    by_method: dict[Method, dict[tuple[str, int], list[int | None]]] = {}
    for each in ratings:
        cases = by_method.setdefault(Method(each.method, each.variant), {})
        cases.setdefault((each.user, each.item), []).append(each.rating)
    return [row for method, cases in by_method.items() for row in rating_rows(method, PEOPLE, [*cases.values()])]


def ratings_by_rater(ratings: Sequence[HumanRating]) -> dict[str, dict[str, int | None]]:
    """The ratings as `agreement_rows` takes them; cases are named by `case_name`."""
    found: dict[str, dict[str, int | None]] = {}
    for each in ratings:
        name = case_name(each.method, each.variant, each.user, each.item)
        found.setdefault(each.rater, {})[name] = each.rating
    return found


def case_name(method: str, variant: str, user: str, item: int) -> str:
    """One name for an explanation, the same for people and for a judge."""
    return json.dumps([method, variant, user, item], ensure_ascii=False)


def write_ratings(path: Path, ratings: Sequence[HumanRating]) -> None:
    """Write ratings as a JSON list, atomically."""
    write_json(path, [asdict(each) for each in ratings])


def read_ratings(path: Path) -> list[HumanRating]:
    """Read what `write_ratings` wrote. Raises RunError where the file is missing or holds something else."""
    return _read(list[HumanRating], path)


def _read_rater_file(path: Path) -> RaterFile:
    if not path.is_file():
        _refuse("There is no such file.", path, "Check the path; it is taken from where you are.")
    readers = {".json": _read_json, ".csv": _read_csv}
    if path.suffix.lower() not in readers:
        _refuse("A rater's file is CSV or JSON.", path, "Give the file that the page saved, or the table as CSV.")
    try:
        text = path.read_bytes().decode("utf-8-sig")  # line ends as they are: csv handles them
    except UnicodeDecodeError:
        _refuse("The file is not UTF-8.", path, "Save the table again as “CSV UTF-8”.")
    return readers[path.suffix.lower()](path, text)


def _read_json(path: Path, text: str) -> RaterFile:
    hint = "Give the file as the page saved it."
    try:
        saved = TypeAdapter(RaterFile).validate_python(json.loads(text))
    except json.JSONDecodeError as error:
        _refuse(f"The file is not JSON: {error}.", path, hint)
    except ValidationError as error:
        first = error.errors()[0]
        row = next((part + 1 for part in first["loc"] if isinstance(part, int)), None)
        _refuse(f"{'.'.join(map(str, first['loc'])) or 'The file'}: {first['msg']}.", path, hint, row)
    return replace(saved, ratings=[replace(line, row=row) for row, line in enumerate(saved.ratings, start=1)])


def _read_csv(path: Path, text: str) -> RaterFile:
    records = _records(path, text)
    packet, rater = (_only(column, {each[column] for each in records.values()}, path) for column in ("packet", "rater"))
    lines: list[RatedLine] = []
    for row, each in records.items():
        rating = int(each["rating"]) if each["rating"] in _RATINGS else each["rating"] or None  # what is none stays
        lines.append(RatedLine(each["id"], rating, each["comment"], row))
    return RaterFile(packet, rater, lines)


def _records(path: Path, text: str) -> dict[int, dict[str, str]]:
    """A table as exported or as a spreadsheet saves it: commas, semicolons or tabs, any line ends, blank rows."""
    first = next(iter(text.splitlines()), "")
    table = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    try:
        names, *rows = [[cell.strip() for cell in cells] for cells in table] or [[]]
    except csv.Error as error:
        _refuse(f"The file is not a CSV table: {error}.", path, "Save the table again as “CSV UTF-8”.")
    if lacking := [name for name in _COLUMNS if name not in names]:
        _refuse(f"The table has no column {lacking[0]!r}.", path, "Keep the packet's columns and their names.", 1)
    records: dict[int, dict[str, str]] = {}
    for row, cells in enumerate(rows, start=2):
        if any(cells):
            if len(cells) != len(names):
                _refuse(f"The row has {len(cells)} cells, not {len(names)}.", path, "Keep the packet's columns.", row)
            records[row] = dict(zip(names, cells, strict=True))
    return records


def _only(column: str, values: set[str], path: Path) -> str:
    """The one value of a column for the whole file; rows that leave it empty do not count."""
    given = sorted(values - {""})
    if len(given) > 1:
        both = " and ".join(map(repr, given[:2]))
        _refuse(f"The column {column!r} holds {both}.", path, "Give one file for each rater and packet.")
    return given[0] if given else ""


def _rated(lines: Sequence[RatedLine], known: Collection[str], path: Path) -> dict[str, RatedLine]:
    """Each entry's line by its id, checked."""
    rated: dict[str, RatedLine] = {}
    for line in lines:
        if line.id not in known:
            _refuse(f"The packet has no entry {line.id!r}.", path, "Leave the column id as it was.", line.row)
        if line.id in rated:
            _refuse(f"The entry {line.id!r} is there twice.", path, "Leave one of its rows out.", line.row)
        if line.rating is not None and not is_rating(line.rating):
            _refuse(f"{line.rating!r} is no rating.", path, "Write 0, 1, 2 or 3, or leave it empty.", line.row)
        rated[line.id] = line
    return rated


def _refuse(what: str, path: Path, hint: str, row: int | None = None) -> NoReturn:
    """Raise a DataError that names a file and, where it is known, the row: of a table counting its head, else of 1."""
    raise DataError(what, location=str(path) if row is None else f"{path}, row {row}", hint=hint) from None


def _read(kind: type[T], path: Path) -> T:
    try:
        return read_as(kind, path)
    except RunError as error:
        hint = "Export the study again with the same seed, or import the ratings again."
        raise RunError(error.what, location=str(path), hint=hint) from error
