from __future__ import annotations

import re

import numpy as np
import pytest
from tests.fakes import LinearRecommender

from recexplainer.data.attributes import Attributes
from recexplainer.data.dataset import Dataset
from recexplainer.evidence.evidence import CLOSE, NEGLIGIBLE, Evidence
from recexplainer.evidence.realised import write_rationale
from recexplainer.recommenders.base import User
from recexplainer.tasks.rationale import rationale_examples

TITLES = [f"Title {chr(65 + item)}" for item in range(20)]
PHRASES = ["brand Nimbus", "genre puzzle", "platform Orbit", "the word 'Ember' in the title", CLOSE]


def random_evidence(rng: np.random.Generator) -> Evidence:
    size = int(rng.integers(1, 10))
    items = rng.permutation(20)[: size + 1].tolist()
    item = items[0] if rng.random() < 0.1 else items[-1]
    rank = int(rng.integers(1, 101))
    scale = rng.choice([0.02, 0.5, 3.0])
    attributions = rng.normal(rng.choice([-1.0, 0.0, 1.0]), 1.0, size) * scale
    shared = tuple(tuple(str(one) for one in rng.permutation(PHRASES)[: rng.integers(0, 4)]) for _ in range(size))
    return Evidence(tuple(items[:size]), item, rank <= 20, 1.0, rank, 100, tuple(attributions.tolist()), shared)


@pytest.mark.parametrize("seed", range(300))
def test_rationales_are_well_formed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    evidence = random_evidence(rng)
    text = write_rationale(evidence, TITLES, rng)
    assert text.startswith("Yes, " if evidence.recommended else "No, ")
    cited = re.findall("“(.*?)”", text)
    assert len(cited) == len(set(cited))
    assert set(cited) <= {TITLES[item] for item in (*evidence.history, evidence.item)}
    assert text.count("“") == text.count("”") == len(cited)
    assert not re.search(r"[{}]|  | [,.;]|[,.;]{2}|^\s|\s$", text)
    assert text.endswith(".")
    sentences = re.split(r"(?<=\.) (?=[A-Z“'])", text)
    assert 2 <= len(sentences) <= 5
    assert all(re.match(r"[A-Z“']", sentence) for sentence in sentences)


@pytest.mark.parametrize("seed", range(60))
def test_cited_items_are_those_that_matter(seed: int) -> None:
    attributions = (0.1, 2.0, -0.7, 1.5, 0.0)
    evidence = Evidence((0, 1, 2, 3, 4), 5, True, 1.0, 3, 100, attributions, ((),) * 5)
    cited = re.findall("“(.*?)”", write_rationale(evidence, TITLES, np.random.default_rng(seed)))
    drivers = [title for title in cited if title != "Title F"]
    assert drivers == ["Title B", "Title D", "Title C"]  # two positive attributions, then the negative one
    refused = Evidence(
        (0, 1, 2, 3, 4), 5, False, 1.0, 90, 100, tuple(-attribution for attribution in attributions), ((),) * 5
    )
    cited = re.findall("“(.*?)”", write_rationale(refused, TITLES, np.random.default_rng(seed)))
    assert [title for title in cited if title != "Title F"] == ["Title B", "Title D", "Title C"]


def test_nothing_is_invented_where_nothing_matters() -> None:
    tiny = tuple([NEGLIGIBLE / 2] * 3)
    for recommended, rank in ((True, 2), (False, 30), (False, 90)):
        evidence = Evidence((0, 1, 2), 5, recommended, 1.0, rank, 100, tiny, ((),) * 3)
        for seed in range(20):
            text = write_rationale(evidence, TITLES, np.random.default_rng(seed))
            assert set(re.findall("“(.*?)”", text)) <= {"Title F"}


def test_what_is_shared_is_named() -> None:
    evidence = Evidence((0,), 5, True, 1.0, 30, 200, (2.0,), (("brand Nimbus",),))
    texts = [write_rationale(evidence, TITLES, np.random.default_rng(seed)) for seed in range(30)]
    assert sum("the brand Nimbus" in text for text in texts) > 15
    assert len(set(texts)) > 20


def test_examples_come_from_all_over_the_ranking(dataset: Dataset, recommender: LinearRecommender) -> None:
    users = [User(tuple(np.random.default_rng(seed).permutation(20)[:3].tolist())) for seed in range(300)]
    without, grounded = rationale_examples(
        dataset, recommender, Attributes.of(dataset), users, np.random.default_rng(0)
    )
    assert [one.answer_text for one in without] == [one.answer_text for one in grounded]
    assert {one.subtask for one in without} == {"surrogate"}
    assert all(one.evidence is None for one in without)
    yes = np.mean([one.answer_text.startswith("Yes") for one in grounded])
    known = [one.evidence for one in grounded if one.evidence is not None]
    assert len(known) == len(grounded)
    low = np.mean([2 * one.rank > one.n_ranked for one in known])
    assert 0.4 < yes < 0.6
    assert 0.25 < low < 0.45
    assert all(one.items[0] not in one.history for one in grounded)
    for one, evidence in zip(grounded, known, strict=True):
        assert one.answer_text.startswith("Yes" if evidence.recommended else "No")
