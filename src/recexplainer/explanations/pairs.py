"""Pairs of a user and an item by their own ids, as the rows of a table name them. It knows neither files nor texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from recexplainer.data.dataset import Dataset
from recexplainer.errors import DataError
from recexplainer.recommenders.base import User

Pair = tuple[User, int]
"""A user with a history, and the index of an item."""
FindPair = Callable[[object, object], Pair]
"""Finds a user and an item, by own ids; raises DataError where there is no such user or item."""
Row = Mapping[str, Any]
COLUMNS = ("user", "item")
"""What a row about a pair must have."""
_RECORD = {"user", "item", "item_title", "history", "attributions"}  # keys by which a record of `--json` is known


def pairs_to_explain(rows: Iterable[tuple[str, Mapping[str, Any]]], find: FindPair) -> list[Pair]:
    """The pairs of rows, `[pairs]`, from where each row stands, for messages, and the row.

    Raises DataError, with the number of such rows, where a row has no user or no item, `find` does not find one, or a
    user has had nothing else.
    """
    pairs: list[Pair] = []
    wrong: list[DataError] = []
    for location, row in rows:
        try:
            require_values(location, row, COLUMNS)
            pairs.append(find_located(location, row, find))
        except DataError as error:
            wrong.append(error)
    if len(wrong) > 1:
        first, of_all = wrong[0], f"{len(wrong):,} of {len(wrong) + len(pairs):,} rows cannot be explained"
        raise DataError(f"{of_all}, the first: {first.what}", location=first.location, hint=first.hint) from first
    if wrong:
        raise wrong[0]
    return pairs


def with_own_ids(rows: Iterable[tuple[str, Mapping[str, Any]]], dataset: Dataset) -> Iterator[tuple[str, Row]]:
    """Rows as they are, and of records of explanations, whose items are indices, the user and the item's own id.

    Raises DataError where a record is about other data.
    """
    for location, row in rows:
        if not row.keys() >= _RECORD:
            yield location, row
            continue
        item, title = row["item"], row["item_title"]
        if not isinstance(item, int) or not 0 <= item < dataset.n_items or dataset.titles[item] != title:
            what = f"this explanation is about other data: there the item number {item} is “{title}”"
            raise DataError(what, location=location, hint="give rows with the own ids of users and items")
        yield location, {"user": row["user"], "item": dataset.item_ids[item]}


def require_values(location: str, row: Mapping[str, Any], columns: Sequence[str]) -> None:
    """Raises DataError, with the location of the row, where it has no value in one of these columns."""
    if missing := [name for name in columns if row.get(name) in (None, "")]:
        there = ", ".join(str(name) for name, value in row.items() if value not in (None, "")) or "none of them"
        hint = f"a row has {', '.join(columns)}; this one has {there}"
        raise DataError(f"there is no {missing[0]}", location=location, hint=hint)


def find_located(location: str, row: Mapping[str, Any], find: FindPair) -> Pair:
    """The pair of a row; a DataError of `find` gets the location of the row."""
    try:
        return find(row["user"], row["item"])
    except DataError as error:
        where = ", ".join(filter(None, (location, error.location)))
        raise DataError(error.what, location=where, hint=error.hint) from error


def known_pair(dataset: Dataset) -> FindPair:
    """Finds users and items of the data; histories are taken without the item, and a DataError if nothing is left."""

    def find(user: object, item: object) -> Pair:
        index, asked = dataset.user_index(user), dataset.item_index(item)
        history = tuple(seen for seen in dataset.history(index).tolist() if seen != asked)
        if not history:
            what = f"there is nothing to explain from: the user '{user}' has had nothing else"
            raise DataError(what, location=f"dataset '{dataset.name}'", hint="leave this pair out")
        return User(history, dataset.user_ids[index]), asked

    return find


def unseen_pair(dataset: Dataset) -> FindPair:
    """Finds users and items of the data; an item that the user has had is a DataError: nobody recommends it."""

    def find(user: object, item: object) -> Pair:
        index, asked = dataset.user_index(user), dataset.item_index(item)
        history = tuple(dataset.history(index).tolist())
        if asked in history:
            what = f"the user '{user}' has had the item '{item}' already"
            raise DataError(what, location=f"dataset '{dataset.name}'", hint="ask about an item that the user lacks")
        return User(history, dataset.user_ids[index]), asked

    return find
