"""Makes `corpus_explanations.jsonl.gz` of the corpus: `python -m recexplainer.tasks.rewriting CORPUS`.

The true training texts are taken, and each history item and the item asked about is given its full title in curly
quotes where it is named first, since that is how a surrogate names items. Left out are texts that state facts of the
world, and those where an item is named without a word of its title, or together with others.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from recexplainer.claims.corpus import Corpus, LabelledText, is_nearness
from recexplainer.claims.encoding import common_words
from recexplainer.claims.linking import NameLinker
from recexplainer.claims.shortened import Name
from recexplainer.claims.stems import is_form, small_words, stems_of
from recexplainer.evidence.evidence import CLOSE, Evidence, render_evidence
from recexplainer.evidence.realised import fact_kind
from recexplainer.tasks.corpus_explanations import RESOURCE, CorpusExplanation, packed, unquoted

_MARKS = "\"“”*_'‘’«»"
_ARTICLE = re.compile(r"(?i)(?<!\w)(?:the|an?|both|that|this|those|these) $")
_PROSE = re.compile(
    r"(?s)(?:[-–—+*>] |\d+[.)] )?[\"“'‘*_]*[A-ZÀ-Þ\d][^{}\U0001F000-\U0001FFFF]*$"
)  # it begins with a capital


class UnfitTextError(Exception):
    """A text cannot be rewritten; its message says why in a few words."""


class Rewriter:
    """Rewrites texts of a corpus, so that items stand in them as a surrogate names them."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._linkers = {
            name: NameLinker(one.titles, one.attributes, common_words()) for name, one in corpus.catalogues.items()
        }

    def rewrite(self, text: LabelledText) -> CorpusExplanation:
        """A text with full titles; raises UnfitTextError where that is not to be had."""
        case, catalogue = self._corpus.cases[text.case], self._corpus.catalogue(text)
        titles = catalogue.titles
        _refuse_unfit(text, case)
        spans = _first_mentions(text, case, titles)
        names = self._linkers[catalogue.name].link(text.text, case.history, case.item)
        if named := [name for name in names if name.items == (case.item,)]:
            spans[case.item] = _item_mention(named, text.text)
        one = CorpusExplanation(
            history=tuple(titles[item] for item in case.history),
            item=titles[case.item],
            evidence=render_evidence(case, titles, full=True),
            text=_with_titles(text.text, spans, titles),
            aspect=_shared_kind(text, case),
            id=text.id,
            catalogue=catalogue.name,
        )
        return replace(one, by_title=_is_by_title(one))


def rewritten(corpus: Corpus) -> tuple[list[CorpusExplanation], Counter[str]]:
    """The true training texts, rewritten, and how many are left out for which reason."""
    rewriter, left_out = Rewriter(corpus), Counter[str]()
    kept: list[CorpusExplanation] = []
    for text in corpus.texts["train"]:
        try:
            kept.append(rewriter.rewrite(text))
        except UnfitTextError as reason:
            left_out[str(reason)] += 1
    return kept, left_out


def _refuse_unfit(text: LabelledText, case: Evidence) -> None:
    if text.mistakes:
        raise UnfitTextError("not true")
    if any(label.kind == "other" for label in text.labels):
        raise UnfitTextError("facts of the world")
    if not _PROSE.match(text.text):
        raise UnfitTextError("chat or code")


def _first_mentions(text: LabelledText, case: Evidence, titles: Sequence[str]) -> dict[int, tuple[int, int]]:
    """Where each history item is named first; each alone, and by words of its title."""
    spans: dict[int, tuple[int, int]] = {}
    for label in sorted((one for one in text.labels if one.kind == "history"), key=lambda one: one.start):
        if label.item is None:
            raise UnfitTextError("a title that is not in the history")
        spans.setdefault(case.history[label.item], (label.start, label.end))
    ordered = sorted(spans.values())
    if any(start < end for (_, end), (start, _) in pairwise(ordered)):
        raise UnfitTextError("several items named together")
    for item, (start, end) in spans.items():
        if not any(is_form(one, other) for one in _telling(text.text[start:end]) for other in stems_of(titles[item])):
            raise UnfitTextError("a history item without a word of its title")
    return spans


def _item_mention(names: Sequence[Name], text: str) -> tuple[int, int]:
    """Where the item is named first, by more than one word of its title if it may be described only."""
    sure = (one for one in names if one.certain or len(_telling(text[one.start : one.end])) > 1)
    if (name := next(sure, None)) is None:
        raise UnfitTextError("the item is only described")
    return name.outer


def _telling(words: str) -> list[str]:
    """The stems of words that may tell an item."""
    return [stem for stem in stems_of(words) if stem not in small_words()]


def _with_titles(text: str, spans: Mapping[int, tuple[int, int]], titles: Sequence[str]) -> str:
    """The text with full titles in curly quotes at these places, and none elsewhere."""
    pieces: list[str] = []
    done = 0
    for item, (start, end) in sorted(spans.items(), key=lambda one: one[1]):
        while start > done and end < len(text) and text[start - 1] in _MARKS and text[end] in _MARKS:
            start, end = start - 1, end + 1
        before = text[done:start]
        if _ARTICLE.search(before) and titles[item].startswith(("The ", "A ", "An ")):
            before = _ARTICLE.sub("", before)
        pieces += [_without_quotes(before), f"“{titles[item]}”"]
        done = end
    return "".join([*pieces, _without_quotes(text[done:])]).strip()


def _without_quotes(words: str) -> str:
    """Words without curly quotes, as those hold titles alone."""
    return re.sub("[“”]", '"', words)


def _is_by_title(one: CorpusExplanation) -> bool:
    """Whether no word of a title stands in the text beside the quotations, but for what the evidence says, too."""
    titles = (*one.history, one.item)
    of_titles = {stem for title in titles for stem in _telling(title)}
    known = set(stems_of(unquoted(one.evidence)))
    words = [stem for stem in _telling(unquoted(one.text)) if stem not in known]
    marked = any(mark in title for title in titles for mark in "“”")
    return not marked and not any(is_form(word, stem) for word in words for stem in of_titles)


def _shared_kind(text: LabelledText, case: Evidence) -> str:
    """The kind of what the text says to be shared, if all is of one."""
    labels = [label for label in text.labels if label.kind == "shared" and not is_nearness(label.value)]
    kinds = {
        fact_kind(phrase)
        for label in labels
        if label.item is not None
        for phrase in case.shared[label.item]
        if phrase != CLOSE
    }
    return kinds.pop() if len(kinds) == 1 else ""


def main() -> None:
    """Make the packaged texts anew."""
    kept, left_out = rewritten(Corpus.load(Path(sys.argv[1] if len(sys.argv) > 1 else "corpus")))
    (Path(__file__).parent / RESOURCE).write_bytes(packed(kept))
    reasons = ", ".join(f"{count} {reason}" for reason, count in left_out.most_common())
    sys.stdout.write(f"{len(kept)} texts; left out: {reasons}\n")


if __name__ == "__main__":
    main()
