"""Phrasings for explanations of synthetic recommenders: our own few, or sentences of a corpus without their titles.

It knows how texts are worded, and nothing of what they state.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise

from recexplainer.claims.corpus import Corpus, Label, LabelledText
from recexplainer.claims.encoding import common_words, split_sentences
from recexplainer.claims.linking import NameLinker
from recexplainer.claims.shortened import Name
from recexplainer.storage import packaged_yaml

Phrasings = Mapping[str, Sequence[str]]
"""For each group of `texts.yaml` its phrasings."""
_BESIDE = (("verdict.yes", "verdict.no"), ("positive.one", "negative.one"), ("positive.many", "negative.many"))
_SHORTEST = 4  # words; a line of a list means nothing without its heading
_MOST = 200  # phrasings of a group


@cache
def own_phrasings() -> Phrasings:
    """The phrasings that the package has."""
    return packaged_yaml("recexplainer.evaluation.synthetic", "texts.yaml")


def corpus_phrasings(corpus: Corpus, texts: Sequence[LabelledText]) -> Phrasings:
    """Sentences of a corpus that state one thing: a verdict, or what one item, or two, do; all else as `texts.yaml`.

    Groups that stand side by side are cut to the same number.
    """
    linkers = {name: NameLinker(one.titles, one.attributes, common_words()) for name, one in corpus.catalogues.items()}
    found: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for text in texts:
        case, catalogue = corpus.cases[text.case], corpus.catalogue(text)
        names = linkers[catalogue.name].link(text.text, case.history, case.item)
        for start, end in split_sentences(text.text, names):
            labels = [one for one in text.labels if one.start < end and one.end > start]
            within = [name for name in names if start <= name.start < end]
            if labels and all(start <= one.start and one.end <= end for one in labels):
                group = _group(labels)
                sentence = _without_titles(text.text[start:end], start, within, case.history, case.item)
                if group and sentence and _fits(group, sentence):
                    found[group][sentence] = None
    own = dict(own_phrasings())
    groups = {group: list(sentences)[:_MOST] for group, sentences in found.items()}
    for one, other in (
        ("verdict.yes", "verdict.no"),
        ("positive.one", "negative.one"),
        ("positive.many", "negative.many"),
    ):
        least = min(len(groups.get(one, ())), len(groups.get(other, ())))
        if least:
            own |= {one: groups[one][:least], other: groups[other][:least]}
    return own


def _group(labels: Sequence[Label]) -> str:
    """The group that a sentence with these labels and no others belongs to; "" if to none."""
    kinds = {one.kind for one in labels}
    if kinds == {"verdict"} and len({one.value for one in labels}) == 1:
        return f"verdict.{labels[0].value}"
    for side in ("positive", "negative"):
        if kinds == {"history", side}:
            items = {one.item for one in labels}
            if None not in items and len(items) < 3:
                return f"{side}.{'one' if len(items) == 1 else 'many'}"
    return ""


def _fits(group: str, sentence: str) -> bool:
    if len(sentence.split()) < _SHORTEST or (not sentence[0].isalnum() and sentence[0] != "{"):
        return False
    return ("{titles}" in sentence) is not group.startswith("verdict") and sentence.count("{titles}") < 2


def _without_titles(sentence: str, start: int, names: Sequence[Name], history: Sequence[int], item: int) -> str:
    """A sentence with places for the titles; "" where it names what cannot be replaced."""
    text = sentence.replace("{", "(").replace("}", ")")
    if text != sentence:
        return ""
    ends = [name for name in names if name.item in history]
    if len(ends) == 2:
        between = sentence[ends[0].outer[1] - start : ends[1].outer[0] - start]
        if between.strip() not in ("and", "&", "or"):
            return ""
        names = [name for name in names if name not in ends]
        names = [*names, Name(ends[0].start, ends[1].end, ends[0].items, (ends[0].outer[0], ends[1].outer[1]))]
    spans = sorted(names, key=lambda name: name.outer)
    if any(one.outer[1] > other.outer[0] for one, other in pairwise(spans)):
        return ""
    for name in reversed(spans):
        if not name.certain or name.item is None:
            return ""
        place = "{item}" if name.item == item else "{titles}" if name.item in history else ""
        if not place:
            return ""
        text = text[: name.outer[0] - start] + place + text[name.outer[1] - start :]
    return text
