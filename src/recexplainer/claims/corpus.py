"""The corpus of free texts with labelled claims, as the reader learns from it and is measured by it.

A folder holds `catalogues/NAME.jsonl` (an item a line), `cases/NAME.jsonl` (what a recommender said), and texts in
`train.jsonl`, `development.jsonl` and `test.jsonl`; its data card says how they were written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from recexplainer.claims.claim import NEIGHBOUR, REST, ParsedClaim, StatedKind
from recexplainer.data.attributes import Attributes, distinctive_words
from recexplainer.evidence.evidence import Evidence

Part = Literal["train", "development", "test"]
_NEARNESS = re.compile(
    r"(?i)neighbou?r|clos|near|similar|alike|akin|\bkin\b|next to|relative|cousin|kindred|sibling|resembl|adjacent|"
    r"corner|side by side|match|alongside|next door|proxim|vicinity|cluster|"
    r"same (?:part|area|space|patch|orbit)|shoulder"
)
PARTS: tuple[Part, ...] = ("train", "development", "test")


@dataclass(frozen=True, slots=True)
class Label:
    """One claim that a text makes, as its writer labelled it.

    `item` is the number of a history item (0 is the oldest), None where it is about none; then `title` is the title as
    the text writes it, or "rest" of all other items. `value` is that of `claim.Claim`; of `shared` the attribute as
    the text names it.
    """

    kind: StatedKind
    start: int
    end: int
    item: int | None = None
    title: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text about a case; `mistakes` says in words what of it is false, () if nothing is meant to be."""

    id: str
    case: str
    writer: str
    text: str
    mistakes: tuple[str, ...]
    labels: tuple[Label, ...]


@dataclass(frozen=True)
class Catalogue:
    """The items of one catalogue: titles and attributes."""

    name: str
    titles: Sequence[str]
    attributes: Attributes

    @cached_property
    def index(self) -> dict[str, int]:
        """The number of each title."""
        return {title: item for item, title in enumerate(self.titles)}


@dataclass(frozen=True)
class Corpus:
    """All cases, with the catalogues that they are of, and the texts of each part."""

    catalogues: Mapping[str, Catalogue]
    cases: Mapping[str, Evidence]
    texts: Mapping[Part, Sequence[LabelledText]]

    def catalogue(self, text: LabelledText) -> Catalogue:
        """The catalogue that a text is about; a case is called NAME-NUMBER."""
        return self.catalogues[text.case.rsplit("-", 1)[0]]

    @classmethod
    def load(cls, folder: Path) -> Corpus:
        """The corpus in a folder. Raises OSError, KeyError or ValueError where it is not one."""
        catalogues: dict[str, Catalogue] = {}
        cases: dict[str, Evidence] = {}
        for file in sorted((folder / "catalogues").glob("*.jsonl")):
            rows = list(_rows(folder / "cases" / file.name))
            catalogue = catalogues[file.stem] = _catalogue(file.stem, list(_rows(file)), rows)
            cases |= {row["id"]: _evidence(row, catalogue) for row in rows}
        texts: dict[Part, Sequence[LabelledText]] = {
            part: [read_text(row) for row in _rows(folder / f"{part}.jsonl")] for part in PARTS
        }
        return cls(catalogues, cases, texts)


def read_text(row: Mapping[str, Any]) -> LabelledText:
    """A text of the corpus from its JSON object."""
    labels = tuple(Label(**label) for label in row["claims"])
    return LabelledText(row["id"], row["case"], row["writer"], row["text"], tuple(row["mistakes"]), labels)


def labelled_claims(text: LabelledText, case: Evidence) -> tuple[ParsedClaim, ...]:
    """The claims of a text as its labels say, as a reader without fault would parse them."""
    claims: list[ParsedClaim] = []
    for one in text.labels:
        item = case.history[one.item] if one.item is not None else None
        if one.kind in ("verdict", "rank", "popular"):
            item = case.item
        rest = one.title == REST
        value = REST if rest else "" if one.kind == "other" else one.value
        sort = NEIGHBOUR if one.kind == "shared" and is_nearness(one.value) else ""
        claims.append(ParsedClaim(one.kind, one.start, one.end, item, value, sort, "" if rest else one.title))
    return tuple(claims)


def is_nearness(value: str) -> bool:
    """Whether an attribute is that the recommender holds two items to be close."""
    return _NEARNESS.search(value) is not None


def read_labels(file: Path) -> dict[str, tuple[Label, ...]]:
    """A second person's labels, by the id of the text."""
    return {row["id"]: tuple(Label(**label) for label in row["claims"]) for row in _rows(file)}


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _catalogue(name: str, rows: Sequence[Mapping[str, Any]], cases: Sequence[Mapping[str, Any]]) -> Catalogue:
    """A catalogue; where its items have titles alone, with the attributes that the cases say they share."""
    titles = [row["title"] for row in rows]
    held = {
        title: _Held(row.get("brand", ""), row.get("genres", ()), row.get("platforms", ()))
        for title, row in zip(titles, rows, strict=True)
    }
    if not any(each.brand or each.genres or each.platforms for each in held.values()):
        for case in cases:
            for each in case["history"]:
                for phrase in each["shares"]:
                    held[each["title"]].add(phrase)
                    held[case["item_title"]].add(phrase)
    brands = [held[title].brand for title in titles]
    genres, platforms = (
        [tuple(held[title].genres) for title in titles],
        [tuple(held[title].platforms) for title in titles],
    )
    known = [(*names, brand) for names, brand in zip(platforms, brands, strict=True)]
    return Catalogue(name, titles, Attributes(brands, genres, platforms, distinctive_words(titles, known)))


class _Held:
    """The attributes of one item."""

    def __init__(self, brand: str, genres: Sequence[str], platforms: Sequence[str]) -> None:
        self.brand, self.genres, self.platforms = brand, dict.fromkeys(genres), dict.fromkeys(platforms)

    def add(self, phrase: str) -> None:
        """Take on an attribute from a phrase of evidence, such as "genre Comedy"."""
        sort, _, name = phrase.partition(" ")
        if sort == "brand":
            self.brand = name
        elif sort in ("genre", "platform"):
            (self.genres if sort == "genre" else self.platforms)[name] = None


def _evidence(row: Mapping[str, Any], catalogue: Catalogue) -> Evidence:
    """What the recommender said of a case; attributions are in standard deviations of the user's scores."""
    history = row["history"]
    return Evidence(
        history=tuple(catalogue.index[each["title"]] for each in history),
        item=catalogue.index[row["item_title"]],
        recommended=row["recommended"],
        score=0.0,
        rank=row["rank"],
        n_ranked=row["n_ranked"],
        attributions=tuple(each["effect"] for each in history),
        shared=tuple(tuple(each["shares"]) for each in history),
        recommended_share=row["recommended_share"],
        ablated_ranks=tuple(each["ablated_rank"] for each in history),
    )
