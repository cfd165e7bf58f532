"""Text as people read it: without the markup of web pages, entities, and characters that nobody sees.

It works on one text at a time, and knows neither titles nor tables.
"""

from __future__ import annotations

import html
import re
import unicodedata

# Elements of HTML. A name that is a word, such as <code> or <title>, may be text: it is a tag where it has an
# attribute or an end.
_TAG_NAMES = """
    a abbr b bdi bdo big blockquote body br center del dfn div dl dt dd em figcaption font h1 h2 h3 h4 h5 h6 hr html i
    iframe img ins kbd li nobr noscript ol p pre q s samp small span strike strong sub sup svg table tbody td textarea
    tfoot th thead tr tt u ul wbr
"""
_WORD_NAMES = """
    address article aside audio button caption cite code col colgroup data details figure footer form head header input
    label legend link main map mark meta nav object option param picture section select source summary template time
    title track var video
"""
_BLOCK_NAMES = "br p div li ul ol dl dt dd td th tr table h1 h2 h3 h4 h5 h6 hr blockquote pre section option"
_TAGS, _WORDS, _BLOCKS = (frozenset(names.split()) for names in (_TAG_NAMES, _WORD_NAMES, _BLOCK_NAMES))
_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)([\s/]+[a-z_:@-][\w:.-]*\s*=[^<>]*|[\s/]*)>", re.I)
_CODE_ELEMENT = re.compile(
    r"<(script|style)\b[^<>]*>.*?(?:</\1\s*>|$)|<!--.*?(?:-->|$)|<\?xml[^<>]*>|<!doctype[^<>]*>", re.I | re.S
)
_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.S)
# Without a semicolon only what cannot be part of a name: AT&T and R&D are none.
_ENTITY = re.compile(
    r"&#(?:\d{1,7}|[xX][\da-fA-F]{1,6});|&[A-Za-z]\w{1,31};|&amp(?![a-z=;])|&(?:lt|gt|quot|nbsp)(?![\w=;])"
)
_MOST_ENCODED = 4  # "&amp;amp;amp;eacute;"
_TERMINAL = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]")
# Scripts and emoji in which a joiner without width changes what is seen.
_JOINED = "\u0600-\u1fff\u2190-\u2bff\u3030\u303d\ufe0f\U0001f000-\U0001faff"
_JOINERS = rf"(?<![{_JOINED}])[\u200c\u200d]|(?<![\u0900-\u0dff])[\u200c\u200d](?![{_JOINED}])"
_UNSEEN = re.compile(
    rf"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200e\u200f"
    rf"\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]|{_JOINERS}"
    rf"|(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0000-\U000e0fff]+"
)
_PAGE_CODE = re.compile(
    r"\(new Date\(\)\)|\bgetTime\(|\bfunction\s*\w*\s*\([^)]*\)\s*\{|\b(?:document|window)\.\w+\s*[(=]"
    r"|\bvar\s+\w+\s*=\s*\S+;|^\s*[.#@][a-zA-Z][\w-]*\s*\{[^{}]*:[^{}]*\}"
)
# What the second and later bytes of a character of UTF-8 become where cp1252 or Latin-1 is read. Quotes and dots are
# left out behind letters that end words of their own.
_BYTES = "".join(bytes([byte]).decode("cp1252", "ignore") for byte in range(0x80, 0xC0)) + "\x81\x8d\x8f\x90\x9d"
_LATER = f"[{re.escape(_BYTES)}]"
_INNER = f"[{re.escape(''.join(letter for letter in _BYTES if letter not in '’”»…™'))}]"
_MISREAD = re.compile(
    rf"[ÂÃ]{_INNER}|â[€„]{_LATER}|ðŸ{_LATER}{{2}}|(?:[ãäåæçèéêë]{_LATER}{{2}}){{2}}|(?:[ÐÑÎÏ×ØÙ]{_LATER}){{2}}|\ufffd"
    r"|[\xc2-\xf4][\x80-\x84\x86-\x9f]|[\xc0-\xff]{4}|\?{3,}\s+\?{2,}|<U\+[\dA-F]{4,}>|\\u[\da-f]{4}"
)


def plain_text(text: str) -> str:
    """The text in Unicode's composed form without tags, scripts, entities and unseen characters, in single spaces."""
    if text.isascii() and text.isprintable() and "<" not in text and "&" not in text:
        return " ".join(text.split())
    for _ in range(_MOST_ENCODED):
        decoded = _ENTITY.sub(lambda match: html.unescape(match[0]), without_tags(without_unseen(text)))
        if decoded == text:
            break
        text = decoded
    return " ".join(unicodedata.normalize("NFC", text).split())


def without_tags(text: str) -> str:
    """The text without the tags, comments, scripts and styles of HTML; what separates lines there is a blank."""
    if "<" not in text:
        return text
    text = _CODE_ELEMENT.sub(" ", _CDATA.sub(r"\1", text) if "]]>" in text else text)
    tags = [(bool(match[1]), match[2].lower()) for match in _TAG.finditer(text)]
    ended = {name for is_end, name in tags if is_end}

    def blank(match: re.Match[str]) -> str:
        name = match[2].lower()
        is_tag = name in _TAGS or (name in _WORDS and (name in ended or match[3].strip(" /") != ""))
        return (" " if name in _BLOCKS else "") if is_tag else match[0]

    return _TAG.sub(blank, text)


def without_unseen(text: str) -> str:
    """The text without what a terminal obeys and without characters of no width, but for those that shape a script."""
    plain = text.isascii() and text.isprintable()  # beyond ASCII some letters are empty, as those that fill Hangul
    return text if plain else _UNSEEN.sub("", _TERMINAL.sub("", text))


def is_page_code(text: str) -> bool:
    """Whether a text is script or style of a web page, not words."""
    return ("{" in text or "(" in text or "=" in text) and bool(_PAGE_CODE.search(text))


def looks_misread(text: str) -> bool:
    """Whether a text was read in another encoding, as PokÃ©mon or Âîéíà, is escaped for one, or has lost letters."""
    return bool(_MISREAD.search(text))
