"""The columns of a table: what they hold, by a mapping."""

from __future__ import annotations

from recexplainer.settings import Settings


class ColumnMapping(Settings):
    """Which files and columns hold what.

    A column that keeps its default name may be absent where it is not needed; one that was named must be there.
    Without a header the columns are called column_1, column_2, ….
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
    """What separates the fields of a line; None: comma for .csv, tab for .tsv."""
    has_header: bool = True
    """Whether the first line of a CSV or TSV names the columns."""
    ragged_lines: bool = False
    """Accept lines that have more fields than the header; the surplus fields are dropped."""
