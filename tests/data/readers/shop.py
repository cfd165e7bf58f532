"""A shop of two tables of text, to be written in many ways, and what is read of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from recexplainer.data.dataset import Dataset

TITLES = ("Amber", "Blue Lantern", "Cedar", "Delta")
EVENTS = [
    (f"u{user}", f"i{(user + step) % 4 + 1}", 1_600_000_000 + 3600 * step) for user in range(4) for step in (0, 1)
]


def events(separator: str = ",", names: str = "user_id,item_id,timestamp") -> str:
    rows = (separator.join(map(str, event)) + "\n" for event in EVENTS)
    return names.replace(",", separator) + "\n" + "".join(rows)


def items(separator: str = ",", names: str = "item_id,title", titles: tuple[str, ...] = TITLES) -> str:
    rows = (f"i{number}{separator}{title}\n" for number, title in enumerate(titles, 1))
    return names.replace(",", separator) + "\n" + "".join(rows)


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def is_whole(dataset: Dataset, titles: tuple[str, ...] = TITLES) -> bool:
    """Whether all events and titles of the shop were read, and the histories are in their order."""
    histories = {user: [dataset.item_ids[i] for i in dataset.history(row)] for row, user in enumerate(dataset.user_ids)}
    wanted = {user: [item for one, item, _ in EVENTS if one == user] for user, *_ in EVENTS}
    return histories == wanted and dataset.titles == list(titles)


def warnings(dataset: Dataset) -> list[str]:
    return [note.what for note in dataset.notes if note.warning]


def notes(dataset: Dataset) -> str:
    """What was said of reading, without what is said of times."""
    return "; ".join(note.what for note in dataset.notes if not note.what.startswith("times read"))
