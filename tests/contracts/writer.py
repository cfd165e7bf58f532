"""What every writer must do. Inherit, and supply the fixture `writer`, which writes about the tiny world's SASRec."""

from __future__ import annotations

import pytest
from tests.tiny import histories, sasrec, world

from recexplainer.claims.claim import stated
from recexplainer.claims.verifier import Verifier
from recexplainer.evidence.evidence import Evidence
from recexplainer.explanations.explainer import PairExplainer
from recexplainer.explanations.writing import REALISED, SURROGATE, Style, Writer, problems
from recexplainer.recommenders.base import User

STYLES = (
    Style(),
    Style(aspect="from the view of genres"),
    Style(length="short", audience="customer"),
    Style(length="long", audience="regulator"),
)


class WriterContract:
    """Suite for a writer, good or bad."""

    @pytest.fixture
    def writer(self) -> Writer:
        raise NotImplementedError("supply the writer under test")

    @pytest.fixture(params=STYLES, ids=("plain", "genres", "short", "long"))
    def style(self, request: pytest.FixtureRequest) -> Style:
        return request.param

    @pytest.fixture
    def verifier(self) -> Verifier:
        return PairExplainer(world(), sasrec()).verifier

    @pytest.fixture
    def users(self) -> list[str]:
        return [f"u{number}" for number in range(6)]

    @pytest.fixture
    def evidence(self, users: list[str]) -> list[Evidence]:
        """Of one item in a history to six, recommended and not."""
        each = enumerate(zip(users, histories(6), strict=True))
        pairs = [(User(history, name), 11 * at + 4) for at, (name, history) in each]
        return PairExplainer(world(), sasrec()).evidence(pairs)

    def test_nothing_that_is_given_back_has_a_problem(
        self, writer: Writer, style: Style, users: list[str], evidence: list[Evidence], verifier: Verifier
    ) -> None:
        written = writer.write(users, evidence, style)
        assert len(written) == len(users)
        for one, known in zip(written, evidence, strict=True):
            assert one.text and one.problems == ()
            claims = verifier.claims(one.text, known)
            in_wording = one.writer in (SURROGATE, REALISED) and not one.abstained
            assert one.claims == (claims if in_wording else stated(claims)) and problems(one.claims) == ()
            assert one.writer in (writer.name, REALISED) and one.attempts >= 1
            assert one.probability is None or 0 <= one.probability <= 1

    def test_the_same_pair_gets_the_same_text_whatever_else_is_asked(
        self, writer: Writer, users: list[str], evidence: list[Evidence]
    ) -> None:
        together = [one.text for one in writer.write(users, evidence, Style())]
        assert [one.text for one in writer.write(users, evidence, Style())] == together
        assert [one.text for one in writer.write(users[2:4], evidence[2:4], Style())] == together[2:4]

    def test_nothing_asked_is_nothing_written(self, writer: Writer) -> None:
        assert writer.write([], [], Style()) == []
