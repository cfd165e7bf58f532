"""Claims of texts in any words: what is read of plain sentences, where it stands, and with how much work."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from types import FrameType

import pytest
from tests.claims.tiny_catalogue import ASKED, BRINK, CONSOLE, DAWN, HISTORY, KEEP, MARROW, RIDE, TITLES, catalogue

from recexplainer.claims.claim import ParsedClaim
from recexplainer.claims.linking import NameLinker
from recexplainer.claims.parser import ClaimParser
from recexplainer.claims.phrases import NearestPhrases
from recexplainer.data.attributes import Attributes

PARSER = ClaimParser(TITLES, Attributes.of(catalogue()))


def claims_of(text: str) -> tuple[ParsedClaim, ...]:
    return PARSER.parse(text, HISTORY, ASKED).claims


def read(text: str) -> set[tuple[str, int | None]]:
    """Kind and item of each claim but titles and other facts."""
    return {(one.kind, one.item) for one in claims_of(text) if one.kind not in ("history", "other")}


YES = ("verdict", ASKED)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Yes, because of “Brink”.", {("positive", BRINK)}),
        ("Yes. “Brink” supports it.", {("positive", BRINK)}),
        ("Yes. It is lifted by “Marrow & Thistle” and hurt by “Brink”.", {("positive", MARROW), ("negative", BRINK)}),
        (
            "Yes. “Marrow & Thistle” lifts it, while “Brink” and the Orbit's Pocket Console hurt it.",
            {("positive", MARROW), ("negative", BRINK), ("negative", CONSOLE)},
        ),
        ("Yes. Without “Marrow & Thistle”, it would rank lower.", {("positive", MARROW)}),
        ("Yes. If the user hadn't bought “Brink”, it would rank even higher.", {("negative", BRINK)}),
        (
            "Recommended because you watched Brink, and Marrow & Thistle helped too.",
            {("positive", BRINK), ("positive", MARROW)},
        ),
        (
            "It made your list thanks to “Brink”. “Marrow & Thistle” made no difference.",
            {("positive", BRINK), ("no_effect", MARROW)},
        ),
        ("Yes. “Brink” plays little role.", {("no_effect", BRINK)}),
        ("Yes. Nothing in the history speaks against it at all.", {("nothing_negative", None)}),
        ("Yes. No item in the history supports it.", {("nothing_positive", None)}),
        ("Yes. It is broadly popular.", {("popular", ASKED)}),
        (
            "Recommended, ranked 3rd of 1,830. Without Brink it would drop to 46th.",
            {("rank", ASKED), ("positive", BRINK), ("counterfactual", BRINK)},
        ),
        ("Yes. “Lantern Keep: The Drowned Stair” shares the brand Nimbus with it.", {("shared", KEEP)}),
        ("Yes. The biggest reason is Brink.", {("positive", BRINK), ("strongest", BRINK)}),
    ],
)
def test_plain_sentences_are_read(text: str, expected: set[tuple[str, int | None]]) -> None:
    assert read(text) == {YES, *expected}


def test_where_claims_stand_and_what_is_not_understood() -> None:
    text = "Recommended because you played “Brink”. Bananas ripen best beside an open window in June."
    parsed = PARSER.parse(text, HISTORY, ASKED)
    assert [text[start:end] for start, end in parsed.unread] == ["Bananas ripen best beside an open window in June."]
    assert parsed.sentences == 2
    (positive,) = [one for one in parsed.claims if one.kind == "positive"]
    assert "Brink" in text[positive.start : positive.end] and 0.5 < positive.confidence <= 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\n",
        "“",
        '”““""“"',
        "Yes, “Brink",
        "“”“” \"\" '' **** ** ‘’",
        "(((((([[[[\\d+*",
        "\0\0 Yes \0",
        'Yes, “Brink” "and “Marrow & Thistle" too”.',
        "но “Brink” 是 Brink。",
        "Yes, " + "“Brink” and " * 800,
        "Yes, " + "but “Brink” " * 800,
        "a" * 10_000,
        '"' * 10_000,
        "no " * 3_300,
        "share the same brand " * 480,
        "Without “" * 1_000,
    ],
)
def test_odd_texts_are_read(text: str) -> None:
    for one in claims_of(text):
        assert 0 <= one.start < one.end <= len(text)


def calls(read: Callable[[], object]) -> int:
    """How many functions are called, a measure of work that no other load disturbs."""
    count = 0

    def count_one(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(count_one)
    try:
        read()
    finally:
        sys.setprofile(None)
    return count


def test_a_catalogue_of_100_000_titles_takes_no_more_work_a_text() -> None:
    text = "Yes, because of “Castle Number 7 of Glas” and The Castle Number 17 of Glass; “Castl Nmber” is not alike."
    counts = []
    for size in (100, 100_000):
        titles = [f"The Castle Number {number} of Glass" for number in range(size)]
        parser = ClaimParser(titles, Attributes([""] * size, [()] * size, [()] * size, [{}] * size))
        assert len(parser.parse(text, [3, 17], 5).claims) > 2
        counts.append(calls(partial(parser.parse, text, [3, 17], 5)))
    assert counts[1] < 1.5 * counts[0]


def test_the_nearest_of_many() -> None:
    titles = [f"Castle {number}" for number in range(1000)] + ["Velvet Circuit", "★★★"]
    nearest = NearestPhrases(titles)
    assert len(nearest.candidates("Castle 77")) == 20
    found = nearest.nearest("velvt circuit")
    assert found is not None and titles[found[0]] == "Velvet Circuit"
    assert nearest.nearest("castle 123") == (123, 1.0)
    assert nearest.nearest("QQQQ") is None
    assert NearestPhrases([]).nearest("Castle") is None


def test_a_title_inside_another_is_not_read_twice() -> None:
    reader = NameLinker(TITLES, Attributes.of(catalogue()))
    text = "Night Ride 2: Dawn and Night Ride"
    assert [(name.item, text[name.start : name.end]) for name in reader.link(text, (DAWN,), RIDE)] == [
        (DAWN, "Night Ride 2: Dawn"),
        (RIDE, "Night Ride"),
    ]
