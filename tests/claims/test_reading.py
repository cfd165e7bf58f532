"""How well the reader reads: the corpus's test part, whose writers and catalogues it has never seen."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from recexplainer.claims.corpus import Corpus
from recexplainer.claims.parser import ClaimParser
from recexplainer.claims.scoring import Counts, count, f1, of_claims, of_labels, precision, recall, tally

FOLDER = Path(__file__).parents[2] / "corpus"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the corpus is not part of an installed package"),
]


@cache
def counts() -> dict[str, Counts]:
    corpus = Corpus.load(FOLDER)
    texts = corpus.texts["test"]
    parsers = {name: ClaimParser(one.titles, one.attributes) for name, one in corpus.catalogues.items()}
    found = []
    for text in texts:
        case = corpus.cases[text.case]
        parsed = parsers[corpus.catalogue(text).name].parse(text.text, case.history, case.item)
        found.append(count(of_labels(text.labels), of_claims(parsed.claims, case.history)))
    return tally(texts, found)


def test_most_claims_are_read_and_few_that_are_not_made() -> None:
    total = counts()["all"].of_texts.sum(0)
    assert float(precision(total)) > 0.91
    assert float(recall(total)) > 0.87


@pytest.mark.parametrize(
    ("kind", "least"),
    [("history", 0.94), ("verdict", 0.9), ("positive", 0.87), ("negative", 0.82), ("rank", 0.9), ("shared", 0.77)],
)
def test_each_kind_is_read(kind: str, least: float) -> None:
    assert float(f1(counts()[kind].of_texts.sum(0))) > least
