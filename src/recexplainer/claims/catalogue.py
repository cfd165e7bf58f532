"""What two items share by the catalogue: the check of what a text says is shared. It reads no text."""

from __future__ import annotations

from collections.abc import Sequence

from recexplainer.claims.claim import ClaimStatus
from recexplainer.claims.phrases import fold
from recexplainer.data.attributes import Attributes, join_words

Found = tuple[ClaimStatus, str]
"""A mark and what is found, in one line."""
_ORDER: tuple[ClaimStatus, ...] = ("supported", "unverified", "contradicted")


class Catalogue:
    """Titles and attributes, to check against.

    Args:
        titles: `[items]`.
        attributes: The attributes of the same items.
    """

    def __init__(self, titles: Sequence[str], attributes: Attributes) -> None:
        self.titles = titles
        brands = [(brand,) if brand else () for brand in attributes.brands]
        lists = {"brand": brands, "genre": attributes.genres, "platform": attributes.platforms}
        self._lists = {sort: [{fold(name): name for name in names} for names in items] for sort, items in lists.items()}
        self._known = {sort: frozenset[str]().union(*items) for sort, items in self._lists.items()}

    def check_shared(self, sort: str, value: str, item: int, others: Sequence[int]) -> Found:
        """Whether an item shares an attribute with another item, or with any of several.

        Args:
            sort: `brand`, `genre`, `platform`, `word` (of the title), or "" for any but a word.
            value: The attribute's name; case and punctuation do not count.
            item: An item.
            others: The other item, or items.
        """
        if sort == "word":
            return _best([self._have_word(value, (other, item)) for other in others])
        sorts = [one for one, known in self._known.items() if sort in ("", one) and fold(value) in known]
        if not sorts:
            return "unverified", f"the catalogue knows no {sort or 'attribute'} “{value}”"
        return _best([self._have(one, value, (other, item)) for one in sorts for other in others])

    def _have_word(self, word: str, items: tuple[int, int]) -> Found:
        lacking = [item for item in items if f" {fold(word)} " not in f" {fold(self.titles[item])} "]
        if not lacking:
            return "supported", f"both titles have the word “{word}”"
        return "contradicted", f"“{self.titles[lacking[0]]}” does not have the word “{word}”"

    def _have(self, sort: str, value: str, items: tuple[int, int]) -> Found:
        own = [self._lists[sort][item] for item in items]
        if all(fold(value) in names for names in own):
            return "supported", f"both have the {sort} “{own[0][fold(value)]}”"
        wrong = [item for item, names in zip(items, own, strict=True) if names and fold(value) not in names]
        if not wrong:
            missing = next(item for item, names in zip(items, own, strict=True) if not names)
            return "unverified", f"the catalogue has no {sort} for “{self.titles[missing]}”"
        names = join_words(list(self._lists[sort][wrong[0]].values()))
        return "contradicted", f"“{self.titles[wrong[0]]}” has the {sort} “{names}”"


def _best(told: Sequence[Found]) -> Found:
    """What holds of any of several: it is so if it is of one, and not known to be otherwise if of one that is not."""
    return min(told, key=lambda found: _ORDER.index(found[0]))
