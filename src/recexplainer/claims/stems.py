"""Words compared by their stems: without plural endings, numbers in figures.

English, and no dictionary: two words are forms of one another if they begin alike.
"""

from __future__ import annotations

from functools import cache, lru_cache

from recexplainer.claims.phrases import words_of
from recexplainer.storage import packaged_yaml

SHORTEST, _ENDING = 5, 4  # letters that two forms of a word have in common, and of their endings


@cache
def small_words() -> frozenset[str]:
    """Articles, prepositions and the like, which name nothing."""
    return frozenset(packaged_yaml("recexplainer.claims", "words.yaml")["small"])


@cache
def _figures() -> dict[str, str]:
    """Roman numbers and numbers in words, in figures."""
    words: dict[str, list[str]] = packaged_yaml("recexplainer.claims", "words.yaml")
    return {word: str(number) for name in ("roman", "numbers") for number, word in enumerate(words[name], 2)}


def stems_of(phrase: str) -> list[str]:
    """The stems of a phrase's words."""
    return [word_stem(word) for word, _, _ in words_of(phrase)]


@lru_cache(maxsize=65536)
def word_stem(word: str) -> str:
    """A folded word without the ending of a plural or possessive; numbers in figures."""
    word = _figures().get(word, word)
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word


def is_form(one: str, other: str) -> bool:
    """Whether two words differ in their endings alone: "polisher", "polishing"."""
    if one == other:
        return True
    short = min(len(one), len(other))
    same = next((at for at in range(short) if one[at] != other[at]), short)
    return same >= SHORTEST and max(len(one), len(other)) - same <= _ENDING


def title_words(title: str) -> str:
    """What titles are compared by: their stems, without articles."""
    return " ".join(stem for stem in stems_of(title) if stem not in ("the", "a", "an"))
