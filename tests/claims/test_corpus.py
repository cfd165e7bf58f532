"""The corpus: every label is in its text and about its case, true texts are true, and its parts share nothing."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from recexplainer.claims.corpus import PARTS, Corpus, LabelledText, labelled_claims, read_labels
from recexplainer.claims.parser import ParsedText
from recexplainer.claims.verifier import Verifier

FOLDER = Path(__file__).parents[2] / "corpus"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the corpus is not part of an installed package")


@cache
def corpus() -> Corpus:
    return Corpus.load(FOLDER)


@cache
def verifiers() -> dict[str, Verifier]:
    return {
        name: Verifier(catalogue.titles, catalogue.attributes, has_vectors=True)
        for name, catalogue in corpus().catalogues.items()
    }


def every_text() -> list[LabelledText]:
    return [text for part in PARTS for text in corpus().texts[part]]


def contradicted(text: LabelledText) -> list[str]:
    """The claims of a text that are contradicted, if it is read as it is labelled."""
    case = corpus().cases[text.case]
    verifier = verifiers()[corpus().catalogue(text).name]
    names = verifier.parser.names.link(text.text, case.history, case.item)
    parsed = ParsedText(text.text, names, text.text, (), labelled_claims(text, case))
    claims = verifier.verify(parsed, case)
    return [f"{one.kind}: {one.found}" for one in claims if one.status == "contradicted"]


def test_it_is_as_large_and_as_mixed_as_its_card_says() -> None:
    texts = every_text()
    assert len(texts) >= 1500
    assert len({text.id for text in texts}) == len({text.text for text in texts}) == len(texts)
    assert len({corpus().catalogue(text).name for text in texts}) >= 8
    assert 0.3 < sum(bool(text.mistakes) for text in texts) / len(texts) < 0.4


def test_its_parts_share_neither_writers_nor_catalogues() -> None:
    writers = [{text.writer for text in corpus().texts[part]} for part in PARTS]
    catalogues = [{corpus().catalogue(text).name for text in corpus().texts[part]} for part in PARTS]
    for owners in (writers, catalogues):
        assert max(Counter(owner for part in owners for owner in part).values()) == 1


def test_every_label_is_in_its_text_and_about_its_case() -> None:
    for text in every_text():
        case = corpus().cases[text.case]
        for label in text.labels:
            assert 0 <= label.start < label.end <= len(text.text)
            assert label.item is None or label.item < len(case.history)
            assert label.title in ("", "rest") or label.title in text.text, text.id
            assert label.kind != "shared" or label.value in text.text, text.id


@pytest.mark.slow
def test_true_texts_are_true_by_the_evidence_and_others_are_not() -> None:
    wrong = {text.id: found for text in every_text() if not text.mistakes and (found := contradicted(text))}
    assert len(wrong) <= 0.02 * len(every_text()), wrong
    missed = [text.id for text in every_text() if text.mistakes and not contradicted(text)]
    assert len(missed) <= 0.05 * len(every_text()), missed


def test_a_tenth_is_labelled_twice() -> None:
    second = read_labels(FOLDER / "second-labels.jsonl")
    assert len(second) >= 0.1 * len(every_text())
    assert second.keys() <= {text.id for text in every_text()}
