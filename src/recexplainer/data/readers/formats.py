"""The formats that this package reads: RecBole's atomic files, Amazon, MovieLens, Steam, and any table.

It knows the names of their files, and the keys and columns of each edition. Of a review only who, what and when is
kept; a rating counts as an interaction, whatever its stars. Tables are CSV, TSV, Parquet or JSON Lines (text also as
.gz), with a mapping of columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import polars as pl

from recexplainer.data.cleaning import ITEM_COLUMNS, require_columns
from recexplainer.data.dataset import Dataset
from recexplainer.data.readers import files
from recexplainer.data.readers.files import Reader, files_named, plain_name, stem_of
from recexplainer.errors import DataError
from recexplainer.settings import Settings

# RecBole: what public data sets call a column of the catalogue, the better name first.
_RECBOLE_ITEM_FIELDS: dict[str, tuple[str, ...]] = {
    "item_id": ("item_id",),
    "title": ("title", "movie_title", "name"),
    "description": ("description",),
    "brand": ("brand",),
    "genres": ("genres", "genre", "class", "categories"),
    "platforms": ("platforms", "platform"),
    "features": ("features",),
    "release_year": ("release_year", "year"),
}


_recbole_files = partial(files_named, pattern=r".+\.inter")


def _read_recbole(path: Path) -> Dataset:
    """Columns `token_seq` of genres and platforms are lists of words; a title, though `token_seq` too, is one text."""
    inters = _recbole_files(path) if path.is_dir() else [path]
    tables = files_named(path if path.is_dir() else path.parent, r".+\.item")
    if len(inters) == 1:
        tables = [file for file in tables if stem_of(file) == stem_of(inters[0])] or tables
    hint = "leave one pair in the folder, or name the .inter file itself"
    wanted = "exactly one .inter file and one .item file, plain or .gz"
    inter_file, item_file = files.require_pair(path, inters, tables, wanted, hint)
    interactions = _read_atomic(inter_file)
    require_columns(interactions, ("user_id", "item_id"), str(inter_file))
    return Dataset.from_frames(interactions, _recbole_items(item_file), name=files.dataset_name(path))


def _recbole_items(path: Path) -> pl.DataFrame:
    raw = _read_atomic(path)
    there = {ours: [name for name in theirs if name in raw.columns] for ours, theirs in _RECBOLE_ITEM_FIELDS.items()}
    require_columns(raw, [ours for ours in ("item_id", "title") if not there[ours]], str(path))
    catalogue = raw.select(pl.col(names[0]).alias(ours) for ours, names in there.items() if names)
    return catalogue.with_columns(pl.col(name).str.split(" ") for name in ("genres", "platforms") if there[name])


def _read_atomic(path: Path) -> pl.DataFrame:
    """The columns of an atomic file as text, named without their types; an empty field is null."""
    table = files.read_separated(path, "\t", quoted=False)
    if untyped := [column for column in table.columns if ":" not in column]:
        what = f"a heading must read field:type, as user_id:token does; these do not: {', '.join(untyped)}"
        hint = "add the types, or rename the file to .tsv to read it as a plain table"
        raise DataError(what, location=f"{path}, line 1", hint=hint)
    names = [column.rpartition(":")[0].strip() for column in table.columns]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        what = f"more than one column is called {', '.join(twice)}"
        raise DataError(what, location=f"{path}, line 1", hint="rename or remove all but one")
    return table.rename(dict(zip(table.columns, names, strict=True)))


class _Edition(NamedTuple):
    """The keys of Amazon's reviews and items, theirs to ours, and what its times count: ticks a second."""

    reviews: dict[str, str]
    items: dict[str, str]
    per_second: int


_AMAZON_EDITIONS = (
    _Edition(  # of 2018
        {"reviewerID": "user_id", "asin": "item_id", "unixReviewTime": "timestamp"},
        {"asin": "item_id", "brand": "brand", "category": "genres", "feature": "features"},
        1,
    ),
    _Edition(  # of 2023
        {"user_id": "user_id", "parent_asin": "item_id", "timestamp": "timestamp"},
        {"parent_asin": "item_id", "store": "brand", "categories": "genres", "features": "features"},
        1000,
    ),
)
_PAGE_CODE = "getTime"  # some titles of 2018 are a script of the shop's page


def _amazon_files(folder: Path) -> list[Path]:
    """Files `meta_NAME.json` (or `.jsonl`) of items, and `NAME.json`, `NAME_5.json` and the like of reviews."""
    names = [stem_of(file).removeprefix("meta_") for file in files_named(folder, r"meta_.+\.jsonl?")]
    wanted = tuple(f"{prefix}{name}_" for name in names for prefix in ("", "meta_"))
    return [file for file in files_named(folder, r".+\.jsonl?") if f"{stem_of(file)}_".startswith(wanted)]


def _read_amazon(path: Path) -> Dataset:
    there = _amazon_files(path if path.is_dir() else path.parent)
    items = [file for file in there if stem_of(file).startswith("meta_")]
    reviews = [file for file in there if file not in items] if path.is_dir() else [path]
    if not path.is_dir():
        fitting = [file for file in items if f"meta_{stem_of(path)}_".startswith(f"{stem_of(file)}_")]
        items = sorted(fitting, key=lambda file: len(stem_of(file)))[-1:]  # the longest name is the nearest
    hint = "put NAME.json.gz and meta_NAME.json.gz (or .jsonl) in one folder, or name the file of reviews"
    events_file, items_file = files.require_pair(path, reviews, items, "one file of reviews and one of items", hint)
    edition = _amazon_edition(events_file)
    kinds = (pl.Categorical(), pl.Categorical(), pl.Int64())
    events = files.read_json_lines(events_file, dict(zip(edition.reviews, kinds, strict=True)))
    files.require_keys(events, tuple(edition.reviews), events_file)
    events = events.rename(edition.reviews)
    events = events.with_columns(files.unix_times(events["timestamp"], events_file, per_second=edition.per_second))
    return Dataset.from_frames(events, _amazon_items(items_file, edition), name=files.dataset_name(path))


def _amazon_edition(path: Path) -> _Edition:
    keys = files.first_keys(path)
    by_user_key = {next(iter(edition.reviews)): edition for edition in _AMAZON_EDITIONS}
    for user_key, edition in by_user_key.items():
        if user_key in keys:
            return edition
    hint = f"give reviews of 2018 or 2023, or map columns; the keys there are: {', '.join(keys)}"
    raise DataError(f"missing key: {' or '.join(by_user_key)}", location=f"{path}, first line", hint=hint)


def _amazon_items(path: Path, edition: _Edition) -> pl.DataFrame:
    names = {"title": "title", "description": "description", **edition.items}
    lists = ("description", "genres", "features")
    schema = {theirs: pl.List(pl.String()) if ours in lists else pl.String() for theirs, ours in names.items()}
    items = files.read_json_lines(path, schema)
    files.require_keys(items, [theirs for theirs, ours in names.items() if ours in ("item_id", "title")], path)
    title = pl.when(~pl.col("title").str.contains(_PAGE_CODE, literal=True)).then(pl.col("title")).alias("title")
    return items.with_columns(title).rename(names)


# MovieLens: ratings and films of 100K, of 1M and 10M, of 20M and later.
_MOVIELENS_EDITIONS = (("u.data", "u.item"), ("ratings.dat", "movies.dat"), ("ratings.csv", "movies.csv"))
_MOVIELENS_SEPARATORS = {"u.data": "\t", "u.item": "|", "ratings.dat": "::", "movies.dat": "::"}
# The genres of u.item, each a column of 0 and 1; the first stands for none.
# fmt: off
_MOVIELENS_FLAGS = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)
# fmt: on


def _movielens_files(folder: Path) -> list[Path]:
    """The files of MovieLens; `ratings.csv` and `movies.csv`, which anybody may have, only where both are there."""
    csv = files_named(folder, r"(ratings|movies|links|tags)\.csv")
    both = {"ratings.csv", "movies.csv"} <= {plain_name(file) for file in csv}
    return [*files_named(folder, r"u\.(data|item)|(ratings|movies)\.dat"), *(csv if both else ())]


def _read_movielens(path: Path) -> Dataset:
    """Films keep the year in their titles; it also distinguishes titles that were shortened before it."""
    folder = path if path.is_dir() else path.parent
    there = {plain_name(file): file for file in _movielens_files(folder)}
    wanted = set(there) if path.is_dir() else {plain_name(path)}
    editions = [pair for pair in _MOVIELENS_EDITIONS if wanted.intersection(pair)]
    found = [[there[pair[side]] for pair in editions if pair[side] in there] for side in (0, 1)]
    hint = f"put one of these pairs in the folder: {'; '.join(' and '.join(pair) for pair in _MOVIELENS_EDITIONS)}"
    pair = files.require_pair(path, found[0], found[1], "the ratings and the films of one edition", hint)
    ratings = _movielens_columns(pair[0], ("userId", "movieId", "rating", "timestamp"))
    times = files.unix_times(ratings["timestamp"], pair[0])
    events = ratings.select(pl.col("userId").alias("user_id"), pl.col("movieId").alias("item_id"), times)
    return Dataset.from_frames(events, _movielens_films(pair[1]), name=folder.name)


def _movielens_columns(path: Path, columns: Sequence[str]) -> pl.DataFrame:
    """These columns as text; a file without a heading has them in this order."""
    separator = _MOVIELENS_SEPARATORS.get(plain_name(path))
    if separator is None:
        table = files.read_separated(path, ",")
        require_columns(table, columns, str(path))
        return table.select(columns)
    table = files.read_separated(path, separator, has_header=False, quoted=False, latin=True)
    if table.width < len(columns):
        what = f"missing columns: a line has {table.width} fields, not {len(columns)}"
        hint = "copy the file again as it came from MovieLens"
        raise DataError(what, location=f"{path}, line 1", hint=hint)
    return table.select(pl.col(there).alias(column) for there, column in zip(table.columns, columns, strict=False))


def _movielens_films(path: Path) -> pl.DataFrame:
    """The catalogue, with the year that stands in parentheses at the end of a title."""
    if plain_name(path) == "u.item":
        films = _movielens_columns(path, ("movieId", "title", "released", "video", "url", *_MOVIELENS_FLAGS))
        genres = pl.concat_list(pl.when(pl.col(flag) == "1").then(pl.lit(flag)) for flag in _MOVIELENS_FLAGS[1:])
    else:
        films = _movielens_columns(path, ("movieId", "title", "genres"))
        genres = pl.when(pl.col("genres") != "(no genres listed)").then(pl.col("genres").str.split("|"))
    year = pl.col("title").str.extract(r"\((\d{4})\)\s*$").alias("release_year")
    return films.select(pl.col("movieId").alias("item_id"), "title", genres.alias("genres"), year)


_steam_files = partial(files_named, pattern=r"steam_(reviews|games).*\.json|steam[-_](200k|play).*\.csv")


def _read_steam(path: Path) -> Dataset:
    """Reviews and games as Python dictionaries (UCSD), or hours played as CSV (Kaggle)."""
    there = _steam_files(path if path.is_dir() else path.parent)
    games = [file for file in there if stem_of(file).startswith("steam_games")]
    events = [file for file in (there if path.is_dir() else [path]) if file not in games]
    name = files.dataset_name(path)
    if len(events) == 1 and files.kind_of(events[0]) == ".csv":
        plays = _steam_plays(events[0])
        titles = plays.select("item_id", pl.col("item_id").alias("title")).unique("item_id", maintain_order=True)
        return Dataset.from_frames(plays, titles, name=name)
    hint = "put steam_reviews.json.gz and steam_games.json.gz in one folder, or name the file of interactions"
    wanted = "one file of reviews and one of games, or one of hours played"
    reviews_file, games_file = files.require_pair(path, events, games, wanted, hint)
    names = {"username": "user_id", "product_id": "item_id", "date": "timestamp"}
    kinds = {key: pl.String() if key == "date" else pl.Categorical() for key in names}
    reviews = files.read_literal_lines(reviews_file, kinds)
    files.require_keys(reviews, tuple(names), reviews_file)
    reviews = reviews.with_columns(files.unix_times(reviews["date"], reviews_file, dated=True)).rename(names)
    return Dataset.from_frames(reviews, _steam_games(games_file), name=name)


def _steam_games(path: Path) -> pl.DataFrame:
    """The title of a game that has none is its `app_name`; its brand is the developer, else the publisher."""
    texts = ("id", "title", "app_name", "developer", "publisher", "release_date")
    kinds: dict[str, pl.DataType] = dict.fromkeys(texts, pl.String())
    games = files.read_literal_lines(path, kinds | dict.fromkeys(("genres", "tags", "specs"), pl.List(pl.String())))
    games = games.with_columns(pl.coalesce("title", "app_name").alias("title"))
    files.require_keys(games, ("id", "title"), path)
    return games.select(
        pl.col("id").alias("item_id"),
        "title",
        pl.coalesce("developer", "publisher").alias("brand"),
        pl.coalesce("genres", "tags").alias("genres"),
        pl.col("specs").alias("features"),
        pl.col("release_date").str.extract(r"(\d{4})").alias("release_year"),
    )


def _steam_plays(path: Path) -> pl.DataFrame:
    """Who played what, in the order of rows. Without a heading a third column separates playing from purchases."""
    table = files.read_separated(path, ",", has_header=False, ragged_lines=True)
    if table.width > 2 and table.to_series(2).is_in(("play", "purchase")).fill_null(value=False).all():
        return table.filter(pl.nth(2) == "play").select(pl.nth(0).alias("user_id"), pl.nth(1).alias("item_id"))
    names = {"user-id": "user_id", "game-title": "item_id"}
    heading = [field or f"column_{number}" for number, field in enumerate(table.row(0), 1)]
    columns = pl.DataFrame(
        {theirs: table.to_series(heading.index(theirs))[1:] for theirs in names if theirs in heading}
    )
    require_columns(columns, tuple(names), str(path))
    return columns.rename(names)


_TABLE_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_TABLE_KINDS = (*_TABLE_SEPARATORS, ".jsonl", ".ndjson", ".json", ".parquet")
_TABLE_ITEM_FIELDS = ("title", "description", "brand", "genres", "platforms", "features", "release_year")


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


def read_table(path: Path, columns: ColumnMapping | None = None) -> Dataset:
    """Reads interactions and items from two tables, or from one that holds titles too.

    `path` is a folder of tables, or the file of interactions. Raises DataError where a file or column is missing, or a
    file cannot be read.
    """
    columns = columns or ColumnMapping()
    interactions_file = _interactions_file(path, columns)
    items_file = _items_file(interactions_file, columns)
    raw = _read_table_file(interactions_file, columns)
    events = {"user_id": columns.user, "item_id": columns.item, "timestamp": columns.timestamp}
    interactions = _pick(raw, events, ("user_id", "item_id"), interactions_file)
    names = {"item_id": columns.item, **{name: getattr(columns, name) for name in _TABLE_ITEM_FIELDS}}
    if items_file is None:
        items = _pick(raw, names, ("item_id", "title"), interactions_file)
        items = items.drop_nulls("title").unique(subset="item_id", keep="first", maintain_order=True)
    else:
        names["item_id"] = columns.items_item or columns.item
        items = _pick(_read_table_file(items_file, columns), names, ("item_id", "title"), items_file)
    lists = [name for name, kind in ITEM_COLUMNS.items() if kind.is_nested() and name in items.columns]
    texts = [name for name in lists if items[name].dtype == pl.String]
    items = items.with_columns(pl.col(name).str.split(columns.list_separator) for name in texts)
    return Dataset.from_frames(interactions, items, name=files.dataset_name(path))


def _table_files(folder: Path) -> list[Path]:
    """The tables of a folder, other than the files of data sets that are known by name."""
    known = {file for reader in (AMAZON, MOVIELENS, STEAM) for file in reader.files(folder)}
    return [file for file in _tables(folder) if file not in known]


def _tables(folder: Path, pattern: str = ".+") -> list[Path]:
    return [file for file in files_named(folder, pattern) if files.kind_of(file) in _TABLE_KINDS]


def _interactions_file(path: Path, columns: ColumnMapping) -> Path:
    if path.is_file():
        return path
    if columns.interactions_file is not None:
        return path / columns.interactions_file
    tables = _tables(path)
    named = tables if len(tables) == 1 else _tables(path, r"interactions\..+")
    if len(named) != 1:
        there = ", ".join(file.name for file in tables) or "no table"
        what = f"it is not clear which file holds the interactions; there: {there}"
        hint = "call it interactions.csv (or .tsv, .parquet, .jsonl), or set data.columns.interactions_file"
        raise DataError(what, location=str(path), hint=hint)
    return named[0]


def _items_file(interactions_file: Path, columns: ColumnMapping) -> Path | None:
    if columns.items_file is not None:
        return interactions_file.parent / columns.items_file
    named = [file for file in _tables(interactions_file.parent, r"items\..+") if file != interactions_file]
    if len(named) > 1:
        what = f"several files of items: {', '.join(file.name for file in named)}"
        raise DataError(what, location=str(interactions_file.parent), hint="set data.columns.items_file")
    return named[0] if named else None


def _read_table_file(path: Path, columns: ColumnMapping) -> pl.DataFrame:
    kind = files.kind_of(path)
    if kind not in _TABLE_KINDS:
        what = f"'{kind}' is no table that can be read"
        raise DataError(what, location=str(path), hint=f"use one of {', '.join(_TABLE_KINDS)}")
    if kind == ".parquet":
        files.require_file(path)
        return files.parse_table(path, lambda: pl.read_parquet(path))
    if kind in _TABLE_SEPARATORS:
        separator = columns.separator or _TABLE_SEPARATORS[kind]
        return files.read_separated(path, separator, has_header=columns.has_header, ragged_lines=columns.ragged_lines)
    data = files.read_text_bytes(path)
    try:
        return files.parse_table(path, lambda: pl.read_ndjson(data, infer_schema_length=None))
    except DataError:
        files.require_json_lines(path, data)
        raise


def _pick(table: pl.DataFrame, wanted: dict[str, str | None], needed: tuple[str, ...], path: Path) -> pl.DataFrame:
    """The columns wanted under our names; what is needed, or was given another name than ours, must be there."""
    must = [theirs for ours, theirs in wanted.items() if theirs and (ours in needed or ours != theirs)]
    require_columns(table, must, str(path))
    return table.select(pl.col(theirs).alias(ours) for ours, theirs in wanted.items() if theirs in table.columns)


RECBOLE = Reader("recbole", "RecBole atomic files (.inter, .item)", _recbole_files, _read_recbole)
AMAZON = Reader("amazon", "Amazon reviews (NAME.json and meta_NAME.json)", _amazon_files, _read_amazon)
MOVIELENS = Reader("movielens", "MovieLens (u.data, ratings.dat or ratings.csv)", _movielens_files, _read_movielens)
STEAM = Reader("steam", "Steam (steam_reviews.json, steam-play.csv)", _steam_files, _read_steam)
TABLE = Reader("table", "a table (.csv, .tsv, .parquet, .jsonl)", _table_files, read_table)
