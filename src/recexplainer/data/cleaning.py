"""Cleaning of raw tables: what is unusable is dropped, titles become unique, histories chronological; all counted.

It works on frames alone: it knows neither the Dataset that is built from them nor the file that they came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import polars as pl

from recexplainer.data.id_comparison import compare_ids
from recexplainer.data.ids import MISSING_WORDS, are_missing_words, clean_ids, mixed_ids, some_ids
from recexplainer.data.notes import Note, counted
from recexplainer.data.plain_text import looks_misread, plain_text, without_unseen
from recexplainer.data.times import Times, dates_as_text, read_times, unmapped_times
from recexplainer.data.titles import MAX_TITLE, look_key, normalise_title, shorten_title, unique_titles
from recexplainer.errors import DataError, first_line

# The columns of a catalogue. Only item_id and title are always there; a missing text is "", a missing list is [].
ITEM_COLUMNS: dict[str, pl.DataType] = {
    **dict.fromkeys(("item_id", "title", "description", "brand"), pl.String()),
    **dict.fromkeys(("genres", "platforms", "features"), pl.List(pl.String())),
}
_ID_COLUMNS = ("user_id", "item_id")
_SIDES = ("the interactions", "the catalogue")
_MOST = 0.5
_NOTED_SHARE, _MANY_ITEMS = 0.01, 20_000  # in a large catalogue, fewer events on unknown items are not looked into
_PAIR = pl.col("user").cast(pl.UInt64) * (1 << 32) + pl.col("item")  # a user and an item as one number


def as_polars(frame: Any, what: str) -> pl.DataFrame:
    """A frame of polars or pandas as one of polars; what pandas calls missing is null, and its index is dropped.

    Raises DataError where it is neither, or a column holds values of several kinds; that calls the frame `what`.
    """
    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if type(frame).__module__.partition(".")[0] != "pandas" or not hasattr(frame, "columns"):
        problem = f"this is neither a polars nor a pandas frame, but a {type(frame).__name__}"
        hint = "give a DataFrame; files are read by recexplainer.data.readers.read_folder"
        raise DataError(problem, location=what, hint=hint)
    if not frame.columns.is_unique:
        raise DataError("two columns have the same name", location=what, hint="rename or remove all but one")
    if named := [name for name in frame.index.names if name in _ID_COLUMNS and name not in frame.columns]:
        frame = frame.reset_index(named)
    return pl.DataFrame([_column_of_pandas(str(name), frame[name], what) for name in frame.columns])


def _column_of_pandas(name: str, column: Any, what: str) -> pl.Series:
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "f":
        return pl.Series(name, column.to_numpy()).fill_nan(None)
    values = column.astype(object).where(column.notna(), None).tolist()
    if name not in (*_ID_COLUMNS, *ITEM_COLUMNS) and str(column.dtype).startswith(("object", "period")):
        values = dates_as_text(values)
    try:
        return pl.Series(name, values)
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError) as error:
        location = f"{what}, column {name}"
        if name in _ID_COLUMNS:
            return mixed_ids(values, location).alias(name)
        if ITEM_COLUMNS.get(name) == pl.String or name == "release_year":
            return pl.Series(name, [None if value is None else str(value) for value in values], dtype=pl.String)
        problem = f"a column holds values of several kinds: {first_line(error)}"
        hint = "give numbers, dates, text or lists of text alone, or leave the column out"
        raise DataError(problem, location=location, hint=hint) from error


def list_column(values: Sequence[Sequence[str] | None]) -> pl.Series:
    """`List(String)[values]`; None is null. Built of all texts together, five times as fast as polars from lists."""
    owners = np.repeat(np.arange(len(values)), [len(value or ()) for value in values])
    texts = pl.Series([text for value in values for text in value or ()], dtype=pl.String)
    gathered = pl.DataFrame({"owner": owners, "texts": texts}).group_by("owner").agg("texts")
    rows = pl.DataFrame({"owner": np.arange(len(values)), "there": [value is not None for value in values]})
    column = pl.col("texts").fill_null(pl.lit([], dtype=pl.List(pl.String)))
    joined = rows.join(gathered, on="owner", how="left", maintain_order="left")
    return joined.select(pl.when("there").then(column)).to_series()


def require_columns(frame: pl.DataFrame, needed: Sequence[str], location: str) -> None:
    """Raises DataError, naming the columns that are there, unless `frame` has every needed column."""
    if missing := [column for column in needed if column not in frame.columns]:
        what = f"missing column{'s' if len(missing) > 1 else ''}: {', '.join(missing)}"
        hint = f"rename a column or map it; the columns there are: {', '.join(frame.columns) or 'none'}"
        raise DataError(what, location=location, hint=hint)


def clean_items(items: pl.DataFrame) -> tuple[pl.DataFrame, tuple[Note, ...]]:
    """Makes a catalogue, in file order with exactly the columns of `ITEM_COLUMNS`, of a raw item table; what was done.

    Dropped are items without an id or a title, and later items with an id seen before. Titles are normalised, shortened
    and made unique (compared without case, as the paper's evaluation does); a column `release_year` helps to
    distinguish shared ones. Raises DataError where a column is missing, or no item is left.
    """
    require_columns(items, ("item_id", "title"), "item table")
    ids = clean_ids(items["item_id"], "item table, column item_id")
    titles, title_notes = _titles(items["title"])
    normal = pl.Series("normal", [normalise_title(title) for title in titles], dtype=pl.String)
    raw = items.with_columns(ids.values.cast(pl.String), pl.Series("title", titles, dtype=pl.String), normal)
    titled = raw.filter(pl.col("item_id").is_not_null() & (pl.col("normal") != ""))
    unique = titled.unique(subset="item_id", keep="first", maintain_order=True)
    if unique.is_empty():
        raise DataError("no item has both an id and a title", location="item table", hint="check the columns mapped")
    attributes, missing = _attributes(unique)
    columns = {"item_id": unique["item_id"], **attributes}
    short = [shorten_title(title) for title in unique["normal"].to_list()]
    years = _texts(unique["release_year"]) if "release_year" in unique.columns else [""] * unique.height
    platforms = [" ".join(names[:1]) for names in columns["platforms"].to_list()]
    named = unique_titles(short, (columns["brand"].to_list(), platforms, years), unique["item_id"].to_list())
    columns["title"] = pl.Series("title", named, dtype=pl.String)
    unseen = pl.Series([without_unseen(title) != title for title in unique["title"].to_list()])
    corrected = int(((unique["title"] != unique["normal"]) & ~unseen).sum())
    shortened = int((unique["normal"] != pl.Series(short)).sum())
    shared = int(pl.Series([look_key(title) for title in short]).is_duplicated().sum())
    notes = counted(
        ("items without an id or a title dropped", raw.height - titled.height),
        ("items with an id seen before dropped", titled.height - unique.height),
        ("titles with odd spaces, HTML, semicolons or curly quotes corrected", corrected),
        ("titles with control characters, or characters without width, which were removed", int(unseen.sum())),
        (f"titles over {MAX_TITLE} characters shortened", shortened),
        ("words such as nan or None in brand, genres and the like taken as missing", missing),
        ("items that shared a title given a brand, platform, year or id behind it", shared),
    )
    catalogue = pl.DataFrame([columns[name] for name in ITEM_COLUMNS])
    return catalogue, ids.notes + title_notes + _misread(unique["title"].to_list()) + notes


def _misread(titles: Sequence[str]) -> tuple[Note, ...]:
    """A warning where titles look as if their file was read or written in a wrong encoding."""
    odd = [title for title in titles if looks_misread(title)]
    what = f"titles that were once read in a wrong encoding, such as '{odd[0]}': write the file as UTF-8" if odd else ""
    return (Note(what, len(odd), warning=True),) if odd else ()


def clean_interactions(
    interactions: pl.DataFrame, catalogue: pl.DataFrame, *, day_first: bool | None = None
) -> tuple[pl.DataFrame, tuple[Note, ...]]:
    """Makes chronological histories of a raw interaction table, and notes what was done.

    The table has `user_id`, `item_id` and, where known, `timestamp` (numbers, dates, or text of either); without it the
    order of rows is the order in time. Interactions with items that the catalogue lacks are dropped. The result has
    `user_id` and `item` (its row in the catalogue): users in order of first appearance, each user's items oldest
    first and at most once (the first time counts). `day_first` says how a date such as 03/04/2023 is meant.

    Raises DataError where a column is missing or cannot be read, or nothing is left.
    """
    require_columns(interactions, ("user_id", "item_id"), "interaction table")
    item_ids, titles = catalogue["item_id"], catalogue["title"]
    times = _times(interactions, day_first)
    timed = times.values is not None
    time = pl.zeros(interactions.height, pl.Int64, eager=True) if times.values is None else times.values
    ids = [clean_ids(interactions[name], f"interaction table, column {name}") for name in _ID_COLUMNS]
    events = pl.DataFrame([*(one.values for one in ids), time.alias("timestamp")])
    events = events if times.impossible is None else events.filter(~times.impossible)
    whole = events.drop_nulls()
    items = _first_positions(item_ids.cast(pl.Categorical), whole["item_id"]).alias("item")
    users = _first_positions(whole["user_id"], whole["user_id"]).alias("user")
    known = pl.DataFrame([users, items, whole["timestamp"]]).drop_nulls("item")
    unknown = whole.filter(items.is_null())
    known = known.sort("timestamp", maintain_order=True).sort("user", maintain_order=True)
    pairs = known.select(_PAIR.alias("pair"), "timestamp")
    fresh = np.zeros(known.height, dtype=np.bool_)
    fresh[pairs["pair"].arg_unique().to_numpy()] = True  # as is_first_distinct, three times as fast
    new = pl.Series(fresh)
    first = known.filter(new)
    if timed:  # one user has the same item at the same time once more; without times, once more running
        repeated = pairs.filter(pairs["pair"].is_in(pairs["pair"].filter(~new).unique().implode()))
        twice = repeated.height - repeated.n_unique()
    else:
        twice = int((pairs["pair"] == pairs["pair"].shift()).sum())
    notes = counted(
        ("events without a user, an item or a readable time dropped", events.height - whole.height),
        ("events on items outside the catalogue or without a title dropped", whole.height - known.height),
        ("events seen twice dropped", twice),
        ("returns to an item already in the history dropped", known.height - twice - first.height),
        ("events at the same time as another of their user, in the order of rows", _ties(first) if timed else 0),
    )
    notes = times.notes + notes
    if first.is_empty():
        counts = "; ".join(f"{note.what}: {note.count:,}" for note in notes)
        where = f"interaction table of {events.height:,} rows ({counts})"
        problem, hint = _nothing_left(whole, item_ids, titles)
        raise DataError(problem, location=where, hint=hint)
    notes = (*ids[0].notes, *ids[1].notes, *_strange_items(whole["item_id"], unknown["item_id"], item_ids), *notes)
    return first.select(whole["user_id"].gather(first["user"]), "item"), notes


def _nothing_left(events: pl.DataFrame, item_ids: pl.Series, titles: pl.Series) -> tuple[str, str]:
    """What is wrong, and a hint, where no event is on an item of the catalogue."""
    if events.is_empty():
        return "no interaction is left after cleaning", "check the columns mapped"
    users, items = (events[name].unique(maintain_order=True).cast(pl.String) for name in _ID_COLUMNS)
    both = f"the interactions have {some_ids(items)}, the catalogue {some_ids(item_ids)}"
    problem = f"no interaction is left after cleaning: no item of the interactions is in the catalogue; {both}"
    if int(users.is_in(item_ids.implode()).sum()) > _MOST * len(users):
        return problem, "the ids of users are those of the catalogue: map the columns the other way round"
    if int(items.str.to_lowercase().is_in(titles.str.to_lowercase().implode()).sum()) > _MOST * len(items):
        return problem, "the interactions name items by their titles: map the title as the id of the items, too"
    difference = compare_ids(items, item_ids, _SIDES)
    return problem, difference.sentence if difference else "check that both tables name items by the same ids"


def _ties(events: pl.DataFrame) -> int:
    """How many of a user's events share their time with the one before; 0 where those are few."""
    before = events.select(pl.col("user", "timestamp").shift())
    ties = int(((events["user"] == before["user"]) & (events["timestamp"] == before["timestamp"])).sum())
    return ties if ties > events.height / 4 else 0


def _strange_items(sought: pl.Series, unknown: pl.Series, item_ids: pl.Series) -> tuple[Note, ...]:
    """A warning, if events are on unknown items because ids are spelled differently, or most events are on such."""
    few = len(unknown) < _NOTED_SHARE * len(sought) and len(item_ids) > _MANY_ITEMS
    if unknown.is_empty() or few:
        return ()
    items = sought.unique(maintain_order=True).cast(pl.String)
    difference = compare_ids(items, item_ids, _SIDES, thorough=False)
    if difference is None and len(unknown) <= _MOST * len(sought):
        return ()
    share = f"{len(unknown) / len(sought):.0%} of the events are on items that the catalogue lacks, or has no title of"
    both = f"the interactions have {some_ids(unknown.unique(maintain_order=True))}, the catalogue {some_ids(item_ids)}"
    return (Note(f"{share}: {difference.sentence if difference else both}", len(unknown), warning=True),)


def _titles(column: pl.Series) -> tuple[list[str], tuple[Note, ...]]:
    """Titles as text, "" where there is none; several that are words for a missing value are none."""
    titles = pl.Series(_texts(column), dtype=pl.String)
    words = are_missing_words(titles) | titles.str.strip_chars().is_in(["-", "--"])
    count = int(words.sum())
    taken = "taken as missing" if count > 1 else "kept: is it a title?"
    notes = (Note(f"item table, column title: values such as nan, None or NULL {taken}", count, warning=True),)
    return (titles.set(words, "") if count > 1 else titles).to_list(), notes if count else ()


def _as_text(column: pl.Series) -> pl.Series:
    if not column.dtype.is_nested():
        with suppress(pl.exceptions.PolarsError):
            return column.cast(pl.String)
    what = f"a value must be text or a number, not {column.dtype}"
    hint = "map another column, or write one text or number a row"
    raise DataError(what, location=f"column {column.name}", hint=hint)


def _times(interactions: pl.DataFrame, day_first: bool | None) -> Times:
    """The times of interactions; where there are none, what to say of that."""
    times = Times(None)
    if "timestamp" in interactions.columns:
        location = "interaction table, column timestamp"
        times = read_times(interactions["timestamp"], location, day_first=day_first)
    if times.values is None and not times.notes:
        none = Note("interactions without a time: the order of rows was taken", interactions.height)
        times = times._replace(notes=(unmapped_times(interactions) or none,))
    return times


def _first_positions(texts: pl.Series, sought: pl.Series) -> pl.Series:
    """Where each category of `sought` first stands in `texts`, null where it does not; by a table, not by search."""
    codes, wanted = texts.to_physical().to_numpy(), sought.to_physical().to_numpy()
    table = np.full(max(codes.max(initial=0), wanted.max(initial=0)) + 1, -1, dtype=np.int64)
    table[codes[::-1]] = np.arange(len(codes))[::-1]
    positions = pl.Series(table[wanted])
    return positions.set(positions < 0, None).cast(pl.UInt32)


def _strings(value: object) -> list[str]:
    """All texts within a cell, however nested, without blanks."""
    if isinstance(value, list):
        return [text for part in value for text in _strings(part)]
    text = "" if value is None else plain_text(str(value))
    return [text] if text else []


def _texts(column: pl.Series) -> list[str]:
    if column.dtype.is_nested():
        return [" ".join(_strings(value)) for value in column.to_list()]
    return _as_text(column).fill_null("").to_list()


def _attributes(items: pl.DataFrame) -> tuple[dict[str, pl.Series], int]:
    """The columns of the catalogue but id and title, each in its type; how many words for a missing value were in."""
    columns: dict[str, pl.Series] = {}
    missing = 0
    for name, kind in list(ITEM_COLUMNS.items())[2:]:
        given = [_strings(value) for value in items[name].to_list()] if name in items.columns else [[]] * items.height
        cells = [[text for text in cell if text not in MISSING_WORDS] for cell in given]
        missing += sum(map(len, given)) - sum(map(len, cells))
        if kind.is_nested():
            columns[name] = list_column([list(dict.fromkeys(cell)) for cell in cells]).alias(name)
        else:
            columns[name] = pl.Series(name, [" ".join(cell) for cell in cells], dtype=kind)
    return columns, missing
