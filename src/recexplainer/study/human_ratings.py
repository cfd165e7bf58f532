"""What raters of a study have sent back: read, checked against the study's key, and turned into rows.

It knows the key that `study` writes; raters' files are read by `rater_files`, and `agreement` computes how they agree.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from recexplainer.errors import RunError
from recexplainer.evaluation.rating_rows import rating_rows
from recexplainer.evaluation.rating_tables import is_rating
from recexplainer.evaluation.rows import Row
from recexplainer.storage import read_json, write_json
from recexplainer.study.rater_files import RatedLine, read_rater_file, refuse
from recexplainer.study.study import KEY, Key, KeyEntry

T = TypeVar("T")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HumanRating:
    """What one person says of one explanation.

    Attributes:
        rater: Who rated.
        method: Who explained, as in `Row`.
        user: The user's own id.
        item: Item index in the catalogue.
        rating: 0 to 3, or None where it was not rated.
        comment: The rater's own words, or "".
    """

    rater: str
    method: str
    user: str
    item: int
    rating: int | None
    comment: str


def import_study(folder: Path, files: Sequence[Path]) -> list[HumanRating]:
    """Read raters' files, CSV or JSON, and say on standard error how much each has rated.

    Args:
        folder: The folder of `export_study`, with its key.
        files: One a rater. The rater's name is the file's field `rater`, else the file's name without its ending.

    Returns:
        For each file, in order, one rating for every entry of the packet; None where it was not rated.

    Raises:
        DataError: A file is missing or of another format, is of another packet, has an unknown id, an id twice or a
            rating that is not 0 to 3, or two files are of one rater; the error names the file and the row.
        RunError: The key is missing or damaged.
    """
    key = _validated(Key, read_json(folder / KEY), folder / KEY)
    found: list[HumanRating] = []
    seen: dict[str, Path] = {}
    for path in files:
        saved = read_rater_file(path)
        if saved.packet != key.packet:
            refuse(f"The ratings are of packet {saved.packet!r}, not of {key.packet!r}.", path, "Name its own folder.")
        rater = saved.rater.strip() or path.stem
        if rater in seen:
            refuse(f"{seen[rater]} is of the rater {rater!r} too.", path, "Leave one out, or correct the names.")
        seen[rater] = path
        rated = _rated(saved.ratings, {entry.id for entry in key.entries}, path)
        found += [_joined(rater, entry, rated.get(entry.id)) for entry in key.entries]
        _log.info(f"{rater}: {sum(line.rating is not None for line in rated.values())} of {len(key.entries)} rated")
    return found


def human_rows(ratings: Sequence[HumanRating]) -> list[Row]:
    """The rows of what people say (the paper's Figure 3, and Table 2 with people as judges); see `rating_rows`."""
    by_method: dict[str, dict[tuple[str, int], list[int | None]]] = {}
    for each in ratings:
        by_method.setdefault(each.method, {}).setdefault((each.user, each.item), []).append(each.rating)
    return [made for method, cases in by_method.items() for made in rating_rows(method, "people", [*cases.values()])]


def ratings_by_rater(ratings: Sequence[HumanRating]) -> dict[str, dict[str, int | None]]:
    """The ratings as `agreement_rows` takes them; cases are named by `case_name`."""
    found: dict[str, dict[str, int | None]] = {}
    for each in ratings:
        found.setdefault(each.rater, {})[case_name(each.method, each.user, each.item)] = each.rating
    return found


def case_name(method: str, user: str, item: int) -> str:
    """One name for an explanation, the same for people and for a judge."""
    return json.dumps([method, user, item], ensure_ascii=False)


def write_ratings(path: Path, ratings: Sequence[HumanRating]) -> None:
    """Write ratings as a JSON list, atomically."""
    write_json(path, [asdict(each) for each in ratings])


def read_ratings(path: Path) -> list[HumanRating]:
    """Read what `write_ratings` wrote.

    Raises:
        RunError: The file is missing or holds something else.
    """
    return _validated(list[HumanRating], read_json(path), path)


def _rated(lines: Sequence[RatedLine], known: Collection[str], path: Path) -> dict[str, RatedLine]:
    """Each entry's line by its id, checked."""
    rated: dict[str, RatedLine] = {}
    for line in lines:
        if line.id not in known:
            refuse(f"The packet has no entry {line.id!r}.", path, "Leave the column id as it was.", line.row)
        if line.id in rated:
            refuse(f"The entry {line.id!r} is there twice.", path, "Leave one of its rows out.", line.row)
        if line.rating is not None and not is_rating(line.rating):
            refuse(f"{line.rating!r} is no rating.", path, "Write 0, 1, 2 or 3, or leave it empty.", line.row)
        rated[line.id] = line
    return rated


def _joined(rater: str, entry: KeyEntry, line: RatedLine | None) -> HumanRating:
    rating, comment = (line.rating, line.comment) if line else (None, "")
    return HumanRating(rater, entry.method, entry.user, entry.item, rating, comment)


def _validated(kind: type[T], value: Any, path: Path) -> T:
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise RunError(
            f"The file cannot be understood: {error.errors()[0]['msg']}.",
            location=str(path),
            hint="Export the study again with the same seed, or import the ratings again.",
        ) from error
