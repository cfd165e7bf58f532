"""Explanations that own words are learned from: texts of the corpus, about catalogues of their own, with evidence.

They come with the package, in `corpus_explanations.jsonl.gz`; `tasks/rewriting.py` makes that of the corpus. What is
asked of them, the prompt's last words say: in one's own words, briefly or in detail, for whom, with which aspect. They
are under CC BY 4.0, as the corpus is.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from recexplainer.evidence.realised import aspect_wording, one_of

RESOURCE = "corpus_explanations.jsonl.gz"
BRIEFLY, IN_DETAIL = "Briefly.", "In detail."
FOR_A_CUSTOMER, FOR_AN_ANALYST = "For a customer.", "For an analyst."
_SHORT, _LONG = 160, 280  # characters of a text, titles left out, that is brief; that goes into detail
_YOU = re.compile(r"\b(?:you|yours?|yourself)\b", re.IGNORECASE)
_FIGURES = re.compile(r"\d|\brank|\bplaces?\b", re.IGNORECASE)
_QUOTED = re.compile("“([^”]*)”")
_ASKED = 0.5  # share of the prompts that ask for what holds of the text


@dataclass(frozen=True, slots=True)
class CorpusExplanation:
    """A text of the corpus that explains an item to a user, and all that was known of them.

    Attributes:
        history: Titles of the history, oldest first; of a catalogue that is not at hand.
        item: Title of the item asked about.
        evidence: What the recommender says, as `render_evidence` puts it in full.
        text: The explanation; titles stand in curly quotes, each at most once, and nothing else does.
        aspect: What it says that items share, one of `realised.KINDS`, if it is of one kind; "" else.
        id: That of the text in the corpus.
        catalogue: The name of the corpus's catalogue that it is about.
        by_title: Whether it names items by their titles alone, so that others can stand in it in their place.
    """

    history: tuple[str, ...]
    item: str
    evidence: str
    text: str
    aspect: str = ""
    id: str = ""
    catalogue: str = ""
    by_title: bool = False

    def about(self, history: Sequence[str], item: str) -> CorpusExplanation:
        """The same with other titles, of as many history items; only where it is `by_title`."""
        others = {**dict(zip(self.history, history, strict=True)), self.item: item}

        def titled(text: str) -> str:
            return _QUOTED.sub(lambda found: f"“{others[found[1]]}”", text)

        return replace(self, history=tuple(history), item=item, evidence=titled(self.evidence), text=titled(self.text))

    @property
    def length(self) -> int:
        """Characters of the text without titles."""
        return len(self._words)

    @property
    def audience_words(self) -> str:
        """Whom it suits: a customer, who is addressed and given no figures; an analyst, the other way round; or ""."""
        addressed, figures = _YOU.search(self._words), _FIGURES.search(self._words)
        return "" if bool(addressed) is bool(figures) else FOR_A_CUSTOMER if addressed else FOR_AN_ANALYST

    @property
    def _words(self) -> str:
        return unquoted(self.text)


def unquoted(text: str) -> str:
    """A text without what stands in curly quotes, and without these."""
    return "".join(part.partition("“")[0] for part in text.split("”"))


@cache
def corpus_explanations() -> tuple[CorpusExplanation, ...]:
    """Those that the package has."""
    lines = gzip.decompress((files("recexplainer.tasks") / RESOURCE).read_bytes()).decode("utf-8")
    return tuple(_explanation(json.loads(line)) for line in lines.split("\n") if line)


def _explanation(row: dict[str, Any]) -> CorpusExplanation:
    row["history"] = tuple(row["history"])
    return CorpusExplanation(**row)


def packed(explanations: Sequence[CorpusExplanation]) -> bytes:
    """The content of `corpus_explanations.jsonl.gz`: the same bytes for the same explanations."""
    lines = (json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in explanations)
    return gzip.compress("".join(lines).encode("utf-8"), mtime=0)


def length_words(length: str) -> str:
    """The words that ask for a `short` or a `long` text; "" for any length."""
    return {"short": BRIEFLY, "long": IN_DETAIL}.get(length, "")


def request_words(one: CorpusExplanation, random: np.random.Generator) -> str:
    """Words that ask for what holds of a text: its length, its audience, its aspect; some are left out at random."""
    length = "short" if one.length < _SHORT else "long" if one.length > _LONG else ""
    aspect = one_of(aspect_wording()[one.aspect], random) if one.aspect else ""
    words = [length_words(length), one.audience_words, aspect]
    return " ".join(word for word in words if word and random.random() < _ASKED)
