"""Which column holds what where names are not ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.data.readers.shop import events, is_whole, items, notes, warnings, write

from recexplainer.data.readers import ColumnMapping, read_folder
from recexplainer.data.readers.columns import Names, choose_columns
from recexplainer.errors import DataError


@pytest.mark.parametrize(
    ("of_events", "of_items", "chosen"),
    [
        ("user_id,item_id,timestamp", "Item ID,TITLE", ""),
        ("user,item,timestamp", "id,name", "item from item, items_item from id, user from user, title from name"),
        ("visitor_id,item_id,timestamp", "item_id,name", "user from visitor_id, title from name"),
        ("user_id,movie_id,timestamp", "movie_id,movie_title", "item from movie_id, title from movie_title"),
        ("user_id,widget_id,timestamp", "widget_id,title", "item from widget_id"),
        ("userId,movieId,timestamp", "movieId,title", "item from movieId"),
        ("customer_id,sku,timestamp", "sku,product_name", "item from sku, user from customer_id"),
    ],
)
def test_the_only_plausible_column_is_chosen(tmp_path: Path, of_events: str, of_items: str, chosen: str) -> None:
    dataset = read_folder(
        write(tmp_path, {"interactions.csv": events(names=of_events), "items.csv": items(names=of_items)})
    )
    assert is_whole(dataset) and not warnings(dataset)
    assert chosen in notes(dataset) if chosen else not notes(dataset)


@pytest.mark.parametrize(
    ("of_events", "of_items", "wanted"),
    [
        ("id,user_id,movie_id", "id,title", {"item_id": 2, "items": 0, "title": 1}),
        ("user_id,tracks_id", "tracks_id,name,artists_id", {"item_id": 1, "items": 0, "title": 1}),
        ("user_id,product_id", "app_name,id,title", {"item_id": 1, "items": 1, "title": 2}),
        ("review_id,user_id,business_id", "business_id,name,category", {"item_id": 2, "items": 0, "title": 1}),
        (
            "user_id,book_id",
            "id,book_id,goodreads_book_id,original_title,title",
            {"item_id": 1, "items": 1, "title": 4},
        ),
        ("asin,parent_asin,user_id", "parent_asin,title", {"item_id": 1, "items": 0, "title": 1}),
        ("user_id,movie_id", "movie_id,name,movie_name", {"item_id": 1, "items": 0, "title": 2}),
    ],
)
def test_the_item_is_what_both_tables_have(of_events: str, of_items: str, wanted: dict[str, int]) -> None:
    sides = [Names(tuple(names.split(",")), "x") for names in (of_events, of_items)]
    chosen = choose_columns(ColumnMapping(), *sides)
    found = {"item_id": chosen.events["item_id"], "items": chosen.items["item_id"], "title": chosen.items["title"]}
    assert found == wanted


@pytest.mark.parametrize(
    ("of_events", "of_items", "message", "hint"),
    [
        ("customer_id,visitor_id,item_id", "item_id,title", "the user: customer_id or visitor_id", "columns.user"),
        ("user_id,movie_id,film_id", "movie_id,film_id,title", "the item: movie_id or film_id", "columns.item"),
        ("user_id,item_id", "item_id,book_title,movie_title", "title: book_title or movie_title", "columns.title"),
        ("user_id,item_id,item_id", "item_id,title", "more than one column is called item_id", "rename"),
        ("user_id,item_id,x", "item_id,title,title", "more than one column is called title", "rename"),
        ("user_id,item_id,User_ID", "item_id,Title,TITLE", "title: Title or TITLE", "columns.title"),
        (
            "user_id,widget",
            "item_id,title",
            "missing column: item_id",
            "data.columns.item; the columns there are: user",
        ),
        ("user_id,item_id", "key,title", "missing column: item_id", "data.columns.items_item; the columns"),
        ("user_id,item_id", "item_id,what", "missing column: title", "data.columns.title (the id"),
    ],
)
def test_nothing_is_guessed(tmp_path: Path, of_events: str, of_items: str, message: str, hint: str) -> None:
    tables = {"interactions.csv": of_events, "items.csv": of_items}
    write(tmp_path, {name: f"{names}\n{'a,' * names.count(',')}b\n" for name, names in tables.items()})
    with pytest.raises(DataError, match=message) as caught:
        read_folder(tmp_path)
    assert hint in caught.value.hint


def test_columns_that_are_not_mapped_may_share_a_name(tmp_path: Path) -> None:
    table = events().replace("\n", ",1,2\n").replace("timestamp,1,2", "timestamp,x,x")
    assert is_whole(read_folder(write(tmp_path, {"interactions.csv": table, "items.csv": items()})))


def test_a_mapping_is_taken_in_any_case_and_its_column_must_be_there(tmp_path: Path) -> None:
    write(tmp_path, {"interactions.csv": events(names="Who,item_id,timestamp"), "items.csv": items()})
    assert is_whole(read_folder(tmp_path, ColumnMapping(user="who")))
    with pytest.raises(DataError, match="missing column: whom"):
        read_folder(tmp_path, ColumnMapping(user="whom"))
