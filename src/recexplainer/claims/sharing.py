"""Which attributes of the catalogue a word or two stand for: "comedies", "the same author", "for kids".

It knows the brands, genres, platforms and title words of items, and everyday words for them (`sharing.yaml`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from recexplainer.claims.phrases import fold
from recexplainer.claims.stems import SHORTEST, is_form, stems_of, word_stem
from recexplainer.data.attributes import Attributes, join_words
from recexplainer.storage import packaged_yaml

SORTS = ("brand", "genre", "platform")
_QUOTED = re.compile(r"['‘’\"“”]")


@dataclass(frozen=True, slots=True)
class Meant:
    """What a phrase may stand for: attributes of one sort, or any attribute of that sort where `names` is empty."""

    sort: str
    names: frozenset[str]


class AttributeReader:
    """Tells what is meant by a phrase, by the attributes of `[items]`."""

    def __init__(self, titles: Sequence[str], attributes: Attributes) -> None:
        self._titles = titles
        brands = [(brand,) if brand else () for brand in attributes.brands]
        lists: Mapping[str, Sequence[Sequence[str]]] = {
            "brand": brands,
            "genre": attributes.genres,
            "platform": attributes.platforms,
        }
        self.names = {sort: [{fold(name): name for name in names} for names in items] for sort, items in lists.items()}
        self._known = {sort: frozenset[str]().union(*items) for sort, items in self.names.items()}
        self._owners: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        for sort, known in self._known.items():
            for name in known:
                for stem in stems_of(name):
                    self._owners[stem].add((sort, name))
                    self._owners[stem[:SHORTEST]].add((sort, name))

    def meant(self, phrase: str, sort: str = "") -> list[Meant]:
        """What a phrase stands for, the most exact alone; `sort` where the text names it. [] if nothing is known."""
        sorts = (sort,) if sort else SORTS
        folded = fold(phrase)
        if exact := [Meant(one, frozenset({folded})) for one in sorts if folded in self._known[one]]:
            return exact
        stems = _telling(phrase)
        found = defaultdict[str, set[str]](set)
        for one, name in self._alike(stems):
            if one in sorts and (not sort or len(stems) == len(_telling(name))):
                found[one].add(name)
        if found:
            return [Meant(one, frozenset(names)) for one, names in found.items()]
        generic = [one for one in sorts if set(stems_of(phrase)) & _generic()[one]]
        return [Meant(one, frozenset()) for one in generic[:1]]

    def has(self, item: int, meant: Meant) -> list[str]:
        """The names of an item that are meant, as the catalogue writes them."""
        own = self.names[meant.sort][item]
        return [written for name, written in own.items() if not meant.names or name in meant.names]

    def in_words(self, item: int, sort: str) -> str:
        """An item's names of a sort: "comedy and drama"."""
        return join_words(list(self.names[sort][item].values()))

    def has_word(self, item: int, word: str) -> bool:
        """Whether a title has a word, in whatever form."""
        return bool(wanted := stems_of(word)) and set(wanted) <= set(stems_of(self._titles[item]))

    def _alike(self, stems: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Attributes of which the phrase has all telling words, or that have all of the phrase's."""
        asked = {one for stem in stems for one in (stem, *_synonyms().get(stem, ()))}
        near = {owner for stem in asked for owner in (*self._owners.get(stem, ()), *self._by_beginning(stem))}
        for sort, name in sorted(near):
            own = set(_telling(name)) or set(stems_of(name))
            same = {one for one in own if any(is_form(one, other) for other in asked)}
            covered = {
                one
                for one in stems
                if any(is_form(other, each) for each in (one, *_synonyms().get(one, ())) for other in own)
            }
            if same == own or (same and len(covered) == len(stems)):
                yield sort, name

    def _by_beginning(self, stem: str) -> set[tuple[str, str]]:
        return self._owners.get(stem[:SHORTEST], set()) if len(stem) >= SHORTEST else set()


def quoted_word(phrase: str) -> str:
    """The word that a phrase quotes, else the phrase."""
    parts = _QUOTED.split(phrase)
    return parts[1].strip() if len(parts) > 2 and parts[1].strip() else phrase


def _telling(phrase: str) -> list[str]:
    return [stem for stem in stems_of(phrase) if stem not in _generic()["none"] and len(stem) > 1]


@cache
def _generic() -> dict[str, frozenset[str]]:
    """Words for a sort of attribute ("author"), and those that tell nothing ("same")."""
    words: dict[str, list[str]] = packaged_yaml("recexplainer.claims", "sharing.yaml")["words"]
    return {sort: frozenset(word_stem(one) for one in every) for sort, every in words.items()}


@cache
def _synonyms() -> dict[str, tuple[str, ...]]:
    """For each word the others that mean the same."""
    groups: list[list[str]] = packaged_yaml("recexplainer.claims", "sharing.yaml")["synonyms"]
    found: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for group in groups:
        stems = [word_stem(word) for phrase in group for word in fold(phrase).split()]
        for stem in stems:
            found[stem] += tuple(other for other in stems if other != stem)
    return dict(found)
