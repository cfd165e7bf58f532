"""Which columns of two tables hold what: by a mapping, by our names, or by the only plausible name.

It chooses by names alone, and never between two that are equally plausible.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from recexplainer.data.notes import Note
from recexplainer.data.times import date_fields, looks_like_time
from recexplainer.errors import DataError
from recexplainer.settings import Settings
from recexplainer.storage import packaged_yaml


class ColumnMapping(Settings):
    """Which files and columns hold what.

    A column that keeps its default name may be called otherwise where only one is plausible, or be absent where it is
    not needed; one that was named must be there. Case, blanks and underscores in names do not matter where no column
    has the very name. Without a header the columns are called column_1, column_2, ….
    """

    interactions_file: str | None = None
    """File of interactions within the folder; None: the one called interactions.*, or the only table there."""
    items_file: str | None = None
    """File of items within the folder; None: the one called items.*, or else titles stand in the interactions."""
    user: str = "user_id"
    """Column of the user's id."""
    item: str = "item_id"
    """Column of the item's id among the interactions."""
    timestamp: str | None = "timestamp"
    """Column of the time, numbers or dates; None takes the order of rows."""
    day_first: bool | None = None
    """Whether a time written as 03/04/2023 is the third of April; None: as other rows show."""
    items_item: str | None = None
    """Column of the item's id in the items file; None: as among the interactions."""
    title: str = "title"
    """Column of the title; where titles are the ids, name the same column as `item`."""
    description: str = "description"
    """Column of the description."""
    brand: str = "brand"
    """Column of the brand or maker."""
    genres: str = "genres"
    """Column of genres, tags or categories."""
    platforms: str = "platforms"
    """Column of platforms."""
    features: str = "features"
    """Column of features."""
    release_year: str = "release_year"
    """Column of the year; used only to distinguish items of one title."""
    list_separator: str = "|"
    """What separates genres, platforms and features where they are text."""
    separator: str | None = None
    """What separates the fields of a line; None: comma for .csv, tab for .tsv, or what else names the columns."""
    quotes: bool | None = None
    """Whether a field may stand in double quotes; false takes quotes as text; None: as the file agrees with."""
    has_header: bool = True
    """Whether the first line of a CSV or TSV names the columns."""
    ragged_lines: bool = False
    """Accept lines that have more fields than the header; the surplus fields are dropped."""


class Columns(NamedTuple):
    """Which column holds what: ours to its place among the names; `fallback_title` is for items without a title."""

    events: dict[str, int]
    items: dict[str, int]
    notes: tuple[Note, ...]


class Names(NamedTuple):
    """The columns of a table, and where they are named."""

    names: tuple[str, ...]
    location: str


def names_columns(names: Iterable[str], mapping: ColumnMapping, roles: Iterable[str]) -> bool:
    """Whether these may be the names of columns: there are two or more, and every one of the `roles` has one."""
    table = Names(tuple(names), "")
    return len(table.names) > 1 and all(_candidates(role, table, getattr(mapping, role)) for role in roles)


def choose_columns(mapping: ColumnMapping, events: Names, items: Names | None, *, timed: bool = False) -> Columns:
    """Chooses the columns of interactions, and of items (None: the same table has both).

    If `timed`, a time may be called otherwise than `timestamp`; else such columns are read beside the others, under
    their own names, so that cleaning can warn of them. Raises DataError where a column is missing, is there twice, or
    may be one of several; the hint gives the setting to write.
    """
    chooser = _Chooser(mapping)
    item, items_item = chooser.shared_item(events, items or events)
    ours = {"user_id": chooser.needed("user", events), "item_id": item}
    if (time := chooser.time(events, timed=timed)) is not None:
        ours["timestamp"] = time
    elif mapping.timestamp is not None:
        others = {name: place for place, name in enumerate(events.names) if place not in ours.values()}
        fields = date_fields(others)
        ours |= {name: place for name, place in others.items() if looks_like_time(name) or name in fields}
    return Columns(ours, chooser.attributes(items or events, items_item), chooser.notes())


def _key(name: str) -> str:
    """What names are compared by: letters and digits, without case."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _default(role: str) -> str:
    return ColumnMapping.model_fields[role].default


@cache
def _known(role: str) -> tuple[tuple[str, ...], ...]:
    """The names that a column of a role may have, the better ones first."""
    return tuple(tuple(names.split()) for names in packaged_yaml("recexplainer.data.readers", "columns.yaml")[role])


def _named(name: str, table: Names) -> list[int]:
    """The columns of this very name, or else of one that differs in case, blanks and the like."""
    places = [place for place, there in enumerate(table.names) if there == name]
    return places or [place for place, there in enumerate(table.names) if _key(there) == _key(name)]


def _candidates(role: str, table: Names, given: str) -> list[int]:
    """The columns that may have a role, the most plausible ones only."""
    places = _named(given, table)
    if places or given != _default(role):
        return places
    keys = [_key(name) for name in table.names]
    found = ([place for place, key in enumerate(keys) if key in names] for names in _known(role))
    return next(filter(None, found), [])


class _Chooser:
    def __init__(self, mapping: ColumnMapping) -> None:
        self.mapping = mapping
        self.taken: dict[str, str] = {}

    def notes(self) -> tuple[Note, ...]:
        if not self.taken:
            return ()
        taken = ", ".join(f"{role} from {name}" for role, name in self.taken.items())
        return (Note(f"columns chosen by their names: {taken}", len(self.taken)),)

    def needed(self, role: str, table: Names) -> int:
        """The column of a role that must be there. Raises DataError unless there is exactly one."""
        return self._one(role, _candidates(role, table, getattr(self.mapping, role)), table)

    def shared_item(self, events: Names, items: Names) -> tuple[int, int]:
        """The columns of the item's id in both tables: one that both have, or one of each."""
        given, other = self.mapping.item, self.mapping.items_item
        if events is items:
            return (place := self.needed("item", events)), place
        free = other is None and given == _default("item")
        if free and not _named(given, events):
            shared = [place for place in _ids(events) if _named(events.names[place], items)]
            known = [place for place in shared if _key(events.names[place]) in _known("item")[1]]
            if shared:
                place = self._one("item", known or shared, events)
                return place, _single("item", _named(events.names[place], items), items)
        place = self.needed("item", events)
        places = _named(other or given, items)
        if not places and free:
            places = _candidates("item", items, given) or _named("id", items)
        return place, self._one("items_item", places, items)

    def time(self, table: Names, *, timed: bool) -> int | None:
        given = self.mapping.timestamp
        places = [] if given is None else _candidates("timestamp", table, given)
        if given is None or (not places and given == _default("timestamp")):
            return None
        if not places or timed or _key(table.names[places[0]]) == _key(given):
            return self._one("timestamp", places, table)
        return None

    def attributes(self, table: Names, item: int) -> dict[str, int]:
        """The columns of a catalogue."""
        ours = {"item_id": item, "title": self._title(table, item)}
        for role in ("description", "brand", "genres", "platforms", "features", "release_year"):
            given = getattr(self.mapping, role)
            places = _candidates(role, table, given)
            if places:
                ours[role] = _single(role, places, table)
            elif given != _default(role):
                raise _missing(role, given, table)
        if (places := _named("app_name", table)) and places[0] != ours["title"]:
            ours["fallback_title"] = places[0]
        return ours

    def _title(self, table: Names, item: int) -> int:
        """The column of titles; of several, the one that speaks of the item: movie_title beside movie_id."""
        stem = _key(table.names[item]).removesuffix("id").removesuffix("s")
        if stem and self.mapping.title == _default("title") and not _named(self.mapping.title, table):
            for name in (f"{stem}title", f"{stem}name"):
                if places := _named(name, table):
                    return self._one("title", places, table)
        return self.needed("title", table)

    def _one(self, role: str, places: list[int], table: Names) -> int:
        """The only one of the columns that may have a role; it is noted where it is called otherwise."""
        given = getattr(self.mapping, role) or self.mapping.item  # items_item may be None
        if not places:
            raise _missing(role, given, table)
        place = _single(role, places, table)
        if _key(table.names[place]) != _key(given):
            self.taken[role] = table.names[place]
        return place


def _ids(table: Names) -> list[int]:
    """The columns that may be the id of an item, though under a name that is not known; `id` is that of the row."""
    no_items = {"id", *(name for role in ("user", "other") for names in _known(role) for name in names)}
    keys = enumerate(map(_key, table.names))
    return [place for place, key in keys if key in _known("item")[1] or (key.endswith("id") and key not in no_items)]


def _single(role: str, places: list[int], table: Names) -> int:
    if len(places) == 1:
        return places[0]
    names = list(dict.fromkeys(table.names[place] for place in places))
    if len(names) == 1:
        what, hint = f"more than one column is called {names[0]}", "rename or remove all but one"
    else:
        what = f"it is not clear which column holds the {role}: {' or '.join(names)}"
        hint = f"name it in the setting data.columns.{role}, for example {names[0]}"
    raise DataError(what, location=table.location, hint=hint)


def _missing(role: str, name: str, table: Names) -> DataError:
    there = ", ".join(table.names) or "none"
    ids = " (the id's, where there are no titles)" if role == "title" else ""
    hint = f"name the column that holds it in data.columns.{role}{ids}; the columns there are: {there}"
    if any(cell.strip().lstrip("-").replace(".", "", 1).isdigit() for cell in table.names):
        hint = f"these look like values: for a table without names set data.columns.has_header to false; {there}"
    return DataError(f"missing column: {name}", location=table.location, hint=hint)
