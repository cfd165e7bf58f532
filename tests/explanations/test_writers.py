from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.contracts.writer import WriterContract
from tests.tiny import fresh, sasrec, world

from recexplainer.evidence import realised
from recexplainer.evidence.evidence import Evidence
from recexplainer.explanations import generator, realised_writer
from recexplainer.explanations.explainer import PairExplainer
from recexplainer.explanations.realised_writer import RealisedWriter, asked_aspect, pair_random
from recexplainer.explanations.writing import Style, Writer
from recexplainer.recommenders.base import User


class TestRealisedWriter(WriterContract):
    @pytest.fixture
    def writer(self) -> Writer:
        return PairExplainer(world(), sasrec()).realised


class TestSurrogateWriter(WriterContract):
    @pytest.fixture(params=["behavior", "hybrid"])
    def writer(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Writer:
        monkeypatch.setattr(generator, "MAX_TOKENS", 24)
        return PairExplainer(world(), sasrec(), fresh(request.param)).writer()


def known() -> Evidence:
    return PairExplainer(world(), sasrec()).evidence([(User((1, 2, 3, 4, 5)), 9)])[0]


def own_writer() -> RealisedWriter:
    return PairExplainer(world(), sasrec()).realised


def test_phrases_are_drawn_by_the_user_and_the_item() -> None:
    texts = {own_writer().realise(f"u{user}", known(), Style()).text for user in range(12)}
    assert len(texts) > 3
    assert pair_random("u", 3).random() == pair_random("u", 3).random() != pair_random("u", 4).random()


@pytest.mark.parametrize(
    ("style", "aspect"),
    [
        (Style(), ""),
        (Style(aspect="Look at genres."), "genre"),
        (Style(aspect="tell me of the BRAND, please"), "brand"),
        (Style(aspect="from the view of titles"), "word"),
        (Style(aspect="in a few words"), "short"),
        (Style(aspect="by genre", length="short"), "short"),
        (Style(aspect="for a child", length="long"), ""),
    ],
)
def test_the_aspect_is_read_of_the_words(style: Style, aspect: str) -> None:
    assert asked_aspect(style) == aspect


def test_what_would_be_wrong_in_the_wording_leaves_the_verdict_with_its_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    title = world().titles[5 if known().weights[4] else 1]

    def wrong(*given: object) -> str:
        return f"Yes, it is good. “{title} II” lifts it."

    monkeypatch.setattr(realised_writer, "write_rationale", wrong)
    written = own_writer().realise("u", replace(known(), recommended=False, rank=40), Style())
    assert written.text == f"No, the recommender does not suggest it: rank 40 of {known().n_ranked}."
    assert written.abstained.startswith("not every claim would be supported; ") and written.problems == ()
    assert {one.status for one in written.claims} == {"supported"}


def test_where_effects_were_not_asked_the_verdict_stands_alone() -> None:
    unasked = replace(known(), attributions=(), ablated_ranks=(), effects=())
    written = own_writer().realise("u", unasked, Style())
    assert f"rank {unasked.rank} of" in written.text and "cannot say" in written.abstained


def test_an_opening_is_the_first_sentence_of_the_wording() -> None:
    for seed in range(30):
        first = realised.opening(known(), world().titles, np.random.default_rng(seed))
        assert realised.write_rationale(known(), world().titles, np.random.default_rng(seed)).startswith(first)
