"""What every reader of claims must do. Inherit, and supply the fixture `reader`, which reads texts about `TITLES`."""

from __future__ import annotations

import pytest

from recexplainer.claims.claim import STATED
from recexplainer.claims.encoding import split_sentences
from recexplainer.claims.linking import NameLinker
from recexplainer.claims.reader import Case, ClaimReader, Reading
from recexplainer.data.attributes import Attributes

TITLES = ("Iron Petals", "Brink", "Marrow & Thistle", "Night Ride", "Velvet Circuit")
HISTORY, ITEM = (0, 1, 2), 4
ATTRIBUTES = Attributes(["Orbit", "Orbit", "", "", "Orbit"], [("Racing",)] * 5, [()] * 5, [{}] * 5)
TEXTS = (
    "A clear yes: it comes 3rd of 1,830. “Brink” and Iron Petals both count for it, and Brink is from Orbit too.",
    "Not for you.\n- “Nobody's Game” held it back.\n- Without Night Ride it would be at 12.\n\nIt looks “splendid” 😀!",
    "…",
    "Because of Marrow & Thistle. " * 60,
)


class ClaimReaderContract:
    """Suite for a reader of claims, good or bad."""

    @pytest.fixture
    def reader(self) -> ClaimReader:
        raise NotImplementedError("supply the reader under test")

    @pytest.fixture(params=TEXTS, ids=("yes", "no", "nothing", "long"))
    def text(self, request: pytest.FixtureRequest) -> str:
        return request.param

    @pytest.fixture
    def reading(self, reader: ClaimReader, text: str) -> Reading:
        reader.prepare([Case(text, HISTORY, ITEM)])
        return reader.read(text, NameLinker(TITLES, ATTRIBUTES).link(text, HISTORY, ITEM), HISTORY, ITEM)

    def test_claims_are_words_of_the_text_and_of_known_kinds(self, reading: Reading, text: str) -> None:
        for one in reading.claims:
            assert one.kind in STATED and 0 <= one.start < one.end <= len(text) and 0 <= one.confidence <= 1
            assert one.item is None or one.item in range(len(TITLES))
            assert not one.title or (one.item is None and one.title in text)
        assert list(reading.claims) == sorted(reading.claims, key=lambda one: (one.start, one.end))
        assert len(reading.claims) == len({(one.kind, one.item, one.title, one.value) for one in reading.claims})

    def test_unread_are_the_sentences_without_a_claim(self, reading: Reading, text: str) -> None:
        sentences = split_sentences(text, NameLinker(TITLES, ATTRIBUTES).link(text, HISTORY, ITEM))
        for start, end in reading.unread:
            assert (start, end) in sentences
            assert not any(one.start < end and one.end > start for one in reading.claims)

    def test_a_text_is_read_again_in_the_same_way(self, reader: ClaimReader, reading: Reading, text: str) -> None:
        names = NameLinker(TITLES, ATTRIBUTES).link(text, HISTORY, ITEM)
        assert reader.read(text, names, HISTORY, ITEM) == reading
