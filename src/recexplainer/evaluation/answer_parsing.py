"""The answers of chat models, parsed: a rating, a choice, yes or no, a list of titles.

What stands in think marks is no part of an answer. Where an answer is not clear it is None, never a default.
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Any, Literal, cast

from recexplainer.chat.lists import read_list
from recexplainer.chat.thinking import without_thinking
from recexplainer.claims.parser import read_verdict
from recexplainer.data.titles import TitleFinder

Choice = Literal["A", "B", "NEITHER"]

_TO_BR = r"(?=<\s*/?\s*br|\s*\Z)"
_WORDS = {"zero": "0", "one": "1", "two": "2", "three": "3"}
_NUMBER = r"(\d++(?:\.\d+)?|zero|one|two|three)\b(?!\s*%)"
_TAIL = rf"(?:\s*(-|/|\bto\b|\bor\b|\band\b|\bout of\b|\bof\b)\s*(?:rating\W?)?{_NUMBER}|\s+(of)\b)?"
_NOT_MEANT = r"(?!\W*\s(?:would|could|might|is too|seems|requires|needs)\b)"
_SCALE = r"(?:\W{1,3}(?:on a scale )?(?:(?:of|from) )?(?:0\s*(?:-|to)\s*|out of )3\b[)\]]?)?"
_GAP = r"[\"']?" + _SCALE + r"(?:\s+(?:is|of|would be|as|at|it|this(?:\s\w+)?|an?)\b){0,3}[\s\"']*[-:=>]?"
_NAMED = re.compile(
    rf"\b(?:rating|rated?|score|give\s+(?:it|this(?:\s\w+)?))\b{_GAP}[\s\"'“(\[]*{_NUMBER}{_TAIL}{_NOT_MEANT}",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"(?:\b(?:not|never|cannot|without|instead of|rather than)|n['’]t)\W+(?:\w+[ \"']+){0,3}\W{0,3}\Z|\bor\W+\Z",
    re.IGNORECASE,
)
_BARE = re.compile(rf"[\s\"'“(\[]*{_NUMBER}{_TAIL}[\s\"'”).\]]*", re.IGNORECASE)
_MARKED_RATING = re.compile(rf"<br\s*/?>\s*([^<]{{1,40}}?)\s*{_TO_BR}", re.IGNORECASE)

_CHOICE = r"(A|B|neither(?: A nor B| of (?:them|these|the two)| item)?)"
_ALONE = rf"[^\w\n]*(?:answer[^\w\n]+)?{_CHOICE}[^\w\n]*"
_OTHER = (  # no second choice, no question, and no article
    r"(?!\W*\s*(?:or|and|/|,)\s*(?:(?:answer|option|item)\W+)?(?:[AB]\b|neither\b)|\s*\?"
    r"|(?<=A) (?!(?:because|since|as|over|not|but|if|would|is|rather|instead|by|given|due|for|with)\b)[a-z])"
)
_CHOICES = (  # the first of these that finds anything decides
    re.compile(rf"<br\s*/?>{_ALONE}{_TO_BR}", re.IGNORECASE),
    re.compile(rf"^{_ALONE}$", re.IGNORECASE | re.MULTILINE),
    re.compile(
        rf"\b(?i:answer|choice)(?:\W+(?i:is|would be|option|item))*\W+(?:((?i:neither)|[AB])\b{_OTHER}|([ab])(?=\W*$))",
        re.MULTILINE,
    ),
    re.compile(rf"\b(?i:option|item|choose|pick|select)[^\w.?!]+(?:(?i:option|item)\W+)?([AB])\b{_OTHER}"),
    re.compile(r"\A\W*([AB])[\"')\]]*(?:\s*[:).,]|\s-)\s(?!.*\b(?:B\b|A\b(?!\s\w)))[^\n]*\Z"),
)

_UNDECIDED = re.compile(
    r"\W*(?:yes\W+(?:(?:or|and)\W+)?no\b"
    r"|no (?!(?:because|since|as|it|the|this|that|they|he|she|i|we|you|not|but|based|given)\b)[a-z])",
    re.IGNORECASE,
)
_LEAD_IN = re.compile(
    r"\W*(?:(?:my|the|final)\s+)*(?:answer|verdict|decision|prediction|i(?:'d| would) say)\b"
    r"(?:\s+(?:is|would be)\b)?\W*",
    re.IGNORECASE,
)
_LIST_MARK = re.compile(r"^\s*(?:[-*•–]|(?:#|Rank )?\(?\d{1,2}(?: ?[.):]|\ufe0f?\u20e3)|#\d{1,2})\s+")
_BOLD = re.compile(r"\*\*(.+?)\*\*")
_QUOTES = " \t\"'“”‘’`*_.,"


def parse_rating(text: str) -> int | None:
    """The rating in a model's answer, `<br>RATING-k</br>` or in words such as "Rating: 2" or "2 out of 3".

    What stands between the marks goes before the rest. None where there is no rating, where there are two different
    ones, or where it is none of 0, 1, 2 and 3.
    """
    plain = _plain(text)
    found = [number for piece in _MARKED_RATING.findall(plain) for number in _numbers(piece)] or _numbers(plain)
    return int(found[0]) if len(set(found)) == 1 and found[0] in ("0", "1", "2", "3") else None


def parse_choice(answer: str) -> Choice | None:
    """The choice in a model's answer: `<br>ANSWER-A</br>`, a line that holds nothing else, or "the answer is A".

    What stands between the marks goes before other lines, and these before sentences. None where nothing is chosen, or
    two different things are.
    """
    plain = _plain(answer)
    for pattern in _CHOICES:
        matches = [next(filter(None, match.groups())) for match in _not_denied(pattern, plain)]
        if found := {match.upper().partition(" ")[0] for match in matches}:
            return cast("Choice", found.pop()) if len(found) == 1 else None
    return None


def parse_yes_no(text: str) -> bool | None:
    """Whether a model's answer is yes; None where it is neither yes nor no, or both are named."""
    plain = _plain(text)
    lead_in = _LEAD_IN.match(plain)
    plain = plain[lead_in.end() if lead_in else 0 :].strip(_QUOTES)
    return None if _UNDECIDED.match(plain) else read_verdict(plain)


def parse_titles(text: str, finder: TitleFinder) -> list[int | None]:
    """The items of a list of titles: with semicolons as asked for, a line each, numbered or not, or in JSON.

    None stands for what is no title. Commas and ">" separate titles where all that they separate is one.
    """
    text = without_thinking(text)
    pieces = _listed(text)
    if pieces is None:
        pieces = [piece for piece in re.split(r"[;\n]", text) if piece.strip(_QUOTES)]
    titles = {piece: _title(piece, finder) for piece in pieces}
    found = [titles[piece] for piece in pieces if titles[piece] is not None or not piece.rstrip("* ").endswith(":")]
    return _separated(text, finder) or found if found == [None] else found


def _separated(text: str, finder: TitleFinder) -> list[int | None]:
    """The items of titles between commas or arrows, if there is nothing else; else []."""
    lists = ([_title(piece, finder) for piece in text.split(separator)] for separator in (", ", " > ", " → "))
    return next((items for items in lists if None not in items), [])


def _listed(text: str) -> list[str] | None:
    """The texts of a list in JSON or Python, which may stand in an object, among words, or hold an object each."""
    if held := read_list(text):
        texts = [_text(each) for each in held]
        return None if None in texts else cast("list[str]", texts)
    return None


def _text(entry: Any) -> str | None:
    """An entry of a list if it is a text; of an object the title, or its first text."""
    values = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {"title": entry}
    return next((one for one in (values.get("title"), *values.values()) if isinstance(one, str)), None)


def _title(piece: str, finder: TitleFinder) -> int | None:
    """The item of one title, as it is or else without the marks of a list and of quotation, or what is bold of it."""
    cut = _LIST_MARK.sub("", piece)
    bold = _BOLD.match(cut)
    for spelling in (piece, cut, cut.strip(_QUOTES), bold[1].strip(_QUOTES) if bold else ""):
        if (found := finder.parse_list(spelling)) and found[0] is not None:
            return found[0]
    return None


def _plain(text: str) -> str:
    """The answer alone, in plain characters, without the marks of Markdown and LaTeX."""
    text = unicodedata.normalize("NFKC", html.unescape(without_thinking(text)))
    text = re.sub(r"\\(?:boxed|text|mathbf)\{([^{}]*)\}", r"\1", re.sub(r"[‐-―−]", "-", text))
    return re.sub(r"[*`#$]", "", text.replace("_", " "))


def _numbers(piece: str) -> list[str]:
    """The ratings in a piece, "" for each that is not clear: a range, or of another scale."""
    bare = _BARE.fullmatch(piece)
    return [_rating(*match.groups("")) for match in ([bare] if bare else _not_denied(_NAMED, piece))]


def _not_denied(pattern: re.Pattern[str], text: str) -> list[re.Match[str]]:
    return [one for one in pattern.finditer(text) if not _DENIED.search(text[max(0, one.start() - 60) : one.start()])]


def _rating(number: str, joined: str, other: str, rest: str) -> str:
    if rest and number.isalpha():  # one of the best
        return ""
    number, other = (_WORDS.get(word.lower(), word.removesuffix(".0")) for word in (number, other))
    of_three = joined.lower() in ("/", "out of", "of") and other == "3"
    return number if of_three or not joined else ""
