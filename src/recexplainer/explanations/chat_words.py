"""Which words of a chat model's sentence the evidence does not account for: praise, prices, other people, how much.

The reader finds what is false of what it understands. What it passes over, such as a clause about critics within a true
sentence, is found here: a sentence is shown only in words that evidence can be put in (`chat_words.yaml`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

from recexplainer.claims.claim import REST, SIGNS, Claim, ClaimKind
from recexplainer.claims.linking import BLANK
from recexplainer.claims.phrases import words_of
from recexplainer.claims.stems import stems_of
from recexplainer.evidence.evidence import Evidence
from recexplainer.storage import packaged_yaml

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SIGN = re.compile(rf"[^\w\s{BLANK}.,;:!'’‘\"“”()\[\]–—-]")
ONLY = re.compile(r"\b(?:only|sole|single)\s+(?:\w+\s+){0,2}?(?:reason|thing|item|title|one|factor|purchase)\b", re.I)
"""What says that there is one only."""
_NAME = re.compile(f"{BLANK}+")
_COUNTS = ("two", "three", "four", "five", "six")
_POINTS = re.compile(r"\b(?:the|these|those)\s+\Z", re.IGNORECASE)
_OWNER = re.compile(r"['’]s?\Z")
_RANKS: frozenset[ClaimKind] = frozenset(("rank", "counterfactual"))
_OF_ALL: frozenset[ClaimKind] = frozenset(("nothing_positive", "nothing_negative", "popular", "rank"))


def unaccounted(words: str, claims: Sequence[Claim], evidence: Evidence) -> str:
    """The first word, number or sign of a sentence, its titles blanked out, that nothing accounts for; "" if none.

    `claims` are those of the sentence, with offsets in it.
    """
    claims = [one for one in claims if one.status == "supported"]
    sign = _SIGN.search(words)
    if sign:
        return sign[0]
    known = {stem for one in claims if one.kind == "shared" for stem in stems_of(one.value)}
    allowed = {name: _conditions()[name](words, claims, evidence) for name in _conditions()}
    for word, start, end in words_of(words):
        if not known.isdisjoint(stems_of(word)):
            continue
        if _is_number(word):
            fits = any(one.start < end and one.end > start for one in claims if one.kind in _RANKS)
            fits = fits or _whole_number(words, start) == evidence.n_ranked or _counts_names(word, words, start)
        else:
            alone = word.removesuffix("s") if _OWNER.search(words[start:end]) else word
            fits = _is_allowed(alone, allowed)
        if not fits:
            return words[start:end]
    return ""


def _counts_names(word: str, words: str, start: int) -> bool:
    """Whether a number in words is that of the titles of a sentence; "the two" may be the item and one named before."""
    named = len(_NAME.findall(words))
    if word == "two" and _POINTS.search(words[:start]):
        return named <= 2
    return word in _COUNTS and named == _COUNTS.index(word) + 2


def _is_allowed(word: str, allowed: Mapping[str, bool]) -> bool:
    """Whether a word is in a group whose condition holds; one that is in a group with a condition is not plain."""
    groups = _groups()
    named = {name for form in _bases(word) for name in groups.get(form, ())}
    own = {name for name in groups.get(word, named) if name != "plain"} or named
    return any(allowed.get(name, True) for name in own) if own else word in _nouns()


def _is_number(word: str) -> bool:
    return word[0].isdigit() or word in _number_words()


def _whole_number(words: str, start: int) -> int | None:
    """The number that the figures at a place are part of, as 1,830."""
    spans = (found for found in _NUMBER.finditer(words) if found.start() <= start < found.end())
    digits = next((found[0].replace(",", "").replace(".", "") for found in spans), "")
    return int(digits) if digits else None


def _bases(word: str) -> Iterator[str]:
    """A word without the endings of English, in each way that it may have got them."""
    yield word
    for ending in ("s", "es", "d", "ed", "ing", "r", "n"):
        if len(word) > len(ending) + 2 and word.endswith(ending):
            base = word.removesuffix(ending)
            yield base
            if ending in ("ing", "ed"):
                yield f"{base}e"
                yield base[:-1] if base[-1] == base[-2] else base


def _places(claims: Sequence[Claim], evidence: Evidence) -> Iterator[tuple[int, bool]]:
    """The places of history items that are said to count, each with whether it does most of those that count so."""
    weights = evidence.weights
    for one in claims:
        if one.kind in (*SIGNS, "strongest") and one.item in evidence.history:
            place = evidence.history.index(one.item)
            way = 1 if weights[place] > 0 else -1
            yield place, way * weights[place] >= max(way * weight for weight in weights)


def _is_large(words: str, claims: Sequence[Claim], evidence: Evidence) -> bool:
    return any(most for _, most in _places(claims, evidence))


def _is_small(words: str, claims: Sequence[Claim], evidence: Evidence) -> bool:
    return not _is_large(words, claims, evidence)


def _is_of_all(words: str, claims: Sequence[Claim], evidence: Evidence) -> bool:
    return any(one.kind in _OF_ALL or one.value == REST for one in claims)


def _is_shared(words: str, claims: Sequence[Claim], evidence: Evidence) -> bool:
    return any(one.kind == "shared" for one in claims)


def _is_popular(words: str, claims: Sequence[Claim], evidence: Evidence) -> bool:
    return any(one.kind == "popular" for one in claims)


def _is_as_it_is(words: str, claims: Sequence[Claim], evidence: Evidence) -> bool:
    return "without" not in words.lower()


def _is_only(words: str, claims: Sequence[Claim], evidence: Evidence) -> bool:
    return bool(ONLY.search(words)) or "not only" in words.lower()


@cache
def _conditions() -> Mapping[str, Callable[[str, Sequence[Claim], Evidence], bool]]:
    """What a group of words needs, by its name; `plain` needs nothing."""
    return {
        "verdict": _is_as_it_is,
        "only": _is_only,
        "large": _is_large,
        "small": _is_small,
        "quantity": _is_of_all,
        "shared": _is_shared,
        "popular": _is_popular,
    }


@cache
def _groups() -> Mapping[str, frozenset[str]]:
    """The names of the groups of each word."""
    groups: dict[str, frozenset[str]] = {}
    for name, lines in packaged_yaml("recexplainer.explanations", "chat_words.yaml").items():
        for word in " ".join([lines] if isinstance(lines, str) else lines).split():
            groups[word] = groups.get(word, frozenset()) | {name}
    return groups


@cache
def _number_words() -> frozenset[str]:
    words = packaged_yaml("recexplainer.claims", "words.yaml")
    named = {*words["cardinals"], *words["ordinals"], *words["tens"], "twice", "thrice", "double", "dozen"}
    return frozenset(named - {"one", "first"})


@cache
def _nouns() -> frozenset[str]:
    """What items may be called, one and several."""
    several: list[str] = packaged_yaml("recexplainer.claims", "words.yaml")["several_after"]
    return frozenset(form for noun in several for form in (noun, *stems_of(noun)))
